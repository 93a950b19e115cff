package callback

import "context"

// A Count adds up the model calls below a context. Its methods may be called
// at any time from any goroutine; the figures are exact once all runs below
// have ended, which Total().Open tells.
type Count struct{ sum sum }

// WithCount returns a context whose model calls are counted, whether they
// succeed, fail or are stopped, and the counter. Counters nest: each counts
// everything below its own context. It is LangChain's get_openai_callback.
func WithCount(ctx context.Context) (context.Context, *Count) {
	s := derive(ctx)
	c := &Count{sum{outer: s.sum, models: make(map[ModelName]*Total)}}
	s.sum = &c.sum
	return s, c
}

// Total returns the sum so far.
func (c *Count) Total() Total { return c.sum.snapshot() }

// Models returns the sum so far of each model, by the name under which it
// answered.
func (c *Count) Models() map[ModelName]Total {
	c.sum.mu.Lock()
	defer c.sum.mu.Unlock()
	m := make(map[ModelName]Total, len(c.sum.models))
	for k, t := range c.sum.models {
		m[k] = *t
	}
	return m
}
