package openai_test

import (
	"context"
	"iter"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm/openai/doortest"
)

// A consumer is one who reads an answer, and what he makes of the run's end.
type consumer struct {
	name string
	read func(*reading)

	// What the span says if the consumer acted before the answer ended.
	errType string
	stopped bool

	when when

	// How he reads a body.
	size int    // bytes at a time, one if 0
	open bool   // he does not close it
	skip string // a scenario that is not for him
}

// when says which expectations a consumer is for.
type when int

const (
	whenItEnds    when = iota // calls that end of themselves
	whenItWaits               // calls that the consumer has to end
	whenItAnswers             // calls with content, at whose first piece he acts
)

var consumers = []consumer{
	{name: "reads to the end", when: whenItEnds, read: (*reading).all},
	{name: "breaks after a piece", when: whenItAnswers, stopped: true, read: (*reading).first},
	{name: "panics", when: whenItAnswers, errType: "panic", read: func(r *reading) {
		defer func() { r.recovered = recover() }()
		for p, err := range r.answer {
			if r.take(p, err) {
				panic("thorn")
			}
		}
	}},
	{name: "exits the goroutine", when: whenItAnswers, errType: "goexit", read: func(r *reading) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for p, err := range r.answer {
				if r.take(p, err) {
					runtime.Goexit()
				}
			}
		}()
		<-done
	}},
	{name: "cancels while holding a piece", when: whenItAnswers, errType: "canceled", read: func(r *reading) { r.hold(context.Canceled) }},
	{name: "runs out of time while holding a piece", when: whenItAnswers, errType: "timeout", read: func(r *reading) { r.hold(context.DeadlineExceeded) }},
	{name: "cancels while waiting", when: whenItWaits, errType: "canceled", read: func(r *reading) { r.wait(func() { r.ctx.end(context.Canceled) }) }},
	{name: "runs out of time while waiting", when: whenItWaits, errType: "timeout", read: func(r *reading) { r.wait(func() { r.ctx.end(context.DeadlineExceeded) }) }},
	{name: "stops a pull", when: whenItAnswers, stopped: true, read: func(r *reading) { r.pull()() }},
	{name: "drops a pull, then tracing is shut down", when: whenItAnswers, errType: "abandoned", read: func(r *reading) {
		defer r.pull()() // long after the span's end
		r.shutdown()
	}},
}

// A reading is one consumption of an answer.
type reading struct {
	t        *testing.T
	url      string
	client   *http.Client
	handlers []callback.Handler // none without a door
	stream   bool
	consumer consumer
	expect   standin.Expectation
	answer   iter.Seq2[doortest.Piece, error]
	ctx      *endingContext
	silent   <-chan struct{} // closed when no head of an answer is to be expected any more
	ended    <-chan struct{} // closed when the span has ended; nil without handlers
	shutdown func()          // of tracing
	body     bodyReading

	text      string // what the consumer saw
	err       error
	recovered any
}

// take notes what came and reports whether it is content.
func (r *reading) take(p doortest.Piece, err error) bool {
	r.text += p.Text
	if err != nil {
		r.err = err
	}
	return p.Text != ""
}

// all reads what comes.
func (r *reading) all() {
	for p, err := range r.answer {
		r.take(p, err)
	}
}

// first breaks off at the first content.
func (r *reading) first() {
	for p, err := range r.answer {
		if r.take(p, err) {
			break
		}
	}
}

// pull is first with an iter.Pull that is still to be stopped.
func (r *reading) pull() (stop func()) {
	next, stop := iter.Pull2(r.answer)
	for {
		if p, err, ok := next(); !ok || r.take(p, err) {
			return stop
		}
	}
}

// over waits for the end of the run.
func (r *reading) over() {
	if r.ended == nil {
		return
	}
	select {
	case <-r.ended:
	case <-time.After(5 * time.Second):
		r.t.Error("the run does not end")
	}
}

// hold ends the context at the first content, waits until the run is told and
// then reads on.
func (r *reading) hold(err error) {
	for p, e := range r.answer {
		if r.take(p, e) && r.ctx.Err() == nil {
			r.ctx.end(err)
			r.over()
		}
	}
}

// wait reads what comes, and acts once no more is to be expected.
func (r *reading) wait(act func()) {
	if r.expect.Text == "" {
		go func() { <-r.silent; time.AfterFunc(5*time.Millisecond, act) }()
	}
	for p, err := range r.answer {
		if r.take(p, err) && (!r.expect.Grows && r.text == r.expect.Text || r.expect.Grows && len(r.text) == 20) {
			time.AfterFunc(5*time.Millisecond, act) // so that the reader is back at the socket
		}
	}
}

// endingContext is a context that ends on demand, of either cause.
type endingContext struct {
	context.Context
	done chan struct{}
	mu   sync.Mutex
	err  error
}

func (c *endingContext) Done() <-chan struct{} { return c.done }

func (c *endingContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *endingContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}
