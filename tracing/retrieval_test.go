package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
)

// compass embeds a text as the direction that its length gives, and says what
// that took. It refuses texts of one letter.
type compass struct{}

func (compass) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "text-embedding-3-small", Address: "api.openai.com", Port: 443}
}

func (compass) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	resp := &llm.EmbedResponse{Meta: llm.Meta{Model: "text-embedding-3-small"}, Usage: &llm.Usage{}}
	for _, text := range req.Inputs {
		if len(text) == 1 {
			return nil, &llm.Error{Status: 429, Code: "rate_limit_exceeded", Message: "slow down"}
		}
		resp.Vectors = append(resp.Vectors, []float32{float32(len(text)), 40})
		resp.Usage.Input += (len(text) + 3) / 4
	}
	return resp, nil
}

const (
	roses    = "Roses need sun."
	lilies   = "White lilies stand for peace of mind."
	question = "Which flowers need sun?"
)

// retrievals are searches, each named as the section of
// testdata/retrieval/spans.txtar that holds what becomes of it.
var retrievals = []struct {
	name string
	play func(ctx context.Context, s *retrieval.Store) error
}{
	{"add", func(ctx context.Context, s *retrieval.Store) error {
		s.Batch = 1
		return s.Add(ctx, llm.Document{ID: "tulips", Text: "Tulips come in spring."}, llm.Document{ID: "violets", Text: "Violets are blue."})
	}},
	{"find", func(ctx context.Context, s *retrieval.Store) error {
		step := &chain.Step[string, []llm.Document]{Name: "look up", Do: func(ctx context.Context, question string) ([]llm.Document, error) {
			return retrieval.Retrieve(ctx, s, question)
		}}
		_, err := step.Run(callback.WithSession(ctx, "visit-1"), question)
		return err
	}},
	{"nothing fits", func(ctx context.Context, s *retrieval.Store) error {
		_, err := retrieval.Retrieve(ctx, s.With(retrieval.Options{Limit: 7, MinScore: 2}), question)
		return err
	}},
	{"embedding fails", func(ctx context.Context, s *retrieval.Store) error {
		if _, err := retrieval.Retrieve(ctx, s, "?"); err == nil {
			return errors.New("no error")
		}
		return nil
	}},
	{"empty store", func(ctx context.Context, s *retrieval.Store) error {
		if _, err := retrieval.Retrieve(ctx, &retrieval.Keywords{Name: "shelf"}, question); !errors.Is(err, retrieval.ErrEmpty) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	}},
	{"somebody else's retriever", func(ctx context.Context, s *retrieval.Store) error {
		_, err := retrieval.Retrieve(ctx, retrieval.Func(func(context.Context, string) ([]llm.Document, error) {
			return []llm.Document{{ID: "a\xff", Text: roses, Score: 12.5}, {Text: lilies, Score: math.NaN()}, {ID: "c", Score: math.Inf(1)}}, nil
		}), question+"\xff")
		return err
	}},
}

// stocked returns a store with two documents.
func stocked(t *testing.T) *retrieval.Store {
	s := &retrieval.Store{Embedder: compass{}, Name: "flowers"}
	if err := s.Add(t.Context(), llm.Document{ID: "roses", Text: roses}, llm.Document{ID: "lilies", Text: lilies}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRetrievalGolden: what searches become as spans, without their content and
// with it.
func TestRetrievalGolden(t *testing.T) {
	for _, tc := range retrievals {
		for _, content := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, ", content ", content), func(t *testing.T) {
				r := record(tracing.WithContent(captured(content)))
				if err := tc.play(callback.WithHandlers(t.Context(), r.tracer), stocked(t)); err != nil {
					t.Fatal(err)
				}
				section := tc.name
				if content {
					section += ", with content"
				}
				tree := spantree.Render(spantree.FromSDK(r.spans()))
				for _, text := range []string{roses, lilies, question} {
					if strings.Contains(tree, text) && !(content && text == question) {
						t.Errorf("%q is in the spans", text)
					}
				}
				spantree.Golden(t, "testdata/retrieval/spans.txtar", section, spantree.FromSDK(r.spans()))
			})
		}
	}
}

// TestRetrievalOfMany: a span names the first documents and tells how many there
// were.
func TestRetrievalOfMany(t *testing.T) {
	many := retrieval.Func(func(context.Context, string) ([]llm.Document, error) { return make([]llm.Document, 200), nil })
	r := record(tracing.WithContent(tracing.ContentBoth))
	if _, err := retrieval.Retrieve(callback.WithHandlers(t.Context(), r.tracer), many, question); err != nil {
		t.Fatal(err)
	}
	var found int64
	var ids, scores, documents int
	for _, kv := range r.spans()[0].Attributes() {
		switch kv.Key {
		case "callspan.retrieval.found":
			found = kv.Value.AsInt64()
		case "callspan.retrieval.document_ids":
			ids = len(kv.Value.AsStringSlice())
		case "callspan.retrieval.scores":
			scores = len(kv.Value.AsFloat64Slice())
		case "gen_ai.retrieval.documents":
			documents = strings.Count(kv.Value.AsString(), `"id"`)
		}
	}
	if found != 200 || ids != 128 || scores != 128 || documents != 128 {
		t.Errorf("%d found, %d ids, %d scores, %d documents", found, ids, scores, documents)
	}
}

// TestRetrievalConformance: the same, over the wire, keeps the conventions.
func TestRetrievalConformance(t *testing.T) {
	for _, content := range []bool{false, true} {
		t.Run(fmt.Sprint("content ", content), func(t *testing.T) {
			sink, err := otlpsink.Config{}.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+sink.Endpoint()), tracing.WithServiceName("florist"), tracing.WithContent(captured(content)))
			if err != nil {
				t.Fatal(err)
			}
			for _, tc := range retrievals {
				if err := tc.play(callback.WithHandlers(t.Context(), tracer), stocked(t)); err != nil {
					t.Fatal(err)
				}
			}
			if err := shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(filepath.Join(t.TempDir(), "export.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			data := sink.Data()
			w := otlpjson.NewWriter(f)
			if err := errors.Join(w.WriteTraces(data.Traces), w.WriteMetrics(data.Metrics), f.Close()); err != nil {
				t.Fatal(err)
			}
			flags := []string{"--tree", "--require-op", "retrieval", "--require-op", "embeddings"}
			if !content {
				flags = append(flags, "--no-content")
			}
			conformance.Check(t, f.Name(), flags...)
		})
	}
}
