package tool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/callspan/callspan/llm"
)

// A Set is the tools that a model may ask for. Its methods may be called
// concurrently.
type Set []*Tool

// Check returns an error if a tool is missing or two have the same name.
func (s Set) Check() error {
	names := make(map[string]bool, len(s))
	for i, t := range s {
		switch {
		case t == nil:
			return fmt.Errorf("tool %d of %d is nil", i+1, len(s))
		case t.run == nil:
			return fmt.Errorf("tool %d of %d was not made by tool.New or tool.Raw", i+1, len(s))
		case names[t.definition.Name]:
			return fmt.Errorf("two tools have the name %q", t.definition.Name)
		}
		names[t.definition.Name] = true
	}
	return nil
}

// find returns the tool of that name; nil if there is none.
func (s Set) find(name string) *Tool {
	for _, t := range s {
		if t != nil && t.run != nil && t.definition.Name == name {
			return t
		}
	}
	return nil
}

// Definitions returns what the model is told of the tools, for [llm.Request].
func (s Set) Definitions() []llm.Tool {
	var ds []llm.Tool
	for _, t := range s {
		if t != nil && t.run != nil {
			ds = append(ds, t.definition)
		}
	}
	return ds
}

// maxAtOnce bounds how many calls of one answer run at the same time.
const maxAtOnce = 16

// Call runs the calls of a model's answer, up to 16 at the same time, each as a
// run, and returns the messages that answer them, in the order of the calls. A
// tool that must not run beside others takes a lock of its own.
//
// What goes wrong in a call is told to the model by its message: arguments that
// do not fit, a tool that does not exist, an error, a panic. The error is the
// end of ctx, and then there are no messages. Call returns when all tools have
// returned, so a tool has to heed its context.
func (s Set) Call(ctx context.Context, calls ...llm.ToolCall) ([]llm.Message, error) {
	return run(ctx, calls, s.finder(len(calls)), sync.OnceValue(s.names))
}

// finder returns a function that finds tools, for a number of calls. Many calls
// of many tools are worth an index.
func (s Set) finder(calls int) func(name string) *Tool {
	const few = 1 << 10
	if calls*len(s) <= few {
		return s.find
	}
	byName := make(map[string]*Tool, len(s))
	for _, t := range slices.Backward(s) { // of equals the first counts
		if t != nil && t.run != nil {
			byName[t.definition.Name] = t
		}
	}
	return func(name string) *Tool { return byName[name] }
}

// Refuse answers call with err instead of running a tool, for a call that must
// not be made: one that a person declines, or that is not complete. It appears
// as a run that fails with err. Without err, or with one that panics when it is
// asked what it is, as a nil pointer may, they are told that it was refused.
func (s Set) Refuse(ctx context.Context, call llm.ToolCall, err error) llm.Message {
	err = reason(err)
	if ctx == nil {
		ctx = context.Background()
	}
	return message(call, announce(ctx, s.find(call.Name), call, func(context.Context) (string, error) { return "", err }))
}

var errRefused = errors.New("the call was refused")

// reason returns err if it can say what it is.
func reason(err error) (sound error) {
	defer func() {
		if recover() != nil {
			sound = errRefused
		}
	}()
	if err == nil {
		return errRefused
	}
	_ = err.Error()
	return err
}

// names lists the tools for a model that asked for another.
func (s Set) names() string {
	var all []string
	for _, t := range s {
		if t != nil && t.run != nil {
			all = append(all, t.definition.Name)
		}
	}
	if len(all) == 0 {
		return "there are no tools"
	}
	slices.Sort(all)
	return "the tools are " + strings.Join(all, ", ")
}

// run makes the calls with the tools that find finds.
func run(ctx context.Context, calls []llm.ToolCall, find func(name string) *Tool, names func() string) ([]llm.Message, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	messages := make([]llm.Message, len(calls))
	slots := make(chan struct{}, maxAtOnce)
	var running sync.WaitGroup
	for i, call := range calls {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		t := find(call.Name)
		if t == nil {
			messages[i] = message(call, announce(ctx, nil, call, func(context.Context) (string, error) {
				return "", &failure{kind: "unknown_tool", text: fmt.Sprintf("there is no tool %q; %s", cut(call.Name, maxName), names())}
			}))
			<-slots
			continue
		}
		running.Add(1)
		go func() {
			defer running.Done()
			defer func() { <-slots }()
			contained(ctx, t, call, &messages[i])
		}()
	}
	running.Wait()
	if err := ended(ctx); err != nil {
		return nil, err
	}
	return messages, nil
}
