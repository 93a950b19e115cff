package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"runtime"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/sse"
	"github.com/callspan/callspan/llm"
)

// A body is the body of a response on its way to the client. What passes is
// read along, on the client's own goroutine, and ends the run.
type body struct {
	io.ReadCloser
	resp   *http.Response
	run    *callback.Call
	answer *answer
	failed bool // the response's status is an error
	embed  bool
	opaque bool      // in an encoding that is not known here
	plain  *inflater // nil if nothing is compressed

	whole  []byte // of a response that does not stream
	long   bool   // whole is not
	events *sse.Splitter
	filter *filter // holds back what the client did not ask for; nil if nothing is

	mu      sync.Mutex // Close may come from another goroutine than Read
	reading bool       // a Read is in flight, which will end the run
	ended   bool
}

// newBody returns the body of resp, watched for run.
func newBody(resp *http.Response, run *callback.Call, api string, hidden bool) io.ReadCloser {
	b := &body{ReadCloser: resp.Body, resp: resp, run: run, embed: api == apiEmbeddings,
		failed: resp.StatusCode < 200 || resp.StatusCode >= 300}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	stream := kind == eventStream && !b.failed && !b.embed
	b.answer = newAnswer(api, !stream)
	if stream {
		b.events = &sse.Splitter{Emit: b.event, Limit: maxFrame}
	}
	switch encoding := resp.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		if stream && hidden {
			b.filter = new(filter)
		}
	default:
		b.plain = newInflater(encoding)
		b.opaque = b.plain == nil
	}
	runtime.AddCleanup(b, dropped.end, dropped{run, b.plain})
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
	for {
		if b.filter != nil && b.filter.ready() {
			return b.filter.read(p), nil
		}
		n, err := b.pull(p)
		err = b.run.Err(err)
		if b.filter == nil {
			return n, err
		}
		b.filter.write(p[:n], err)
		if n == 0 && err == nil {
			return 0, nil
		}
		if !b.filter.ready() {
			if err := b.filter.err; err != nil {
				return 0, err
			}
			continue
		}
	}
}

// pull reads the next piece and takes it along.
func (b *body) pull(p []byte) (int, error) {
	b.mu.Lock()
	b.reading = true
	b.mu.Unlock()
	b.run.Reading()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.reading = false
	b.take(p[:n], err)
	b.mu.Unlock()
	b.run.Holding()
	return n, err
}

// take reads along what has come, and ends the run where it ends.
func (b *body) take(p []byte, err error) {
	if len(p) > 0 && !b.ended && !b.opaque {
		if b.plain != nil {
			p = b.plain.write(p)
		}
		if b.events != nil {
			b.events.Write(p)
		} else {
			b.keep(p)
		}
	}
	if err == nil {
		return
	}
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
}

// keep collects a response that does not stream.
func (b *body) keep(p []byte) {
	if len(b.whole)+len(p) > maxFrame {
		b.long = true
		return
	}
	b.whole = append(b.whole, p...)
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
	err := b.answer.read(data, b.filter != nil, b.chunk)
	if err != nil && bytes.IndexByte(data, '\n') >= 0 && errors.Is(err, llm.ErrMalformed) {
		// A server that leaves out the empty lines.
		for line := range bytes.Lines(data) {
			if err = b.answer.read(bytes.TrimSpace(line), b.filter != nil, b.chunk); err != nil {
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
		b.end(b.answer.missing())
	}
}

func (b *body) chunk(c *llm.Chunk) { b.run.Chunk(c) }

// finish ends the run where the body has ended.
func (b *body) finish() {
	if b.events != nil && !b.opaque {
		b.events.Close()
		if !b.ended {
			b.end(b.answer.missing())
		}
		return
	}
	b.end(b.read())
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
	if err := b.answer.read(bytes.TrimSpace(b.whole), false, b.chunk); err != nil {
		return err
	}
	if b.answer.progress.empty() {
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
	if !b.reading {
		if !b.ended && b.enough() {
			b.run.Reading()
			if b.events != nil {
				b.end(nil) // what is left of the stream is of no interest
			} else {
				b.finish()
			}
		}
		b.release()
	}
	b.mu.Unlock()
	b.run.Stop()
	return b.ReadCloser.Close()
}

// enough reports whether what has come is an answer: a client need not read up
// to the end to see that it is whole.
func (b *body) enough() bool {
	switch {
	case b.events != nil:
		return b.answer.progress.complete()
	case b.failed:
		return true
	}
	return json.Valid(b.whole)
}

// readEmbedding reads a response to an embeddings request. Whether it is the
// answer that was due is the client's to judge.
func readEmbedding(raw []byte) (*llm.EmbedResponse, error) {
	var f embedFrame
	s := scanner{b: raw}
	f.read(&s)
	s.end()
	resp := &llm.EmbedResponse{Meta: f.meta, Usage: f.usage}
	for _, v := range f.vectors {
		resp.Vectors = append(resp.Vectors, v.vector)
	}
	switch {
	case s.err != nil:
		return resp, malformed(raw, s.err)
	case f.failure != nil:
		return resp, frameError(f.failure)
	}
	return resp, nil
}
