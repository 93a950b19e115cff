package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A careless error's method cannot do with a nil receiver.
type careless struct{ text string }

func (c *careless) Error() string { return c.text }

// TestMetadata: whatever a program says of its runs, their spans come, with what
// the calls have used.
func TestMetadata(t *testing.T) {
	many := map[string]any{"nil error": (*careless)(nil), "nil": nil}
	for i := range 130 {
		many[fmt.Sprintf("zz%03d", i)] = i
	}
	r := record()
	ctx := callback.WithMetadata(callback.WithHandlers(t.Context(), r.tracer), many)
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "Sure."}, done}, provider: "openai"}, ask("roses"))
	spans := r.spans()
	if len(spans) != 1 || spans[0].DroppedAttributes() > 0 {
		t.Fatalf("%d spans", len(spans))
	}
	entries := 0
	for _, kv := range spans[0].Attributes() {
		if strings.HasPrefix(string(kv.Key), "callspan.metadata.") {
			entries++
		}
	}
	if value(spans[0].Attributes(), "gen_ai.usage.output_tokens").AsInt64() == 0 || entries != 31 { // 32, of which one is nil
		t.Errorf("%d entries, attributes %v", entries, spans[0].Attributes())
	}
}

// TestKindOfAProgram: a kind of run that only the program knows is text as any
// other.
func TestKindOfAProgram(t *testing.T) {
	r := record()
	_, run := callback.Start(callback.WithHandlers(t.Context(), r.tracer), &callback.Info{Kind: "\xff" + callback.Kind(strings.Repeat("k", 10_000))})
	run.End(nil)
	s := r.spans()[0]
	kind := value(s.Attributes(), "callspan.run.kind").AsString()
	if !utf8.ValidString(kind) || !utf8.ValidString(s.Name()) || len(kind) > 1000 || len(s.Name()) > 1000 {
		t.Errorf("kind %.50q, name %.50q", kind, s.Name())
	}
}

// TestEventLimit: the times of all tokens are on the span, however few events it
// may have. Only a failure goes before them.
func TestEventLimit(t *testing.T) {
	for limit := 1; limit <= 6; limit++ {
		limits := sdktrace.NewSpanLimits()
		limits.EventCountLimit = limit
		exp := tracetest.NewInMemoryExporter()
		tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp), sdktrace.WithRawSpanLimits(limits))
		tr := tracing.New(tracing.WithTracerProvider(tp), tracing.WithTokenEvents(96, 32, limit))
		ctx := callback.WithHandlers(t.Context(), tr)
		_, call, err := callback.Open(ctx, &callback.Info{Kind: callback.KindLLM, Name: "m", Input: &llm.Request{Stream: true}})
		if err != nil {
			t.Fatal(err)
		}
		call.Event(callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: 2}})
		for range 5 {
			call.Chunk(&llm.Chunk{Text: "a"})
		}
		call.End(errors.New("cut"))
		s := exp.GetSpans()[0]
		offsets := 0
		for _, e := range s.Events {
			offsets += len(value(e.Attributes, "callspan.token.offsets_us").AsInt64Slice())
		}
		if limit > 1 && offsets != 5 || limit > 2 && s.DroppedEvents > 0 { // the retry, the exception and the tokens are three
			t.Errorf("limit %d: %d offsets, %d events dropped of %v", limit, offsets, s.DroppedEvents, s.Events)
		}
		if last := s.Events[len(s.Events)-1].Name; last != "exception" {
			t.Errorf("limit %d: the last event is %s", limit, last)
		}
	}
}

// TestSetupOddities: what is not UTF-8 in the resource does not cost the metrics,
// and a nil context is as good as an empty one.
func TestSetupOddities(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "a\xffb")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "k=x%ffy")
	s := sink(t, otlpsink.Config{})
	var rep reports
	//lint:ignore SA1012 a program that does so must not be worse off
	tracer, shutdown, err := tracing.Setup(nil, tracing.WithEndpoint("http://"+s.Endpoint()), tracing.WithErrorHandler(rep.add))
	if err != nil {
		t.Fatal(err)
	}
	collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	if err := shutdown(nil); err != nil {
		t.Error(err)
	}
	if len(rep.all) > 0 || len(s.Spans()) != 1 || len(s.Data().AllMetrics()) == 0 {
		t.Errorf("%d spans, %d metrics, reports %v", len(s.Spans()), len(s.Data().AllMetrics()), rep.all)
	}
}

// TestReportStatus: a receiver that is not well is reported with its status.
func TestReportStatus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer server.Close()
	ctx, shutdown, rep := setup(t, server.URL+"/v1/traces")
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	err := shutdown(500 * time.Millisecond)
	var lost *tracing.UndeliveredError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "503 Service Unavailable") {
		t.Errorf("shutdown: %v", err)
	}
	if len(rep.all) == 0 || !strings.Contains(rep.all[0], ": 503 Service Unavailable; the program goes on") {
		t.Errorf("reports %q", rep.all)
	}
}

// TestSetupChecksBefore: the exporters, which quote what they cannot read, are
// not asked to read it, even where the program says where to send.
func TestSetupChecksBefore(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "Authorization: Bearer secret")
			_, _, err := tracing.Setup(context.Background(), tracing.WithEndpoint("http://127.0.0.1:9"))
			if err == nil || !strings.Contains(err.Error(), name+" is a list") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestErrorHandlerPanics: who is told that spans are lost is told on goroutines of
// the program and of the exporter, neither of which a panic may end.
func TestErrorHandlerPanics(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	var told atomic.Int32
	over, enough := context.WithTimeout(t.Context(), time.Minute)
	defer enough()
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://127.0.0.1:1"),
		tracing.WithErrorHandler(func(error) { told.Add(1); enough(); panic("thorn") }))
	if err != nil {
		t.Fatal(err)
	}
	ctx := callback.WithHandlers(t.Context(), tracer)
	_, run := callback.Group(ctx, "vase")
	run.Close(nil)
	var lost *tracing.UndeliveredError
	if err := shutdown(over); !errors.As(err, &lost) || lost.Spans != 1 {
		t.Errorf("shutdown says %v", err)
	}
	before := told.Load()
	_, run = callback.Group(ctx, "late")
	run.Close(nil)
	if after := told.Load(); before == 0 || after == before {
		t.Errorf("told %d times, then %d", before, after)
	}
}
