package openai_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/token"
)

// check compares what the callers saw, and what the run said with what is true.
func (c *soakCall) check(s *soak) {
	fail := func(format string, args ...any) {
		s.t.Helper()
		s.t.Errorf("%v\n"+format, append([]any{c}, args...)...)
	}
	late := c.timed() && (c.handler == slowInStart || c.handler == blocksInStart) // for sending anything
	if n := s.server.forget(c.number); n != 2 && !(late && n == 1) {
		fail("%d requests", n)
	}
	c.compare(fail)
	c.checkHandlers(fail)
	s.panics += c.ours.handlers.faulty.panics
	rec := c.ours.handlers.rec
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.starts != 1 || len(rec.ends) != 1 {
		fail("%d starts and %d ends", rec.starts, len(rec.ends))
		return
	}
	res := rec.ends[0]
	s.add(res)
	ended := res.Ended.Sub(c.ours.began)
	if c.caller != drops && ended > c.ours.ended {
		fail("the run ended at %v, its caller was done at %v", ended, c.ours.ended)
	}
	c.truth(ended, res).check(res, fail)
	c.checkTokens(rec, res, fail)
	if res.UsageSource == llm.UsageReported && !bytes.Contains(c.ours.come(ended), []byte("_tokens")) {
		fail("the run says that a usage was reported")
	}
	if c.traced {
		c.checkSpan(res, fail)
	}
}

// compare compares what the caller sees with what he sees without the door.
func (c *soakCall) compare(fail func(string, ...any)) {
	ours, bare, slow := c.ours, c.bare, c.slow()
	if slow && c.timed() {
		return // he acts at another place
	}
	a, b := ours.pieces, bare.pieces
	ahead := c.door == viaWire && c.hold > 0 && c.timed() || c.door == viaRaw && c.hidden() && c.caller == closes
	if ahead {
		// How much of what has come he still gets after he has acted depends on the
		// sizes of reads.
		a, b = ours.until(a), bare.until(b)
	} else {
		if got, want := soakError(ours.err), soakError(bare.err); got != want {
			fail("the caller gets %v, without the door %v", got, want)
		}
		if got, want := soakError(ours.closed), soakError(bare.closed); got != want {
			fail("closing gives %v, without the door %v", got, want)
		}
	}
	if !slices.EqualFunc(ours.passed, bare.passed, func(a, b *soakPassed) bool { return a.closed == b.closed }) {
		fail("%d responses, without the door %d; or not as many closed", len(ours.passed), len(bare.passed))
	}
	late := slow || c.script.words > 1000 // which fill the network, so that reading more eagerly brings more
	if !slices.EqualFunc(a, b, func(a, b soakSeen) bool { return a.equal(&b, late) }) {
		i := 0
		for i < len(a) && i < len(b) && a[i].equal(&b[i], late) {
			i++
		}
		fail("the caller sees %d pieces, without the door %d; from number %d on\n%+v\n%+v", len(a), len(b), i, a[i:min(i+2, len(a))], b[i:min(i+2, len(b))])
	}
	if !late && !ahead && ours.ended != bare.ended {
		fail("the caller is done at %v, without the door at %v", ours.ended, bare.ended)
	}
	if c.door == viaRaw {
		c.compareBytes(ahead, fail)
	}
}

// until returns the pieces that the caller saw before he acted.
func (p *soakPlay) until(seen []soakSeen) []soakSeen {
	n, _ := slices.BinarySearchFunc(seen, time.Duration(p.acted.Load()), func(s soakSeen, at time.Duration) int { return cmp.Compare(s.at, at) })
	return seen[:n]
}

func (s *soakSeen) equal(o *soakSeen, late bool) bool {
	return (late || s.at == o.at) && reflect.DeepEqual(s.value, o.value)
}

// compareBytes compares responses as they come. Where the door asks for the
// usage, the body comes uncompressed and without a length.
func (c *soakCall) compareBytes(ahead bool, fail func(string, ...any)) {
	ours, bare := c.ours, c.bare
	a, b := ours.header.Clone(), bare.header.Clone()
	x, y := ours.body, bare.body
	if c.hidden() {
		x, y = soakPlain(x, a.Get("Content-Encoding")), soakPlain(y, b.Get("Content-Encoding"))
		for _, h := range []http.Header{a, b} {
			h.Del("Content-Encoding")
			h.Del("Content-Length")
		}
		if c.caller == stops || ahead { // at the end of something compressed
			n := min(len(x), len(y))
			x, y = x[:n], y[:n]
		}
	}
	if !bytes.Equal(x, y) {
		fail("the caller reads\n%.500q\nwithout the door\n%.500q", x, y)
	}
	if ours.status != bare.status || !maps.EqualFunc(a, b, slices.Equal) {
		fail("the response is %d %v, without the door %d %v", ours.status, a, bare.status, b)
	}
}

