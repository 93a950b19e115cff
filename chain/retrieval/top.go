package retrieval

import (
	"cmp"
	"slices"

	"github.com/callspan/callspan/llm"
)

// A hit is a document, by its row, and how well it fits.
type hit struct {
	row   int
	score float64
}

// compare orders hits from the best to the worst. Of equals, what was added
// first comes first.
func (h hit) compare(o hit) int {
	return cmp.Or(cmp.Compare(o.score, h.score), cmp.Compare(h.row, o.row))
}

// top keeps the best of the hits that are added, as a heap whose root is the
// worst of them.
type top struct {
	size int // how many are kept
	heap []hit
}

func (t *top) add(h hit) {
	if len(t.heap) == t.size {
		if t.size == 0 || h.compare(t.heap[0]) > 0 {
			return
		}
		t.replace(h)
		return
	}
	t.heap = append(t.heap, h)
	for i := len(t.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if t.heap[i].compare(t.heap[parent]) < 0 {
			return
		}
		t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
		i = parent
	}
}

// replace puts h in the place of the root and lets it sink.
func (t *top) replace(h hit) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			break
		}
		if right := child + 1; right < len(t.heap) && t.heap[right].compare(t.heap[child]) > 0 {
			child = right
		}
		if h.compare(t.heap[child]) > 0 {
			break
		}
		t.heap[i] = t.heap[child]
		i = child
	}
	t.heap[i] = h
}

// best sorts hits and returns the first n.
func best(hits []hit, n int) []hit {
	slices.SortFunc(hits, hit.compare)
	return hits[:min(n, len(hits))]
}

// documents returns what hits stand for, with their scores.
func documents(docs []llm.Document, hits []hit) []llm.Document {
	if len(hits) == 0 {
		return nil
	}
	out := make([]llm.Document, len(hits))
	for i, h := range hits {
		out[i] = docs[h.row]
		out[i].Score = h.score
	}
	return out
}
