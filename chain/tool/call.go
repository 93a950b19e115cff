package tool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// Call runs the tool as call asks, whatever name it gives, and returns the
// message that answers it. It is [Set.Call] for one tool.
func (t *Tool) Call(ctx context.Context, call llm.ToolCall) (llm.Message, error) {
	if t == nil || t.run == nil {
		return llm.Message{}, errNotMade
	}
	answers, err := run(ctx, []llm.ToolCall{call}, func(string) *Tool { return t }, nil)
	if err != nil {
		return llm.Message{}, err
	}
	return answers[0], nil
}

var errNotMade = errors.New("call tool: it was not made by tool.New or tool.Raw")

// announce makes one call as a run and returns what the model is told.
func announce(ctx context.Context, t *Tool, call llm.ToolCall, do func(context.Context) (string, error)) string {
	var (
		handlers []callback.Handler
		limit    int
	)
	if t != nil {
		handlers, limit = t.options.Handlers, t.options.MaxResult
	}
	var out string
	var err error
	if callback.Enabled(ctx, handlers...) {
		info := &callback.Info{Kind: callback.KindTool, Name: cut(call.Name, maxName),
			Input: &callback.ToolCall{ID: call.ID, Arguments: call.Arguments}}
		if t != nil {
			info.Name, info.Description, info.Tags = t.definition.Name, t.definition.Description, t.options.Tags
		}
		out, err = callback.Do(ctx, info, handlers, do)
	} else {
		out, err = do(ctx)
	}
	if err != nil {
		return bound(complaint(err), limit)
	}
	return out
}

// maxName bounds the names of tools that do not exist, which models make up.
const maxName = 64

// complaint is how an error is told to the model.
func complaint(err error) string {
	var f *failure
	if errors.As(err, &f) && f.hint != "" {
		return "error: " + f.hint
	}
	return "error: " + err.Error()
}

// contained makes one call and puts the answer into msg, whatever the tool
// does: its panic or its end of the goroutine goes no further. It is called on
// a goroutine of its own.
func contained(ctx context.Context, t *Tool, call llm.ToolCall, msg *llm.Message) {
	*msg = message(call, "error: the tool broke down and gave no result") // stands if it does not return
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "tool panicked; the model was told that it broke down",
				"tool", t.definition.Name, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	*msg = message(call, announce(ctx, t, call, func(ctx context.Context) (string, error) {
		out, err := t.run(ctx, trimmed(call.Arguments))
		return bound(out, t.options.MaxResult), err // the run's output is what the model is sent
	}))
}

// message is the answer to call.
func message(call llm.ToolCall, text string) llm.Message {
	return llm.Message{Role: llm.RoleTool, ToolCallID: call.ID, Parts: []llm.Part{{Text: text, Source: llm.SourceTools}}}
}

// ended returns how ctx ended, and why if something else was the cause.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
