package openai_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/internal/standin"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
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

// A bodyReading is one consumption of a response's body.
type bodyReading struct {
	resp   *http.Response
	expect standin.Expectation
	ctx    *endingContext
	ended  <-chan struct{}
	stop   func() // shuts tracing down

	got []byte
	err error
}

var contents = regexp.MustCompile(`"(content|text)":"[^"]`)

// read reads n bytes at most, and reports whether there may be more.
func (r *bodyReading) read(n int) bool {
	p := make([]byte, n)
	n, err := r.resp.Body.Read(p)
	r.got = append(r.got, p[:n]...)
	r.err = err
	return err == nil
}

// first reads up to the end of the first event with content.
func (r *bodyReading) first() {
	for r.read(1) {
		if r.atEnd() && contents.Match(r.got) {
			return
		}
	}
}

// atEnd reports whether an event has just ended.
func (r *bodyReading) atEnd() bool {
	return bytes.HasSuffix(r.got, []byte("\n\n")) || bytes.HasSuffix(r.got, []byte("\n\r\n"))
}

// all reads what comes, in pieces of n bytes at most.
func (r *bodyReading) all(n int) {
	for r.read(n) {
	}
}

func (r *bodyReading) wait() error {
	select {
	case <-r.ended:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("the run does not end")
	}
}

// expected reads until all has come that is to come, of a call that waits.
func (r *bodyReading) expected() {
	enough := func() bool {
		n := len(contents.FindAllIndex(r.got, -1))
		return r.expect.Grows && n >= 20 || !r.expect.Grows && n == len(strings.Fields(r.expect.Text))
	}
	for !(enough() && r.atEnd()) && r.expect.Text != "" && r.read(1) {
	}
}

// A bodyConsumer is one who reads a body, and what he makes of the run's end.
type bodyConsumer struct {
	name    string
	when    when
	read    func(*bodyReading)
	errType string
	stopped bool
}

