package openai_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/tracing"
)

// TestConformance: what the endings of all scenarios export, through Setup and
// over the wire, with content, keeps OpenTelemetry's conventions. No scenario is
// excused from a warning.
func TestConformance(t *testing.T) {
	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+sink.Endpoint()),
		tracing.WithServiceName("endings"), tracing.WithContent(true), tracing.WithEstimatedUsage())
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, sc := range standin.Scenarios() {
		ctx := callback.WithMetadata(t.Context(), map[string]any{"scenario": sc.Name})
		for _, stream := range []bool{true, false} {
			expectations, err := sc.Expectations(stream)
			if err != nil {
				t.Fatal(err)
			}
			for call, e := range expectations {
				for _, c := range consumers {
					if c.fits(&e) {
						attempt(ctx, t, sc, call, e, c, stream, []callback.Handler{tracer}, nil, func() { _ = tracer.Shutdown(context.Background()) })
						calls++
					}
				}
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	data := sink.Data()
	if n := len(data.Spans()); n != calls {
		t.Fatalf("%d spans of %d calls", n, calls)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "export.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w := otlpjson.NewWriter(f)
	if err := errors.Join(w.WriteTraces(data.Traces), w.WriteMetrics(data.Metrics), f.Close()); err != nil {
		t.Fatal(err)
	}
	conformance.Check(t, f.Name(), "--require-op", "chat", "--require-metric", "gen_ai.client.token.usage",
		"--require-metric", "gen_ai.client.operation.duration")
}
