package openai_test

import (
	"context"
	"errors"
	"io"
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

// typedTruth says where the run of a typed call cannot say what a scenario
// expects, because go-openai keeps it to itself.
var typedTruth = map[string]func(e *standin.Expectation, stream bool){
	// The last line, which nothing ends, is dropped: the caller never sees the
	// finish reason either.
	"open last line": func(e *standin.Expectation, _ bool) { e.Finish, e.Error = "error", "stream_truncated" },
	// A body without a line feed, or read as an answer, looks empty.
	"error with status 200": func(e *standin.Expectation, _ bool) { e.Error = "empty_response" },
}

// endless names the scenarios in which go-openai reads for ever.
var endless = map[string]bool{"line without end": true}

// A typedCall is a consumer's way through a typed call.
type typedCall struct {
	text string
	err  error
}

// drive makes a streamed or plain call of d for consumer c, who is one of those
// of the matrix as far as a Recv loop can be: pulls are not its concern.
func drive(ctx *endingContext, cl typedClient, d door, c consumer, stream bool, r *reading) (out typedCall) {
	content := func(text string) bool { out.text += text; return text != "" }
	if !stream {
		switch d.name {
		case "chat":
			resp, err := cl.CreateChatCompletion(ctx, openai.ChatCompletionRequest{Model: d.model, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Count!"}}})
			if out.err = err; err == nil && len(resp.Choices) > 0 {
				content(resp.Choices[0].Message.Content)
			}
		default:
			resp, err := cl.CreateCompletion(ctx, openai.CompletionRequest{Model: d.model, Prompt: "Count!"})
			if out.err = err; err == nil && len(resp.Choices) > 0 {
				content(resp.Choices[0].Text)
			}
		}
		return out
	}
	var next func() (string, error)
	var closer io.Closer
	usage := &openai.StreamOptions{IncludeUsage: true}
	switch d.name {
	case "chat":
		s, err := cl.stream(ctx, openai.ChatCompletionRequest{Model: d.model, StreamOptions: usage, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Count!"}}})
		if out.err = err; err != nil {
			return out
		}
		closer, next = s, func() (text string, err error) {
			f, err := s.Recv()
			for _, c := range f.Choices {
				text += c.Delta.Content
			}
			return text, err
		}
	default:
		s, err := cl.textStream(ctx, openai.CompletionRequest{Model: d.model, Prompt: "Count!", StreamOptions: usage})
		if out.err = err; err != nil {
			return out
		}
		closer, next = s, func() (text string, err error) {
			f, err := s.Recv()
			for _, c := range f.Choices {
				text += c.Text
			}
			return text, err
		}
	}
	defer closer.Close()
	for acted := false; ; {
		text, err := next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				out.err = err
			}
			return out
		}
		if !content(text) {
			continue
		}
		switch {
		case c.when == whenItWaits:
			if !r.expect.Grows && out.text == r.expect.Text || r.expect.Grows && len(out.text) == 20 {
				time.AfterFunc(5*time.Millisecond, func() { ctx.end(c.ends()) })
			}
		case c.when == whenItEnds || acted:
		case c.stopped:
			return out
		default:
			acted = true
			ctx.end(c.ends())
			if r.ended != nil {
				select {
				case <-r.ended:
				case <-time.After(5 * time.Second):
					out.err = errors.New("the run does not end with its context")
					return out
				}
			}
		}
	}
}

// ends returns how the consumer ends the context.
func (c *consumer) ends() error {
	if c.errType == "timeout" {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// A typedClient is go-openai's client or ours.
type typedClient struct {
	*openai.Client
	ours *callopenai.Client
}

type chatStream interface {
	Recv() (openai.ChatCompletionStreamResponse, error)
	Close() error
}

type textStream interface {
	Recv() (openai.CompletionResponse, error)
	Close() error
}

func (c typedClient) stream(ctx context.Context, r openai.ChatCompletionRequest) (chatStream, error) {
	if c.ours != nil {
		return c.ours.CreateChatCompletionStream(ctx, r)
	}
	return c.Client.CreateChatCompletionStream(ctx, r)
}

func (c typedClient) textStream(ctx context.Context, r openai.CompletionRequest) (textStream, error) {
	if c.ours != nil {
		return c.ours.CreateCompletionStream(ctx, r)
	}
	return c.Client.CreateCompletionStream(ctx, r)
}

func (c typedClient) CreateChatCompletion(ctx context.Context, r openai.ChatCompletionRequest) (openai.ChatCompletionResponse, error) {
	if c.ours != nil {
		return c.ours.CreateChatCompletion(ctx, r)
	}
	return c.Client.CreateChatCompletion(ctx, r)
}

func (c typedClient) CreateCompletion(ctx context.Context, r openai.CompletionRequest) (openai.CompletionResponse, error) {
	if c.ours != nil {
		return c.ours.CreateCompletion(ctx, r)
	}
	return c.Client.CreateCompletion(ctx, r)
}

// attemptTyped makes the call of a scenario through a typed client, with
// handlers or, if there are none, through the bare one.
func attemptTyped(ctx context.Context, t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool, handlers []callback.Handler, ended <-chan struct{}) (typedCall, *standin.API) {
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
	cl := typedClient{Client: openai.NewClientWithConfig(cfg)}
	if handlers != nil {
		cl.ours = callopenai.Wrap(cl.Client, callopenai.WithProvider("openai"), callopenai.WithHandlers(handlers...))
	}
	r := &reading{expect: e, ended: ended}
	ending := &endingContext{Context: ctx, done: make(chan struct{})}
	if c.when == whenItWaits && e.Text == "" {
		go func() { <-asked; time.AfterFunc(5*time.Millisecond, func() { ending.end(c.ends()) }) }()
	}
	out := drive(ending, cl, d, c, stream, r)
	ending.end(context.Canceled) // go-openai leaves the body of a refused stream open
	client.CloseIdleConnections()
	conns.closed(t)
	if err := server.Close(); err != nil {
		t.Errorf("the server has not come to rest: %v", err)
	}
	return out, api
}

// TestTypedEndings: the matrix of TestEndings through Wrap. The caller sees what
// the bare client gives him, and the span tells the truth.
func TestTypedEndings(t *testing.T) {
	for _, d := range doors {
		everyEnding(t, d, func(sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool) {
			switch c.errType {
			case "panic", "goexit", "abandoned": // are the caller's own, and leave the stream to him
				return
			}
			if endless[sc.Name] || c.name == "stops a pull" || !stream && c.when == whenItAnswers {
				return
			}
			if other := typedTruth[sc.Name]; other != nil {
				other(&e, stream)
			}
			name := d.name + "/" + sc.Name + "/" + map[bool]string{true: "streamed", false: "plain"}[stream] + "/" + c.name
			t.Run(name, func(t *testing.T) { testTypedEnding(t, d, sc, call, e, c, stream) })
		})
	}
}

func testTypedEnding(t *testing.T, d door, sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool) {
	before := goleak.IgnoreCurrent()
	exporter := tracetest.NewInMemoryExporter()
	w := &watcher{SpanProcessor: sdktrace.NewSimpleSpanProcessor(exporter), ended: make(chan struct{})}
	tracer := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w))), tracing.WithMeterProvider(noop.NewMeterProvider()))
	got, api := attemptTyped(t.Context(), t, d, sc, call, e, c, stream, []callback.Handler{tracer, w}, w.ended)
	bare, _ := attemptTyped(t.Context(), t, d, sc, call, e, c, stream, nil, nil)

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
		if want.errType = c.errType; want.text != "" && e.Grows {
			want.text = ""
		}
	}
	want.check(t, &spans[0], w.ends[0])
	if want.usage == "reported" {
		u := api.Reported()
		if got := w.ends[0].Usage; got.Input != u.Prompt || got.Output != u.Completion {
			t.Errorf("usage %+v, the API reported %+v", *got, u)
		}
	}
	if want.errType != "canceled" && want.errType != "timeout" || c.when == whenItWaits {
		if describe(got.err) != describe(bare.err) || callback.ErrorType(got.err) != callback.ErrorType(bare.err) {
			t.Errorf("the caller gets %v, without us %v", got.err, bare.err)
		}
		if got.text != bare.text && !e.Grows {
			t.Errorf("the caller saw %.99q, without us %.99q", got.text, bare.text)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
