package chain

import (
	"context"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A relay hands chunks on from the first one with content. What comes before is
// held back until then, as another answer may begin if this one fails.
type relay struct {
	to       func(llm.Chunk) bool
	held     []llm.Chunk
	handed   bool
	finished bool // a choice has said why it ends
}

// maxHeld bounds the chunks that are held back.
const maxHeld = 64

func (r *relay) hand(c llm.Chunk) bool {
	r.finished = r.finished || c.Finish != ""
	if !r.handed && !c.HasContent() && len(r.held) < maxHeld {
		r.held = append(r.held, c)
		return true
	}
	return r.flush() && r.to(c)
}

func (r *relay) flush() bool {
	r.handed = true
	held := r.held
	r.held = nil
	for _, c := range held {
		if !r.to(c) {
			return false
		}
	}
	return true
}

// end hands on what is held back if the answer ended without err.
func (r *relay) end(err error) error {
	if err == nil && !r.handed {
		r.flush()
	}
	return err
}

// chat relays one call of m. A call that brings nothing fails.
func (r *relay) chat(ctx context.Context, m llm.Model, req *llm.Request) error {
	err := pump(callback.Model(m).Chat(ctx, req), r.hand)
	if err == nil && !r.handed && !r.finished {
		err = llm.ErrEmpty
	}
	return r.end(err)
}
