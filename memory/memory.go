package memory

import (
	"context"
	"reflect"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Memory keeps messages of a conversation. Its methods may be called
// concurrently. Conversations use it through [Load], [Save] and [Clear].
//
// Its runs have the name that its method Name() string returns, if it has one,
// and tell its size if it is a [Sizer].
type Memory interface {
	// Load returns what the prompt for input should carry, oldest first. The
	// caller may change the slice but not the messages.
	Load(ctx context.Context, input llm.Message) ([]llm.Message, error)
	// Save adds the messages of a turn.
	Save(ctx context.Context, turn ...llm.Message) error
	// Clear forgets everything.
	Clear(ctx context.Context) error
}

// A Sizer is a memory that knows its size, which its runs then tell.
type Sizer interface {
	// Size returns the number of messages that are kept and their tokens, -1
	// for what nobody counts.
	Size() (messages, tokens int)
}

// Load loads from m as a run. Errors are those of m; that m is nil is one too.
func Load(ctx context.Context, m Memory, input llm.Message) ([]llm.Message, error) {
	ctx, err := ready(ctx, m, "load")
	if err != nil {
		return nil, err
	}
	if !callback.Enabled(ctx) {
		return m.Load(ctx, input)
	}
	var out []llm.Message
	err = announce(ctx, m, "load", 0, func(ctx context.Context) (n int, err error) {
		out, err = m.Load(ctx, input)
		return len(out), err
	})
	return out, err
}

// Save saves the messages of a turn to m as a run. Errors are those of m; that m
// is nil is one too.
func Save(ctx context.Context, m Memory, turn ...llm.Message) error {
	ctx, err := ready(ctx, m, "save")
	if err != nil {
		return err
	}
	if !callback.Enabled(ctx) {
		return m.Save(ctx, turn...)
	}
	n := len(turn)
	return announce(ctx, m, "save", n, func(ctx context.Context) (int, error) { return n, m.Save(ctx, turn...) })
}

// Clear clears m as a run. Errors are those of m; that m is nil is one too.
func Clear(ctx context.Context, m Memory) error {
	ctx, err := ready(ctx, m, "clear")
	if err != nil {
		return err
	}
	if !callback.Enabled(ctx) {
		return m.Clear(ctx)
	}
	return announce(ctx, m, "clear", 0, func(ctx context.Context) (int, error) { return 0, m.Clear(ctx) })
}

// ready returns ctx, or one without an end for nil, and an error if m is nil.
func ready(ctx context.Context, m Memory, op string) (context.Context, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if isNil(m) {
		return ctx, &fault{op + " memory: memory is nil"}
	}
	return ctx, nil
}

// isNil reports whether v is nil, or a nil pointer or function.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return (r.Kind() == reflect.Pointer || r.Kind() == reflect.Func) && r.IsNil()
}

// announce runs do as a run that is to save so many records. do returns how many
// it saved or loaded.
func announce(ctx context.Context, m Memory, op string, saves int, do func(context.Context) (int, error)) error {
	before := change(m, op, saves)
	info := &callback.Info{Kind: callback.KindMemory, Name: before.Store, Input: before}
	_, err := callback.Do(ctx, info, nil, func(ctx context.Context) (*callback.MemoryChange, error) {
		n, err := do(ctx)
		if err != nil {
			return nil, err
		}
		return change(m, op, n), nil
	})
	return err
}

// change describes m as it is now.
func change(m Memory, op string, records int) *callback.MemoryChange {
	c := &callback.MemoryChange{Operation: op, Store: "memory", Messages: -1, Tokens: -1, Records: records}
	if n, ok := m.(interface{ Name() string }); ok {
		c.Store = n.Name()
	}
	if s, ok := m.(Sizer); ok {
		c.Messages, c.Tokens = s.Size()
	}
	return c
}
