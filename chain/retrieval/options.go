package retrieval

import (
	"cmp"
	"context"
	"math"

	"github.com/callspan/callspan/llm"
)

// Options say which documents a search gives. The zero value gives the four
// that fit best.
type Options struct {
	Limit    int     // how many documents at most; 0 is 4
	MinScore float64 // documents that score less are left out; 0 leaves out none

	// Filter reports whether a document may be found; nil lets all. It is called
	// at most once for each document and search, by the goroutine that searches,
	// while the store is locked: it must not use the store.
	Filter func(llm.Document) bool

	// Diversity trades likeness to the query for unlikeness of the documents
	// found, which are taken from the five times Limit that fit best: from 0, the
	// best fits, to 1; others are an error. 0.5 is the usual maximal marginal
	// relevance. It needs vectors, so that only a [Store] heeds it.
	Diversity float64
}

const defaultLimit = 4

func (o *Options) limit() int { return cmp.Or(o.Limit, defaultLimit) }

// fault returns what is wrong with the options.
func (o *Options) fault() error {
	switch {
	case o.Limit < 0:
		return misused("it has a negative Limit, %d", o.Limit)
	case math.IsNaN(o.MinScore):
		return misused("its MinScore is no number")
	case o.Diversity < 0:
		return misused("it has a negative Diversity, %g", o.Diversity)
	case !(o.Diversity <= 1):
		return misused("it has a Diversity of %g, which goes up to 1", o.Diversity)
	}
	return nil
}

// accepted returns which of docs the filter lets be found; nil is all.
func (o *Options) accepted(ctx context.Context, docs []llm.Document) ([]int, error) {
	if o.Filter == nil {
		return nil, nil
	}
	rows := make([]int, 0, len(docs))
	for i, d := range docs {
		if err := endedAt(ctx, i); err != nil {
			return nil, err
		}
		if o.Filter(d) {
			rows = append(rows, i)
		}
	}
	return rows, nil
}

// A view is a store that is searched with other options than its own.
type view struct {
	store interface {
		about() Description
		search(ctx context.Context, query string, o *Options) ([]llm.Document, error)
	}
	options Options
}

func (v *view) Describe() Description {
	d := v.store.about()
	d.Limit = v.options.limit()
	return d
}

func (v *view) Retrieve(ctx context.Context, query string) ([]llm.Document, error) {
	return v.store.search(ctx, query, &v.options)
}
