package retrieval_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/token"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// canned answers every request with the same bytes.
type canned string

func (c canned) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader([]byte(c))), Request: req}, nil
}

// TestRetrievedTokens: what documents cost is told apart in the span of the
// model call, be they a message of their own or part of one.
func TestRetrievedTokens(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	tracer := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))))
	cfg := openai.DefaultConfig("sk-0123456789abcdef")
	cfg.HTTPClient = canned(`{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Joy."},"finish_reason":"stop"}]}`)
	model := callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini"})
	docs, err := shop(t).Retrieve(t.Context(), "What do pink roses stand for?")
	if err != nil {
		t.Fatal(err)
	}
	const texts = 42 // tokens of the four documents and what is between them
	if n := (token.Meter{Model: "gpt-4o-mini"}).Count(retrieval.Part(docs).Text); n != texts {
		t.Fatalf("the documents have %d tokens", n)
	}
	question := llm.Part{Text: "\n\nWhat do pink roses stand for?", Source: llm.SourceInput}
	for _, tc := range []struct {
		name     string
		messages []llm.Message
		want     map[string]int64
	}{
		{"message", []llm.Message{llm.System("Answer."), retrieval.Message(docs), llm.User("Roses?")}, map[string]int64{"retrieved": texts, "system": 2, "input": 3, "overhead": 15}},
		{"part", []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{retrieval.Part(docs), question}}}, map[string]int64{"retrieved": texts, "input": 7, "overhead": 7}}, // a token spans both and is the first's
		{"none", []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{retrieval.Part(nil), question}}}, map[string]int64{"input": 8, "overhead": 7}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			exporter.Reset()
			if _, err := llm.Collect(model.Chat(callback.WithHandlers(t.Context(), tracer), &llm.Request{Messages: tc.messages})); err != nil {
				t.Fatal(err)
			}
			got, all := map[string]int64{}, int64(0)
			for _, kv := range exporter.GetSpans()[0].Attributes {
				if source, ok := strings.CutPrefix(string(kv.Key), "callspan.prompt."); ok {
					got[strings.TrimSuffix(source, "_tokens")] = kv.Value.AsInt64()
				}
				if kv.Key == "gen_ai.usage.input_tokens" {
					all = kv.Value.AsInt64()
				}
			}
			for source, n := range tc.want {
				if all -= n; got[source] != n {
					t.Errorf("%s: %d tokens, want %d", source, got[source], n)
				}
			}
			if len(got) != len(tc.want) || all != 0 {
				t.Errorf("sources %v, want %v, which leaves out %d", got, tc.want, all)
			}
		})
	}
}
