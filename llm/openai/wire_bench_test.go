package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// streamed answers with body as a stream, in memory.
type streamed []byte

func (b streamed) Do(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, ContentLength: -1,
		Body: io.NopCloser(bytes.NewReader(b)), Request: req}, nil
}

// wireContenders returns the same call of go-openai's client three ways: bare,
// over the wire door with a span that is exported, and so that its usage has to
// be asked for and kept from it.
func wireContenders(n int, exp *exporter) (bare, wire, hidden func() error) {
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	ctx := callback.WithHandlers(context.Background(), tracing.New(tracing.WithTracerProvider(tp), tracing.WithMeterProvider(mp)))
	call := func(ctx context.Context, wrap, usage bool) func() error {
		cfg := config(streamed(answer(n)))
		if wrap {
			callopenai.WrapConfig(&cfg)
		}
		client := openai.NewClientWithConfig(cfg)
		req := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{
			{Role: "system", Content: "You sell flowers."}, {Role: "user", Content: "roses?"}}}
		if usage {
			req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		}
		return func() error {
			return drain(client.CreateChatCompletionStream(ctx, req))
		}
	}
	return call(context.Background(), false, true), call(ctx, true, true), call(ctx, true, false)
}

// BenchmarkWire is go-openai's client alone, and over the wire door.
func BenchmarkWire(b *testing.B) {
	for _, n := range []int{100, 1000} {
		bare, wire, hidden := wireContenders(n, new(exporter))
		for _, c := range []struct {
			name string
			call func() error
		}{{"bare", bare}, {"wire", wire}, {"hidden", hidden}} {
			b.Run(fmt.Sprintf("%s/chunks=%d", c.name, n), func(b *testing.B) {
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

// TestWireRatio measures the wire door as TestRatio does the adapter.
func TestWireRatio(t *testing.T) {
	if !*ratio {
		t.Skip("measures CPU time for half a minute; run with -ratio")
	}
	const chunks = 1000
	exp := new(exporter)
	bare, wire, hidden := wireContenders(chunks, exp)
	cpu := alternate(t, 40, 8, bare, wire, hidden)
	if _, offsets := exp.counts(); offsets != chunks {
		t.Errorf("%d offsets of %d chunks", offsets, chunks)
	}
	allocs := func(call func() error) float64 { return testing.AllocsPerRun(20, func() { call() }) }
	base := allocs(bare)
	line, err := json.Marshal(struct {
		Chunks         int     `json:"chunks"`
		Wire           float64 `json:"wire"`
		Hidden         float64 `json:"hidden"`
		AllocsPerChunk float64 `json:"allocs_per_chunk"`
		HiddenPerChunk float64 `json:"hidden_allocs_per_chunk"`
	}{chunks, round(cpu.Ratio(1, 0)), round(cpu.Ratio(2, 0)), round((allocs(wire) - base) / chunks), round((allocs(hidden) - base) / chunks)})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("WIRE %s", line)
}

// TestWireAllocations: the wire door costs at most two allocations for a chunk,
// and a bounded number for a call.
func TestWireAllocations(t *testing.T) {
	allocs := allocations(t)
	const chunks = 1000
	bare, wire, hidden := wireContenders(chunks, new(exporter))
	base := allocs(bare)
	for name, call := range map[string]func() error{"wire": wire, "hidden": hidden} {
		if got := allocs(call) - base; got > 2*chunks+400 {
			t.Errorf("%s: %v allocations more than bare for %d chunks, want at most two for each", name, got, chunks)
		}
	}
}
