package spantree_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// record returns the spans of a conversation that shows every part of a tree.
func record(t *testing.T) tracetest.SpanStubs {
	t.Helper()
	memory := tracetest.NewInMemoryExporter()
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = 2
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(memory), sdktrace.WithRawSpanLimits(limits))
	tracer := p.Tracer("callspan")
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	at := func(s int) trace.SpanStartOption { return trace.WithTimestamp(day.Add(time.Duration(s) * time.Second)) }

	ctx, root := tracer.Start(t.Context(), "invoke_workflow flowershop", at(1), trace.WithAttributes(
		attribute.Int("callspan.total.calls", 2), attribute.Float64("callspan.total.cost_usd", 1), attribute.Bool("b", true),
		attribute.StringSlice("callspan.tags", []string{"玫瑰", "a\nb"}), attribute.Float64Slice("f", []float64{0.25, 1e-9}),
		attribute.BoolSlice("bs", []bool{true, false})))
	_, late := tracer.Start(ctx, "chat gpt-4o-mini", at(3), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("gen_ai.response.id", "chatcmpl-1"), attribute.Int("server.port", 43210), attribute.String("url", "http://127.0.0.1:43210/v1")))
	for i := range 3 {
		late.AddEvent("token", trace.WithAttributes(attribute.Int("callspan.token.index", i), attribute.Int64Slice("callspan.token.offsets_us", []int64{1, 2, 3})))
	}
	late.SetStatus(codes.Error, "dial tcp 127.0.0.1:43210: refused")
	late.End()
	_, early := tracer.Start(ctx, "load_memory", at(2), trace.WithLinks(trace.Link{SpanContext: root.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("why", "retry")}}))
	early.SetStatus(codes.Ok, "")
	early.End()
	root.End()

	remote := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{9}, SpanID: trace.SpanID{9}, TraceFlags: trace.FlagsSampled}))
	_, orphan := tracer.Start(remote, "execute_tool price", at(0), trace.WithSpanKind(trace.SpanKindServer))
	orphan.End()
	return memory.GetSpans()
}

const want = `- execute_tool price (server) (its parent is not here)

- invoke_workflow flowershop (internal)
    b = true
    bs = [true, false]
    callspan.tags = ["玫瑰", "a\nb"]
    callspan.total.calls = 2
    callspan.total.cost_usd = 1.0
    f = [0.25, 1e-09]
  - load_memory (internal) ok
      ~ link
          why = "retry"
  - chat gpt-4o-mini (client) error "dial tcp 127.0.0.1:<port>: refused"
      gen_ai.response.id = <id>
      server.port = <port>
      url = "http://127.0.0.1:<port>/v1"
      (1 events dropped)
      * token
          callspan.token.index = 1
          callspan.token.offsets_us = <us> x3
      * token
          callspan.token.index = 2
          callspan.token.offsets_us = <us> x3
`

func TestRender(t *testing.T) {
	stubs := record(t)
	if got := spantree.Render(spantree.FromSDK(stubs.Snapshots())); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	slices.Reverse(stubs)
	if got := spantree.Render(spantree.FromSDK(stubs.Snapshots())); got != want {
		t.Errorf("the order of the spans matters: got\n%s", got)
	}
}

// TestRenderOTLP sends the same spans through the real exporter.
func TestRenderOTLP(t *testing.T) {
	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	e, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(sink.Endpoint()), otlptracegrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(context.WithoutCancel(t.Context()))
	if err := e.ExportSpans(t.Context(), record(t).Snapshots()); err != nil {
		t.Fatal(err)
	}
	if got := spantree.Render(spantree.FromOTLP(sink.Spans())); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMask(t *testing.T) {
	spans := []spantree.Span{{Name: "chat", Attrs: map[string]any{"server.port": int64(443), "gen_ai.conversation.id": "c1", "raw": []byte{0, 255}, "none": nil}}}
	got := spantree.Render(spans, spantree.Mask{"gen_ai.conversation.id": "<id>"}, spantree.Mask{"server.port": ""})
	if want := "- chat\n    gen_ai.conversation.id = <id>\n    none = <nil>\n    raw = 0x00ff\n    server.port = 443\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := spantree.Render(nil); got != "" {
		t.Errorf("no spans: got %q", got)
	}
}

// TestTie starts two spans at the same time, as a fake clock does.
func TestTie(t *testing.T) {
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	id := func(n byte) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{n}})
	}
	stubs := tracetest.SpanStubs{
		{Name: "root", SpanContext: id(1), StartTime: day},
		{Name: "b", SpanContext: id(2), Parent: id(1), StartTime: day},
		{Name: "a", SpanContext: id(3), Parent: id(1), StartTime: day},
	}
	got := spantree.Render(spantree.FromSDK(stubs.Snapshots()))
	if names := strings.Fields(strings.ReplaceAll(got, "-", "")); !slices.Equal(names, []string{"root", "a", "b"}) {
		t.Errorf("got\n%s", got)
	}
}

func TestGolden(t *testing.T) {
	spantree.Golden(t, "testdata/tree.txtar", "tree", spantree.FromSDK(record(t).Snapshots()))
}