var bodyConsumers = []bodyConsumer{
	{name: "reads to the end", when: whenItEnds, read: func(r *bodyReading) { defer r.resp.Body.Close(); r.all(4096) }},
	{name: "reads byte by byte", when: whenItEnds, read: func(r *bodyReading) { defer r.resp.Body.Close(); r.all(1) }},
	{name: "reads to the end and does not close", when: whenItEnds, read: func(r *bodyReading) { r.all(512) }},
	{name: "closes early", when: whenItAnswers, stopped: true, read: func(r *bodyReading) { r.first(); r.resp.Body.Close() }},
	{name: "closes twice and reads on", when: whenItAnswers, stopped: true, read: func(r *bodyReading) {
		r.first()
		r.resp.Body.Close()
		r.resp.Body.Close()
		if n, err := r.resp.Body.Read(make([]byte, 100)); n != 0 || err == nil {
			r.err = fmt.Errorf("read %d bytes after Close, %v", n, err)
		}
	}},
	{name: "panics", when: whenItAnswers, stopped: true, read: func(r *bodyReading) {
		defer func() { recover() }()
		defer r.resp.Body.Close()
		r.first()
		panic("thorn")
	}},
	{name: "exits the goroutine", when: whenItAnswers, stopped: true, read: func(r *bodyReading) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer r.resp.Body.Close()
			r.first()
			runtime.Goexit()
		}()
		<-done
	}},
	{name: "cancels while holding", when: whenItAnswers, errType: "canceled", read: func(r *bodyReading) { r.hold(context.Canceled) }},
	{name: "runs out of time while holding", when: whenItAnswers, errType: "timeout", read: func(r *bodyReading) { r.hold(context.DeadlineExceeded) }},
	{name: "drops the response", when: whenItAnswers, errType: "abandoned", read: func(r *bodyReading) {
		r.first()
		r.resp = nil
		for range 200 {
			runtime.GC()
			select {
			case <-r.ended:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}},
	{name: "holds on while tracing is shut down", when: whenItAnswers, errType: "abandoned", read: func(r *bodyReading) {
		defer r.resp.Body.Close()
		r.first()
		r.stop()
	}},
	{name: "cancels while waiting", when: whenItWaits, errType: "canceled", read: func(r *bodyReading) { r.waiting(context.Canceled) }},
	{name: "runs out of time while waiting", when: whenItWaits, errType: "timeout", read: func(r *bodyReading) { r.waiting(context.DeadlineExceeded) }},
	{name: "closes from another goroutine while waiting", when: whenItWaits, stopped: true, read: func(r *bodyReading) {
		r.expected()
		body := r.resp.Body
		time.AfterFunc(5*time.Millisecond, func() { body.Close() })
		r.all(64)
		r.err = nil // that of the close
	}},
}

// hold ends the context while the consumer has control.
func (r *bodyReading) hold(err error) {
	defer r.resp.Body.Close()
	r.first()
	r.ctx.end(err)
	r.err = r.wait()
}

// waiting ends the context while a Read is in flight.
func (r *bodyReading) waiting(err error) {
	defer r.resp.Body.Close()
	r.expected()
	time.AfterFunc(5*time.Millisecond, func() { r.ctx.end(err) })
	r.all(64)
}

// TestWireEndings: every way in which an API fails, times every way in which a
// body is read, through a bare HTTP client over a Transport: the client gets the
// bytes and the error that the transport below gave, and the span is true.
func TestWireEndings(t *testing.T) {
	for _, d := range doors {
		for _, sc := range d.scenarios {
			for _, stream := range []bool{true, false} {
				expectations, err := sc.Expectations(stream)
				if err != nil {
					t.Fatal(err)
				}
				for call, e := range expectations {
					if sc.Name == "line without end" {
						e = standin.Expectation{Waits: true} // a body has no frames
					}
					for _, c := range bodyConsumers {
						if c.when == whenItEnds && e.Waits || c.when == whenItWaits && !e.Waits || c.when == whenItAnswers && (e.Text == "" || !stream) {
							continue
						}
						name := d.name + "/" + sc.Name + "/" + map[bool]string{true: "streamed", false: "plain"}[stream] + "/" + c.name
						t.Run(name, func(t *testing.T) { testWireEnding(t, d, sc, call, e, c, stream) })
					}
				}
			}
		}
	}
}

func testWireEnding(t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c bodyConsumer, stream bool) {
	before := goleak.IgnoreCurrent()
	exporter := tracetest.NewInMemoryExporter()
	w := &watcher{SpanProcessor: sdktrace.NewSimpleSpanProcessor(exporter), ended: make(chan struct{})}
	tracer := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w))), tracing.WithMeterProvider(noop.NewMeterProvider()))
	asked := make(chan struct{})
	api := &standin.API{
		Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
			return standin.Text(standin.ScenarioAnswer), nil
		},
		Script: func(r *standin.Request) standin.Script {
			close(asked)
			later := *r
			later.Index += call
			return sc.Script(&later)
		},
	}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	var conns connections
	base := conns.client()
	seen := &witness{base: base.Transport}
	tr := callopenai.NewTransport(seen, tracer, w)
	tr.Provider = "openai"
	r := &bodyReading{expect: e, ended: w.ended, ctx: &endingContext{Context: t.Context(), done: make(chan struct{})},
		stop: func() { _ = tracer.Shutdown(context.Background()) }}
	path, ask := "/chat/completions", `{"model":"`+d.model+`","messages":[{"role":"user","content":"Count!"}]`
	if d.name == "completion" {
		path, ask = "/completions", `{"model":"`+d.model+`","prompt":"Count!"`
	}
	if stream {
		ask += `,"stream":true,"stream_options":{"include_usage":true}`
	}
	req, err := http.NewRequestWithContext(r.ctx, "POST", server.URL+path, strings.NewReader(ask+"}"))
	if err != nil {
		t.Fatal(err)
	}
	closer := c.stopped && c.when == whenItWaits
	silent := sc.Name == "silent" // no response to hold
	if silent {
		if closer {
			server.Close()
			return
		}
		go func() {
			<-asked
			time.AfterFunc(5*time.Millisecond, func() {
				r.ctx.end(map[string]error{"canceled": context.Canceled, "timeout": context.DeadlineExceeded}[c.errType])
			})
		}()
	}
	if r.resp, r.err = tr.RoundTrip(req); r.err == nil {
		c.read(r)
	} else if r.err != seen.err {
		t.Errorf("the client gets %v, the transport gave %v", r.err, seen.err)
	}
	if c.when == whenItEnds && r.resp != nil && r.err != seen.last {
		t.Errorf("the client gets %v, the transport gave %v", r.err, seen.last)
	}
	if c.when != whenItEnds && c.when != whenItWaits && r.err != nil {
		t.Error(r.err)
	}
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	r.ctx.end(context.Canceled)
	base.CloseIdleConnections()
	conns.closed(t)
	if err := server.Close(); err != nil {
		t.Errorf("the server has not come to rest: %v", err)
	}
	if !bytes.Equal(r.got, seen.body.Bytes()) {
		t.Errorf("the client read %d bytes, the transport gave %d", len(r.got), seen.body.Len())
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	spans := spantree.FromSDK(exporter.GetSpans().Snapshots())
	if len(w.ends) != 1 || len(spans) != 1 {
		t.Fatalf("%d ends and %d spans, want one each", len(w.ends), len(spans))
	}
	want := ending{text: e.Text, errType: e.Error, finish: e.Finish, usage: e.Usage}
	switch {
	case c.when == whenItAnswers:
		want = ending{text: e.First(), errType: c.errType, stopped: c.stopped, finish: "error", usage: "estimated"}
	case c.when == whenItWaits:
		want.errType, want.stopped = c.errType, c.stopped
		if want.text != "" && e.Grows {
			want.text = ""
		}
	}
	if !c.stopped || e.Text != "" || c.when != whenItWaits {
		want.check(t, &spans[0], w.ends[0])
	} else if end := w.ends[0]; end.Err != nil || !end.Stopped { // closed before anything came
		t.Errorf("run says %v, stopped %v", end.Err, end.Stopped)
	}
	if want.usage == "reported" {
		u := api.Reported()
		if got := w.ends[0].Usage; got.Input != u.Prompt || got.Output != u.Completion {
			t.Errorf("usage %+v, the API reported %+v", *got, u)
		}
	}
	var ours interface{ ErrorType() string }
	if c.when == whenItEnds && e.Retry != 0 && !(errors.As(w.ends[0].Err, &ours) && strings.Contains(w.ends[0].Err.Error(), e.Message)) {
		t.Errorf("the run says %v, want %q", w.ends[0].Err, e.Message)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// TestWrapConfigEndings: the matrix through go-openai's own client, built of a
// wrapped configuration.
func TestWrapConfigEndings(t *testing.T) {
	for _, d := range doors {
		everyEnding(t, d, func(sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool) {
			switch c.errType {
			case "panic", "goexit", "abandoned":
				return
			}
			if endless[sc.Name] || c.name == "stops a pull" || !stream && c.when == whenItAnswers {
				return
			}
			name := d.name + "/" + sc.Name + "/" + map[bool]string{true: "streamed", false: "plain"}[stream] + "/" + c.name
			t.Run(name, func(t *testing.T) {
				w := &watcher{SpanProcessor: sdktrace.NewSimpleSpanProcessor(tracetest.NewInMemoryExporter()), ended: make(chan struct{})}
				tracer := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w))), tracing.WithMeterProvider(noop.NewMeterProvider()))
				got := attemptWrapped(t, d, sc, call, e, c, stream, w, tracer)
				bare := attemptWrapped(t, d, sc, call, e, c, stream, nil)
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.ends) != 1 {
					t.Fatalf("%d ends", len(w.ends))
				}
				end := w.ends[0]
				wantErr, wantStopped, wantText := e.Error, false, e.Text
				switch c.when {
				case whenItAnswers:
					wantErr, wantStopped, wantText = c.errType, c.stopped, ""
				case whenItWaits:
					wantErr = c.errType
				}
				if c.when == whenItAnswers && end.Response.Text() == e.Text && callback.ErrorType(end.Err) == e.Error {
					wantErr, wantStopped = e.Error, end.Stopped // go-openai had read all of it by then
				}
				if callback.ErrorType(end.Err) != wantErr || end.Stopped != wantStopped || wantText != "" && !e.Grows && end.Response.Text() != wantText {
					t.Errorf("run says %v, stopped %v, %.99q; want %q, %v, %.99q", end.Err, end.Stopped, end.Response.Text(), wantErr, wantStopped, wantText)
				}
				if c.when == whenItAnswers && (c.errType == "canceled" || c.errType == "timeout") {
					return
				}
				if describe(got.err) != describe(bare.err) || callback.ErrorType(got.err) != callback.ErrorType(bare.err) || got.text != bare.text && !e.Grows {
					t.Errorf("the caller gets %.99q, %v; without us %.99q, %v", got.text, got.err, bare.text, bare.err)
				}
			})
		})
	}
}

