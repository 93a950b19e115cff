package byhand_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/byhand"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

type meter struct{}

func (meter) Estimate(*llm.Request, *llm.Response) (llm.Usage, bool) { return llm.Usage{}, false }
func (meter) Split(*llm.Request) (m llm.Makeup, ok bool) {
	m[llm.SourceHistory] = 7
	return m, true
}

// TestModel: what others are measured beside does what it says.
func TestModel(t *testing.T) {
	m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			for range 1000 {
				yield(llm.Chunk{Text: "rose "}, nil)
			}
			yield(llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: 20, Output: 1000}}, nil)
		}
	})
	spans := tracetest.NewInMemoryExporter()
	points := sdkmetric.NewManualReader()
	h, err := byhand.New(m, "gpt-4o-mini", meter{}, sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(points)))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range h.Chat(t.Context(), &llm.Request{Stream: true}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.Repeat("rose ", 1000); h.Text != want {
		t.Errorf("text of %d bytes, want %d", len(h.Text), len(want))
	}
	got := spans.GetSpans()
	if len(got) != 1 || got[0].Name != "chat gpt-4o-mini" || len(got[0].Events) != 32 {
		t.Fatalf("spans %+v", got)
	}
	offsets := 0
	for i, e := range got[0].Events {
		if first := e.Attributes[0].Value.AsInt64(); first != int64(1000*i/32) {
			t.Errorf("event %d begins with token %d", i, first)
		}
		for _, a := range e.Attributes {
			if a.Value.Type() == attribute.INT64SLICE {
				offsets += len(a.Value.AsInt64Slice())
			}
		}
	}
	if offsets != 1000 {
		t.Errorf("%d offsets of 1000 tokens", offsets)
	}
	set := attribute.NewSet(got[0].Attributes...)
	for key, want := range map[attribute.Key]attribute.Value{
		"gen_ai.request.model":       attribute.StringValue("gpt-4o-mini"),
		"gen_ai.usage.output_tokens": attribute.IntValue(1000),
		"prompt.history":             attribute.IntValue(7),
		"chunks":                     attribute.IntValue(1000),
	} {
		if v, _ := set.Value(key); v != want {
			t.Errorf("%s is %v, want %v", key, v.String(), want.String())
		}
	}
	var rm metricdata.ResourceMetrics
	if err := points.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	if n := len(rm.ScopeMetrics[0].Metrics); n != 3 {
		t.Errorf("%d metrics, want 3", n)
	}
}
