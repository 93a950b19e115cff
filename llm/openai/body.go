package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

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
	resp   *http.Response
	from   *http.Response // of the transport below, which sets its Trailer at the end
	run    *callback.Call
	filter *filter // holds back what the client did not ask for; nil if nothing is

	answer *answer
	each   func(*llm.Chunk) // tells run
	form   form
	failed bool // the response's status is an error
	embed  bool
	opaque bool          // in an encoding that is not known here
	plain  *inflater     // nil if nothing is compressed
	whole  []byte        // of a response that does not stream
	long   bool          // whole is not
	events *sse.Splitter // of one that does
	ended  bool
	drop   runtime.Cleanup // ends the run of a body that nobody closed
	had    atomic.Bool     // what has come is a whole answer

	one     sync.Mutex // held by Read
	mu      sync.Mutex // guards what is below
	reading bool
	closed  bool
}

// A form is how a response comes.
type form int

const (
	formUnknown form = iota // its first bytes will tell
	formWhole
	formStream
)

// newBody returns the body of resp, watched for run. asked says whether a
// stream was asked for, hidden whether its usage was on behalf of the handlers.
func newBody(resp *http.Response, run *callback.Call, api string, asked, hidden bool) *body {
	b := &body{early: &early{ReadCloser: resp.Body}, resp: resp, run: run, embed: api == apiEmbeddings,
		failed: resp.StatusCode < 200 || resp.StatusCode >= 300}
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
	encoding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	hidden = hidden && b.events != nil && kind != "application/json"
	switch open := opener(encoding); {
	case encoding == "" || encoding == "identity":
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
		b.filter = new(filter)
	}
	b.drop = runtime.AddCleanup(b, dropped.end, dropped{run, b.plain})
	return b
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
	b.had.Store(b.form == formStream && b.answer.progress.complete())
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
	b.release()
	switch {
	case b.ended:
	case errors.Is(err, io.EOF):
		b.finish()
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

// see reads a piece along.
func (b *body) see(p []byte) {
	switch {
	case b.ended:
	case b.form == formWhole:
		b.keep(p, maxFrame)
	case b.form == formUnknown:
		b.keep(p, maxFrame)
		switch start := bytes.TrimLeft(b.whole, " \t\r\n"); {
		case len(start) == 0:
		case start[0] == '{' || start[0] == '[' || start[0] == '<':
			b.form, b.events, b.answer = formWhole, nil, newAnswer(b.answer.api, true)
		default:
			b.form = formStream
			b.events.Write(b.whole)
		}
	default:
		if len(b.whole) == 0 && p[0] == '{' || len(b.whole) > 0 {
			b.keep(p, maxTail) // a plain error in place of a stream, perhaps
		}
		b.events.Write(p)
	}
}

// keep collects a response that does not stream, up to a limit.
func (b *body) keep(p []byte, limit int) {
	if b.long = b.long || len(b.whole)+len(p) > limit; !b.long {
		b.whole = append(b.whole, p...)
	}
}

// event takes one event of a stream.
func (b *body) event(e sse.Event) {
	if b.ended {
		return
	}
	data := bytes.TrimSpace(e.Data)
	if len(data) == 0 {
		return
	}
	err := b.answer.read(data, b.filter != nil, b.each)
	if err != nil && bytes.IndexByte(data, '\n') >= 0 && errors.Is(err, llm.ErrMalformed) {
		// A server that leaves out the empty lines.
		for line := range bytes.Lines(data) {
			if err = b.answer.read(bytes.TrimSpace(line), b.filter != nil, b.each); err != nil {
				break
			}
		}
	}
	if err != nil && e.Cut {
		err = llm.ErrTruncated
	}
	if err != nil {
		b.end(err)
	} else if b.answer.over() {
		b.end(b.missing())
	}
}

// wholeEvent reports whether a line of data is an event by itself: the API's
// events are JSON objects in one line, and what does not begin as one is no part
// of one.
func wholeEvent(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && (data[0] != '{' || json.Valid(data))
}

// finish ends the run where the body has ended.
func (b *body) finish() {
	if b.form != formStream || b.opaque {
		b.end(b.read())
		return
	}
	b.events.Close()
	if !b.ended {
		b.end(b.missing())
	}
}

// missing returns what a stream lacks that has ended.
func (b *body) missing() error {
	err := b.answer.missing()
	switch {
	case err == nil:
	case b.events.Missed() > 0:
		return errLong
	case b.answer.progress.empty():
		if e := errorBody(b.whole); e != nil {
			return e
		}
	}
	return err
}

// read reads a whole response.
func (b *body) read() error {
	switch {
	case b.failed:
		return statusError(b.resp, b.whole)
	case b.long || b.opaque:
		return nil // an answer, but not one that can be looked into
	case b.embed:
		resp, err := readEmbedding(b.whole)
		b.run.Output(resp)
		return err
	}
	whole := bytes.TrimSpace(b.whole)
	if b.form == formUnknown && len(whole) == 0 {
		return llm.ErrEmpty
	}
	if err := b.answer.read(whole, false, b.each); err != nil {
		return err
	}
	if b.answer.progress.empty() && !b.answer.event.later {
		return llm.ErrEmpty
	}
	return nil
}

func (b *body) end(err error) {
	b.ended = true
	b.whole = nil
	b.run.End(err)
}

// Close implements [io.Closer]. A client that has all that it needs of the
// answer does not break off by closing.
func (b *body) Close() error {
	b.mu.Lock()
	mine := !b.reading && !b.closed
	b.closed = true
	b.mu.Unlock()
	if !mine {
		if b.had.Load() {
			b.run.Finish()
		}
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
			b.finish()
		}
	}
	b.run.Stop()
	return err
}

// enough reports whether what has come is an answer: a client need not read up
// to the end to see that it is whole.
func (b *body) enough() bool {
	switch {
	case b.form == formStream:
		return b.answer.progress.complete()
	case b.failed:
		return true
	}
	return json.Valid(b.whole)
}

// readEmbedding reads a response to an embeddings request. Whether it is the
// answer that was due is the client's to judge; vectors in an encoding of the
// server's own are left out.
func readEmbedding(raw []byte) (*llm.EmbedResponse, error) {
	var f embedFrame
	s := scanner{b: raw}
	f.read(&s)
	s.end()
	if s.err != nil && json.Valid(raw) {
		var rest map[string]json.RawMessage
		if json.Unmarshal(raw, &rest) != nil {
			return nil, malformed(raw, s.err)
		}
		delete(rest, "data")
		raw, _ = json.Marshal(rest) // of what was JSON
		f = embedFrame{}
		s = scanner{b: raw}
		f.read(&s)
		s.end()
	}
	resp := &llm.EmbedResponse{Meta: f.meta, Usage: f.usage}
	for _, v := range f.vectors {
		resp.Vectors = append(resp.Vectors, v.vector)
	}
	switch {
	case s.err != nil:
		resp.Vectors = nil // nobody has got them
		return resp, malformed(raw, s.err)
	case f.failure != nil:
		return resp, frameError(f.failure)
	}
	return resp, nil
}
