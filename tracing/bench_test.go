package tracing_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/byhand"
	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tokens is a model that answers with n chunks at once.
func tokens(n int) llm.Model {
	return llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			for range n {
				if !yield(llm.Chunk{Text: " rose"}, nil) {
					return
				}
			}
			yield(llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: 20, Output: n}}, nil)
		}
	})
}

var benchCall = &llm.Request{Model: "gpt-4o-mini", Stream: true, Messages: []llm.Message{llm.User("roses")}}

// call returns a call of m whose answer is read to its end.
func call(ctx context.Context, m llm.Model) func() error {
	return func() error {
		for _, err := range m.Chat(ctx, benchCall) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// contenders returns the same call of n chunks four ways: bare; announced with
// nobody listening; with a span whose events are built at its end; and with
// one AddEvent per token, which is how other instrumentations do it, on spans
// that hold at most limit events (128 is the SDK's default, -1 is no limit).
func contenders(n, limit int) (bare, handlerless, traced, addEvent func() error) {
	ctx := context.Background()
	m := tokens(n)
	tr := benchProvider(limit).Tracer("bench")
	return call(ctx, m), call(ctx, callback.Model(m)),
		call(callback.WithHandlers(ctx, benchTracer()), callback.Model(m)),
		func() error {
			_, span := tr.Start(ctx, "chat gpt-4o-mini", trace.WithSpanKind(trace.SpanKindClient))
			i := 0
			for c := range m.Chat(ctx, benchCall) {
				span.AddEvent("token", trace.WithAttributes(attribute.Int("index", i),
					attribute.String("text", c.Text), attribute.Int64("offset_us", time.Now().UnixMicro())))
				i++
			}
			span.End()
			return nil
		}
}

func BenchmarkCall(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		bare, handlerless, traced, addEvent := contenders(n, 128)
		for _, c := range []struct {
			name string
			call func() error
		}{{"bare", bare}, {"handlerless", handlerless}, {"traced", traced}, {"addevent", addEvent}} {
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

var ratio = flag.Bool("ratio", false, "measure the cost of tracing in CPU time, alternated in one process")

// byHand is the same traced by hand.
func byHand(t *testing.T, n int) func() error {
	h, err := byhand.New(tokens(n), "gpt-4o-mini", nil, benchProvider(128), sdkmetric.NewMeterProvider())
	if err != nil {
		t.Fatal(err)
	}
	return call(context.Background(), h)
}

// TestRatio measures tracing alone: what a token costs in the stream, and a
// whole call with its end beside the same traced by hand and beside one AddEvent
// per token.
func TestRatio(t *testing.T) {
	if !*ratio {
		t.Skip("measures CPU time for some seconds; run with -ratio")
	}
	_, _, traced, addEvent := contenders(1000, 128)
	_, _, _, unlimited := contenders(1000, -1)
	const n = 40
	cpu, err := cputime.Alternate(40, n, traced, addEvent, unlimited, byHand(t, 1000))
	if err != nil {
		t.Fatal(err)
	}
	us := func(i int) float64 { return cpu.Seconds(i) / n * 1e6 }
	t.Logf("TRACING ns_per_token=%.0f us_per_call=%.0f addevent_us=%.0f of_addevent=%.3f by_hand=%.3f unlimited_us=%.0f of_unlimited=%.3f by_hand_of_unlimited=%.3f of_by_hand=%.2f (1,000 tokens)",
		inStream(), us(0), us(1), cpu.Ratio(0, 1), cpu.Ratio(3, 1), us(2), cpu.Ratio(0, 2), cpu.Ratio(3, 2), cpu.Ratio(0, 3))
}

// inStream returns the nanoseconds that a token takes longer in the stream, from
// the first one to the last, than with nobody listening: the median of calls in
// turn, so without the call's start and end.
func inStream() float64 {
	const n, rounds = 1000, 1000
	m := callback.Model(tokens(n))
	ctx, tracer := context.Background(), benchTracer()
	var took [2][]time.Duration
	for range rounds {
		for i, ctx := range []context.Context{ctx, callback.WithHandlers(ctx, tracer)} {
			var first time.Time
			got := 0
			for range m.Chat(ctx, benchCall) {
				switch got++; got {
				case 1:
					first = time.Now()
				case n:
					took[i] = append(took[i], time.Since(first))
				}
			}
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	return float64(took[1][rounds/2]-took[0][rounds/2]) / (n - 1)
}

// benchProvider exports nothing.
func benchProvider(limit int) *sdktrace.TracerProvider {
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = limit
	return sdktrace.NewTracerProvider(sdktrace.WithRawSpanLimits(limits))
}

func benchTracer() *tracing.Tracer {
	return tracing.New(tracing.WithTracerProvider(benchProvider(128)), tracing.WithMeterProvider(sdkmetric.NewMeterProvider()))
}

// BenchmarkStep is a span of the bare SDK beside a step whose run is a span.
func BenchmarkStep(b *testing.B) {
	ctx := context.Background()
	tr := benchProvider(128).Tracer("bench")
	traced := callback.WithHandlers(ctx, benchTracer())
	traced, root := callback.Group(traced, "root")
	defer root.End(nil)
	for _, c := range []struct {
		name string
		call func()
	}{
		{"bare", func() {
			_, span := tr.Start(ctx, "step")
			span.End()
		}},
		{"traced", func() {
			callback.Do(traced, &callback.Info{Kind: callback.KindChain, Name: "step"}, nil, func(context.Context) (int, error) { return 1, nil })
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.call()
			}
		})
	}
}
