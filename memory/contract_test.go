package memory_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

// A nested handler writes runs indented below their parents.
type nested struct{ b strings.Builder }

type depthKey struct{}

func (h *nested) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	n, _ := ctx.Value(depthKey{}).(int)
	fmt.Fprintf(&h.b, "%s%s %s\n", strings.Repeat("  ", n), info.Kind, info.Name)
	return context.WithValue(ctx, depthKey{}, n+1), nil
}

// TestContract: LangChain's rules for memories, without the quirks.
func TestContract(t *testing.T) {
	t.Run("C31 the request's handlers see the summarizing call, below the memory's run", func(t *testing.T) {
		h := &nested{}
		talk := &chain.Conversation{Model: answers("An answer."), Memory: &memory.Summary{Model: answers("Notes."), Request: llm.Request{Model: "small"}}}
		ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), h))
		if _, err := talk.Run(ctx, "A question."); err != nil {
			t.Fatal(err)
		}
		if got, want := h.b.String(), "chain conversation\n  memory summary\n  llm \n  memory summary\n    llm small\n"; got != want || count.Total().Calls != 2 {
			t.Errorf("%d calls, runs\n%s\nwant\n%s", count.Total().Calls, got, want)
		}
	})
	t.Run("C31 a failing summary fails the turn after its answer, and forgets nothing", func(t *testing.T) {
		m := &memory.Summary{Model: answers("").fails(0, llm.Chunk{}, errModel)}
		talk := &chain.Conversation{Model: answers("An answer."), Memory: m}
		answer, err := talk.Run(t.Context(), "A question.")
		if got, _ := m.Load(t.Context(), llm.User("?")); answer != "An answer." || err == nil || said(got) != "u:A question. a:An answer." {
			t.Errorf("answer %q, error %v, memory %q", answer, err, said(got))
		}
	})
	t.Run("C32 new lines are folded into the summary so far", func(t *testing.T) {
		model := answers("First notes.", "Second notes.")
		m := &memory.Summary{Model: model}
		m.Save(t.Context(), says("u:a a:b")...)
		m.Save(t.Context(), says("u:c a:d")...)
		if got := model.prompts()[1]; !strings.Contains(got, "First notes.") || !strings.Contains(got, "Human: c\nAI: d") || strings.Contains(got, "Human: a\n") {
			t.Errorf("the second prompt is\n%s", got)
		}
	})
	t.Run("C34 limits go by the counter that is given, for calls of tools too", func(t *testing.T) {
		m := &memory.TokenWindow{MaxTokens: 2, Count: func(string) int { return 1 }}
		m.Save(t.Context(), says("u:a a:"+strings.Repeat("long", 100))...)
		if n, tokens := m.Size(); n != 2 || tokens != 2 {
			t.Errorf("%d messages, %d tokens", n, tokens)
		}
		m.Save(t.Context(), says("u:b c:tool")...) // 1, and text, name and arguments of the call
		if n, _ := m.Size(); n != 0 {
			t.Errorf("%d messages are kept beyond the limit", n)
		}
	})
}