// soakError returns all that one can see of an error.
func soakError(err error) string {
	if err == nil {
		return ""
	}
	text := fmt.Sprintf("%v (%s", err, callback.ErrorType(err))
	for ; err != nil; err = errors.Unwrap(err) {
		text += fmt.Sprintf(", %T", err)
	}
	return text + ")"
}

// A soakTruth is what a run has to say.
type soakTruth struct {
	failure string
	stopped bool
	text    string
	tokens  int
	whole   bool // the answer had come to its end
	retry   time.Duration
}

// truth says how the run had to end that ended at the given time. A handler that
// blocks until the caller acts leaves two possibilities, of which res is one.
func (c *soakCall) truth(ended time.Duration, res *callback.Result) *soakTruth {
	w := c.seen(ended)
	p, s := c.ours, c.script
	acted := time.Duration(p.acted.Load())
	over := ended < acted
	if c.caller == stops || c.caller == drops {
		over = acted == never || p.over
	}
	if c.handler == blocksInToken && ended == acted {
		if said := res.Response.Text(); strings.HasPrefix(w.text, said) {
			w.text, w.tokens = said, res.Tokens // what comes at that moment may belong to it
		}
		over = callback.ErrorType(res.Err) == s.failure
	}
	if !over && p.endCame(acted) {
		// Whether the caller was still to see it is for the door to say, which hands
		// over the first bytes before the end that comes with them.
		over = callback.ErrorType(res.Err) == s.failure && !res.Stopped
	}
	if over {
		w.failure, w.retry = s.failure, s.retry
		w.whole = s.failure == ""
		if c.typed() {
			c.amend(w)
		}
		if w.whole && !c.stream {
			w.text, w.tokens = soakText(s.words), 1
		} else if w.text != soakText(s.words) {
			w.text = fmt.Sprintf("%d words in all", s.words)
		}
		return w
	}
	switch c.caller {
	case cancels:
		if p.typed() || !p.answered(acted) || c.handler == blocksInToken && ended == acted {
			w.failure = "canceled"
		}
	case runsOut:
		w.failure = "timeout"
	case drops:
		w.failure = "abandoned"
	default:
		w.stopped = !p.answered(acted)
	}
	return w
}

// amend says what the typed door cannot know.
func (c *soakCall) amend(w *soakTruth) {
	w.retry = 0
	if c.stream {
		return
	}
	if c.script.name == "truncated" {
		w.failure = "malformed_response" // the decoder says no more than that there was too little
	}
}

// answered reports whether the caller had the whole answer when he acted.
func (p *soakPlay) answered(acted time.Duration) bool {
	if p.typed() {
		return p.finish <= acted
	}
	_, _, whole := soakEvents(p.come(acted))
	return whole && !p.adapter()
}

// endCame reports whether the response had ended when the caller acted. A moment
// at which he closes or cancels is that of an end of his own making.
func (p *soakPlay) endCame(acted time.Duration) bool {
	if len(p.passed) == 0 || p.passed[0].end == 0 {
		return false
	}
	end := p.passed[0].end
	return end < acted || end == acted && !p.timed()
}

// come returns what had come from the server at a time.
func (p *soakPlay) come(at time.Duration) []byte {
	if len(p.passed) == 0 {
		return nil
	}
	return p.passed[0].until(at)
}

// seen says what a run could know of the answer at the given time.
func (c *soakCall) seen(ended time.Duration) *soakTruth {
	w := new(soakTruth)
	if !c.stream && !c.adapter() {
		return w
	}
	if !c.adapter() && !c.typed() {
		w.text, w.tokens, _ = soakEvents(c.ours.come(ended))
		return w
	}
	var text strings.Builder
	for _, piece := range c.ours.pieces {
		if piece.at <= ended && piece.text != "" {
			text.WriteString(piece.text)
			w.tokens++
		}
	}
	w.text = text.String()
	return w
}

