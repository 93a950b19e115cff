package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/byhand"
	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/price"
	"github.com/callspan/callspan/llm/token"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// answer is a stream of n tokens in OpenAI's form, with the usage at its end.
func answer(n int) []byte {
	words := []string{" pink", " roses", " and", " baby", "'s", " breath", ",", " wrapped", " in", " paper"}
	frames := make([]string, 0, n+3)
	frames = append(frames, delta(`{"role":"assistant","content":"","refusal":null}`, ""))
	for i := range n {
		frames = append(frames, delta(fmt.Sprintf(`{"content":%q}`, words[i%len(words)]), ""))
	}
	frames = append(frames, delta(`{}`, "stop"), fmt.Sprintf(
		`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":%d,"total_tokens":%d}}`, n, n+20), "[DONE]")
	return sse(frames...)
}

// inMemory answers with body, without a socket and without keeping anything.
type inMemory []byte

func (b inMemory) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(b)), Request: req}, nil
}

// exporter keeps the span that was exported last. Looking into each would cost
// more than some of what is measured.
type exporter struct {
	last atomic.Pointer[sdktrace.ReadOnlySpan]
}

func (e *exporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.last.Store(&spans[len(spans)-1])
	return nil
}

func (e *exporter) Shutdown(context.Context) error { return nil }

// counts returns the events of the last span and the token offsets in them.
func (e *exporter) counts() (events, offsets int) {
	span := e.last.Load()
	if span == nil {
		return 0, 0
	}
	for _, ev := range (*span).Events() {
		events++
		for _, a := range ev.Attributes {
			if a.Value.Type() == attribute.INT64SLICE {
				offsets += len(a.Value.AsInt64Slice())
			}
		}
	}
	return events, offsets
}

// contenders returns the same call three ways: go-openai alone, our model with
// nobody listening, and our model with a span that is exported.
func contenders(n int, req *llm.Request, exp *exporter) (bare, handlerless, traced func() error) {
	return contendersAt(config(inMemory(answer(n))), req, exp)
}

