package tracing_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
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

// contenders returns the same call of n chunks four ways: bare; announced with
// nobody listening; with a span whose events are built at its end; and with
// one AddEvent per token, which is how other instrumentations do it, on spans
// that hold at most limit events (128 is the SDK's default, -1 is no limit).
func contenders(n, limit int) (bare, handlerless, traced, addEvent func() error) {
	req := &llm.Request{Model: "gpt-4o-mini", Stream: true, Messages: []llm.Message{llm.User("roses")}}
	call := func(ctx context.Context, m llm.Model) func() error {
		return func() error {
			for _, err := range m.Chat(ctx, req) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	ctx := context.Background()
	m := tokens(n)
	tr := benchProvider(limit).Tracer("bench")
	return call(ctx, m), call(ctx, callback.Model(m)),
		call(callback.WithHandlers(ctx, benchTracer()), callback.Model(m)),
		func() error {
			_, span := tr.Start(ctx, "chat gpt-4o-mini", trace.WithSpanKind(trace.SpanKindClient))
			i := 0
			for c := range m.Chat(ctx, req) {
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

// least is the least that a traced call of n chunks can cost with the SDK: the
// clock is read for each chunk, and a span has the events that ours has, and
// nothing else.
func least(n int) func() error {
	req := &llm.Request{Model: "gpt-4o-mini", Stream: true, Messages: []llm.Message{llm.User("roses")}}
	m := tokens(n)
	tr := benchProvider(128).Tracer("bench")
	at := make([]int64, 0, n+1)
	return func() error {
		_, span := tr.Start(context.Background(), "chat gpt-4o-mini", trace.WithSpanKind(trace.SpanKindClient))
		begin := time.Now()
		at = at[:0]
		for range m.Chat(context.Background(), req) {
			at = append(at, time.Since(begin).Microseconds())
		}
		const events = 32
		attrs := make([]attribute.KeyValue, 2)
		for i := range events {
			from, to := n*i/events, n*(i+1)/events
			attrs[0], attrs[1] = attribute.Int("index", from), attribute.Int64Slice("offsets_us", at[from:to])
			span.AddEvent("token", trace.WithTimestamp(begin.Add(time.Duration(at[from])*time.Microsecond)), trace.WithAttributes(attrs...))
		}
		span.End()
		return nil
	}
}

// TestRatio measures tracing alone: what a token costs in the stream, and a
// whole call against one AddEvent per token, and against the least that it can
// cost.
func TestRatio(t *testing.T) {
	if !*ratio {
		t.Skip("measures CPU time for some seconds; run with -ratio")
	}
	_, _, short, addEvent := contenders(1000, 128)
	_, _, long, _ := contenders(2000, 128)
	_, _, _, unlimited := contenders(1000, -1)
	const n = 40
	cpu, err := cputime.Alternate(40, n, short, long, addEvent, unlimited, least(1000))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("TRACING ns_per_token=%.0f us_per_call=%.0f least_us=%.0f of_addevent=%.3f addevent_us=%.0f of_unlimited=%.3f unlimited_us=%.0f (1,000 tokens)",
		(cpu[1]-cpu[0])/n/1000*1e9, cpu[0]/n*1e6, cpu[4]/n*1e6, cpu[0]/cpu[2], cpu[2]/n*1e6, cpu[0]/cpu[3], cpu[3]/n*1e6)
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