// attemptWrapped makes the call of a scenario through go-openai's client, over a
// wrapped configuration if there are handlers.
func attemptWrapped(t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool, w *watcher, handlers ...callback.Handler) typedCall {
	t.Helper()
	asked := make(chan struct{})
	api := &standin.API{
		Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
			return standin.Text(standin.ScenarioAnswer), nil
		},
		Script: func(r *standin.Request) standin.Script {
			close(asked)
			later := *r
			later.Index += call
			return sc.Script(&later)
		},
	}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	var conns connections
	client := conns.client()
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.BaseURL, cfg.HTTPClient = server.URL, client
	r := &reading{expect: e}
	if w != nil {
		callopenai.WrapConfig(&cfg, append(handlers, w)...)
		r.ended = w.ended
	}
	ending := &endingContext{Context: t.Context(), done: make(chan struct{})}
	if c.when == whenItWaits && e.Text == "" {
		go func() { <-asked; time.AfterFunc(5*time.Millisecond, func() { ending.end(c.ends()) }) }()
	}
	out := drive(ending, typedClient{Client: openai.NewClientWithConfig(cfg)}, d, c, stream, r)
	ending.end(context.Canceled) // go-openai leaves the body of a refused stream open
	client.CloseIdleConnections()
	conns.closed(t)
	if err := server.Close(); err != nil {
		t.Errorf("the server has not come to rest: %v", err)
	}
	return out
}
