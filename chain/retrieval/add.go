package retrieval

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A batch is bounded by its bytes too: a token is at least one, and OpenAI takes
// 300,000 tokens in a call.
const (
	defaultBatch  = 100
	maxBatchBytes = 250_000
)

var errNoEmbedder error = &sentinel{"it has no Embedder; set one", "invalid_request"}

// Add embeds docs and keeps them. A document with the id of one that is in the
// store takes its place; if their texts are equal it is not embedded again. A
// document without an id gets one that is made from its text. A document without
// text is an error, as are two of docs with one id; nothing is added then.
//
// Add is a run, named "add to" and the store's name, and each embedding call is
// one below it. If a call fails or ctx ends, what came before stays in the store;
// adding the same documents again embeds only what is missing.
func (s *Store) Add(ctx context.Context, docs ...llm.Document) error {
	if !callback.Enabled(ctx, s.Handlers...) {
		return s.add(ctx, docs)
	}
	info := &callback.Info{Kind: callback.KindChain, Name: "add to " + s.name(), Input: len(docs), Tags: s.Tags}
	_, err := callback.Do(ctx, info, s.Handlers, func(ctx context.Context) (any, error) { return nil, s.add(ctx, docs) })
	return err
}

func (s *Store) add(ctx context.Context, docs []llm.Document) error {
	if s.Batch < 0 {
		return fmt.Errorf("add to %q: %w", s.name(), misused("it has a negative Batch, %d", s.Batch))
	}
	rest, err := checked(docs)
	if err != nil {
		return fmt.Errorf("add to %q: %w", s.name(), err)
	}
	rest = s.renew(rest)
	total := len(rest)
	for len(rest) > 0 {
		n, err := s.addBatch(ctx, rest[:s.batch(rest)])
		rest = rest[n:]
		if err != nil {
			return fmt.Errorf("add to %q: %d of %d texts are embedded: %w", s.name(), total-len(rest), total, err)
		}
	}
	return nil
}

// renew keeps those of docs whose texts are in the store already, and returns
// the others.
func (s *Store) renew(docs []llm.Document) []llm.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := docs[:0]
	for _, d := range docs {
		if row, ok := s.rows[d.ID]; ok && s.docs[row].Text == d.Text {
			s.docs[row] = d
		} else {
			rest = append(rest, d)
		}
	}
	return rest
}

// batch returns how many of docs go into the next call: at least one.
func (s *Store) batch(docs []llm.Document) int {
	most, bytes := cmp.Or(s.Batch, defaultBatch), 0
	docs = docs[:min(most, len(docs))]
	for i := range docs {
		if bytes += len(docs[i].Text); i > 0 && bytes > maxBatchBytes {
			return i
		}
	}
	return len(docs)
}

// addBatch embeds docs in one call and returns how many are in the store then.
// If the call fails, these are the ones whose vectors had come.
func (s *Store) addBatch(ctx context.Context, docs []llm.Document) (int, error) {
	texts := make([]string, len(docs))
	for i := range docs {
		texts[i] = docs[i].Text
	}
	vectors, err := s.embed(ctx, texts)
	if len(vectors) == 0 {
		return 0, err
	}
	if failed := s.put(docs[:len(vectors)], vectors); failed != nil {
		if err == nil {
			err = failed
		}
		return 0, err
	}
	return len(vectors), err
}

// embed returns a vector for each of texts, or an error and those that had come.
func (s *Store) embed(ctx context.Context, texts []string) ([][]float32, error) {
	if isNil(s.Embedder) {
		return nil, errNoEmbedder
	}
	if err := ended(ctx); err != nil {
		return nil, err
	}
	req := s.Request
	req.Inputs = texts
	resp, err := callback.Embedder(s.Embedder).Embed(ctx, &req)
	var vectors [][]float32
	if resp != nil {
		vectors = resp.Vectors
	}
	switch {
	case err != nil:
		return vectors[:min(len(vectors), len(texts))], err
	case len(vectors) != len(texts):
		return nil, fmt.Errorf("the embedder gave %d vectors for %d texts", len(vectors), len(texts))
	}
	return vectors, nil
}

// ended returns how ctx ended, and why if that says more; nil if it has not.
func ended(ctx context.Context) error {
	if ctx == nil || ctx.Err() == nil {
		return nil
	}
	how, why := ctx.Err(), context.Cause(ctx)
	if errors.Is(why, how) {
		return why
	}
	return fmt.Errorf("%w: %w", how, why)
}
