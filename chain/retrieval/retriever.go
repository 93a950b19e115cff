package retrieval

import (
	"context"
	"fmt"
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
	Describe() Description
}

// A Description says what a retriever searches, and who is told of it.
type Description struct {
	Name     string             // of what is searched
	Limit    int                // how many documents are wanted at most; 0 if not said
	Handlers []callback.Handler // see its searches, not what they call
	Tags     []string           // of the runs of these, likewise
}

// Func makes a Retriever of a function. Its runs have no name.
type Func func(ctx context.Context, query string) ([]llm.Document, error)

// Retrieve calls f. That f is nil is an error.
func (f Func) Retrieve(ctx context.Context, query string) ([]llm.Document, error) {
	if f == nil {
		return nil, errNoRetriever
	}
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

// misused returns an error of a retriever that cannot work as it is made.
func misused(format string, args ...any) error {
	return &sentinel{fmt.Sprintf(format, args...), "invalid_request"}
}

// Retrieve searches with r as a run, which tells the query, and the ids and
// scores of what was found. What r calls in order to find it, such as a model
// that embeds the query, are runs below, which local do not see, nor the handlers
// of a [Describer].
func Retrieve(ctx context.Context, r Retriever, query string, local ...callback.Handler) ([]llm.Document, error) {
	if isNil(r) {
		return nil, errNoRetriever
	}
	if ctx == nil {
		ctx = context.Background()
	}
	var about Description
	if d, ok := r.(Describer); ok {
		about = d.Describe()
	}
	if len(about.Handlers) > 0 {
		local = slices.Concat(about.Handlers, local)
	}
	if !callback.Enabled(ctx, local...) {
		return r.Retrieve(ctx, query)
	}
	info := &callback.Info{Kind: callback.KindRetriever, Name: about.Name, Tags: about.Tags,
		Input: &callback.Search{Query: query, Limit: about.Limit}}
	docs, err := callback.Do(ctx, info, local, func(ctx context.Context) ([]llm.Document, error) {
		return r.Retrieve(ctx, query)
	})
	return slices.Clone(docs), err // handlers may keep theirs
}

// isNil reports whether v is nil, or a nil pointer or function.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return (r.Kind() == reflect.Pointer || r.Kind() == reflect.Func) && r.IsNil()
}
