package openai_test

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

// A consumer is one who reads an answer, and what he makes of the run's end.
type consumer struct {
	name string
	read func(*reading)

	// What the span says if the consumer acted before the answer ended.
	errType string
	stopped bool

	when when
}

// when says which expectations a consumer is for.
type when int

const (
	whenItEnds    when = iota // calls that end of themselves
	whenItWaits               // calls that the consumer has to end
	whenItAnswers             // calls with content, at whose first chunk he acts
)

var consumers = []consumer{
	{name: "ranges to the end", when: whenItEnds, read: func(r *reading) {
		for c, err := range r.seq {
			r.take(c, err)
		}
	}},
	{name: "breaks after a chunk", when: whenItAnswers, stopped: true, read: func(r *reading) {
		for c, err := range r.seq {
			if r.take(c, err) {
				break
			}
		}
	}},
	{name: "panics", when: whenItAnswers, errType: "panic", read: func(r *reading) {
		defer func() { r.recovered = recover() }()
		for c, err := range r.seq {
			if r.take(c, err) {
				panic("thorn")
			}
		}
	}},
	{name: "exits the goroutine", when: whenItAnswers, errType: "goexit", read: func(r *reading) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for c, err := range r.seq {
				if r.take(c, err) {
					runtime.Goexit()
				}
			}
		}()
		<-done
	}},
	{name: "cancels while holding a chunk", when: whenItAnswers, errType: "canceled", read: func(r *reading) { r.end(context.Canceled) }},
	{name: "runs out of time while holding a chunk", when: whenItAnswers, errType: "timeout", read: func(r *reading) { r.end(context.DeadlineExceeded) }},
	{name: "cancels while waiting", when: whenItWaits, errType: "canceled", read: func(r *reading) { r.wait(context.Canceled) }},
	{name: "runs out of time while waiting", when: whenItWaits, errType: "timeout", read: func(r *reading) { r.wait(context.DeadlineExceeded) }},
	{name: "stops a pull", when: whenItAnswers, stopped: true, read: func(r *reading) {
		next, stop := iter.Pull2(r.seq)
		defer stop()
		for {
			if c, err, ok := next(); !ok || r.take(c, err) {
				return
			}
		}
	}},
	{name: "drops a pull, then tracing is shut down", when: whenItAnswers, errType: "abandoned", read: func(r *reading) {
		next, stop := iter.Pull2(r.seq)
		defer stop() // long after the span's end
		for {
			if c, err, ok := next(); !ok || r.take(c, err) {
				break
			}
		}
		r.shutdown()
	}},
}

// A reading is one consumption of an answer.
type reading struct {
	seq      iter.Seq2[llm.Chunk, error]
	expect   standin.Expectation
	ctx      *endingContext
	asked    <-chan struct{} // closed when the request has arrived
	ended    <-chan struct{} // closed when the span has ended; nil without handlers
	shutdown func()          // of tracing

	text      string // what the consumer saw
	err       error
	recovered any
}

// take notes what came and reports whether it is content.
func (r *reading) take(c llm.Chunk, err error) bool {
	r.text += c.Text
	if err != nil {
		r.err = err
	}
	return c.HasContent()
}

// end ends the context at the first chunk, waits until the run is told and then
// reads on.
func (r *reading) end(err error) {
	for c, e := range r.seq {
		if r.take(c, e) && r.ctx.Err() == nil {
			r.ctx.end(err)
			if r.ended != nil {
				select {
				case <-r.ended:
				case <-time.After(5 * time.Second):
					r.err = errors.New("the run does not end with its context")
					return
				}
			}
		}
	}
}

// wait reads what comes, and ends the context once no more is to be expected.
func (r *reading) wait(err error) {
	end := func() { r.ctx.end(err) }
	if r.expect.Text == "" {
		go func() { <-r.asked; time.AfterFunc(5*time.Millisecond, end) }()
	}
	for c, e := range r.seq {
		if r.take(c, e) && (!r.expect.Grows && r.text == r.expect.Text || r.expect.Grows && len(r.text) == 20) {
			time.AfterFunc(5*time.Millisecond, end) // so that the reader is back at the socket
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

// connections counts what a client has open.
type connections struct {
	mu   sync.Mutex
	open int
	none chan struct{} // closed while there are none
}

type countedConn struct {
	net.Conn
	once sync.Once
	all  *connections
}

func (a *connections) client() *http.Client {
	a.none = make(chan struct{})
	close(a.none)
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.open++; a.open == 1 {
			a.none = make(chan struct{})
		}
		return &countedConn{Conn: conn, all: a}, nil
	}}}
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.all.mu.Lock()
		defer c.all.mu.Unlock()
		if c.all.open--; c.all.open == 0 {
			close(c.all.none)
		}
	})
	return c.Conn.Close()
}

