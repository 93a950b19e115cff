package callback

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A Count adds up the model calls below a context. Its methods may be called
// at any time from any goroutine; the figures are exact once all runs below
// have ended, which Total().Open tells.
type Count struct{ sum sum }

// WithCount returns a context whose model calls are counted, whether they
// succeed, fail or are stopped, and the counter. Calls that a [Budget] refuses
// are counted apart, since nothing was sent. Counters nest: each counts
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
// answered, or was asked for if it did not.
func (c *Count) Models() map[ModelName]Total {
	c.sum.mu.Lock()
	defer c.sum.mu.Unlock()
	m := make(map[ModelName]Total, len(c.sum.models))
	for k, t := range c.sum.models {
		m[k] = *t
	}
	return m
}

// String returns the sum so far as LangChain's get_openai_callback prints it,
// in several lines, with a line for each model if there is more than one.
func (c *Count) String() string {
	t := c.Total()
	var b strings.Builder
	fmt.Fprintf(&b, "Tokens Used: %d\n", t.Usage.Total())
	fmt.Fprintf(&b, "\tPrompt Tokens: %d\n\t\tPrompt Tokens Cached: %d\n", t.Usage.Input, t.Usage.CacheRead)
	fmt.Fprintf(&b, "\tCompletion Tokens: %d\n\t\tReasoning Tokens: %d\n", t.Usage.Output, t.Usage.Reasoning)
	fmt.Fprintf(&b, "Successful Requests: %d\nFailed Requests: %d\n", t.Calls-t.Failed, t.Failed)
	if t.Refused > 0 {
		fmt.Fprintf(&b, "Refused Requests: %d\n", t.Refused)
	}
	fmt.Fprintf(&b, "Total Cost (USD): %s", t.Cost.Human())
	if notes := t.notes(); len(notes) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(notes, ", "))
	}
	models := c.Models()
	if len(models) < 2 {
		return b.String()
	}
	names := slices.SortedFunc(maps.Keys(models), func(a, b ModelName) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	for _, n := range names {
		fmt.Fprintf(&b, "\n%s: %s", n, models[n])
	}
	return b.String()
}

// String returns the sum in one line.
func (t Total) String() string {
	calls := plural(t.Calls, "call")
	if t.Failed > 0 {
		calls += fmt.Sprintf(" (%d failed)", t.Failed)
	}
	parts := []string{calls}
	if t.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", t.Refused))
	}
	if t.Usage != (llm.Usage{}) || t.Cost != 0 {
		parts = append(parts, showUsage(&t.Usage), t.Cost.Human())
	}
	return strings.Join(append(parts, t.notes()...), ", ")
}

// notes says what the figures leave out.
func (t *Total) notes() []string {
	var notes []string
	if t.Estimated > 0 {
		notes = append(notes, fmt.Sprintf("%d counted here", t.Estimated))
	}
	if t.Unpriced > 0 {
		notes = append(notes, fmt.Sprintf("%d without a known price", t.Unpriced))
	}
	if t.Open > 0 {
		notes = append(notes, fmt.Sprintf("%d not ended", t.Open))
	}
	return notes
}

// String returns the model and, before a slash, its provider if there is one.
func (n ModelName) String() string {
	name := n.Model
	if name == "" {
		name = "<unknown>"
	}
	if n.Provider != "" {
		name = n.Provider + "/" + name
	}
	return name
}
