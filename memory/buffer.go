package memory

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/callspan/callspan/llm"
)

// A Buffer keeps every message, so the prompt grows with each turn. It is
// LangChain's ConversationBufferMemory. The zero value is empty and ready.
type Buffer struct {
	// Count counts the tokens of a text, for [Buffer.Size]; may be nil. Set it
	// before use.
	Count llm.Counter

	mu       sync.Mutex
	messages []llm.Message
	tokens   int
}

// Load returns all messages.
func (b *Buffer) Load(context.Context, llm.Message) ([]llm.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages), nil
}

// Save appends the messages of a turn. From now on they are history.
func (b *Buffer) Save(_ context.Context, turn ...llm.Message) error {
	tokens := 0
	kept := make([]llm.Message, len(turn))
	for i, m := range turn {
		kept[i] = asHistory(m)
		if b.Count != nil {
			tokens += tokensOf(m, b.Count)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, kept...)
	b.tokens += tokens
	return nil
}

// Clear forgets all messages.
func (b *Buffer) Clear(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages, b.tokens = nil, 0
	return nil
}

// Size returns the number of messages and their tokens, -1 without Count.
func (b *Buffer) Size() (messages, tokens int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Count == nil {
		return len(b.messages), -1
	}
	return len(b.messages), b.tokens
}

// Name returns "buffer".
func (b *Buffer) Name() string { return "buffer" }

// String returns the messages as LangChain prints its memories: a line for
// each, with the speaker before it.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Transcript(b.messages)
}

// Transcript returns messages as text, one line for each with its speaker:
// "Human", "AI", "System" or "Tool".
func Transcript(messages []llm.Message) string {
	var s strings.Builder
	for i, m := range messages {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(speaker(m.Role))
		s.WriteString(": ")
		s.WriteString(m.Text())
	}
	return s.String()
}

func speaker(r llm.Role) string {
	switch r {
	case llm.RoleUser:
		return "Human"
	case llm.RoleAssistant:
		return "AI"
	case llm.RoleTool:
		return "Tool"
	}
	return "System"
}

// asHistory returns m with its parts marked as history. Tool traffic keeps its
// own source.
func asHistory(m llm.Message) llm.Message {
	if m.Role == llm.RoleTool || len(m.ToolCalls) > 0 {
		return m
	}
	return m.From(llm.SourceHistory)
}
