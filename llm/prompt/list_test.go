package prompt_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

func words(text string) int { return len(strings.Fields(text)) }

func TestList(t *testing.T) {
	type vars struct {
		Shots  prompt.List[Pair]
		Tagged prompt.List[Pair] `prompt:"tagged,source=template"`
		Docs   prompt.List[llm.Document]
	}
	document := prompt.Must(prompt.New[llm.Document]("[{id}] {text}"))
	shots := prompt.List[Pair]{Template: wordText, Items: pairs[:2]}
	v := vars{Shots: shots, Tagged: shots, Docs: prompt.List[llm.Document]{Template: document, Separator: "\n",
		Items: []llm.Document{{ID: "7", Text: "d"}}}}
	for _, tc := range []struct {
		name, text, want string
		bound            any
	}{
		{"field", "{shots}", "input:tall template:= input:short template:\n\n input:happy template:= input:sad", nil},
		{"field with a source", "{tagged}", "template:tall template:= template:short template:\n\n template:happy template:= template:sad", nil},
		{"documents", "{docs}", "template:[ retrieved:7 template:]  retrieved:d", nil},
		{"bound", "{b}", "template:tall template:= template:short template:\n\n template:happy template:= template:sad", shots},
		{"bound pointer", "{b}", "template:tall template:= template:short template:\n\n template:happy template:= template:sad", &shots},
		{"bound documents", "{b}", "template:[ retrieved:7 template:]  retrieved:d", v.Docs},
		{"somebody else's template", "{b}", "template:Human:  template:1!", prompt.List[int]{Template: shout{}, Items: []int{1}}},
		{"none", "x{b}", "template:x", prompt.List[Pair]{Template: wordText}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var defs []prompt.Def
			if tc.bound != nil {
				defs = append(defs, prompt.Bind("b", tc.bound))
			}
			p := prompt.Must(prompt.New[vars](tc.text, defs...))
			parts, err := p.Parts(v)
			if err != nil || sources(parts) != tc.want {
				t.Errorf("%v\ngot  %q\nwant %q", err, sources(parts), tc.want)
			}
			goForm := map[string]string{"{shots}": "{{.Shots}}", "{tagged}": "{{.Tagged}}", "{docs}": "{{.Docs}}", "{b}": "{{b}}", "x{b}": "x{{b}}"}
			q := prompt.Must(prompt.NewGo[vars](goForm[tc.text], defs...))
			if parts, err = q.Parts(v); err != nil || sources(parts) != tc.want {
				t.Errorf("text/template: %v\ngot  %q\nwant %q", err, sources(parts), tc.want)
			}
		})
	}
}

// shout is a template that is made elsewhere.
type shout struct{ err error }

func (s shout) Messages(n int) ([]llm.Message, error) {
	return []llm.Message{llm.User(fmt.Sprint(n, "!"))}, s.err
}
func (shout) Name() string   { return "shout" }
func (shout) String() string { return "{n}!" }

func TestListBudget(t *testing.T) {
	long := prompt.Must(prompt.New[int]("{n} b c")) // three words
	items := []int{1, 2, 3, 4, 5}
	for _, tc := range []struct {
		name string
		list prompt.List[int]
		want string
	}{
		{"no bound", prompt.List[int]{Template: long, Items: items}, "12345"},
		{"all fit", prompt.List[int]{Template: long, Items: items, MaxTokens: 15, Count: words}, "12345"},
		{"four fit", prompt.List[int]{Template: long, Items: items, MaxTokens: 14, Count: words}, "1234"},
		{"one fits", prompt.List[int]{Template: long, Items: items, MaxTokens: 3, Count: words}, "1"},
		{"separators count", prompt.List[int]{Template: long, Items: items, Separator: " and ", MaxTokens: 7, Count: words}, "12"},
		{"none fits", prompt.List[int]{Template: long, Items: items, MaxTokens: 2, Count: words}, "is a List of which nothing fits: 2 tokens at most, and the first has 3"},
		{"no items", prompt.List[int]{Template: long, MaxTokens: 2, Count: words}, ""},
		{"no counter", prompt.List[int]{Template: long, Items: items, MaxTokens: 2}, "is a List with MaxTokens; set its Count too, for it to count with"},
		{"negative", prompt.List[int]{Template: long, Items: items, MaxTokens: -1, Count: words}, "is a List with negative MaxTokens, -1"},
		{"no template", prompt.List[int]{Items: items}, "is a List without a Template"},
		{"failing template", prompt.List[int]{Template: shout{errors.New("hoarse")}, Items: items}, "[0]: hoarse"},
		{"failing template, counted", prompt.List[int]{Template: shout{errors.New("hoarse")}, Items: items, MaxTokens: 1, Count: words}, "[0]: hoarse"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			digits := func(text string) string {
				return strings.Map(func(r rune) rune {
					if r < '0' || r > '9' {
						return -1
					}
					return r
				}, text)
			}
			isError := tc.want != digits(tc.want)
			check := func(how, text string, err error, prefix string) {
				t.Helper()
				if isError && fmt.Sprint(err) != prefix+tc.want || !isError && (err != nil || digits(text) != tc.want) {
					t.Errorf("%s: got %q, %v", how, text, err)
				}
			}
			p, err := prompt.New[struct{}]("x {l}", prompt.Named("p"), prompt.Bind("l", tc.list))
			text := ""
			if err == nil {
				text, err = p.Format(struct{}{})
			}
			check("bound", text, err, `prompt "p": the value bound to l `)

			text, err = prompt.Must(prompt.New[prompt.List[int]]("x {l}", prompt.Named("p"))).Format(tc.list)
			check("variable", text, err, `prompt "p": variable l `)

			if tc.list.Separator != "" {
				return // messages have none
			}
			c, err := prompt.NewChat[struct{}](prompt.Named("p"), prompt.User("x"), tc.list)
			text = ""
			if err == nil {
				var messages []llm.Message
				messages, err = c.Messages(struct{}{})
				for _, m := range messages {
					text += m.Text()
				}
			}
			check("chat", text, err, `prompt "p": message 2 (list): `)
		})
	}
}

type Node struct {
	Name string
	Kids prompt.List[*Node]
}

// TestListOfItself: a value that holds itself is an error and not the end.
func TestListOfItself(t *testing.T) {
	for _, tmpl := range []prompt.Template[*Node]{
		prompt.Must(prompt.New[*Node]("{name} {kids}")),
		prompt.Must(prompt.NewGo[*Node]("{{.Name}} {{.Kids}}")),
		prompt.Must(prompt.NewChat[*Node](prompt.User("{name}"), prompt.Placeholder("kids"))),
		prompt.Must(prompt.NewChat[*Node](prompt.User("{name} {kids}"))),
	} {
		leaf := &Node{"leaf", prompt.List[*Node]{Template: tmpl}}
		root := &Node{"root", prompt.List[*Node]{Template: tmpl, Items: []*Node{leaf}}}
		messages, err := tmpl.Messages(root)
		text := ""
		for _, m := range messages {
			text += m.Text()
		}
		if err != nil || !strings.Contains(text, "root") || !strings.Contains(text, "leaf") {
			t.Errorf("%s: a tree: %q, %v", tmpl, text, err)
		}
		leaf.Kids.Items = []*Node{root}
		_, err = tmpl.Messages(root)
		if err == nil || !strings.HasSuffix(err.Error(), "has lists in lists, more than 100 deep; does a value hold itself?") {
			t.Errorf("%s: a circle: %.200v", tmpl, err)
		}
	}
}
