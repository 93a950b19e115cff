package openai_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/openai/doortest"
)

// witness notes what an HTTP transport gives, so that it can be compared with
// what comes out above it.
type witness struct {
	base http.RoundTripper
	err  error // of the round trip
	mu   sync.Mutex
	body bytes.Buffer
	last error // of a Read
}

func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(req)
	w.err = err
	if err == nil {
		resp.Body = &witnessed{resp.Body, w}
	}
	return resp, err
}

type witnessed struct {
	io.ReadCloser
	w *witness
}

func (b *witnessed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.body.Write(p[:n])
	if err != nil {
		b.w.last = err
	}
	return n, err
}

// A bodyReading is what a reading of a response's body has beside the answer.
type bodyReading struct {
	given  *witness // nil if it is none
	resp   *http.Response
	opened chan struct{} // closed when there is a response
	got    []byte
	err    error
}

// check fails t if the client did not get what the transport gave.
func (b *bodyReading) check(t *testing.T, whole bool) {
	t.Helper()
	if b.given == nil {
		return
	}
	if !bytes.Equal(b.got, b.given.body.Bytes()) {
		t.Errorf("the client read %d bytes, the transport gave %d", len(b.got), b.given.body.Len())
	}
	if want := cmp.Or(b.given.err, b.given.last); (whole || b.given.err != nil) && b.err != want {
		t.Errorf("the client gets %v, the transport gave %v", b.err, want)
	}
}

// openBody returns what opens a bare HTTP client over a Transport, which reads the
// response's body as its consumer does, event by event.
func openBody(path, ask string) func(*reading) doortest.Client {
	return func(r *reading) doortest.Client {
		b := &r.body
		b.given, b.opened = &witness{base: r.client.Transport}, make(chan struct{})
		var transport http.RoundTripper = b.given
		if len(r.handlers) > 0 {
			tr := callopenai.NewTransport(b.given, r.handlers...)
			tr.Provider = "openai"
			transport = tr
		}
		return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
			return func(yield func(doortest.Piece, error) bool) {
				body := "{" + ask + "}"
				if stream {
					body = "{" + ask + `,"stream":true,"stream_options":{"include_usage":true}}`
				}
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, strings.NewReader(body))
				if err == nil {
					b.resp, err = transport.RoundTrip(req)
				}
				if b.err = err; err != nil {
					yield(doortest.Piece{}, err)
					return
				}
				close(b.opened)
				if !r.consumer.open {
					defer b.resp.Body.Close()
				}
				p := make([]byte, max(r.consumer.size, 1))
				for from := 0; b.err == nil; {
					var n int
					n, b.err = b.resp.Body.Read(p)
					b.got = append(b.got, p[:n]...)
					if b.err != nil || bytes.HasSuffix(b.got, []byte("\n\n")) || bytes.HasSuffix(b.got, []byte("\n\r\n")) {
						text := ""
						for line := range strings.Lines(string(b.got[from:])) {
							text += textOf(line)
						}
						if from = len(b.got); !yield(doortest.Piece{Text: text}, nil) {
							return
						}
					}
				}
				if b.err != io.EOF {
					yield(doortest.Piece{}, b.err)
				}
			}
		}
	}
}

// bodyConsumers do what can be done with a body alone.
var bodyConsumers = []consumer{
	{name: "reads in large pieces", when: whenItEnds, size: 4096, read: (*reading).all},
	{name: "reads to the end and does not close", when: whenItEnds, size: 512, open: true, read: (*reading).all},
	{name: "closes twice and reads on", when: whenItAnswers, stopped: true, read: func(r *reading) {
		r.first()
		r.body.resp.Body.Close()
		if n, err := r.body.resp.Body.Read(make([]byte, 100)); n != 0 || err == nil {
			r.err = fmt.Errorf("read %d bytes after Close, %v", n, err)
		}
	}},
	{name: "drops the response", when: whenItAnswers, errType: "abandoned", open: true, read: func(r *reading) {
		r.first()
		r.body.resp = nil
		for i := 0; r.ended != nil && i < 200; i++ {
			runtime.GC()
			select {
			case <-r.ended:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}},
	{name: "closes from another goroutine while waiting", when: whenItWaits, stopped: true, skip: "silent", read: func(r *reading) {
		r.wait(func() { <-r.body.opened; r.body.resp.Body.Close() })
		r.err = nil // that of the close
	}},
}
