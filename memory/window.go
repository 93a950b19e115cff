package memory

import (
	"cmp"
	"context"
	"sync"

	"github.com/callspan/callspan/llm"
)

// A Window keeps the last few turns, so that the prompt stops growing. It is
// LangChain's ConversationBufferWindowMemory. The zero value is empty and
// keeps five turns.
//
// A turn is a message of the user with what follows it up to the next one.
type Window struct {
	// Turns is how many are kept; 0 is 5. Set the fields before use.
	Turns int

	// Count counts the tokens of a text, for [Window.Size]; may be nil.
	Count llm.Counter

	mu    sync.Mutex
	turns []turn
}

const defaultTurns = 5

// Load returns the messages of the turns that are kept.
func (w *Window) Load(context.Context, llm.Message) ([]llm.Message, error) {
	if err := checkLimit(w.Name(), "Turns", w.Turns); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return messagesOf(w.turns), nil
}

// Save adds the messages of a turn and forgets the oldest turns if there are
// too many.
func (w *Window) Save(_ context.Context, messages ...llm.Message) error {
	if err := checkLimit(w.Name(), "Turns", w.Turns); err != nil {
		return err
	}
	limit := cmp.Or(w.Turns, defaultTurns)
	w.mu.Lock()
	defer w.mu.Unlock()
	turns := appendTurns(w.turns, messages, counter(w.Count))
	w.turns = keep(turns, turns[max(0, len(turns)-limit):])
	return nil
}

// Clear forgets all messages.
func (w *Window) Clear(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turns = nil
	return nil
}

// Size returns the number of messages and their tokens, -1 without Count.
func (w *Window) Size() (messages, tokens int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	messages, tokens = size(w.turns)
	return messages, told(tokens, w.Count)
}

// Name returns "window".
func (w *Window) Name() string { return "window" }

// String returns the messages as [Transcript] does.
func (w *Window) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Transcript(messagesOf(w.turns))
}
