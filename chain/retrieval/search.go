package retrieval

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/callspan/callspan/llm"
)

// Retrieve returns the documents that fit query best. That none does, as far as
// the Options go, is no error; an empty store is [ErrEmpty]. If ctx ends
// meanwhile, the search ends with its cause. It is no run of its own, see the
// function [Retrieve].
func (s *Store) Retrieve(ctx context.Context, query string) ([]llm.Document, error) {
	return s.search(ctx, query, &s.Options)
}

// With returns a retriever that searches s with other options, such as what one
// user may see.
func (s *Store) With(o Options) Retriever { return &view{s, o} }

func (s *Store) search(ctx context.Context, query string, o *Options) ([]llm.Document, error) {
	docs, err := s.find(ctx, query, o)
	if err != nil {
		return nil, fmt.Errorf("retrieve from %q: %w", s.name(), err)
	}
	return docs, nil
}

func (s *Store) find(ctx context.Context, query string, o *Options) ([]llm.Document, error) {
	if err := o.fault(); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(query) == "":
		return nil, errNoQuery
	case s.Len() == 0:
		return nil, ErrEmpty
	}
	vectors, err := s.embed(ctx, []string{query})
	if err != nil {
		return nil, err
	}
	v := slices.Clone(vectors[0])
	if err := normalize(v); err != nil {
		return nil, fmt.Errorf("the query: %w", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case len(s.docs) == 0:
		return nil, ErrEmpty
	case len(v) != s.dimensions:
		return nil, fmt.Errorf("the query's vector has %d dimensions, those in the store have %d; a store needs one model for all", len(v), s.dimensions)
	}
	hits, err := s.similar(ctx, v, o)
	return documents(s.docs, hits), err
}

// stride is how many documents a search looks at before it asks again whether
// its context has ended: some milliseconds.
const stride = 1 << 11

// endedAt returns how ctx ended if it is time to ask, at the document i.
func endedAt(ctx context.Context, i int) error {
	if i%stride != 0 {
		return nil
	}
	return ended(ctx)
}

// share is how many products a goroutine should have to itself to be worth
// starting: about a tenth of a millisecond.
const share = 1 << 18

// similar returns the hits for a normalized query. The caller holds the lock.
func (s *Store) similar(ctx context.Context, query []float32, o *Options) ([]hit, error) {
	limit := o.limit()
	rows, err := o.accepted(ctx, s.docs)
	if err != nil || rows != nil && len(rows) == 0 {
		return nil, err
	}
	if o.Diversity == 0 {
		return s.nearest(ctx, query, rows, o.MinScore, limit)
	}
	// No more than all, before it is multiplied.
	candidates, err := s.nearest(ctx, query, rows, o.MinScore, 5*min(limit, len(s.docs)))
	if err != nil {
		return nil, err
	}
	return s.diverse(ctx, candidates, limit, o.Diversity)
}

// nearest returns the best n of rows, all if rows is nil. Large stores are
// searched by several goroutines, small ones by the caller's alone.
func (s *Store) nearest(ctx context.Context, query []float32, rows []int, minScore float64, n int) ([]hit, error) {
	count := len(s.docs)
	if rows != nil {
		count = len(rows)
	}
	n = min(n, count)
	workers := min(runtime.GOMAXPROCS(0), max(1, count*s.dimensions/share))
	hits := make([]hit, workers*n)
	tops := make([]top, workers)
	errs := make([]error, workers)
	scan := func(w int) {
		t := &tops[w]
		t.size, t.heap = n, hits[w*n:w*n:(w+1)*n]
		begin := w * count / workers
		for i := begin; i < (w+1)*count/workers; i++ {
			if errs[w] = endedAt(ctx, i-begin); errs[w] != nil {
				return
			}
			row := i
			if rows != nil {
				row = rows[i]
			}
			score := float64(max(-1, min(1, dot(query, s.vector(row)))))
			if minScore == 0 || score >= minScore {
				t.add(hit{row, score})
			}
		}
	}
	var others sync.WaitGroup
	for w := range workers - 1 {
		others.Go(func() { scan(w + 1) })
	}
	scan(0)
	others.Wait()
	found := tops[0].heap
	for _, t := range tops[1:] {
		found = append(found, t.heap...)
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return best(found, n), nil
}

// diverse picks up to limit of candidates, each the best by what it adds: its
// score less its likeness to what is picked already.
func (s *Store) diverse(ctx context.Context, candidates []hit, limit int, diversity float64) ([]hit, error) {
	likeness := make([]float64, len(candidates)) // to the most similar one that is picked
	for i := range likeness {
		likeness[i] = -1
	}
	gain := func(i int) float64 {
		return (1-diversity)*candidates[i].score - diversity*likeness[i]
	}
	for picked := range min(limit, len(candidates)) {
		if err := ended(ctx); err != nil { // it looks at all candidates each time
			return nil, err
		}
		next := picked
		for i := picked + 1; i < len(candidates); i++ {
			if gain(i) > gain(next) {
				next = i
			}
		}
		// The others stay in order, so that of equals the first is picked.
		h := candidates[next]
		copy(candidates[picked+1:next+1], candidates[picked:next])
		copy(likeness[picked+1:next+1], likeness[picked:next])
		candidates[picked] = h
		for i := picked + 1; i < len(candidates); i++ {
			likeness[i] = max(likeness[i], float64(dot(s.vector(h.row), s.vector(candidates[i].row))))
		}
	}
	return candidates[:min(limit, len(candidates))], nil
}
