package prompt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

type Turn struct {
	Persona string
	Docs    []llm.Document
	Facts   string `prompt:",source=summary"`
	History []llm.Message
	Last    llm.Message
	Shots   prompt.List[Pair]
	Input   string
}

var (
	wordChat = prompt.Must(prompt.NewChat[Pair](prompt.User("{word}"), prompt.Assistant("{antonym}")))
	wordText = prompt.Must(prompt.New[Pair]("{word}={antonym}"))
)

// show writes messages as role(source:text ...), one per line.
func show(messages []llm.Message) string {
	var lines []string
	for _, m := range messages {
		lines = append(lines, fmt.Sprintf("%s(%s)", m.Role, sources(m.Parts)))
	}
	return strings.Join(lines, "\n")
}

func TestChat(t *testing.T) {
	turn := Turn{
		Persona: "kind", Docs: []llm.Document{{Text: "d"}}, Facts: "f", Input: "{input}",
		History: []llm.Message{
			llm.User("a"),
			llm.Assistant("b").From(llm.SourceSummary),
			{Role: llm.RoleAssistant, Parts: []llm.Part{{Text: "c"}}, ToolCalls: []llm.ToolCall{{ID: "1"}}},
			{Role: llm.RoleTool, Parts: []llm.Part{{Text: "r"}}, ToolCallID: "1"},
		},
		Last:  llm.User("l"),
		Shots: prompt.List[Pair]{Template: wordChat, Items: pairs[:1]},
	}
	for _, tc := range []struct {
		name   string
		pieces []prompt.Piece
		want   string
	}{
		{"system", []prompt.Piece{prompt.System("Be {persona}. {docs} {facts}")}, "system(system:Be  system:kind system:.  retrieved:d system:  summary:f)"},
		{"developer", []prompt.Piece{prompt.Message(llm.RoleDeveloper, "Be {persona}")}, "developer(system:Be  system:kind)"},
		{"user", []prompt.Piece{prompt.User("Q: {input}")}, "user(template:Q:  input:{input})"},
		{"assistant", []prompt.Piece{prompt.Assistant("So {input}")}, "assistant(template:So  input:{input})"},
		{"history", []prompt.Piece{prompt.Placeholder("history")}, "user(history:a)\nassistant(summary:b)\nassistant(auto:c)\ntool(auto:r)"},
		{"a message", []prompt.Piece{prompt.Placeholder("last")}, "user(history:l)"},
		{"list in a field", []prompt.Piece{prompt.Placeholder("shots")}, "user(input:tall)\nassistant(input:short)"},
		{"list of chats", []prompt.Piece{prompt.List[Pair]{Template: wordChat, Items: pairs[:1]}}, "user(template:tall)\nassistant(template:short)"},
		{"pointer to a list", []prompt.Piece{&prompt.List[Pair]{Template: wordChat, Items: pairs[:1]}}, "user(template:tall)\nassistant(template:short)"},
		{"list of texts", []prompt.Piece{prompt.List[Pair]{Template: wordText, Items: pairs[:2]}}, "user(template:tall template:= template:short)\nuser(template:happy template:= template:sad)"},
		{"bound", []prompt.Piece{prompt.System("It is {day}."), prompt.Bind("day", "Monday"), prompt.User("{day}")}, "system(system:It is  system:Monday system:.)\nuser(template:Monday)"},
		{"bound function", []prompt.Piece{prompt.User("{day}"), prompt.Bind("day", func() string { return "Monday" })}, "user(template:Monday)"},
		{"bound messages", []prompt.Piece{prompt.Placeholder("m"), prompt.Bind("m", []llm.Message{llm.User("x")})}, "user(history:x)"},
		{"bound list", []prompt.Piece{prompt.Placeholder("m"), prompt.Bind("m", prompt.List[Pair]{Template: wordChat, Items: pairs[:1]})}, "user(template:tall)\nassistant(template:short)"},
		{"embedded in two places", []prompt.Piece{prompt.System("{e}"), prompt.User("{e}"), prompt.Embed("e", "<{input}>")}, "system(system:< system:{input} system:>)\nuser(template:< input:{input} template:>)"},
		{"messages in a text", []prompt.Piece{prompt.User("{last}")}, "user(history:Human:  history:l)"},
		{"chats in a text", []prompt.Piece{prompt.User("{m}"), prompt.Bind("m", prompt.List[Pair]{Template: wordChat, Items: pairs[:1]})}, "user(template:Human:  template:tall template:\n template:AI:  template:short)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := prompt.NewChat[Turn](tc.pieces...)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // what one call returns is its own
				messages, err := p.Messages(turn)
				if err != nil || show(messages) != tc.want {
					t.Errorf("%v\ngot  %q\nwant %q", err, show(messages), tc.want)
				}
				for i := range messages {
					for j := range messages[i].Parts {
						if turn.History[i].Role == messages[i].Role && len(turn.History[i].ToolCalls) > 0 || messages[i].Role == llm.RoleTool {
							continue // passed through as it is
						}
						messages[i].Parts[j].Text = "changed"
					}
				}
			}
		})
	}
	if turn.History[0].Parts[0].Source != llm.SourceAuto || turn.History[0].Text() != "a" {
		t.Errorf("the history given was changed: %+v", turn.History[0])
	}
}

