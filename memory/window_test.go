package memory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

func ExampleWindow() {
	ctx := context.Background()
	m := &memory.Window{Turns: 1}
	memory.Save(ctx, m, llm.User("My sister likes pink roses."), llm.Assistant("A lovely choice."))
	memory.Save(ctx, m, llm.User("How do I keep them?"), llm.Assistant("Cut the stems."))
	fmt.Println(m)
	// Output:
	// Human: How do I keep them?
	// AI: Cut the stems.
}

func ExampleTokenWindow() {
	ctx := context.Background()
	words := func(text string) int { return len(strings.Fields(text)) }
	m := &memory.TokenWindow{MaxTokens: 10, Count: words}
	memory.Save(ctx, m, llm.User("My sister likes pink roses."), llm.Assistant("A lovely choice."))
	memory.Save(ctx, m, llm.User("How do I keep them?"), llm.Assistant("Cut the stems."))
	fmt.Println(m)
	// Output:
	// Human: How do I keep them?
	// AI: Cut the stems.
}

// says makes messages of a text: "u:" a user's, "a:" the model's, "c:" one that
// calls a tool, "t:" the tool's, "s:" the system's.
func says(text string) (out []llm.Message) {
	for _, s := range strings.Fields(text) {
		kind, word, _ := strings.Cut(s, ":")
		switch kind {
		case "u":
			out = append(out, llm.User(word))
		case "a":
			out = append(out, llm.Assistant(word))
		case "s":
			out = append(out, llm.System(word))
		case "c":
			out = append(out, llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{Name: word}}})
		case "t":
			out = append(out, llm.Message{Role: llm.RoleTool, Parts: []llm.Part{{Text: word}}})
		default:
			panic(s)
		}
	}
	return out
}

// said is the inverse of says.
func said(messages []llm.Message) string {
	var out []string
	for _, m := range messages {
		switch {
		case len(m.ToolCalls) > 0:
			out = append(out, "c:"+m.ToolCalls[0].Name)
		case m.Role == llm.RoleTool:
			out = append(out, "t:"+m.Text())
		default:
			out = append(out, string(m.Role[:1])+":"+m.Text())
		}
	}
	return strings.Join(out, " ")
}

func length(s string) int { return len(s) }

// TestForgetting: what windows keep of what is saved. Each save is one element.
func TestForgetting(t *testing.T) {
	turns := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("u:%d a:%d", i, i))
		}
		return out
	}
	window := func(turns int) memory.Memory { return &memory.Window{Turns: turns, Count: length} }
	tokens := func(limit int) memory.Memory { return &memory.TokenWindow{MaxTokens: limit, Count: length} }
	for _, tc := range []struct {
		name   string
		m      memory.Memory
		saves  []string
		want   string
		tokens int
	}{
		{"window of five by default", window(0), turns(7), "u:2 a:2 u:3 a:3 u:4 a:4 u:5 a:5 u:6 a:6", 10},
		{"fewer turns than the window", window(3), turns(2), "u:0 a:0 u:1 a:1", 4},
		{"window of one", window(1), turns(3), "u:2 a:2", 2},
		{"nothing saved", window(2), nil, "", 0},
		{"many turns in one save", window(1), []string{"u:0 a:0 u:1 a:1"}, "u:1 a:1", 2},
		{"a turn in two saves", window(1), []string{"u:0 a:0", "u:1", "a:1"}, "u:1 a:1", 2},
		{"tools belong to their turn", window(1), []string{"u:0 a:0", "u:1 c:find t:rose a:1"}, "u:1 c:find t:rose a:1", 10},
		{"what begins without a question", window(1), []string{"s:x a:hello"}, "s:x a:hello", 6},
		{"a greeting is forgotten first", window(1), []string{"a:hello", "u:0 a:0"}, "u:0 a:0", 2},
		{"tokens that fit exactly", tokens(4), []string{"u:ab a:c", "u:d a:ef", "u:g"}, "u:d a:ef u:g", 4},
		{"no orphaned answer", tokens(5), []string{"u:abc a:d", "u:e a:f"}, "u:e a:f", 2},
		{"a turn that is too long", tokens(3), []string{"u:a a:b", "u:abcd a:e"}, "", 0},
		{"and what comes after it", tokens(3), []string{"u:abcd a:e", "u:a a:b"}, "u:a a:b", 2},
		{"calls of tools count", tokens(4), []string{"u:a", "u:b c:abc"}, "u:b c:abc", 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, s := range tc.saves {
				if err := tc.m.Save(t.Context(), says(s)...); err != nil {
					t.Fatal(err)
				}
			}
			got, err := tc.m.Load(t.Context(), llm.User("?"))
			if err != nil || said(got) != tc.want {
				t.Errorf("kept %q, %v, want %q", said(got), err, tc.want)
			}
			n, tokens := tc.m.(memory.Sizer).Size()
			if n != len(got) || tokens != tc.tokens {
				t.Errorf("size %d messages, %d tokens, want %d and %d", n, tokens, len(got), tc.tokens)
			}
			for _, m := range got {
				if m.Role == llm.RoleUser && m.Parts[0].Source != llm.SourceHistory {
					t.Errorf("source %v", m.Parts[0].Source)
				}
			}
			if len(got) > 0 {
				got[0] = llm.User("changed")
				if again, _ := tc.m.Load(t.Context(), llm.User("?")); said(again) != tc.want {
					t.Error("a loaded slice is shared")
				}
			}
			tc.m.Clear(t.Context())
			if n, _ := tc.m.(memory.Sizer).Size(); n != 0 || fmt.Sprint(tc.m) != "" {
				t.Errorf("after clear: %d messages, %v", n, tc.m)
			}
		})
	}
}

// TestEstimate: without Count the limit holds for an estimate, and no size is told.
func TestEstimate(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		limit      int
		kept       bool
	}{
		{"letters", "abcdefgh", 2, true},
		{"a letter more", "abcdefghi", 2, false},
		{"Chinese", "\u7c89\u73ab\u7470", 3, true},
		{"a character more", "\u7c89\u73ab\u7470\u5f88", 3, false},
		{"not UTF-8", "\xff\xff", 2, true},
	} {
		m := &memory.TokenWindow{MaxTokens: tc.limit}
		m.Save(t.Context(), llm.User(tc.text))
		n, tokens := m.Size()
		if (n == 1) != tc.kept || tokens != -1 {
			t.Errorf("%s: %d messages, %d tokens", tc.name, n, tokens)
		}
	}
}

// kinds are all memories, where a model writes the summaries, with their names.
func kinds(model llm.Model) map[string]memory.Memory {
	return map[string]memory.Memory{
		"buffer":         &memory.Buffer{},
		"window":         &memory.Window{},
		"token_window":   &memory.TokenWindow{},
		"summary":        &memory.Summary{Model: model},
		"summary_buffer": &memory.SummaryBuffer{Model: model, MaxTokens: 60},
	}
}

func TestKindsConcurrentSafe(t *testing.T) {
	for name, m := range kinds(answers("Notes.")) {
		t.Run(name, func(t *testing.T) {
			if got := m.(interface{ Name() string }).Name(); got != name {
				t.Errorf("name %q", got)
			}
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for range 20 {
						m.Save(t.Context(), llm.User("a question"), llm.Assistant("an answer"))
						m.Load(t.Context(), llm.User("?"))
						m.(memory.Sizer).Size()
						_ = fmt.Sprint(m)
						if i == 7 {
							m.Clear(t.Context())
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
