package retrieval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// Keywords finds documents by the words of the query, of which rare ones count
// more (BM25 with k1 = 1.2 and b = 0.75). It needs no model. What shares no word
// with the query is not found. Capitals and the s at the end of a word make no
// difference; Chinese and Japanese are found by characters and pairs of them.
//
// The zero value works. Fields are set before use; the methods may be called
// concurrently.
type Keywords struct {
	Name     string             // of what is searched, for its runs; "keywords" by default
	Handlers []callback.Handler // see the searches
	Tags     []string           // of the searches
	Options                     // of Retrieve; With gives others

	mu      sync.RWMutex
	docs    []llm.Document
	entries []entry        // one for each document
	rows    map[string]int // by id
}

// An entry holds how often a document has each word, and how many it has.
type entry struct {
	counts map[string]int
	length int
}

func newEntry(text string) entry {
	e := entry{counts: make(map[string]int)}
	for word := range words(text) {
		e.counts[word]++
		e.length++
	}
	return e
}

func (k *Keywords) name() string {
	if k.Name == "" {
		return "keywords"
	}
	return k.Name
}

// Describe implements [Describer].
func (k *Keywords) Describe() Description { return k.about() }

func (k *Keywords) about() Description {
	return Description{Name: k.name(), Limit: k.limit(), Handlers: k.Handlers, Tags: k.Tags}
}

// Len returns the number of documents.
func (k *Keywords) Len() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.docs)
}

// Add keeps docs. Ids and errors are as in [Store.Add].
func (k *Keywords) Add(docs ...llm.Document) error {
	docs, err := checked(docs)
	if err != nil {
		return fmt.Errorf("add to %q: %w", k.name(), err)
	}
	entries := make([]entry, len(docs)) // counted while others search
	for i, d := range docs {
		entries[i] = newEntry(d.Text)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rows == nil {
		k.rows = make(map[string]int)
	}
	for i, d := range docs {
		e := entries[i]
		if row, ok := k.rows[d.ID]; ok {
			k.docs[row], k.entries[row] = d, e
			continue
		}
		k.rows[d.ID] = len(k.docs)
		k.docs, k.entries = append(k.docs, d), append(k.entries, e)
	}
	return nil
}

// Delete forgets the documents with these ids and returns how many there were.
func (k *Keywords) Delete(ids ...string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := len(k.docs)
	for _, id := range ids {
		delete(k.rows, id)
	}
	kept := 0
	for i, d := range k.docs {
		if _, ok := k.rows[d.ID]; ok {
			k.docs[kept], k.entries[kept], k.rows[d.ID] = d, k.entries[i], kept
			kept++
		}
	}
	k.docs, k.entries = slices.Delete(k.docs, kept, before), slices.Delete(k.entries, kept, before)
	return before - kept
}

// Retrieve returns the documents that fit query best. That none does is no
// error; a store without documents is [ErrEmpty]. If ctx ends meanwhile, the
// search ends with its cause. It is no run of its own, see the function
// [Retrieve].
func (k *Keywords) Retrieve(ctx context.Context, query string) ([]llm.Document, error) {
	return k.search(ctx, query, &k.Options)
}

// With returns a retriever that searches k with other options.
func (k *Keywords) With(o Options) Retriever { return &view{k, o} }

func (k *Keywords) search(ctx context.Context, query string, o *Options) ([]llm.Document, error) {
	docs, err := k.find(ctx, query, o)
	if err != nil {
		return nil, fmt.Errorf("retrieve from %q: %w", k.name(), err)
	}
	return docs, nil
}

func (k *Keywords) find(ctx context.Context, query string, o *Options) ([]llm.Document, error) {
	if err := o.fault(); err != nil {
		return nil, err
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	switch {
	case strings.TrimSpace(query) == "":
		return nil, errNoQuery
	case len(k.docs) == 0:
		return nil, ErrEmpty
	}
	asked := slices.Compact(slices.Sorted(words(query)))
	places := make(map[string]int, len(asked))
	for j, word := range asked {
		places[word] = j
	}
	var shared []match                    // of all documents, one after the other
	ends := make([]int, len(k.docs))      // where those of each document end in it
	spread := make([]float64, len(asked)) // in how many documents they are
	length, before := 0, 0
	for i, e := range k.entries {
		if err := endedAt(ctx, i); err != nil {
			return nil, err
		}
		length += e.length
		shared = e.shared(shared, asked, places)
		for _, m := range shared[before:] {
			spread[m.word]++
		}
		before = len(shared)
		ends[i] = before
	}
	mean := float64(length) / float64(len(k.docs))
	weights := spread
	for j, n := range spread {
		weights[j] = math.Log(1 + (float64(len(k.docs))-n+0.5)/(n+0.5))
	}
	found := top{size: min(o.limit(), len(k.docs))}
	begin := 0
	for i, d := range k.docs {
		if err := endedAt(ctx, i); err != nil {
			return nil, err
		}
		score := bm25(shared[begin:ends[i]], weights, float64(k.entries[i].length)/mean)
		begin = ends[i]
		if score > 0 && score >= o.MinScore && (o.Filter == nil || o.Filter(d)) {
			found.add(hit{i, score})
		}
	}
	return documents(k.docs, best(found.heap, found.size)), nil
}

// A match is a word of the query that a document has, and how often.
type match struct{ word, count int }

// shared appends to matches the words that the document shares with the query,
// in the order of the query's. It looks through the shorter of the two.
func (e *entry) shared(matches []match, asked []string, places map[string]int) []match {
	if len(asked) <= len(e.counts) {
		for j, word := range asked {
			if n := e.counts[word]; n > 0 {
				matches = append(matches, match{j, n})
			}
		}
		return matches
	}
	begin := len(matches)
	for word, n := range e.counts {
		if j, ok := places[word]; ok {
			matches = append(matches, match{j, n})
		}
	}
	slices.SortFunc(matches[begin:], func(a, b match) int { return a.word - b.word })
	return matches
}

// bm25 scores a document by how often it has each word. A word counts less each
// time it is there again, and less in a document of more than mean length.
func bm25(matches []match, weights []float64, length float64) (score float64) {
	const k1, b = 1.2, 0.75
	for _, m := range matches {
		n := float64(m.count)
		score += weights[m.word] * n * (k1 + 1) / (n + k1*(1-b+b*length))
	}
	return score
}
