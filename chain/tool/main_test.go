package tool_test

import (
	"context"
	"sync"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A recorder is a handler that keeps what runs were given and how they ended.
type recorder struct {
	mu   sync.Mutex
	runs []*recorded
}

type recorded struct {
	rec  *recorder
	info *callback.Info
	res  *callback.Result
	ends int
}

func (r *recorder) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := &recorded{rec: r, info: info}
	r.runs = append(r.runs, run)
	return ctx, run
}

func (r *recorded) End(res *callback.Result) {
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	r.res = res
	r.ends++
}

// run returns the run for the call of that id.
func (r *recorder) run(t *testing.T, id string) *recorded {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.runs {
		if run.info.Input.(*callback.ToolCall).ID == id {
			if run.ends != 1 {
				t.Errorf("run of call %q ended %d times", id, run.ends)
			}
			return run
		}
	}
	t.Fatalf("call %q is no run", id)
	return nil
}

// call makes one call of tl and returns what the model is told.
func call(t *testing.T, tl *tool.Tool, arguments string, hs ...callback.Handler) string {
	t.Helper()
	msg, err := tl.Call(callback.WithHandlers(t.Context(), hs...), llm.ToolCall{ID: "call_1", Name: tl.Name(), Arguments: arguments})
	if err != nil {
		t.Fatal(err)
	}
	if msg.Role != llm.RoleTool || msg.ToolCallID != "call_1" || len(msg.Parts) != 1 || msg.Parts[0].Source != llm.SourceTools || msg.ToolCalls != nil {
		t.Fatalf("message %+v", msg)
	}
	return msg.Text()
}