func (w *soakTruth) check(res *callback.Result, fail func(string, ...any)) {
	if got := callback.ErrorType(res.Err); got != w.failure || res.Stopped != w.stopped {
		fail("the run says %q (%v), stopped %v; want %q, %v", got, res.Err, res.Stopped, w.failure, w.stopped)
	}
	if got := res.Response.Text(); got != w.text || res.Tokens != w.tokens {
		fail("the run keeps %d tokens %.300q; want %d, %.300q", res.Tokens, got, w.tokens, w.text)
	}
	finish := ""
	if res.Response != nil && len(res.Response.Choices) > 0 {
		finish = res.Response.Choices[0].Finish
	}
	if w.whole && (res.UsageSource != llm.UsageReported || finish != "stop") {
		fail("the run of a whole answer says %q, usage %q", finish, res.UsageSource)
	}
	var api *llm.Error
	if w.retry > 0 && (!errors.As(res.Err, &api) || api.RetryAfter != w.retry) {
		fail("the run says %#v, want to try again after %v", res.Err, w.retry)
	}
}

// checkTokens checks that what handlers were told agrees with what was counted.
func (c *soakCall) checkTokens(rec *soakRecorder, res *callback.Result, fail func(string, ...any)) {
	if string(rec.text) != res.Response.Text() || rec.tokens != res.Tokens {
		fail("the handlers were told of %d tokens, %.300q; the run says %d, %.300q", rec.tokens, rec.text, res.Tokens, res.Response.Text())
	}
	req := &llm.Request{Model: c.api.model, Messages: []llm.Message{llm.User(soakPrompt(c.number))}}
	answer := &llm.Response{}
	if res.Tokens > 0 {
		answer.Choices = []llm.Choice{{Text: string(rec.text)}}
	}
	estimate, _ := token.Meter{Model: c.api.model, API: c.api.name}.Estimate(req, answer)
	want, source := llm.Usage{Input: estimate.Input, Output: estimate.Output}, llm.UsageEstimated
	switch {
	case res.Err != nil && res.Tokens == 0:
		want, source = llm.Usage{}, llm.UsageAbsent
	case res.UsageSource == llm.UsageReported:
		want, source = llm.Usage{Input: soakInput, Output: soakOutput}, llm.UsageReported
	}
	var got llm.Usage
	if res.Usage != nil {
		got = *res.Usage
	}
	if got != want || res.UsageSource != source {
		fail("usage %+v, %q; want %+v, %q", got, res.UsageSource, want, source)
	}
}

func (c *soakCall) checkSpan(res *callback.Result, fail func(string, ...any)) {
	spans := spantree.FromSDK(c.ours.handlers.exporter.GetSpans().Snapshots())
	if len(spans) != 1 {
		fail("%d spans", len(spans))
		return
	}
	attrs := spans[0].Attrs
	status := ""
	if res.Err != nil {
		status = "error"
	}
	failure, _ := attrs["error.type"].(string)
	stopped, _ := attrs["callspan.stopped"].(bool)
	if spans[0].Status != status || failure != callback.ErrorType(res.Err) || stopped != res.Stopped {
		fail("the span says %q, %q, stopped %v; the run %v, %v", spans[0].Status, failure, stopped, res.Err, res.Stopped)
	}
	used, ok := attrs["gen_ai.usage.output_tokens"].(int64)
	if ok != (res.Usage != nil) || ok && int(used) != res.Usage.Output {
		fail("the span says %d output tokens, the run %+v", used, res.Usage)
	}
	told := slices.ContainsFunc(spans[0].Events, func(e spantree.Event) bool { return e.Name == "first_token" })
	if told != (res.Tokens > 0) {
		fail("the span has tokens: %v, the run %d", told, res.Tokens)
	}
}

// soakEvents returns the words in the lines that are complete, and whether the
// answer is.
func soakEvents(body []byte) (text string, words int, whole bool) {
	var b strings.Builder
	for line := range bytes.Lines(body[:bytes.LastIndexByte(body, '\n')+1]) {
		if word := soakWord(words); bytes.Contains(line, []byte(`"`+word+`"`)) {
			b.WriteString(word)
			words++
		}
		whole = whole || bytes.Contains(line, []byte(`"finish_reason":"stop"`)) || bytes.Contains(line, []byte(`"type":"response.completed"`))
	}
	return b.String(), words, whole
}
