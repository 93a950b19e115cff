package openai

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"runtime"
	"strings"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/sse"
	"github.com/callspan/callspan/llm"
)

// A body is the body of a response on its way to the client. What passes is
// read along, on the client's own goroutine, and ends the run.
//
// Whoever reads owns the fields of the second block. Close may come from
// another goroutine: it owns them if no Read is in flight, else it leaves the
// end of the run to that one.
type body struct {
	*early
	from   *http.Response // of the transport below, which sets its Trailer at the end
	filter *filter        // holds back what the client did not ask for; nil if nothing is

	follower
	plain *inflater       // nil if nothing is compressed
	drop  runtime.Cleanup // ends the run of a body that nobody closed

	one     sync.Mutex // held by Read
	mu      sync.Mutex // guards what is below
	reading bool
	closed  bool
}

// newBody returns the body of resp, watched for run. asked says whether a
// stream was asked for, hidden whether its usage was on behalf of the handlers.
func newBody(resp *http.Response, run *callback.Call, api string, asked, hidden bool) *body {
	b := &body{early: &early{ReadCloser: resp.Body}, follower: follower{run: run, resp: resp,
		embed: api == apiEmbeddings, failed: resp.StatusCode < 200 || resp.StatusCode >= 300}}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case b.failed || b.embed || kind != eventStream && !asked:
		b.form = formWhole
	case kind == eventStream:
		b.form = formStream
	}
	b.answer = newAnswer(api, b.form == formWhole)
	b.each = func(c *llm.Chunk) { run.Chunk(c) }
	if b.form != formWhole {
		b.events = &sse.Splitter{Emit: b.event, Limit: maxFrame, Whole: wholeEvent}
	}
	encoding := b.coding()
	bare := encoding == "" || encoding == "identity"
	// What is called JSON keeps the length and the coding that the server gave it.
	hidden = hidden && b.events != nil && (kind != "application/json" || bare && resp.ContentLength < 0)
	switch open := opener(encoding); {
	case bare:
		if n := resp.ContentLength; b.form == formWhole && n > 0 && n <= maxFrame {
			b.whole = make([]byte, 0, n)
		}
	case open == nil:
		b.opaque = true
	case !hidden:
		b.plain = newInflater(open)
	default: // the server compresses although asked not to
		b.ReadCloser = &decoded{ReadCloser: resp.Body, open: open}
	}
	if hidden && !b.opaque {
		b.filter, b.hidden = &filter{frame: frame{text: api == llm.APICompletions}}, true
	}
	b.drop = runtime.AddCleanup(b, dropped.end, dropped{run, b.plain})
	return b
}

// coding is the content coding of the response.
func (b *body) coding() string {
	return strings.ToLower(strings.Join(b.resp.Header["Content-Encoding"], ","))
}

// A dropped is what a body leaves behind that nobody closed.
type dropped struct {
	run   *callback.Call
	plain *inflater
}

func (d dropped) end() {
	d.run.Abandon(errCollected)
	if d.plain != nil {
		d.plain.stop()
	}
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	b.one.Lock()
	defer b.one.Unlock()
	if b.filter == nil {
		return b.pull(p)
	}
	for {
		if b.filter.ready() && !b.isClosed() {
			return b.filter.read(p)
		}
		n, err := b.pull(p)
		if n == 0 && err == nil {
			return 0, nil
		}
		if n, err = b.filter.take(p, n, err); n > 0 || err != nil {
			return n, err
		}
	}
}

func (b *body) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// pull reads the next piece and takes it along.
func (b *body) pull(p []byte) (int, error) {
	b.mu.Lock()
	closed := b.closed
	b.reading = !closed
	b.mu.Unlock()
	if closed {
		return b.ReadCloser.Read(p)
	}
	b.run.Reading()
	n, err := b.early.Read(p)
	b.take(p[:n], err)
	b.settle()
	b.mu.Lock()
	b.reading, closed = false, b.closed
	b.mu.Unlock()
	if closed {
		b.release()
	}
	b.run.Holding()
	return n, b.run.Err(err)
}

// take reads along what has come, and ends the run where it ends.
func (b *body) take(p []byte, err error) {
	if len(p) > 0 && !b.ended && !b.opaque {
		if b.plain != nil {
			b.plain.write(p, b.see)
		} else {
			b.see(p)
		}
	}
	if err == nil {
		return
	}
	b.resp.Trailer = b.from.Trailer
	b.finish(err)
	b.run.End(nil) // nobody reads on
	b.release()
}

// settle says what the run has come to if the client leaves now: it may have the
// whole answer before it has seen its end.
func (b *body) settle() {
	switch {
	case b.ended:
	case b.form == formStream:
		b.run.Settle(b.answer.progress.complete(), nil)
	case b.form == formWhole && b.over():
		b.drain()
		b.run.Settle(true, withoutKeys(b.read(), b.resp.Request))
	}
}

// drain reads along what is left in the decompressor.
func (b *body) drain() {
	if b.plain != nil {
		b.plain.end(b.see)
	}
}

// finish ends the run where the body has ended with err. A client that goes away
// when it has the whole answer has broken nothing off.
func (b *body) finish(err error) {
	if b.ended {
		return
	}
	b.drain()
	switch {
	case errors.Is(err, io.EOF):
		b.conclude()
	case errors.Is(err, context.Canceled) && b.form == formStream && b.answer.progress.complete():
		b.end(nil)
	default:
		b.end(err)
	}
}

func (b *body) release() {
	if b.plain != nil {
		b.plain.stop()
	}
	b.drop.Stop() // it holds the call's context, whose values may hold the body
}

// Close implements [io.Closer]. A client that has all that it needs of the
// answer does not break off by closing.
func (b *body) Close() error {
	b.mu.Lock()
	mine := !b.reading && !b.closed
	b.closed = true
	b.mu.Unlock()
	if !mine {
		b.run.Stop()
		return b.ReadCloser.Close()
	}
	err := b.ReadCloser.Close()
	if b.waits() {
		b.run.Reading()
		b.take(b.left())
		b.run.Holding()
	}
	b.release()
	if !b.ended && b.enough() {
		b.run.Reading()
		if b.form == formStream {
			b.end(nil) // what is left of the stream is of no interest
		} else {
			b.conclude()
		}
	}
	b.run.Stop()
	return err
}
