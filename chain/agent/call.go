package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// call makes the calls that the model asked for and returns their answers. A
// call that the model could not write to its end is not made.
func (a *Agent) call(ctx context.Context, calls []llm.ToolCall, finish string) ([]llm.Message, error) {
	whole := make([]llm.ToolCall, 0, len(calls))
	for _, c := range calls {
		if !broken(c, finish) {
			callback.Emit(ctx, callback.Event{Kind: callback.EventAgentAction, Data: c})
			whole = append(whole, c)
		}
	}
	answers, err := a.Tools.Call(ctx, whole...)
	if err != nil || len(whole) == len(calls) {
		return answers, err
	}
	results := make([]llm.Message, len(calls))
	for i, c := range calls {
		if broken(c, finish) {
			results[i] = a.Tools.Refuse(ctx, c, cutOff(finish))
			continue
		}
		results[i], answers = answers[0], answers[1:]
	}
	return results, nil
}

// broken reports whether the answer was cut before c was complete. An object is
// complete if it is valid; nothing at all may be the beginning of anything.
func broken(c llm.ToolCall, finish string) bool {
	return (finish == "length" || finish == "content_filter") && !json.Valid([]byte(c.Arguments))
}

// cutOff is the error of a call that is not complete.
type cutOff string

func (e cutOff) Error() string {
	return fmt.Sprintf("the answer was cut off (finish reason %q) before this call was complete, so it was not made", string(e))
}

// ErrorType returns "incomplete_call".
func (cutOff) ErrorType() string { return "incomplete_call" }

// identify gives an id of its own to each call that has none or that of
// another, so that the results can be told apart. The ids have the form that
// the strictest of the APIs takes, nine letters and digits.
func identify(calls []llm.ToolCall) {
	used := make(map[string]bool, len(calls))
	for _, c := range calls {
		used[c.ID] = true
	}
	seen, n := make(map[string]bool, len(calls)), 0
	for i := range calls {
		for calls[i].ID == "" || seen[calls[i].ID] {
			n++
			if id := fmt.Sprintf("call%05d", n); !used[id] {
				calls[i].ID = id
			}
		}
		seen[calls[i].ID] = true
		used[calls[i].ID] = true
	}
}
