package retrieval_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

// noise embeds texts as random vectors of the size of OpenAI's, at next to no
// cost.
type noise []float32

func newNoise() noise {
	rng := rand.New(rand.NewPCG(1, 2))
	n := make(noise, 1<<20)
	for i := range n {
		n[i] = float32(rng.NormFloat64())
	}
	return n
}

func (n noise) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	resp := &llm.EmbedResponse{Vectors: make([][]float32, len(req.Inputs))}
	for i, text := range req.Inputs {
		at := len(text)
		for _, b := range []byte(text) {
			at = (at*31 + int(b)) % (len(n) - 1536)
		}
		resp.Vectors[i] = n[at : at+1536]
	}
	return resp, nil
}

func numbered(n int) []llm.Document {
	docs := make([]llm.Document, n)
	for i := range docs {
		docs[i] = llm.Document{ID: fmt.Sprint(i), Text: fmt.Sprint("document ", i)}
	}
	return docs
}

// BenchmarkRetrieve searches documents of 1,536 dimensions.
func BenchmarkRetrieve(b *testing.B) {
	embedder := newNoise()
	for _, n := range []int{1_000, 10_000} {
		s := &retrieval.Store{Embedder: embedder}
		if err := s.Add(b.Context(), numbered(n)...); err != nil {
			b.Fatal(err)
		}
		for _, bc := range []struct {
			name string
			o    retrieval.Options
		}{
			{"top 4", retrieval.Options{}},
			{"top 100", retrieval.Options{Limit: 100}},
			{"diverse", retrieval.Options{Diversity: 0.5}},
			{"filtered", retrieval.Options{Filter: func(d llm.Document) bool { return d.ID[0] == '7' }}},
		} {
			r := s.With(bc.o)
			b.Run(fmt.Sprintf("%d/%s", n, bc.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Retrieve(b.Context(), "roses"); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAdd adds 1,000 documents of 1,536 dimensions.
func BenchmarkAdd(b *testing.B) {
	embedder, docs := newNoise(), numbered(1000)
	b.ReportAllocs()
	for b.Loop() {
		s := &retrieval.Store{Embedder: embedder}
		if err := s.Add(b.Context(), docs...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeywords(b *testing.B) {
	var k retrieval.Keywords
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		text := ""
		for range 100 {
			text += fmt.Sprintf("w%d ", int(rng.ExpFloat64()*200))
		}
		if err := k.Add(llm.Document{ID: fmt.Sprint(i), Text: text}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Retrieve(b.Context(), "w1 w20 w300 w500 w900"); err != nil {
			b.Fatal(err)
		}
	}
}