// closed fails t if a connection stays open.
func (a *connections) closed(t *testing.T) {
	t.Helper()
	a.mu.Lock()
	none := a.none
	a.mu.Unlock()
	select {
	case <-none:
	case <-time.After(2 * time.Second):
		t.Error("a connection is left open")
	}
}

// watcher is a handler that collects how its runs end, and a span processor
// that tells when the first span has: what opens spans is the last to be told.
type watcher struct {
	sdktrace.SpanProcessor
	mu    sync.Mutex
	ends  []*callback.Result
	once  sync.Once
	ended chan struct{}
}

// OnEnd comes after the exporter's.
func (w *watcher) OnEnd(s sdktrace.ReadOnlySpan) {
	w.SpanProcessor.OnEnd(s)
	w.once.Do(func() { close(w.ended) })
}

func (w *watcher) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, w
}

func (w *watcher) End(res *callback.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends = append(w.ends, res)
}

// A door is a kind of model that the scenarios are for.
type door struct {
	name      string
	open      func(openai.ClientConfig, callopenai.Options) *callopenai.Model
	model     string
	scenarios []standin.Scenario
}

var doors = []door{
	{"chat", callopenai.New, "gpt-4o-mini", standin.Scenarios()},
	{"completion", callopenai.NewCompletion, "gpt-3.5-turbo-instruct", standin.CompletionScenarios()},
}

// attempt makes the call-th call of a scenario for the consumer.
func attempt(ctx context.Context, t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool, handlers []callback.Handler, ended <-chan struct{}, shutdown func()) (*reading, *standin.API) {
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
	m := d.open(cfg, callopenai.Options{Model: d.model, Provider: "openai", Handlers: handlers})
	r := &reading{expect: e, asked: asked, ended: ended, shutdown: shutdown,
		ctx: &endingContext{Context: ctx, done: make(chan struct{})}}
	r.seq = m.Chat(r.ctx, &llm.Request{Messages: []llm.Message{llm.User("Count!")}, Stream: stream, StreamUsage: stream})
	c.read(r)
	client.CloseIdleConnections()
	conns.closed(t)
	r.ctx.end(context.Canceled)
	if err := server.Close(); err != nil {
		t.Errorf("the server has not come to rest: %v", err)
	}
	return r, api
}

// TestEndings: every way in which an API fails, times every way in which a
// consumer behaves, ends one run and one span, with the truth of
// ARCHITECTURE.md's table, and leaves nothing behind.
func TestEndings(t *testing.T) {
	for _, d := range doors {
		everyEnding(t, d, func(sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool) {
			name := d.name + "/" + sc.Name + "/" + map[bool]string{true: "streamed", false: "plain"}[stream] + "/" + c.name
			t.Run(name, func(t *testing.T) { testEnding(t, d, sc, call, e, c, stream) })
		})
	}
}

// everyEnding calls f for each call that there is to make of d.
func everyEnding(t *testing.T, d door, f func(sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool)) {
	for _, sc := range d.scenarios {
		for _, stream := range []bool{true, false} {
			expectations, err := sc.Expectations(stream)
			if err != nil {
				t.Fatal(err)
			}
			for call, e := range expectations {
				for _, c := range consumers {
					if c.fits(&e) {
						f(sc, call, e, c, stream)
					}
				}
			}
		}
	}
}

func (c *consumer) fits(e *standin.Expectation) bool {
	switch c.when {
	case whenItEnds:
		return !e.Waits
	case whenItWaits:
		return e.Waits
	}
	return e.Text != ""
}

