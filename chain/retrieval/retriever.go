package retrieval

import (
	"context"
	"reflect"
	"slices"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Retriever finds the documents that fit a query, the best one first.
// Retrieve may be called concurrently. The caller may change the slice but not
// the Metadata in it. Programs search through the function [Retrieve].
type Retriever interface {
	Retrieve(ctx context.Context, query string) ([]llm.Document, error)
}

// A Describer is a retriever that says what it searches, which its runs then tell.
type Describer interface {
	// Describe returns the name of what is searched and how many documents are
	// wanted at most, 0 if that is not said.
	Describe() (name string, limit int)
}

// Func makes a Retriever of a function. Its runs have no name.
type Func func(ctx context.Context, query string) ([]llm.Document, error)

// Retrieve calls f.
func (f Func) Retrieve(ctx context.Context, query string) ([]llm.Document, error) {
	return f(ctx, query)
}

// ErrEmpty is the error of a search where there is nothing to search yet. That
// no document fits is no error.
var ErrEmpty error = &sentinel{"it holds no documents; add some first", "no_documents"}

var (
	errNoQuery     error = &sentinel{"the query is empty", "empty_query"}
	errNoRetriever error = &sentinel{"retrieve: retriever is nil", "invalid_request"}
)

type sentinel struct{ text, kind string }

func (s *sentinel) Error() string     { return s.text }
func (s *sentinel) ErrorType() string { return s.kind }

// Retrieve searches with r as a run, which tells the query, and the ids and
// scores of what was found. What r calls in order to find it, such as a model
// that embeds the query, are runs below, which local do not see.
func Retrieve(ctx context.Context, r Retriever, query string, local ...callback.Handler) ([]llm.Document, error) {
	if v := reflect.ValueOf(r); !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		return nil, errNoRetriever
	}
	if !callback.Enabled(ctx, local...) {
		return r.Retrieve(ctx, query)
	}
	search := &callback.Search{Query: query}
	info := &callback.Info{Kind: callback.KindRetriever, Input: search}
	if d, ok := r.(Describer); ok {
		info.Name, search.Limit = d.Describe()
	}
	docs, err := callback.Do(ctx, info, local, func(ctx context.Context) ([]llm.Document, error) {
		return r.Retrieve(ctx, query)
	})
	return slices.Clone(docs), err // handlers may keep theirs
}
