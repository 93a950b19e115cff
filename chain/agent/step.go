package agent

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

// errStopped says that the consumer broke off. It goes no further than Stream.
var errStopped = errors.New("consumer broke off")

// work does task and returns the answer. Chunks go to take, which returns
// false to break off.
func (a *Agent) work(ctx context.Context, task string, stream bool, take func(llm.Chunk) bool) (string, error) {
	if err := a.check(task); err != nil {
		return "", err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, steps := a.counter(ctx)
	user := llm.User(task).From(llm.SourceInput)
	messages, err := a.prompt(ctx, user)
	if err != nil {
		return "", err
	}
	req := a.Request
	req.Stream, req.Tools = stream, a.Tools.Definitions()
	model := callback.Model(a.Model)
	last := "" // what the model has said beside its calls
	for {
		if !steps.next() {
			return last, a.exceeded()
		}
		now := req // handlers keep what they are given
		now.Messages = messages
		said, err := ask(ctx, model, &now, take)
		if err != nil {
			return said.Text(), err
		}
		answer := said.Message()
		if len(answer.ToolCalls) == 0 {
			return a.finish(ctx, user, said)
		}
		if last = answer.Text(); steps.over() {
			return last, a.exceeded()
		}
		finish := said.Choices[0].Finish
		identify(answer.ToolCalls)
		results, err := a.call(ctx, answer.ToolCalls, finish)
		if err != nil {
			return last, err
		}
		messages = append(append(messages, answer), results...)
		if forced(req.ToolChoice) {
			req.ToolChoice = ""
		}
	}
}

// prompt returns what the model is told first.
func (a *Agent) prompt(ctx context.Context, user llm.Message) ([]llm.Message, error) {
	var messages []llm.Message
	if a.System != "" {
		messages = append(messages, llm.System(a.System))
	}
	messages = append(messages, a.Request.Messages...)
	if a.Memory != nil {
		history, err := memory.Load(ctx, a.Memory, user)
		if err != nil {
			return nil, err
		}
		messages = append(messages, history...)
	}
	return append(messages, user), nil
}

// ask makes one call of the model.
func ask(ctx context.Context, model llm.Model, req *llm.Request, take func(llm.Chunk) bool) (*llm.Response, error) {
	var said llm.Accumulator
	for chunk, err := range model.Chat(ctx, req) {
		if err != nil {
			return said.Response(), err
		}
		said.Add(&chunk)
		if !take(chunk) {
			return said.Response(), errStopped
		}
	}
	if said.Empty() {
		return said.Response(), llm.ErrEmpty
	}
	return said.Response(), nil
}

// finish takes the model's last message for the answer.
func (a *Agent) finish(ctx context.Context, user llm.Message, said *llm.Response) (string, error) {
	c := said.Choices[0]
	switch {
	case c.Text != "":
	case c.Refusal != "":
		return "", &RefusalError{Agent: a.name(), Text: c.Refusal}
	case c.Finish != "stop": // a model may have nothing to say after the last tool
		return "", a.errorf("%w (finish reason %q)", llm.ErrEmpty, c.Finish)
	}
	callback.Emit(ctx, callback.Event{Kind: callback.EventAgentFinish, Data: c.Text})
	if a.Memory != nil {
		if err := memory.Save(ctx, a.Memory, user, said.Message()); err != nil {
			return c.Text, err
		}
	}
	return c.Text, nil
}

// forced reports whether choice makes the model call a tool.
func forced(choice string) bool { return !slices.Contains([]string{"", "auto", "none"}, choice) }

// check returns an error if the agent cannot do task.
func (a *Agent) check(task string) error {
	switch {
	case isNil(a.Model):
		return a.fault("it has no Model")
	case a.Memory != nil && isNil(a.Memory):
		return a.fault("it has a nil %T as its Memory", a.Memory)
	case strings.TrimSpace(task) == "":
		return a.fault("it got an empty task")
	case a.MaxSteps < 0:
		return a.fault("it has a negative MaxSteps, %d", a.MaxSteps)
	case a.Request.Choices > 1:
		return a.fault("Request.Choices is %d, but an agent follows one answer", a.Request.Choices)
	case len(a.Request.Tools) > 0:
		return a.fault("tools belong into Tools, not into Request.Tools")
	}
	if err := a.Tools.Check(); err != nil {
		return a.fault("%w", err)
	}
	return nil
}

// isNil reports whether v is nil, or a nil pointer or function.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return (r.Kind() == reflect.Pointer || r.Kind() == reflect.Func) && r.IsNil()
}

// A counter counts the steps of an agent and of its runs below itself.
type counter struct {
	used  atomic.Int64
	limit int64
}

type counterKey struct{ agent *Agent }

// counter returns the counter of the run of a that encloses ctx, or a new one.
func (a *Agent) counter(ctx context.Context) (context.Context, *counter) {
	if c, ok := ctx.Value(counterKey{a}).(*counter); ok {
		return ctx, c
	}
	c := &counter{limit: int64(a.limit())}
	return context.WithValue(ctx, counterKey{a}, c), c
}

// next reports whether one more step may be made.
func (c *counter) next() bool { return c.used.Add(1) <= c.limit }

// over reports whether no further step may be made.
func (c *counter) over() bool { return c.used.Load() >= c.limit }