func testEnding(t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool) {
	before := goleak.IgnoreCurrent()
	exporter := tracetest.NewInMemoryExporter()
	w := &watcher{SpanProcessor: sdktrace.NewSimpleSpanProcessor(exporter), ended: make(chan struct{})}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w))
	tracer := tracing.New(tracing.WithTracerProvider(tp), tracing.WithMeterProvider(noop.NewMeterProvider()))
	shutdown := func() { _ = tracer.Shutdown(context.Background()) }
	r, api := attempt(t.Context(), t, d, sc, call, e, c, stream, []callback.Handler{tracer, w}, w.ended, shutdown)
	bare, _ := attempt(t.Context(), t, d, sc, call, e, c, stream, nil, nil, func() {})

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
		if !stream { // the only chunk is the whole answer
			want.text, want.finish, want.usage = e.Text, e.Finish, e.Usage
		}
	case c.when == whenItWaits:
		want.errType = c.errType
		if want.text != "" && e.Grows {
			want.text = "" // whatever had come
		}
	}
	want.check(t, &spans[0], w.ends[0])
	if want.usage == "reported" {
		u := api.Reported()
		if got := w.ends[0].Usage; got.Input != u.Prompt || got.Output != u.Completion {
			t.Errorf("usage %+v, the API reported %+v", *got, u)
		}
	}

	var ours *llm.Error
	if c.when == whenItEnds && e.Error != "" {
		if r.err == nil || !strings.Contains(r.err.Error(), e.Message) {
			t.Errorf("error %v does not say %q", r.err, e.Message)
		}
		if e.Retry != 0 && (!errors.As(r.err, &ours) || ours.RetryAfter != e.Retry) {
			t.Errorf("error %#v, want to retry after %v", r.err, e.Retry)
		}
		if r.text != e.Text {
			t.Errorf("the consumer saw %.99q, want %.99q", r.text, e.Text)
		}
	}
	// A context that ends while a chunk is held leaves open how much of what had
	// arrived is still read, with handlers and without.
	if want.errType != "canceled" && want.errType != "timeout" || c.when == whenItWaits {
		if callback.ErrorType(r.err) != callback.ErrorType(bare.err) || describe(r.err) != describe(bare.err) {
			t.Errorf("the consumer gets %v, without handlers %v", r.err, bare.err)
		}
		if r.text != bare.text && !e.Grows {
			t.Errorf("the consumer saw %.99q, without handlers %.99q", r.text, bare.text)
		}
	}
	if !reflect.DeepEqual(r.recovered, bare.recovered) {
		t.Errorf("recovered %v, without handlers %v", r.recovered, bare.recovered)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

var addresses = regexp.MustCompile(`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)

// describe returns the words of err without the ports in them.
func describe(err error) string {
	if err == nil {
		return ""
	}
	return addresses.ReplaceAllString(err.Error(), "loopback")
}

// An ending is what a span and its run have to say.
type ending struct {
	text, errType, finish, usage string
	stopped                      bool
}

func (want *ending) check(t *testing.T, s *spantree.Span, res *callback.Result) {
	t.Helper()
	status := ""
	if want.errType != "" {
		status = "error"
	}
	errType, _ := s.Attrs["error.type"].(string)
	stopped, _ := s.Attrs["callspan.stopped"].(bool)
	if s.Status != status || errType != want.errType || stopped != want.stopped {
		t.Errorf("span is %q, error.type %q, stopped %v; want %q, %q, %v (%s)", s.Status, errType, stopped, status, want.errType, want.stopped, s.Reason)
	}
	if status == "error" && s.Reason == "" {
		t.Error("the status has no description")
	}
	if got := callback.ErrorType(res.Err); got != want.errType || res.Stopped != want.stopped {
		t.Errorf("run says %q (%v), stopped %v", got, res.Err, res.Stopped)
	}
	if got := res.Response.Text(); got != want.text && (want.text != "" || got != strings.Repeat("a", len(got))) {
		t.Errorf("run keeps %.99q, want %.99q", got, want.text)
	}
	var finish any
	if want.finish != "" {
		finish = []any{want.finish}
	}
	if got := s.Attrs["gen_ai.response.finish_reasons"]; !reflect.DeepEqual(got, finish) {
		t.Errorf("finish reasons %v, want %v", got, finish)
	}
	if string(res.UsageSource) != want.usage {
		t.Errorf("usage is %q, want %q", res.UsageSource, want.usage)
	}
	_, counted := s.Attrs["gen_ai.usage.output_tokens"].(int64)
	source, _ := s.Attrs["callspan.usage.source"].(string)
	if counted != (want.usage != "") || cmp.Or(source, "reported") != cmp.Or(want.usage, "reported") {
		t.Errorf("span has usage: %v, source %q; want %q", counted, source, want.usage)
	}
	if counted && (res.Usage.Input == 0 || res.Usage.Output == 0) {
		t.Errorf("usage %+v", *res.Usage)
	}
}
