package agent

import (
	"cmp"
	"context"
	"iter"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

// An Agent gives a model a task and tools, and makes the calls that the model
// asks for until it answers without asking for any. The zero value with a Model
// works. An agent with a Memory is used from one goroutine at a time; one
// without may be used concurrently if its model and tools may.
//
// What goes wrong in a tool is told to the model. An error of the model or of
// the memory and the end of the context end the agent with that error; so does
// a model that goes on to ask for tools, with a [*StepsError], and one that
// declines, with a [*RefusalError]. A model that asks for the same again and
// again is not told apart from one that makes progress: the limit of steps and
// a callback.Budget stop both.
type Agent struct {
	Name        string // of the run; "agent" by default
	Description string // what it is good for, for the model that has it as a tool, see AsTool
	Model       llm.Model
	Tools       tool.Set
	System      string // the instructions; none if empty

	// MaxSteps is how often the model is asked at most; 0 is 10. What the agent
	// asks below itself, as a tool of its own, counts too.
	MaxSteps int

	// Request holds the settings of each call. Messages are put before the
	// history. A ToolChoice that forces a call is for the first step alone, since
	// the model could never answer otherwise. Choices and Tools stay empty.
	Request llm.Request

	Memory   memory.Memory      // loaded before and saved after, the task and the answer; nil remembers nothing
	Handlers []callback.Handler // see the agent's own runs, not what it calls
	Tags     []string           // of the agent's own runs, likewise
}

const defaultSteps = 10

// Run has the agent do task as one run and returns its answer: the text of the
// model's last message, also if MaxTokens cut it short. With an error it returns
// what had arrived of that text.
func (a *Agent) Run(ctx context.Context, task string) (string, error) {
	work := func(ctx context.Context) (string, error) {
		return a.work(ctx, task, a.Request.Stream, func(llm.Chunk) bool { return true })
	}
	if !callback.Enabled(ctx, a.Handlers...) {
		return work(ctx)
	}
	return callback.Do(ctx, a.info(task), a.Handlers, work)
}

// Stream has the agent do task as one run. It hands on the chunks of every
// step as they arrive, the fragments of tool calls too. Whoever breaks off
// stops the agent, and nothing is remembered.
func (a *Agent) Stream(ctx context.Context, task string) iter.Seq2[llm.Chunk, error] {
	return callback.Stream(ctx, func() *callback.Info { return a.info(task) }, a.Handlers,
		func(ctx context.Context) iter.Seq2[llm.Chunk, error] {
			return func(yield func(llm.Chunk, error) bool) {
				_, err := a.work(ctx, task, true, func(c llm.Chunk) bool { return yield(c, nil) })
				if err != nil && err != errStopped {
					yield(llm.Chunk{}, err)
				}
			}
		})
}

// AsTool returns the agent as a tool for another one, under its name and
// description. The other agent's model writes the task.
func (a *Agent) AsTool() (*tool.Tool, error) {
	type input struct {
		Task string `json:"task" jsonschema:"what to do, with everything that one has to know to do it"`
	}
	return tool.New(a.name(), a.Description, func(ctx context.Context, in input) (string, error) { return a.Run(ctx, in.Task) })
}

func (a *Agent) name() string { return cmp.Or(a.Name, "agent") }

func (a *Agent) info(task string) *callback.Info {
	return &callback.Info{Kind: callback.KindAgent, Name: a.name(), Description: a.Description, Input: task, Tags: a.Tags, Endpoint: a.asks()}
}

// asks returns whom the agent asks. The address is left out, since that is where
// the model's calls go: the agent works here.
func (a *Agent) asks() llm.Endpoint {
	var e llm.Endpoint
	if q, ok := a.Model.(interface{ Endpoint() llm.Endpoint }); ok && !isNil(a.Model) {
		e = q.Endpoint()
	}
	return llm.Endpoint{Provider: e.Provider, Model: cmp.Or(a.Request.Model, e.Model)}
}
