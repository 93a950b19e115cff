package openai_test

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/openai/doortest"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

// A door is a way to an API that the scenarios are for.
type door struct {
	name      string
	open      func(*reading) doortest.Client
	scenarios []standin.Scenario
	skip      string                                // a scenario that is not for it
	truth     map[string]func(*standin.Expectation) // of scenarios of which the run can say less
	consumers []consumer                            // of its own
	model     bool                                  // an llm.Model, whose consumer is in the midst of the run even if he panics, or has an answer in one piece
	ahead     bool                                  // more than its consumer has read may have passed it
}

// endless is the scenario in which go-openai reads for ever.
const endless = "line without end"

// typedTruth says what go-openai keeps to itself.
var typedTruth = map[string]func(*standin.Expectation){
	// The last line, which nothing ends, is dropped: the caller never sees the
	// finish reason either.
	"open last line": func(e *standin.Expectation) { e.Finish, e.Error = "error", "stream_truncated" },
	// A body without a line feed, or read as an answer, looks empty.
	"error with status 200": func(e *standin.Expectation) { e.Error, e.Message = "empty_response", "" },
	// Errors have no header.
	"retry": func(e *standin.Expectation) { e.Retry = 0 },
}

// wireTruth says that a body has no frames that could be too long.
var wireTruth = map[string]func(*standin.Expectation){
	endless: func(e *standin.Expectation) { *e = standin.Expectation{Waits: true} },
}

var doors = []door{
	{name: "adapter/chat", open: through(openModel(callopenai.New, "gpt-4o-mini")), scenarios: standin.Scenarios(), model: true},
	{name: "adapter/completion", open: through(openModel(callopenai.NewCompletion, "gpt-3.5-turbo-instruct")), scenarios: standin.CompletionScenarios(), model: true},
	{name: "typed/chat", open: through(openTyped(chats)), scenarios: standin.Scenarios(), skip: endless, truth: typedTruth},
	{name: "typed/completion", open: through(openTyped(completions)), scenarios: standin.CompletionScenarios(), skip: endless, truth: typedTruth},
	{name: "wrapped/chat", open: through(openWrapped(chats)), scenarios: standin.Scenarios(), skip: endless, ahead: true},
	{name: "wrapped/completion", open: through(openWrapped(completions)), scenarios: standin.CompletionScenarios(), skip: endless, ahead: true},
	{name: "wire/chat", open: openBody("/chat/completions", `"model":"gpt-4o-mini","messages":[{"role":"user","content":"Count!"}]`),
		scenarios: standin.Scenarios(), truth: wireTruth, consumers: bodyConsumers},
	{name: "wire/completion", open: openBody("/completions", `"model":"gpt-3.5-turbo-instruct","prompt":"Count!"`),
		scenarios: standin.CompletionScenarios(), truth: wireTruth, consumers: bodyConsumers},
}

func through(open func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client) func(*reading) doortest.Client {
	return func(r *reading) doortest.Client { return open(r.url, r.client, r.handlers...) }
}

// openWrapped returns what opens go-openai's own client, built of a wrapped
// configuration.
func openWrapped(of func(caller) doortest.Client) func(string, *http.Client, ...callback.Handler) doortest.Client {
	return func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		cfg := clientConfig(baseURL, c)
		if len(handlers) > 0 {
			callopenai.WrapConfig(&cfg, handlers...)
		}
		return of(caller{bare: openai.NewClientWithConfig(cfg)})
	}
}

// TestEndings: every way in which an API fails, times every way in which a
// consumer behaves, through every door, ends one run and one span, with the truth
// of ARCHITECTURE.md's table, and leaves nothing behind. The caller sees what he
// sees without the door.
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
				if truth := d.truth[sc.Name]; truth != nil {
					truth(&e)
				}
				for _, c := range slices.Concat(consumers, d.consumers) {
					if sc.Name != d.skip && sc.Name != c.skip && d.fits(&c, &e, stream) {
						f(sc, call, e, c, stream)
					}
				}
			}
		}
	}
}

func (d *door) fits(c *consumer, e *standin.Expectation, stream bool) bool {
	switch c.when {
	case whenItEnds:
		return !e.Waits
	case whenItWaits:
		return e.Waits
	}
	return e.Text != "" && (stream || d.model)
}