func TestGoChat(t *testing.T) {
	p, err := prompt.NewGoChat[Turn](
		prompt.Named("florist"),
		prompt.System(`Be {{.Persona}}.{{template "rules" .}}`),
		prompt.Placeholder("history"),
		prompt.User(`{{range .Docs}}{{.Text}}{{end}}{{day}}: {{.Input}}`),
		prompt.Embed("rules", " {{.Facts}}"),
		prompt.Bind("day", "Monday"),
	)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := p.Messages(Turn{Persona: "kind", Facts: "f", Docs: []llm.Document{{Text: "d"}}, Input: "i", History: []llm.Message{llm.User("a")}})
	want := "system(system:Be  system:kind system:. system:  summary:f)\nuser(history:a)\nuser(retrieved:d template:Monday template::  input:i)"
	if err != nil || show(messages) != want {
		t.Errorf("%v\ngot  %q\nwant %q", err, show(messages), want)
	}
	if got := p.Variables(); !slices.Equal(got, []string{"persona", "facts", "history", "docs", "input"}) {
		t.Errorf("variables %q", got)
	}
	if p.Name() != "florist" || !strings.HasPrefix(p.String(), "System: Be {{.Persona}}.") {
		t.Errorf("%q: %s", p.Name(), p)
	}
}

func TestChatVariables(t *testing.T) {
	for _, tc := range []struct{ name, got, want string }{
		{"messages alone", chatOf([]llm.Message{llm.User("u")}, prompt.System("s"), prompt.Placeholder("h")), "system(system:s)\nuser(history:u)"},
		{"one in several messages", chatOf("v", prompt.System("{a}"), prompt.User("{a}")), "system(system:v)\nuser(input:v)"},
		{"map of anything", chatOf(map[string]any{"h": []llm.Message{llm.User("u")}, "a": 1}, prompt.Placeholder("h"), prompt.User("{a}")), "user(history:u)\nuser(input:1)"},
		{"named messages", chatOf(struct{ H thread }{thread{llm.User("u")}}, prompt.Placeholder("h")), "user(history:u)"},
		{"source of a tag", chatOf(struct {
			H []llm.Message `prompt:",source=retrieved"`
		}{[]llm.Message{llm.User("u")}}, prompt.Placeholder("h")), "user(retrieved:u)"},
		{"pointer to a message", chatOf(struct{ H *llm.Message }{new(llm.User("u"))}, prompt.Placeholder("h")), "user(history:u)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got  %q\nwant %q", tc.got, tc.want)
			}
		})
	}
}

type thread []llm.Message

func chatOf[T any](vars T, pieces ...prompt.Piece) string {
	p, err := prompt.NewChat[T](pieces...)
	if err != nil {
		return err.Error()
	}
	messages, err := p.Messages(vars)
	if err != nil {
		return err.Error()
	}
	return show(messages)
}

