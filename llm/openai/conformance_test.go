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
	for _, tc := range []struct {
		door  door
		flags []string
	}{
		{doors[0], []string{"--require-op", "chat"}},
		// openai.api.type is recommended, and has no value for text completions. The
		// other attributes of the kind are in the golden trees of package tracing.
		{doors[1], []string{"--require-op", "text_completion", "--ignore", "S05"}},
	} {
		t.Run(tc.door.name, func(t *testing.T) {
			conformant(t, func(tracer *tracing.Tracer) (calls int) {
				everyEnding(t, tc.door, func(sc standin.Scenario, call int, e standin.Expectation, c consumer, stream bool) {
					ctx := callback.WithMetadata(t.Context(), map[string]any{"scenario": sc.Name})
					attempt(ctx, t, tc.door, sc, call, e, c, stream, []callback.Handler{tracer}, nil, func() { _ = tracer.Shutdown(context.Background()) })
					calls++
				})
				return calls
			}, tc.flags...)
		})
	}
}

// conformant fails t if what play's calls export breaks the conventions, or is
// not one span for each call.
func conformant(t *testing.T, play func(*tracing.Tracer) (calls int), flags ...string) {
	t.Helper()
	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+sink.Endpoint()),
		tracing.WithServiceName("endings"), tracing.WithContent(tracing.ContentBoth), tracing.WithEstimatedUsage())
	if err != nil {
		t.Fatal(err)
	}
	calls := play(tracer)
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
	conformance.Check(t, f.Name(), append(flags, "--require-metric", "gen_ai.client.token.usage",
		"--require-metric", "gen_ai.client.operation.duration")...)
}
