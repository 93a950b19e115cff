package retrieval

import (
	"fmt"
	"slices"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Store finds documents by what they mean: those whose vectors point where the
// query's does. It holds thousands of them in memory and looks at all, so that
// what it finds is exact. The Score of what it finds is the cosine, from -1 to
// 1; of equals, what was added first comes first.
//
// The zero value with an Embedder works. Fields are set before use; the methods
// may be called concurrently.
type Store struct {
	Embedder llm.Embedder
	Name     string             // of what is searched, for its runs; "store" by default
	Request  llm.EmbedRequest   // settings of each embedding call; Inputs are put in
	Batch    int                // texts in one embedding call at most; 0 is 100
	Handlers []callback.Handler // see the searches and the additions, not the embedding calls
	Tags     []string           // of the searches and the additions, likewise
	Options                     // of Retrieve; With gives others

	mu         sync.RWMutex
	docs       []llm.Document
	rows       map[string]int // by id
	matrix     []float32      // a normalized vector for each document, one after the other
	dimensions int            // 0 if there are none
}

func (s *Store) name() string {
	if s.Name == "" {
		return "store"
	}
	return s.Name
}

// Describe implements [Describer].
func (s *Store) Describe() Description { return s.about() }

func (s *Store) about() Description {
	return Description{Name: s.name(), Limit: s.limit(), Handlers: s.Handlers, Tags: s.Tags}
}

// Len returns the number of documents.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.docs)
}

// Delete forgets the documents with these ids and returns how many there were.
func (s *Store) Delete(ids ...string) int {
	gone := make(map[string]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	return s.DeleteFunc(func(d llm.Document) bool { return gone[d.ID] })
}

// DeleteFunc forgets the documents of which del reports true and returns how
// many there were. The store is locked meanwhile: del must not use it. A nil del
// reports true of none.
func (s *Store) DeleteFunc(del func(llm.Document) bool) int {
	if del == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make([]bool, len(s.docs)) // all are asked before anything changes
	for i, d := range s.docs {
		gone[i] = del(d)
	}
	kept := 0
	for i, d := range s.docs {
		if gone[i] {
			delete(s.rows, d.ID)
			continue
		}
		s.rows[d.ID] = kept
		s.docs[kept] = d
		copy(s.vector(kept), s.vector(i))
		kept++
	}
	n := len(s.docs) - kept
	s.docs = slices.Delete(s.docs, kept, len(s.docs))
	s.matrix = s.matrix[:kept*s.dimensions]
	if kept == 0 {
		s.matrix, s.dimensions = nil, 0 // another model may come
	}
	return n
}

// put keeps docs with their vectors, all or none. Vectors are copied.
func (s *Store) put(docs []llm.Document, vectors [][]float32) error {
	n := len(vectors[0])
	rows := make([]float32, 0, len(vectors)*n)
	for i, v := range vectors {
		if len(v) != n {
			return fmt.Errorf("document %q: its vector has %d dimensions, that of %q has %d", docs[i].ID, len(v), docs[0].ID, n)
		}
		rows = append(rows, v...)
		if err := normalize(rows[i*n:]); err != nil {
			return fmt.Errorf("document %q: %w", docs[i].ID, err)
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dimensions != 0 && n != s.dimensions {
		return fmt.Errorf("document %q: its vector has %d dimensions, those in the store have %d; a store needs one model for all", docs[0].ID, n, s.dimensions)
	}
	s.dimensions = n
	if s.rows == nil {
		s.rows = make(map[string]int)
	}
	for i, d := range docs {
		v := rows[i*n : (i+1)*n]
		if row, ok := s.rows[d.ID]; ok {
			s.docs[row] = d
			copy(s.vector(row), v)
			continue
		}
		s.rows[d.ID] = len(s.docs)
		s.docs = append(s.docs, d)
		s.matrix = append(s.matrix, v...)
	}
	return nil
}

// vector returns that of a row. The caller holds the lock.
func (s *Store) vector(row int) []float32 {
	return s.matrix[row*s.dimensions : (row+1)*s.dimensions]
}
