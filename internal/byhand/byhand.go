// Package byhand traces a model's calls with OpenTelemetry alone, in one
// function, as one would write it for one program. Benchmarks measure beside it
// what this module costs.
package byhand

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// A Model passes on the stream of another one, and makes a span of each call with
// what package tracing has in it where all goes well: request and usage, when
// each token came, the prompt's make-up. It collects the text, and records four
// points of metrics. It has neither runs, totals and prices, nor does it care for
// errors, panics and whoever leaves early, and makes one call at a time.
type Model struct {
	Model llm.Model
	Name  string
	Meter llm.Meter // counts the prompt by source; may be nil
	Text  string    // of the last answer

	tracer          trace.Tracer
	tokens          metric.Int64Histogram
	duration, first metric.Float64Histogram
	plain           metric.MeasurementOption
	input, output   metric.MeasurementOption

	answers sync.Pool // *answer
}

type answer struct {
	at   []int64
	text []byte
}

// New returns a Model.
func New(m llm.Model, name string, meter llm.Meter, tp trace.TracerProvider, mp metric.MeterProvider) (*Model, error) {
	h := &Model{Model: m, Name: name, Meter: meter, tracer: tp.Tracer("byhand")}
	h.answers.New = func() any { return new(answer) }
	instruments := mp.Meter("byhand")
	var err error
	if h.tokens, err = instruments.Int64Histogram("gen_ai.client.token.usage"); err != nil {
		return nil, err
	}
	if h.duration, err = instruments.Float64Histogram("gen_ai.client.operation.duration"); err != nil {
		return nil, err
	}
	if h.first, err = instruments.Float64Histogram("gen_ai.client.operation.time_to_first_chunk"); err != nil {
		return nil, err
	}
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(append(h.request(), more...)...))
	}
	h.plain, h.input, h.output = with(), with(semconv.GenAITokenTypeKey.String("input")), with(semconv.GenAITokenTypeKey.String("output"))
	return h, nil
}

func (h *Model) request() []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.GenAIOperationNameKey.String("chat"),
		semconv.GenAIProviderNameKey.String("openai"),
		semconv.GenAIRequestModelKey.String(h.Name),
	}
}

// Chat implements [llm.Model].
func (h *Model) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		begin := time.Now()
		ctx, span := h.tracer.Start(ctx, "chat "+h.Name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(begin),
			trace.WithAttributes(append(h.request(), attribute.Bool("gen_ai.request.stream", req.Stream))...))
		a := h.answers.Get().(*answer)
		a.at, a.text = a.at[:0], a.text[:0]
		var (
			usage  llm.Usage
			finish string
		)
		for c, err := range h.Model.Chat(ctx, req) {
			if c.HasContent() {
				a.at = append(a.at, int64(time.Since(begin)))
				a.text = append(a.text, c.Text...)
			}
			if c.Finish != "" {
				finish = c.Finish
			}
			if c.Usage != nil {
				usage = *c.Usage
			}
			if !yield(c, err) {
				break
			}
		}
		h.end(ctx, span, req, a, begin, usage, finish)
		h.answers.Put(a)
	}
}

func (h *Model) end(ctx context.Context, span trace.Span, req *llm.Request, a *answer, begin time.Time, usage llm.Usage, finish string) {
	end := time.Now()
	h.Text = string(a.text)
	first := 0.0
	var stall int64
	for i, at := range a.at {
		if i == 0 {
			first = time.Duration(at).Seconds()
		} else {
			stall = max(stall, at-a.at[i-1])
		}
	}
	attrs := []attribute.KeyValue{
		semconv.GenAIResponseFinishReasonsKey.StringSlice([]string{finish}),
		semconv.GenAIUsageInputTokensKey.Int(usage.Input),
		semconv.GenAIUsageOutputTokensKey.Int(usage.Output),
		semconv.GenAIResponseTimeToFirstChunkKey.Float64(first),
		attribute.Int("chunks", len(a.at)),
		attribute.Float64("longest_stall", time.Duration(stall).Seconds()),
	}
	if h.Meter != nil {
		makeup, _ := h.Meter.Split(req)
		for _, s := range llm.Sources() {
			if makeup[s] > 0 {
				attrs = append(attrs, attribute.Int("prompt."+s.String(), makeup[s]))
			}
		}
	}
	span.SetAttributes(attrs...)
	events(span, begin, a.at)
	h.duration.Record(ctx, end.Sub(begin).Seconds(), h.plain)
	h.first.Record(ctx, first, h.plain)
	h.tokens.Record(ctx, int64(usage.Input), h.input)
	h.tokens.Record(ctx, int64(usage.Output), h.output)
	span.End(trace.WithTimestamp(end))
}

// events adds as many events to a span as package tracing does for as many
// tokens, with the times of all.
func events(span trace.Span, begin time.Time, at []int64) {
	groups := len(at)
	if groups > 96 {
		groups = 32
	}
	attrs := make([]attribute.KeyValue, 2)
	option := trace.WithAttributes(attrs...)
	offsets := make([]int64, 0, 64)
	for g := range groups {
		from, to := len(at)*g/groups, len(at)*(g+1)/groups
		offsets = offsets[:0]
		for _, t := range at[from:to] {
			offsets = append(offsets, t/int64(time.Microsecond))
		}
		attrs[0], attrs[1] = attribute.Int("index", from), attribute.Int64Slice("offsets_us", offsets)
		span.AddEvent("token", trace.WithTimestamp(begin.Add(time.Duration(at[from]))), option)
	}
}
