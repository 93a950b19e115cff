package retrieval_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

// many are documents that all fit the query "rose".
func many(n int) []llm.Document {
	docs := make([]llm.Document, n)
	for i := range docs {
		docs[i] = llm.Document{ID: fmt.Sprint(i), Text: "rose"}
	}
	return docs
}

// A fading context ends while it is being asked.
type fading struct {
	context.Context
	left   atomic.Int32 // how often it is asked before
	cancel func()
}

func (f *fading) Err() error {
	if f.left.Add(-1) < 0 {
		f.cancel()
	}
	return f.Context.Err()
}

// TestSearchEnds: a search in many documents ends with its context, and says why.
func TestSearchEnds(t *testing.T) {
	const n = 20_000
	var k retrieval.Keywords
	store := &retrieval.Store{Name: "store", Embedder: table{"rose": {1, 0}}, Batch: n}
	if err := errors.Join(k.Add(many(n)...), store.Add(t.Context(), many(n)...)); err != nil {
		t.Fatal(err)
	}
	closing := errors.New("the shop closes")
	for _, tc := range []struct {
		name string
		with func(retrieval.Options) retrieval.Retriever
		asks int32 // how often the context is asked before it has ended
		o    retrieval.Options
		most int // documents that the filter sees
	}{
		{"keywords, at once", k.With, 0, retrieval.Options{}, 0},
		{"keywords, while they are looked up", k.With, 3, retrieval.Options{}, 0},
		{"keywords, while they are scored", k.With, 13, retrieval.Options{}, 3 * 2048},
		{"store, at once", store.With, 0, retrieval.Options{}, 0},
		{"store, once the query is embedded", store.With, 1, retrieval.Options{}, 0},
		{"store, while it is filtered", store.With, 3, retrieval.Options{}, 2 * 2048},
		{"store, while it is compared", store.With, 13, retrieval.Options{}, n},
		{"store, while it is told apart", store.With, 60, retrieval.Options{Diversity: 0.5, Limit: 100}, n},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := 0
			tc.o.Filter = func(llm.Document) bool { seen++; return true }
			under, cancel := context.WithCancelCause(t.Context())
			ctx := &fading{Context: under, cancel: func() { cancel(closing) }}
			ctx.left.Store(tc.asks)
			docs, err := tc.with(tc.o).Retrieve(ctx, "rose")
			if docs != nil || !errors.Is(err, closing) || !errors.Is(err, context.Canceled) || callback.ErrorType(err) != "canceled" {
				t.Errorf("found %d, %v", len(docs), err)
			}
			if seen > tc.most || tc.most > 0 && seen == 0 {
				t.Errorf("the filter has seen %d documents, want up to %d", seen, tc.most)
			}
			if left := ctx.left.Load(); left >= 0 {
				t.Errorf("the context had not ended: it could be asked %d times more", left)
			}
		})
	}
}
