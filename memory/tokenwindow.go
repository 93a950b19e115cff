package memory

import (
	"cmp"
	"context"
	"sync"

	"github.com/callspan/callspan/llm"
)

// A TokenWindow keeps the last turns that fit into a number of tokens. It is
// LangChain's ConversationTokenBufferMemory, but for cutting no turn in half:
// there, an answer may stay whose question is gone. The zero value is empty and
// keeps 2000 tokens.
//
// A turn is a message of the user with what follows it up to the next one. One
// that does not fit is forgotten, together with all before it.
type TokenWindow struct {
	// MaxTokens is how many are kept; 0 is 2000. It is what the messages say,
	// without what a provider bills for the frame of each. Set the fields before
	// use.
	MaxTokens int

	// Count counts the tokens of a text; nil estimates them.
	Count llm.Counter

	mu    sync.Mutex
	turns []turn
}

const defaultMaxTokens = 2000

// Load returns the messages of the turns that are kept.
func (w *TokenWindow) Load(context.Context, llm.Message) ([]llm.Message, error) {
	if err := checkLimit(w.Name(), "MaxTokens", w.MaxTokens); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return messagesOf(w.turns), nil
}

// Save adds the messages of a turn and forgets the oldest turns until the rest
// fits.
func (w *TokenWindow) Save(_ context.Context, messages ...llm.Message) error {
	if err := checkLimit(w.Name(), "MaxTokens", w.MaxTokens); err != nil {
		return err
	}
	limit := cmp.Or(w.MaxTokens, defaultMaxTokens)
	w.mu.Lock()
	defer w.mu.Unlock()
	turns := appendTurns(w.turns, messages, counter(w.Count))
	w.turns = keep(turns, newest(turns, limit))
	return nil
}

// Clear forgets all messages.
func (w *TokenWindow) Clear(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turns = nil
	return nil
}

// Size returns the number of messages and their tokens, -1 without Count.
func (w *TokenWindow) Size() (messages, tokens int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	messages, tokens = size(w.turns)
	return messages, told(tokens, w.Count)
}

// Name returns "token_window".
func (w *TokenWindow) Name() string { return "token_window" }

// String returns the messages as [Transcript] does.
func (w *TokenWindow) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Transcript(messagesOf(w.turns))
}