// attempt makes the call-th call of a scenario for the consumer.
func attempt(ctx context.Context, t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool, handlers []callback.Handler, ended <-chan struct{}, shutdown func()) (*reading, *standin.API) {
	t.Helper()
	silent := make(chan struct{})
	say := sync.OnceFunc(func() { close(silent) })
	api := &standin.API{
		Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
			return standin.Text(standin.ScenarioAnswer), nil
		},
		Script: func(r *standin.Request) standin.Script {
			later := *r
			later.Index += call
			script := sc.Script(&later)
			if len(script) > 0 && reflect.DeepEqual(script[0], standin.Step{End: standin.EndStall}) {
				say() // else the head is to come
			}
			return script
		},
	}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	var conns connections
	r := &reading{t: t, url: server.URL, client: conns.client(say), handlers: handlers, stream: stream, consumer: c, expect: e,
		ctx: &endingContext{Context: ctx, done: make(chan struct{})}, silent: silent, ended: ended, shutdown: shutdown}
	r.answer = d.open(r)(r.ctx, stream)
	c.read(r)
	if r.over(); !d.model {
		r.ctx.end(context.Canceled) // go-openai leaves the body of a refused stream open
	}
	r.client.CloseIdleConnections()
	conns.closed(t)
	r.ctx.end(context.Canceled)
	if err := server.Close(); err != nil {
		t.Errorf("the server has not come to rest: %v", err)
	}
	r.body.check(t, c.when == whenItEnds)
	return r, api
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
	end := w.ends[0]
	want := d.ending(&c, &e, stream, end)
	want.check(t, &spans[0], end)
	if want.usage == "reported" {
		u := api.Reported()
		if got := end.Usage; got.Input != u.Prompt || got.Output != u.Completion {
			t.Errorf("usage %+v, the API reported %+v", *got, u)
		}
	}
	if c.when == whenItEnds && e.Error != "" {
		says(t, "run", end.Err, &e)
		if d.model {
			says(t, "caller", r.err, &e)
			if r.text != e.Text {
				t.Errorf("the caller saw %.99q, want %.99q", r.text, e.Text)
			}
		}
	}
	// A context that ends while a piece is held leaves open how much of what had
	// arrived is still read, with the door and without.
	if c.when != whenItAnswers || c.errType != "canceled" && c.errType != "timeout" {
		if callback.ErrorType(r.err) != callback.ErrorType(bare.err) || describe(r.err) != describe(bare.err) {
			t.Errorf("the caller gets %v, without the door %v", r.err, bare.err)
		}
		if r.text != bare.text && !e.Grows {
			t.Errorf("the caller saw %.99q, without the door %.99q", r.text, bare.text)
		}
	}
	if !reflect.DeepEqual(r.recovered, bare.recovered) {
		t.Errorf("recovered %v, without the door %v", r.recovered, bare.recovered)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// ending returns what the run of a call has to say, which ended as got.
func (d *door) ending(c *consumer, e *standin.Expectation, stream bool, got *callback.Result) ending {
	want := ending{text: e.Text, errType: e.Error, finish: e.Finish, usage: e.Usage}
	if e.Grows {
		want.whole = strings.Repeat(e.Text, len(got.Response.Text()))
	}
	if c.when == whenItEnds {
		return want
	}
	whole := want
	want.errType, want.stopped = c.errType, c.stopped
	if !d.model && (c.errType == "panic" || c.errType == "goexit") {
		want.errType, want.stopped = "", true // either closes the stream
	}
	if c.when == whenItWaits || !stream { // and the only piece is the whole answer
		if c.stopped && e.Text == "" {
			want.usage = "estimated" // of a prompt that was taken
		}
		return want
	}
	want.text, want.finish, want.usage = e.First(), "error", "estimated"
	if !d.ahead {
		return want
	}
	text, finish, source := got.Response.Text(), got.Response.Choices[0].Finish, string(got.UsageSource)
	if want.whole = cmp.Or(whole.whole, e.Text); text == e.Text && callback.ErrorType(got.Err) == e.Error {
		want.errType, want.stopped = e.Error, got.Stopped
	}
	if finish != "" && finish == e.Finish {
		want.finish = finish
	}
	if source == e.Usage {
		want.usage = source
	}
	return want
}

// says fails t unless err says what is expected.
func says(t *testing.T, whose string, err error, e *standin.Expectation) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), e.Message) {
		t.Errorf("the %s's error %v does not say %q", whose, err, e.Message)
	}
	var ours *llm.Error
	if e.Retry != 0 && (!errors.As(err, &ours) || ours.RetryAfter != e.Retry) {
		t.Errorf("the %s's error %#v, want to retry after %v", whose, err, e.Retry)
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
	whole                        string // how far the text may have come, if it need not be the same
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
	if got := res.Response.Text(); got != want.text && !(strings.HasPrefix(got, want.text) && strings.HasPrefix(want.whole, got)) {
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
	if counted && (res.Usage.Input == 0 || res.Usage.Output == 0 && want.text != "") {
		t.Errorf("usage %+v", *res.Usage)
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

// client returns a client that tells when the head of an answer has come.
func (a *connections) client(headed func()) *http.Client {
	a.none = make(chan struct{})
	close(a.none)
	return &http.Client{Transport: heading{headed, &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
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
	}}}}
}

type heading struct {
	headed func()
	*http.Transport
}

func (h heading) RoundTrip(r *http.Request) (*http.Response, error) {
	defer h.headed()
	return h.Transport.RoundTrip(r)
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