func TestChatErrors(t *testing.T) {
	var nilList *prompt.List[Pair]
	hello := prompt.User("hello")
	name := prompt.Named("c")
	for _, tc := range []struct{ name, got, want string }{
		{"no messages", chatOf(Turn{}, name), `prompt "c": empty prompt: no messages`},
		{"nil piece", chatOf(Turn{}, name, hello, nil), `prompt "Human: hello": piece 3 is nil`},
		{"nil list", chatOf(Turn{}, nilList), `prompt "": piece 1 is nil`},
		{"syntax", chatOf(Turn{}, name, hello, prompt.User("{")), `prompt "c": message 2 (user): unclosed { at 1:1; write {{ for a brace`},
		{"unknown", chatOf(Turn{}, name, prompt.System("{persna}")), `prompt "c": message 1 (system): unknown variable {persna} at 1:1; prompt_test.Turn has persona, docs, facts, history, last, shots, input`},
		{"unknown, unnamed", chatOf(Turn{}, hello, prompt.System("{persna}")), `prompt "Human: hello\nSystem: {persna}": message 2 (system): unknown variable {persna} at 1:1; prompt_test.Turn has persona, docs, facts, history, last, shots, input`},
		{"unknown placeholder", chatOf(Turn{}, name, prompt.Placeholder("past")), `prompt "c": message 1 (placeholder): unknown variable {past}; prompt_test.Turn has persona, docs, facts, history, last, shots, input`},
		{"placeholder in braces", chatOf(Turn{}, name, prompt.Placeholder("{history}")), `prompt "c": message 1 (placeholder): "{history}" is no name of a variable; use letters, digits and _`},
		{"placeholder without name", chatOf(Turn{}, name, prompt.Placeholder("")), `prompt "c": message 1 (placeholder): "" is no name of a variable; use letters, digits and _`},
		{"no messages in a variable", chatOf(Turn{}, name, prompt.Placeholder("input")), `prompt "c": message 1 (placeholder): variable input is a string, which is no messages; use []llm.Message, llm.Message or a List`},
		{"no messages in a map", chatOf(headers{"h": ""}, name, prompt.Placeholder("h")), `prompt "c": message 1 (placeholder): variable h is a string, which is no messages; use []llm.Message, llm.Message or a List`},
		{"no messages at run time", chatOf(map[string]any{"h": 1}, name, prompt.Placeholder("h")), `prompt "c": message 1 (placeholder): variable h is a int, which is no messages; use []llm.Message, llm.Message or a List`},
		{"no messages bound", chatOf(Turn{}, name, prompt.Placeholder("h"), prompt.Bind("h", "x")), `prompt "c": message 1 (placeholder): variable h is a string, which is no messages; use []llm.Message, llm.Message or a List`},
		{"nil messages", chatOf(map[string]any{"h": nil}, name, prompt.Placeholder("h")), `prompt "c": message 1 (placeholder): variable h is nil; give it a value`},
		{"nil messages bound", chatOf(Turn{}, name, prompt.Placeholder("h"), prompt.Bind("h", nil)), `prompt "c": message 1 (placeholder): variable h is nil; give it a value`},
		{"embedded text as messages", chatOf(Turn{}, name, prompt.Placeholder("h"), prompt.Embed("h", "x")), `prompt "c": message 1 (placeholder): h is an embedded text, and no messages`},
		{"no role", chatOf(Turn{}, name, prompt.Message("", "x")), `prompt "c": message 1 (): no role; use System, User or Assistant`},
		{"blank message", chatOf(Turn{}, name, hello, prompt.System(" ")), `prompt "c": message 2 (system): empty prompt`},
		{"blank at run time", chatOf(Turn{}, name, hello, prompt.User("{input}")), `prompt "c": message 2 (user): empty prompt`},
		{"no history, nothing else", chatOf(Turn{}, name, prompt.Placeholder("history")), `prompt "c": empty prompt: no messages`},
		{"missing", chatOf(headers{}, name, prompt.User("{a}")), `prompt "c": missing variable a; given: none`},
		{"nil variable", chatOf(map[string]any{"a": nil}, name, prompt.User("{a}")), `prompt "c": message 1 (user): variable a is nil; give it a value`},
		{"second variable", chatOf("v", name, prompt.User("{a}"), prompt.User("{b}")), `prompt "c": message 2 (user): a second variable {b} at 1:1, but one string is given, for a; use a struct`},
		{"bound, not there", chatOf(Turn{}, name, hello, prompt.Bind("b", 1)), `prompt "c": unknown variable b: it is bound, but the template has none of that name`},
		{"cycle", chatOf(Turn{}, name, prompt.User("{a}"), prompt.Embed("a", "{b}"), prompt.Embed("b", "{a}")), `prompt "c": message 1 (user): template cycle: a -> b -> a; a template cannot embed itself`},
		{"list without template", chatOf(Turn{}, name, prompt.List[int]{}), `prompt "c": message 1 (list): is a List without a Template`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got  %s\nwant %s", tc.got, tc.want)
			}
		})
	}
	p := prompt.Must(prompt.NewChat[Turn](prompt.Placeholder("history")))
	if _, err := p.Messages(Turn{}); !errors.Is(err, prompt.ErrEmpty) {
		t.Errorf("%v is no ErrEmpty", err)
	}
}

func TestChatWith(t *testing.T) {
	p := prompt.Must(prompt.NewChat[Turn](prompt.System("Be {persona}."), prompt.User("{input}")))
	kind, err := p.With(prompt.Bind("persona", "kind"), prompt.Named("kind"))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := kind.Messages(Turn{Input: "i"})
	if want := "system(system:Be  system:kind system:.)\nuser(input:i)"; err != nil || show(messages) != want || kind.Name() != "kind" {
		t.Errorf("%s: %v\n%s", kind.Name(), err, show(messages))
	}
	if p.Name() != "" || len(p.Variables()) != 2 {
		t.Errorf("the first changed: %q %q", p.Name(), p.Variables())
	}
	shots := prompt.Must(prompt.NewChat[Turn](prompt.System("Be {persona}."), prompt.Placeholder("history"),
		prompt.List[Pair]{Template: wordChat, Items: pairs[:2]}, prompt.User("{input}")))
	if want := "System: Be {persona}.\n{history}\nHuman: tall\nAI: short\n\nHuman: happy\nAI: sad\nHuman: {input}"; shots.String() != want {
		t.Errorf("as written: %s", shots)
	}
	if kind.String() != p.String() || p.String() != "System: Be {persona}.\nHuman: {input}" {
		t.Errorf("as written: %s", p)
	}
}