func contendersAt(cfg openai.ClientConfig, req *llm.Request, exp *exporter) (bare, handlerless, traced func() error) {
	client := openai.NewClientWithConfig(cfg)
	wire := openai.ChatCompletionRequest{Model: "gpt-4o-mini", StreamOptions: &openai.StreamOptions{IncludeUsage: true}}
	for _, m := range req.Messages {
		wire.Messages = append(wire.Messages, openai.ChatCompletionMessage{Role: string(m.Role), Content: m.Text()})
	}
	bare = func() error {
		return drain(client.CreateChatCompletionStream(context.Background(), wire))
	}
	m := callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini"})
	call := func(ctx context.Context) error {
		for _, err := range m.Chat(ctx, req) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	ctx := callback.WithHandlers(context.Background(), tracing.New(tracing.WithTracerProvider(tp), tracing.WithMeterProvider(mp)))
	return bare, func() error { return call(context.Background()) }, func() error { return call(ctx) }
}

func BenchmarkStream(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		bare, handlerless, traced := contenders(n, question, new(exporter))
		for _, c := range []struct {
			name string
			call func() error
		}{{"bare", bare}, {"handlerless", handlerless}, {"traced", traced}} {
			b.Run(fmt.Sprintf("%s/tokens=%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.call(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// history is a conversation of n turns and a question.
func history(n int) *llm.Request {
	req := &llm.Request{Stream: true, Messages: []llm.Message{llm.System("You are a florist who remembers every customer.")}}
	for i := range n {
		req.Messages = append(req.Messages,
			llm.User(fmt.Sprintf("Turn %d: my sister likes pink roses, what else goes with them on her birthday?", i)).From(llm.SourceHistory),
			llm.Assistant(fmt.Sprintf("Answer %d: baby's breath and eucalyptus go well with pink roses, and they keep for a week.", i)).From(llm.SourceHistory))
	}
	req.Messages = append(req.Messages, llm.User("Do you remember why I came?"))
	return req
}

// BenchmarkHistory is a call with 30 turns of history, whose prompt is counted
// by source when it is traced.
func BenchmarkHistory(b *testing.B) {
	_, handlerless, traced := contenders(100, history(30), new(exporter))
	for _, c := range []struct {
		name string
		call func() error
	}{{"handlerless", handlerless}, {"traced", traced}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var ratio = flag.Bool("ratio", false, "measure the cost of tracing in CPU time, alternated in one process")

// TestRatio measures what the promises in docs/performance.md are about. Short
// blocks of each contender follow each other, so that a slow moment of the
// machine meets all of them.
func TestRatio(t *testing.T) {
	if !*ratio {
		t.Skip("measures CPU time for about a minute; run with -ratio")
	}
	const tokens = 1000
	exp := new(exporter)
	bare, handlerless, traced := contenders(tokens, question, exp)
	cpu := alternate(t, 40, 8, bare, handlerless, traced)
	events, offsets := exp.counts()
	allocs := func(call func() error) float64 {
		return testing.AllocsPerRun(20, func() { call() })
	}
	base := allocs(bare)
	line, err := json.Marshal(struct {
		Tokens            int     `json:"tokens"`
		Handlerless       float64 `json:"handlerless"`
		Traced            float64 `json:"traced"`
		HandlerlessAllocs float64 `json:"handlerless_allocs"`
		TracedAllocs      float64 `json:"traced_allocs"`
		Events            int     `json:"events"`
		Offsets           int     `json:"offsets"`
	}{tokens, round(cpu.Ratio(1, 0)), round(cpu.Ratio(2, 0)), allocs(handlerless) - base, allocs(traced) - base,
		events, offsets})
	if err != nil {
		t.Fatal(err)
	}
	if offsets != tokens {
		t.Errorf("%d offsets of %d tokens", offsets, tokens)
	}
	t.Logf("RATIO %s", line)

	// A conversation of 30 turns and an answer of 100 tokens, in memory and from
	// a server in another process, whose work is not counted, beside the same
	// traced by hand.
	cfg := openai.DefaultConfig("key")
	cfg.BaseURL = cputime.OtherProcess(t, serveVariable, "100")
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	of := func(cfg openai.ClientConfig, n int) string {
		bare, handlerless, traced := contendersAt(cfg, history(30), new(exporter))
		cpu := alternate(t, 40, n, bare, handlerless, traced, byHand(t, cfg, history(30)))
		return fmt.Sprintf(`{"of_handlerless":%v,"of_bare":%v,"by_hand_of_handlerless":%v}`,
			round(cpu.Ratio(2, 1)), round(cpu.Ratio(2, 0)), round(cpu.Ratio(3, 1)))
	}
	t.Logf(`HISTORY {"turns":30,"tokens":100,"memory":%s,"network":%s}`, of(config(inMemory(answer(100))), 40), of(cfg, 20))
}

// byHand is our model's call, which nobody listens to, traced by hand.
func byHand(t *testing.T, cfg openai.ClientConfig, req *llm.Request) func() error {
	t.Helper()
	h, err := byhand.New(callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini"}), "gpt-4o-mini", token.Meter{Model: "gpt-4o-mini"},
		sdktrace.NewTracerProvider(sdktrace.WithSyncer(new(exporter))), sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		for _, err := range h.Chat(context.Background(), req) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

const serveVariable = "CALLSPAN_TEST_SERVE_TOKENS"

// serve streams n tokens to whoever asks, until its input ends.
func serve(n int) {
	frames := bytes.SplitAfter(answer(n), []byte("\n\n"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for _, f := range frames {
			w.Write(f)
			http.NewResponseController(w).Flush()
		}
	}))
	defer server.Close()
	cputime.Serve(server.URL + "/v1")
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

func alternate(t *testing.T, rounds, n int, calls ...func() error) cputime.Blocks {
	t.Helper()
	cpu, err := cputime.Alternate(rounds, n, calls...)
	if err != nil {
		t.Fatal(err)
	}
	return cpu
}

// allocations returns what counts the allocations of a call. The race detector
// makes a sync.Pool forget at random, go-openai's and ours alike, so that two
// counts under it differ by chance.
func allocations(t *testing.T) func(call func() error) float64 {
	t.Helper()
	if raceDetector {
		t.Skip("under the race detector pools forget at random, so allocations are not counted")
	}
	loaded(t)
	return func(call func() error) float64 {
		return testing.AllocsPerRun(10, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// loaded waits for the vocabularies and the prices, which the package loads in the
// background.
func loaded(t *testing.T) {
	t.Helper()
	price.Default()
	for _, model := range []string{"gpt-4o-mini", "text-embedding-3-small"} {
		if _, err := token.ForModel(model); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTracedAllocations: tracing costs a bounded number of allocations for each
// call, whatever the length of the answer, and nothing for each token when
// nobody listens.
func TestTracedAllocations(t *testing.T) {
	allocs := allocations(t)
	for _, n := range []int{1, 96, 100, 1000, 5000} {
		bare, handlerless, traced := contenders(n, question, new(exporter))
		base := allocs(bare)
		if got := allocs(traced) - base; got > 300 {
			t.Errorf("%d tokens: traced allocates %v more than bare, want at most 300", n, got)
		}
		if got := allocs(handlerless) - base; got > 60 {
			t.Errorf("%d tokens: handlerless allocates %v more than bare, want at most 60 whatever the length", n, got)
		}
	}
}
