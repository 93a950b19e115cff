package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/callspan/callspan/llm"
)

// A digest is a summary and the turns after it that are not in it.
type digest struct {
	mu      sync.Mutex
	summary string
	tokens  int           // of the message that the summary is
	leaving []turn        // which the fold under way takes into the summary
	turns   []turn        // after them
	folding chan struct{} // closed when the fold under way is over; nil if none is
	cleared int           // how often
}

// load returns the summary as a message and the turns after it.
func (d *digest) load() []llm.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []llm.Message
	if d.summary != "" {
		out = append(out, summaryMessage(d.summary))
	}
	return append(out, messagesOf(slices.Concat(d.leaving, d.turns))...)
}

// save adds messages and folds as many of the oldest turns into the summary as
// excess says, which is called while d is locked. Whatever goes wrong with
// that, no turn is lost: what is not folded stays, and the next save tries again.
func (d *digest) save(ctx context.Context, s *summarizer, messages []llm.Message, excess func() int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turns = appendTurns(d.turns, messages, s.count)
	for d.folding != nil { // one fold at a time, as each builds on the last
		if err := d.await(ctx); err != nil {
			return s.failed(err)
		}
	}
	n := excess()
	if n == 0 {
		return nil
	}
	d.leaving, d.turns = d.turns[:n:n], slices.Clone(d.turns[n:])
	d.folding = make(chan struct{})
	cleared := d.cleared
	summary, err := d.fold(ctx, s)
	if err == nil && d.cleared == cleared {
		d.summary, d.tokens = summary, tokensOf(summaryMessage(summary), s.count)
		d.leaving = nil
	}
	d.settle()
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// await waits, with d unlocked, until the fold under way is over.
func (d *digest) await(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	over := d.folding
	d.mu.Unlock()
	defer d.mu.Lock()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fold returns the summary with what is leaving. d is unlocked meanwhile, so
// that nobody waits for the model but who saves.
func (d *digest) fold(ctx context.Context, s *summarizer) (summary string, err error) {
	old, lines, returned := d.summary, messagesOf(d.leaving), false
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		if !returned { // a panic of the model, or a Goexit
			d.settle()
		}
	}()
	summary, err = s.fold(ctx, old, lines)
	returned = true
	return summary, err
}

// settle ends the fold under way. What is still leaving stays.
func (d *digest) settle() {
	d.turns, d.leaving = slices.Concat(d.leaving, d.turns), nil
	close(d.folding)
	d.folding = nil
}

func (d *digest) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.summary, d.tokens, d.leaving, d.turns = "", 0, nil, nil
	d.cleared++
}

// size returns the number of messages and their tokens.
func (d *digest) size() (messages, tokens int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	messages, tokens = size(slices.Concat(d.leaving, d.turns))
	if d.summary != "" {
		messages++
	}
	return messages, tokens + d.tokens
}
