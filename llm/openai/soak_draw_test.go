package openai_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/callspan/callspan/llm"
)

// A soakCall is what a call draws, and what comes of it.
type soakCall struct {
	number  int
	start   time.Duration // after the round's
	door    string
	api     *soakAPI
	stream  bool
	usage   bool // the caller asks for it
	script  *soakScript
	caller  string
	after   int           // words after which he acts
	at      time.Duration // when he acts
	hold    time.Duration // how long he holds a piece
	handler string
	traced  bool

	ours, bare *soakPlay // with the door and without
}

// The doors.
const (
	viaAdapter        = "adapter"
	viaTyped          = "typed"
	viaWire           = "wire" // below go-openai
	viaRaw            = "raw wire"
	viaAdapterAndWire = "adapter over wire"
	viaTypedAndWire   = "typed over wire"
)

// The callers.
const (
	reads   = "reads to the end"
	stops   = "stops early"
	closes  = "closes from another goroutine"
	cancels = "cancels"
	runsOut = "runs out of time"
	drops   = "drops"
)

// The handlers.
const (
	handlesWell   = "well"
	panicsInStart = "panics in Start"
	panicsInToken = "panics in Token"
	panicsInEnd   = "panics in End"
	slowInStart   = "slow in Start"
	slowInToken   = "slow in Token"
	slowInEnd     = "slow in End"
	blocksInStart = "blocks in Start" // until the context ends
	blocksInToken = "blocks in Token"
	blocksAside   = "blocks behind Async" // until the call is over
)

var (
	soakDoors      = []string{viaAdapter, viaTyped, viaWire, viaRaw, viaAdapterAndWire, viaTypedAndWire}
	soakBehaviours = []string{handlesWell, panicsInStart, panicsInToken, panicsInEnd, slowInStart, slowInToken, slowInEnd,
		blocksInStart, blocksInToken, blocksAside}
)

// names returns what is drawn, by name.
func (c *soakCall) names() []string {
	return []string{c.door, c.api.name, c.way(), c.way() + " " + c.script.name, c.caller, c.handler, "coding " + c.script.coding}
}

// soakNames returns all that there is to draw.
func soakNames() []string {
	names := append([]string{reads, stops, closes, cancels, runsOut, drops, "coding gzip", "coding deflate"}, soakDoors...)
	names = append(names, soakBehaviours...)
	for _, api := range soakAPIs {
		names = append(names, api.name)
	}
	for _, t := range soakTargets {
		if t.stream != nil {
			names = append(names, "streamed "+t.name)
		}
		if t.whole != nil {
			names = append(names, "whole "+t.name)
		}
	}
	return names
}

func (c *soakCall) way() string {
	if c.stream {
		return "streamed"
	}
	return "whole"
}

// String says all that there is to know.
func (c *soakCall) String() string {
	s := c.script
	return fmt.Sprintf("call %d: %s, %s %s, the server: %s (%d words in %v, then it %s; coding %q), the caller: %s (usage %v; after %d words, at %v, holding %v), the handler: %s, traced %v",
		c.number, c.door, c.api.name, c.way(), s.name, s.words, s.took, s.end, s.coding, c.caller, c.usage, c.after, c.at, c.hold, c.handler, c.traced)
}

func (c *soakCall) adapter() bool { return c.door == viaAdapter || c.door == viaAdapterAndWire }
func (c *soakCall) typed() bool   { return c.door == viaTyped || c.door == viaTypedAndWire }

// timed reports whether the caller acts at a time of his own.
func (c *soakCall) timed() bool {
	return c.caller == closes || c.caller == cancels || c.caller == runsOut
}

// slow reports whether the caller has to wait for a handler.
func (c *soakCall) slow() bool {
	return strings.HasPrefix(c.handler, "slow") || strings.HasPrefix(c.handler, "blocks in")
}

// hidden reports whether the usage is asked for on behalf of the handlers.
func (c *soakCall) hidden() bool { return c.stream && !c.usage && c.api.usage != "" }

// drawSoakCall draws a call, of those that are dropped if it is time for that.
func drawSoakCall(r *rand.Rand, number int, dropping bool) *soakCall {
	c := &soakCall{number: number, start: millis(r, 3000), door: soakDoors[r.IntN(len(soakDoors))],
		stream: r.IntN(4) > 0, usage: r.IntN(2) == 0, traced: r.IntN(3) == 0}
	for c.api == nil || c.adapter() && c.api.name == llm.APIResponses {
		c.api = soakAPIs[r.IntN(len(soakAPIs))]
	}
	c.script = c.drawScript(r)
	c.drawCaller(r, dropping)
	for c.handler == "" || !c.fits() {
		c.handler = soakBehaviours[max(r.IntN(len(soakBehaviours)+3)-3, 0)]
	}
	if c.caller == drops && c.adapter() {
		c.traced = true // its run ends with tracing
	}
	return c
}

func (c *soakCall) drawScript(r *rand.Rand) *soakScript {
	total := 0
	for _, t := range soakTargets {
		total += t.weight
	}
	for {
		n, i := r.IntN(total), 0
		for ; n >= soakTargets[i].weight; i++ {
			n -= soakTargets[i].weight
		}
		target := soakTargets[i]
		build := target.whole
		if c.stream {
			build = target.stream
		}
		if build == nil {
			continue
		}
		s := &soakScript{name: target.name, status: 200, api: c.api, header: map[string]string{"Content-Type": "text/event-stream"}}
		build(r, s)
		if s.failure == "" && s.status == 200 && (c.stream || s.end == endsWell) && r.IntN(6) == 0 {
			s.coding = "gzip"
		}
		if c.door == viaRaw && s.coding == "" && s.failure == "" && s.end == endsWell && r.IntN(3) == 0 {
			s.coding = "deflate"
		}
		s.prepare(c.door == viaRaw)
		return s
	}
}

func (c *soakCall) drawCaller(r *rand.Rand, dropping bool) {
	words := c.script.words
	callers := []string{cancels, runsOut}
	if c.stream && words > 0 {
		callers = append(callers, stops)
	}
	if c.stream && !c.adapter() && c.script.status != unanswered {
		callers = append(callers, closes)
	}
	if !c.script.waits() {
		callers = append(callers, reads, reads, reads, reads)
	}
	// What reads compressed bytes along is a coroutine of the bubble, which the
	// clean-up of a dropped body stops from without.
	if dropping && c.stream && words > 0 && !(c.door == viaRaw && c.script.coding != "") {
		callers = append(callers, drops, drops, drops)
	}
	c.caller = callers[r.IntN(len(callers))]
	if words > 0 {
		c.after = 1 + r.IntN(min(words, 50))
	}
	if c.door != viaRaw && words < 1000 && r.IntN(3) == 0 {
		c.hold = time.Millisecond + millis(r, 100)
	}
	// The caller acts beside the grid of milliseconds, so that he is never at the
	// same moment as anything else.
	last := c.script.took + c.script.took/4 + 100*time.Millisecond
	if c.script.waits() {
		last += 20 * time.Second
	}
	c.at = millis(r, int(last/time.Millisecond)) + besideGrid
	if c.caller == closes {
		c.at += c.script.head
	}
}

const besideGrid = 500*time.Microsecond + 1

// fits reports whether the handler goes with the rest.
func (c *soakCall) fits() bool {
	switch c.handler {
	case blocksInStart, blocksInToken:
		return c.caller == cancels || c.caller == runsOut
	case blocksAside:
		return c.caller != drops // the clean-up must not touch what the bubble waits for
	case slowInToken:
		return c.script.words < 1000
	}
	return true
}
