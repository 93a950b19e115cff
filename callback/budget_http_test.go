package callback_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

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
)

// A backend is a stand-in API that says some words and then stalls.
type backend struct {
	*httptest.Server
	requests atomic.Int32
	proto    atomic.Int32
	asked    chan struct{} // told of each request
	gaveUp   chan error    // how the context of a request ended
}

func serve(t *testing.T, http2 bool, words int) *backend {
	api := &standin.API{
		Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
			return standin.Text(standin.ScenarioAnswer), nil
		},
		Script: func(*standin.Request) standin.Script {
			if words == 0 {
				return standin.Script{{End: standin.EndStall}}
			}
			return standin.Script{{Play: standin.PartContent, N: words}, {End: standin.EndStall}}
		},
	}
	b := &backend{asked: make(chan struct{}, 9), gaveUp: make(chan error, 9)}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		b.proto.Store(int32(r.ProtoMajor))
		b.asked <- struct{}{}
		api.ServeHTTP(w, r)
		b.gaveUp <- r.Context().Err()
	}))
	b.EnableHTTP2 = http2
	b.StartTLS()
	t.Cleanup(b.Close)
	return b
}

func (b *backend) model() llm.Model {
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.BaseURL, cfg.HTTPClient = b.URL+"/v1", b.Client()
	return callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Provider: "openai"})
}

// TestBudgetHTTP: over HTTP/1 and HTTP/2 alike, an answer that goes over the
// limit is cut off, the server sees the request cancelled, caller and span are
// told that it was the budget, and the next call does not reach the server.
func TestBudgetHTTP(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
		t.Run("C18 "+name, func(t *testing.T) {
			server := serve(t, http2, 6)
			exporter := tracetest.NewInMemoryExporter()
			tracer := tracing.New(tracing.WithMeterProvider(noop.NewMeterProvider()),
				tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))))
			ctx := callback.WithHandlers(t.Context(), tracer)
			// "You sell flowers." and "roses?" are 18 tokens of prompt.
			ctx, budget := callback.WithBudget(ctx, callback.Limit{Tokens: 18 + 3})
			req := &llm.Request{Messages: []llm.Message{llm.System("You sell flowers."), llm.User("roses?")}, Stream: true}

			resp, err := llm.Collect(server.model().Chat(ctx, req))
			if e := over(t, err); e.What != "tokens" || e.Spent.Tokens != 22 || resp.Text() != "one two three four" {
				t.Errorf("%v; %q", e, resp.Text())
			}
			if got := <-server.gaveUp; !errors.Is(got, context.Canceled) {
				t.Errorf("the server sees %v", got)
			}
			if want := map[bool]int32{false: 1, true: 2}[http2]; server.proto.Load() != want {
				t.Errorf("HTTP/%d", server.proto.Load())
			}
			_, err = llm.Collect(server.model().Chat(ctx, req))
			if e := over(t, err); e.Need.Tokens != 19 || server.requests.Load() != 1 {
				t.Errorf("%v; %d requests", e, server.requests.Load())
			}
			if got := budget.Spent(); got.Calls != 1 || got.Tokens != 22 {
				t.Errorf("spent %+v", got)
			}

			spans := spantree.FromSDK(exporter.GetSpans().Snapshots())
			if len(spans) != 2 {
				t.Fatalf("%d spans", len(spans))
			}
			for _, s := range spans {
				if s.Status != "error" || s.Attrs["error.type"] != "budget_exceeded" {
					t.Errorf("span is %q, %v: %s", s.Status, s.Attrs["error.type"], s.Reason)
				}
			}
			cut, refused := spans[0].Attrs, spans[1].Attrs
			if cut["gen_ai.usage.input_tokens"] != int64(18) || cut["gen_ai.usage.output_tokens"] != int64(4) || cut["callspan.usage.source"] != "estimated" {
				t.Errorf("the answer that was cut off has %v", cut)
			}
			if _, counted := refused["gen_ai.usage.input_tokens"]; counted {
				t.Errorf("the call that was refused has %v", refused)
			}
			if spans[0].Reason != "budget of 21 tokens exceeded: the answer was cut off at about 22" ||
				spans[1].Reason != "budget of 21 tokens exceeded: 22 spent, and the call needs about 19" {
				t.Errorf("reasons %q and %q", spans[0].Reason, spans[1].Reason)
			}
		})
	}
}

// TestBudgetHTTPBlocked: where a budget's error ends the context of a call that
// waits for the server, as an errgroup's does, the caller gets that error on
// HTTP/1 and HTTP/2.
func TestBudgetHTTPBlocked(t *testing.T) {
	for _, tc := range []struct {
		name  string
		http2 bool
		words int
	}{
		{"HTTP/1 before the answer", false, 0},
		{"HTTP/2 before the answer", true, 0},
		{"HTTP/1 within the answer", false, 2},
		{"HTTP/2 within the answer", true, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := serve(t, tc.http2, tc.words)
			rec := &recorder{}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			cause := &callback.BudgetError{What: "calls"}
			if tc.words == 0 {
				go func() { <-server.asked; cancel(cause) }()
			}
			chunks := 0
			var last error
			for c, err := range callback.Model(server.model(), rec).Chat(ctx, question) {
				if last = err; c.HasContent() {
					if chunks++; chunks == tc.words {
						go cancel(cause)
					}
				}
			}
			res, n := rec.last(t)
			if over(t, last) != cause || over(t, res.Err) != cause || n != 1 {
				t.Errorf("caller got %v, run %v in %d ends", last, res.Err, n)
			}
			if got := <-server.gaveUp; !errors.Is(got, context.Canceled) {
				t.Errorf("the server sees %v", got)
			}
		})
	}
}
