package callback_test

import (
	"context"
	"fmt"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// pace is a handler of one's own. What it knows of a run lies in the run, so it
// needs neither a map of runs nor a lock.
type pace struct{}

// Start declines what is no model's call by a nil Run.
func (pace) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	if info.Kind != callback.KindLLM {
		return ctx, nil
	}
	return ctx, &paceRun{model: info.Model()}
}

type paceRun struct {
	model  string
	chunks int
}

// Token makes it a TokenRun.
func (r *paceRun) Token(c llm.Chunk) {
	if c.HasContent() {
		r.chunks++
	}
}

func (r *paceRun) End(res *callback.Result) {
	if res.Err != nil {
		fmt.Println(r.model, "failed:", callback.ErrorType(res.Err))
		return
	}
	fmt.Println(r.model, "answered in", r.chunks, "chunks")
}

// A handler is one method, and its run another one or two.
func ExampleHandler() {
	ctx := callback.WithHandlers(context.Background(), pace{})
	llm.Collect(callback.Model(says{texts: []string{"Pink", " roses."}}).Chat(ctx, question))
	llm.Collect(callback.Model(says{err: context.DeadlineExceeded}).Chat(ctx, question))
	// Output:
	// gpt-4o-mini answered in 2 chunks
	// gpt-4o-mini failed: timeout
}
