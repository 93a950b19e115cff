package openai_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// traced returns a context whose calls become spans, which exp gets.
func traced(exp *exporter) context.Context {
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	return callback.WithHandlers(context.Background(), tracing.New(tracing.WithTracerProvider(tp), tracing.WithMeterProvider(mp)))
}

// textContenders returns the same text completion of n tokens three ways, as
// contenders does for chats.
func textContenders(n int) (bare, handlerless, withSpan func() error) {
	frames := make([]string, 0, n+3)
	for i := range n {
		frames = append(frames, piece(fmt.Sprint(" ", i%10), ""))
	}
	cfg := config(inMemory(sse(append(frames, piece("", "stop"), textUsage, "[DONE]")...)))
	client := openai.NewClientWithConfig(cfg)
	bare = func() error {
		return drain(client.CreateCompletionStream(context.Background(), openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "roses?"}))
	}
	m := callopenai.NewCompletion(cfg, callopenai.Options{Model: "gpt-3.5-turbo-instruct"})
	call := func(ctx context.Context) error {
		for _, err := range m.Chat(ctx, question) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	ctx := traced(new(exporter))
	return bare, func() error { return call(context.Background()) }, func() error { return call(ctx) }
}

// TestCompletionAllocations: as for chats, nobody pays by the token.
func TestCompletionAllocations(t *testing.T) {
	allocs := allocations(t)
	for _, n := range []int{1, 100, 2000} {
		bare, handlerless, withSpan := textContenders(n)
		base := allocs(bare)
		if got := allocs(withSpan) - base; got > 300 {
			t.Errorf("%d tokens: traced allocates %v more than bare, want at most 300", n, got)
		}
		if got := allocs(handlerless) - base; got > 60 {
			t.Errorf("%d tokens: handlerless allocates %v more than bare, want at most 60 whatever the length", n, got)
		}
	}
}

func BenchmarkCompletion(b *testing.B) {
	for _, n := range []int{1, 1000} {
		bare, handlerless, withSpan := textContenders(n)
		for _, c := range []struct {
			name string
			call func() error
		}{{"bare", bare}, {"handlerless", handlerless}, {"traced", withSpan}} {
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

// embedContenders returns the same embedding of n texts in 1,536 dimensions
// three ways.
func embedContenders(n int) (bare, handlerless, withSpan func() error) {
	data, inputs := make([]string, n), make([]string, n)
	for i := range data {
		data[i], inputs[i] = vector(i, floats(make([]float32, 1536)...)), fmt.Sprint("rose ", i)
	}
	cfg := config(inMemory(vectorsBody(nineTokens, data...)))
	client := openai.NewClientWithConfig(cfg)
	bare = func() error {
		_, err := client.CreateEmbeddings(context.Background(), openai.EmbeddingRequest{Model: openai.SmallEmbedding3, Input: inputs,
			EncodingFormat: openai.EmbeddingEncodingFormatBase64})
		return err
	}
	e := callopenai.NewEmbedder(cfg, callopenai.Options{Model: "text-embedding-3-small"})
	req := &llm.EmbedRequest{Inputs: inputs}
	call := func(ctx context.Context) error {
		_, err := e.Embed(ctx, req)
		return err
	}
	ctx := traced(new(exporter))
	return bare, func() error { return call(context.Background()) }, func() error { return call(ctx) }
}

// TestEmbedAllocations: a vector costs less than go-openai makes of it, as it
// is decoded once, and a span a bounded number for each call.
func TestEmbedAllocations(t *testing.T) {
	allocs := allocations(t)
	_, few, _ := embedContenders(20)
	_, many, _ := embedContenders(220)
	if got := (allocs(many) - allocs(few)) / 200; got > 4 {
		t.Errorf("%v allocations for each text, want at most 4", got)
	}
	for _, n := range []int{1, 200} {
		bare, handlerless, withSpan := embedContenders(n)
		base := allocs(bare)
		if got := allocs(handlerless) - base; got > 30 {
			t.Errorf("%d texts: handlerless allocates %v more than bare, want at most 30", n, got)
		}
		if got := allocs(withSpan) - base; got > 120 {
			t.Errorf("%d texts: traced allocates %v more than bare, want at most 120", n, got)
		}
	}
}

func BenchmarkEmbed(b *testing.B) {
	for _, n := range []int{1, 100} {
		bare, handlerless, withSpan := embedContenders(n)
		for _, c := range []struct {
			name string
			call func() error
		}{{"bare", bare}, {"handlerless", handlerless}, {"traced", withSpan}} {
			b.Run(fmt.Sprintf("%s/texts=%d", c.name, n), func(b *testing.B) {
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
