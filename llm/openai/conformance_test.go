package openai_test

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/openai/doortest"
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
	_, file := export(t, play)
	conformance.Check(t, file, append(flags, "--require-metric", "gen_ai.client.token.usage",
		"--require-metric", "gen_ai.client.operation.duration")...)
}

// export returns what play's calls export through Setup and over the wire, and
// the name of a file with it. It fails t if that is not one span for each call.
func export(t *testing.T, play func(*tracing.Tracer) (calls int)) (*otlpjson.Data, string) {
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
	return data, f.Name()
}

// warned fails t unless the export of a door's runs has no errors, and just the
// warnings that the scenarios list which cause them.
func warned(t *testing.T, api string, data *otlpjson.Data, file string) {
	t.Helper()
	scenario := map[string]string{} // of a span
	for _, s := range data.Spans() {
		for _, kv := range s.Attributes {
			if kv.Key == "callspan.metadata.scenario" {
				scenario[hex.EncodeToString(s.SpanId)] = kv.Value.GetStringValue()
			}
		}
	}
	if len(scenario) != len(data.Spans()) {
		t.Errorf("%d spans of %d name their scenario", len(scenario), len(data.Spans()))
	}
	got, want := map[string]bool{}, map[string]bool{}
	for _, f := range conformance.Find(t, file) {
		if f.Level != "warn" || scenario[f.Span()] == "" {
			t.Errorf("%s: %+v", scenario[f.Span()], f)
			continue
		}
		// openai.api.type is recommended, and has no value for text completions.
		if api == llm.APICompletions && f.ID == "S05" && strings.Contains(f.Msg, "openai.api.type") {
			continue
		}
		if key := scenario[f.Span()] + " " + f.ID; !got[key] {
			got[key] = true
			t.Logf("%s: %s", key, f.Msg)
		}
	}
	for _, sc := range scenariosOf(api) {
		for _, stream := range []bool{true, false} {
			es, err := sc.Expectations(stream)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range es {
				for _, id := range e.Warns {
					want[sc.Name+" "+id] = true
				}
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("warnings of %v, the scenarios list %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func scenariosOf(api string) []standin.Scenario {
	switch api {
	case llm.APICompletions:
		return append(standin.CompletionScenarios(), standin.CompletionDialects()...)
	case llm.APIResponses:
		return standin.ResponseScenarios()
	case doortest.Embeddings:
		return standin.EmbeddingScenarios()
	}
	return append(standin.Scenarios(), standin.Dialects()...)
}
