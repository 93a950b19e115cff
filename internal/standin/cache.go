package standin

import (
	"hash/maphash"
	"sync"
)

// A promptCache tells how many tokens of a prompt OpenAI would find in its
// cache: those that begin an earlier prompt too, for prompts of 1,024 tokens and
// more, in steps of 128 (https://platform.openai.com/docs/guides/prompt-caching).
// It remembers a hash for each block of 128 tokens together with all before it.
type promptCache struct {
	mu   sync.Mutex
	seed maphash.Seed
	seen map[uint64]bool
}

const (
	cacheMinimum = 1024
	cacheBlock   = 128
)

// look returns the cached tokens among tokens and remembers them.
func (c *promptCache) look(model string, tokens []string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seed, c.seen = maphash.MakeSeed(), map[uint64]bool{}
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	write := func(s string) { h.WriteString(s); h.WriteByte(0) }
	write(model)
	cached := 0
	for i, t := range tokens {
		write(t)
		if end := i + 1; end%cacheBlock == 0 {
			key := h.Sum64()
			if c.seen[key] {
				cached = end
			}
			c.seen[key] = true
		}
	}
	if cached < cacheMinimum {
		return 0
	}
	return cached
}

// cached returns how many of the prompt's tokens are found in the cache.
func (a *API) cached(r *Request, model string, prompt int) int {
	if prompt < cacheMinimum {
		return 0
	}
	tokens := a.split(model, string(r.Tools))
	for _, m := range r.Messages {
		tokens = append(tokens, "\x00"+m.Role)
		tokens = append(tokens, a.split(model, m.Text)...)
		for _, c := range m.ToolCalls {
			tokens = append(append(tokens, "\x00"+c.Name), a.split(model, c.Arguments)...)
		}
	}
	return min(a.cache.look(model, tokens), prompt/cacheBlock*cacheBlock)
}
