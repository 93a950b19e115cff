package token

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/callspan/callspan/llm"
)

// TestCalledTools: a result belongs to the nearest call before it that has its
// id, however many calls there are.
func TestCalledTools(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var messages []llm.Message
		for range 30 {
			m := llm.Message{Role: llm.RoleTool, Name: "own", ToolCallID: fmt.Sprint(rng.IntN(60))}
			for range rng.IntN(4) * rng.IntN(10) {
				m.ToolCalls = append(m.ToolCalls, llm.ToolCall{ID: fmt.Sprint(rng.IntN(60)), Name: fmt.Sprint(rng.Int())})
			}
			messages = append(messages, m)
		}
		called := calledTools{messages: messages}
		for i := rng.IntN(5); i < len(messages); i += 1 + rng.IntN(3) {
			name, together := called.by(i)
			if n, many := nearest(messages, i); name != n || together != many {
				t.Fatalf("message %d: %s, %v; want %s, %v", i, name, together, n, many)
			}
		}
	}
}

// nearest searches as calledTools does, the plain way.
func nearest(messages []llm.Message, i int) (name string, together bool) {
	for k := i - 1; k >= 0; k-- {
		for _, c := range messages[k].ToolCalls {
			if c.ID == messages[i].ToolCallID {
				return c.Name, len(messages[k].ToolCalls) > 1
			}
		}
	}
	return messages[i].Name, false
}
