package prompt_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// made returns the error of making a template of either form.
func made[T any](text string, defs ...prompt.Def) string {
	_, err := prompt.New[T](text, defs...)
	return fmt.Sprint(err)
}

func madeGo[T any](text string, defs ...prompt.Def) string {
	_, err := prompt.NewGo[T](text, defs...)
	return fmt.Sprint(err)
}

type self []self

type pointer *pointer

func TestErrorsAtParse(t *testing.T) {
	type named struct {
		A string `prompt:"b"`
		B string
	}
	const has = "prompt_test.Bouquet has occasion, kinds, count"
	const goHas = "prompt_test.Bouquet has .Occasion, .Kinds, .Count"
	for _, tc := range []struct{ name, got, want string }{
		{"unclosed", made[int]("1 + {n"), `prompt "1 + {n": unclosed { at 1:5; write {{ for a brace`},
		{"unclosed at the end", made[int]("{"), `prompt "{": unclosed { at 1:1; write {{ for a brace`},
		{"unclosed in its line", made[int]("ab\n玫瑰{n\n}"), `prompt "ab\n玫瑰{n\n}": unclosed { at 2:3; write {{ for a brace`},
		{"unmatched", made[int]("{n}}"), `prompt "{n}}": unmatched } at 1:4; write }} for a brace`},
		{"empty braces", made[int]("{}"), `prompt "{}": {} at 1:1 names no variable; write {{ and }} for braces`},
		{"blanks", made[int]("{ n }"), `prompt "{ n }": { n } at 1:1 has blanks; write {n}`},
		{"json", made[int](`{"a": 1}`), `prompt "{\"a\": 1}": {"a": 1} at 1:1 is no name of a variable; write {{ and }} for braces`},
		{"nested json", made[int](`{"a": {"b": 1}}`), `prompt "{\"a\": {\"b\": 1}}": {"a": {"b": 1}} at 1:1 is no variable; write {{ and }} for braces`},
		{"format", made[int]("{n:.2f}"), `prompt "{n:.2f}": {n:.2f} at 1:1: a variable is a name alone; format the value before, or use the form of text/template`},
		{"attribute", made[int]("{n.__class__}"), `prompt "{n.__class__}": {n.__class__} at 1:1: a variable is a name alone; format the value before, or use the form of text/template`},
		{"digit first", made[int]("{1n}"), `prompt "{1n}": {1n} at 1:1 is no name of a variable; write {{ and }} for braces`},
		{"invalid UTF-8 in a name", made[int]("{\xff}"), "prompt \"{\\xff}\": {\xff} at 1:1 is no name of a variable; write {{ and }} for braces"},
		{"unknown", made[Bouquet]("a {kind}"), `prompt "a {kind}": unknown variable {kind} at 1:3; ` + has},
		{"unknown, named", made[Bouquet]("a {kind}", prompt.Named("order")), `prompt "order": unknown variable {kind} at 1:3; ` + has},
		{"a long text", made[Bouquet](strings.Repeat("x", 50) + "{kind}"), `prompt "` + strings.Repeat("x", 40) + `…": unknown variable {kind} at 1:51; ` + has},
		{"unknown in an embedded text", made[Bouquet]("{a}", prompt.Embed("a", "\n{kind}")), `prompt "{a}": in the embedded a: unknown variable {kind} at 2:1; ` + has},
		{"syntax in an embedded text", made[Bouquet]("{a}", prompt.Embed("a", "{")), `prompt "{a}": in the embedded a: unclosed { at 1:1; write {{ for a brace`},
		{"not for prompts", made[Order]("{key}"), `prompt "{key}": unknown variable {key} at 1:1; prompt_test.Order has name, number, id, urlPath, docs, picture, history, extra, note, given, done`},
		{"struct without fields", made[struct{}]("{a}"), `prompt "{a}": unknown variable {a} at 1:1; struct {} has none`},
		{"two for one", made[int]("{a}{b}"), `prompt "{a}{b}": a second variable {b} at 1:4, but one int is given, for a; use a struct`},
		{"none for one", made[int]("a"), `prompt "a": no variable for the int that it is given; use struct{} for a text without variables`},
		{"no text form", made[Order]("{extra}"), `prompt "{extra}": variable {extra} at 1:1 is a map[string]int, which has no text form; give it a method String() string, or write it to a string first`},
		{"no text form of one", made[chan int]("{a}"), `prompt "{a}": chan int is no type for variables; use a struct`},
		{"lists in lists", made[[][]string]("{a}"), `prompt "{a}": [][]string is no type for variables; use a struct`},
		{"a type of itself", made[self]("{a}"), `prompt "{a}": prompt_test.self is no type for variables; use a struct`},
		{"a pointer to itself", made[pointer]("{a}"), `prompt "{a}": prompt_test.pointer is no type for variables; use a struct`},
		{"anything", made[any]("{a}"), `prompt "{a}": interface {} is no type for variables; use a struct`},
		{"map of numbers", made[map[string]int]("{a}"), `prompt "{a}": map[string]int is no type for variables; use a struct, map[string]string or map[string]any`},
		{"names twice", made[named]("{b}"), `prompt "{b}": the fields A and B of prompt_test.named are both called b; tag one of them ` + "`prompt:\"name\"`"},
		{"tag: name", made[struct {
			A string `prompt:"a b"`
		}]("{a}"), `prompt "{a}": the tag of field A: "a b" is no name of a variable; use letters, digits and _`},
		{"tag: source", made[struct {
			A string `prompt:"a,source=web"`
		}]("{a}"), `prompt "{a}": the tag of field A: unknown source "web"; there are system, template, history, summary, retrieved, tools, input`},
		{"tag: option", made[struct {
			A string `prompt:"a,omitempty"`
		}]("{a}"), `prompt "{a}": the tag of field A: unknown option "omitempty"; there are source= and, as the last, sep=`},
		{"empty", made[struct{}](""), `prompt "": empty prompt`},
		{"blank", made[struct{}](" {a}{b}\n", prompt.Bind("a", "\t"), prompt.Embed("b", " ")), `prompt " {a}{b}\n": empty prompt`},
		{"bound, not there", made[int]("{a}", prompt.Bind("b", 1)), `prompt "{a}": unknown variable b: it is bound, but the template has none of that name`},
		{"embedded, not there", made[int]("{a}", prompt.Embed("b", "")), `prompt "{a}": unknown variable b: it is embedded, but the template has no place of that name`},
		{"bound to nil", made[int]("{a}{b}", prompt.Bind("b", nil)), `prompt "{a}{b}": the value bound to b is nil; give it a value`},
		{"bound to a nil function", made[int]("{a}{b}", prompt.Bind("b", (func() string)(nil))), `prompt "{a}{b}": the function bound to b is nil`},
		{"bound to what has no text form", made[int]("{a}{b}", prompt.Bind("b", func() int { return 1 })), `prompt "{a}{b}": the value bound to b is a func() int, which has no text form; give it a method String() string, or write it to a string first`},
		{"bound by a bad name", made[int]("{a}", prompt.Bind("b c", 1)), `prompt "{a}": "b c" is no name of a variable; use letters, digits and _`},
		{"empty Def", made[int]("{a}", prompt.Def{}), `prompt "{a}": "" is no name of a variable; use letters, digits and _`},
		{"cycle", made[int]("{a}", prompt.Embed("a", "{b}"), prompt.Embed("b", "{c}"), prompt.Embed("c", "{a}")), `prompt "{a}": template cycle: a -> b -> c -> a; a template cannot embed itself`},
		{"cycle of one", made[int]("{a}", prompt.Embed("a", "{a}")), `prompt "{a}": template cycle: a -> a; a template cannot embed itself`},
		{"multiplied", made[int]("{n}{a0}", doubled(func(i int) string { return fmt.Sprintf("{a%d}{a%d}", i, i) })...), `prompt "{n}{a0}": the embedded texts multiply to more than 1048576 pieces`},

		{"go unclosed", madeGo[int]("a\n {{.  "), `prompt "a\n {{.  ": {{.   at 2:2: unclosed action`},
		{"go unexpected", madeGo[int]("{{.}} {{)}}"), `prompt "{{.}} {{)}}": {{)}} at 1:7: unexpected right paren`},
		{"go unclosed if", madeGo[int]("{{if .}}\n{{.}}"), `prompt "{{if .}}\n{{.}}": unexpected end at 2:6; an action such as {{if}} has no {{end}}`},
		{"go function", madeGo[int]("{{.}}\n{{. | nope}}"), `prompt "{{.}}\n{{. | nope}}": {{. | nope}} at 2:1: function "nope" not defined`},
		{"go our own function", madeGo[int]("{{_write 0 .}}"), `prompt "{{_write 0 .}}": {{_write 0 .}} at 1:1: function "_write" not defined`},
		{"go unknown", madeGo[Bouquet]("a\n {{.Kind}}"), `prompt "a\n {{.Kind}}": unknown variable .Kind at 2:4; ` + goHas},
		{"go unknown inside", madeGo[Bouquet](`{{range .Kinds}}{{if eq . "x"}}{{$.Kind | len}}{{end}}{{end}}`), `prompt "{{range .Kinds}}{{if eq . \"x\"}}{{$.Kind …": unknown variable .Kind at 1:35; ` + goHas},
		{"go unknown in a called template", madeGo[Bouquet](`{{define "t"}}{{.Kind}}{{end}}{{template "t" .}}`), `prompt "{{define \"t\"}}{{.Kind}}{{end}}{{template…": unknown variable .Kind at 1:17; ` + goHas},
		{"go unknown in an embedded one", madeGo[Bouquet](`{{template "t" .}}`, prompt.Embed("t", "\n{{.Kind}}")), `prompt "{{template \"t\" .}}": in the embedded t: unknown variable .Kind at 2:3; ` + goHas},
		{"go unknown field of an element", madeGo[Order]("{{range .History}}{{.Rolle}}{{end}}"), `prompt "{{range .History}}{{.Rolle}}{{end}}": unknown field .Rolle at 1:21: llm.Message has none`},
		{"go field of a string", madeGo[string]("{{.Name}}"), `prompt "{{.Name}}": unknown field .Name at 1:3: string has none`},
		{"go not for prompts", madeGo[Order]("{{.Key}}"), `prompt "{{.Key}}": unknown variable .Key at 1:3; prompt_test.Order has .Name, .Number, .ID, .URLPath, .Docs, .Picture, .History, .Extra, .Note, .Given, .Done`},
		{"go not exported", madeGo[Order]("{{.Customer.secret}}"), `prompt "{{.Customer.secret}}": unknown field .secret at 1:12: prompt_test.Customer has none`},
		{"go no text form", madeGo[Bouquet]("{{.}}"), `prompt "{{.}}": variable . at 1:3 is a prompt_test.Bouquet, which has no text form; give it a method String() string, or write it to a string first`},
		{"go none for one", madeGo[int]("x"), `prompt "x": no variable for the int that it is given; use struct{} for a text without variables`},
		{"go blank", madeGo[struct{}](" {{/* c */}}\n"), `prompt " {{/* c */}}\n": empty prompt`},
		{"go empty", madeGo[struct{}](""), `prompt "": empty prompt`},
		{"go only definitions", madeGo[struct{}](`{{define "a"}}x{{end}}`), `prompt "{{define \"a\"}}x{{end}}": empty prompt`},
		{"go bound, not there", madeGo[int]("{{.}}", prompt.Bind("b", 1)), `prompt "{{.}}": unknown variable b: it is bound, but the template has none of that name`},
		{"go bound to a list of nothing", madeGo[int]("{{.}}{{b}}", prompt.Bind("b", prompt.List[int]{})), `prompt "{{.}}{{b}}": the value bound to b is a List without a Template`},
		{"go unclosed comment", madeGo[int]("{{.}}\n\n{{/* a\n{{.}}"), `prompt "{{.}}\n\n{{/* a\n{{.}}": {{/* a… at 3:1: unclosed comment`},
		{"go over several lines", madeGo[int]("{{.}}\n{{.\n\n | )}}"), `prompt "{{.}}\n{{.\n\n | )}}": {{.… at 2:1: unexpected right paren`},
		{"go embedded, not there", madeGo[int]("{{.}}", prompt.Embed("b", "x")), `prompt "{{.}}": unknown variable b: it is embedded, but the template has no place of that name`},
		{"go embedded and defined", madeGo[int](`{{define "b"}}x{{end}}{{.}}{{template "b"}}`, prompt.Embed("b", "x")), `prompt "{{define \"b\"}}x{{end}}{{.}}{{template \"b…": b is both defined in the text and embedded`},
		{"go syntax in an embedded text", madeGo[int](`{{.}}{{template "b"}}`, prompt.Embed("b", "{{")), `prompt "{{.}}{{template \"b\"}}": in the embedded b: {{ at 1:1: unclosed action`},
		{"go unknown template", madeGo[int](`{{.}}{{template "b"}}`), `prompt "{{.}}{{template \"b\"}}": unknown template "b" at 1:17; embed it with prompt.Embed, or define it`},
		{"go cycle", madeGo[int](`{{template "a" .}}`, prompt.Embed("a", `{{if .}}{{template "b" .}}{{end}}`), prompt.Embed("b", `{{with .}}{{else}}{{template "a" .}}{{end}}`)), `prompt "{{template \"a\" .}}": template cycle: a -> b -> a; a template cannot embed itself`},
		{"go cycle of one", madeGo[int](`{{define "a"}}{{range .}}{{template "a" .}}{{end}}{{end}}{{template "a" .}}`), `prompt "{{define \"a\"}}{{range .}}{{template \"a\" …": template cycle: a -> a; a template cannot embed itself`},
		{"go multiplied", madeGo[int](`{{.}}{{template "a0" .}}`, doubled(func(i int) string { return fmt.Sprintf(`{{template "a%d" .}}{{template "a%d" .}}`, i, i) })...), `prompt "{{.}}{{template \"a0\" .}}": the embedded texts multiply to more than 1048576 pieces`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got  %s\nwant %s", tc.got, tc.want)
			}
		})
	}
}

// doubled returns texts of which each embeds the next one twice.
func doubled(call func(int) string) (defs []prompt.Def) {
	for i := range 40 {
		defs = append(defs, prompt.Embed(fmt.Sprintf("a%d", i), call(i+1)))
	}
	return append(defs, prompt.Embed("a40", "x"))
}

func TestErrorsAtFormat(t *testing.T) {
	type inner struct{ City string }
	type outer struct {
		*inner
		Name string
	}
	var none *Bouquet
	for _, tc := range []struct{ name, got, want string }{
		{"missing", braces("{a}{b}", headers{"a": "1"}), `prompt "{a}{b}": missing variable b; given: a`},
		{"all missing", braces("{a}{b}", headers(nil)), `prompt "{a}{b}": missing variables a, b; given: none`},
		{"unknown", braces("{a}", headers{"a": "1", "c": "", "b": ""}), `prompt "{a}": unknown variables b, c; the template has: a`},
		{"missing and unknown", braces("{name}", headers{"nmae": "1"}), `prompt "{name}": missing variable name; given: nmae`},
		{"bound and given", braces("{a}{b}", headers{"a": "1", "b": ""}, prompt.Bind("b", 1)), `prompt "{a}{b}": unknown variable b; the template has: a`},
		{"nil variables", braces("{count}", none), `prompt "{count}": the variables are a nil *prompt_test.Bouquet`},
		{"nil variable", braces("{note}", Order{}), `prompt "{note}": variable note is nil; give it a value`},
		{"nil anything", braces("{given}", Order{}), `prompt "{given}": variable given is nil; give it a value`},
		{"nil embedded struct", braces("{city}", outer{}), `prompt "{city}": variable city is in an embedded struct that is nil; give it a value`},
		{"no text form", braces("{given}", Order{Given: struct{}{}}), `prompt "{given}": variable given is a struct {}, which has no text form; give it a method String() string, or write it to a string first`},
		{"a list that holds itself", braces("{given}", Order{Given: circle()}), `prompt "{given}": variable given [0] is a []interface {}, which has no text form; give it a method String() string, or write it to a string first`},
		{"empty", braces(" {a}\n", ""), `prompt " {a}\n": empty prompt`},
		{"blank", braces("{a}", " \u3000\n"), `prompt "{a}": empty prompt`},
		{"named", braces("{a}", "", prompt.Named("order")), `prompt "order": empty prompt`},

		{"go missing", goText("{{.a}}{{.b}}", headers{"a": "1"}), `prompt "{{.a}}{{.b}}": missing variable b; given: a`},
		{"go unknown", goText("{{.a}}", headers{"a": "1", "b": ""}), `prompt "{{.a}}": unknown variable b; the template has: a`},
		{"go nil variables", goText("{{.Count}}", none), `prompt "{{.Count}}": the variables are a nil *prompt_test.Bouquet`},
		{"go nil variable", goText("x {{.Note}}", Order{}), `prompt "x {{.Note}}": variable .Note at 1:5 is nil; give it a value`},
		{"go no text form", goText("{{.Given}}", Order{Given: struct{}{}}), `prompt "{{.Given}}": variable .Given at 1:3 is a struct {}, which has no text form; give it a method String() string, or write it to a string first`},
		{"go missing deeper", goText("{{.Given.city}}", Order{Given: map[string]any{"a": 1}}), `prompt "{{.Given.city}}": 1:8: executing "the prompt" at <.Given.city>: map has no entry for key "city"`},
		{"go out of range", goText("{{index .Docs 5}}", Order{}), `prompt "{{index .Docs 5}}": 1:2: executing "the prompt" at <index .Docs 5>: error calling index: index out of range: 5`},
		{"go empty", goText("{{.}}", ""), `prompt "{{.}}": empty prompt`},
		{"method that panics", braces("{given}", Order{Given: wilted{}}), `prompt "{given}": variable given has a method that panics: no water`},
		{"go method of a value that panics", goText("{{.Given}}", Order{Given: wilted{}}), `prompt "{{.Given}}": variable .Given at 1:3 has a method that panics: no water`},
		{"bound function that panics", braces("{a}{now}", "x", prompt.Bind("now", stopped)), `prompt "{a}{now}": the function bound to now panics: no clock`},
		{"go bound function that panics", goText("{{.}}{{now}}", "x", prompt.Bind("now", stopped)), `prompt "{{.}}{{now}}": 1:7: executing "the prompt" at <now>: error calling now: no clock`},
		{"go branch not taken", goText("{{if .a}}{{.b}}{{end}}", map[string]any{"a": false}), `prompt "{{if .a}}{{.b}}{{end}}": missing variable b; given: a`},
		{"go method that panics", goText("{{.Number.X}}", struct{ Number broken }{}), `prompt "{{.Number.X}}": 1:9: executing "the prompt" at <.Number.X>: error calling X: wilted`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got  %s\nwant %s", tc.got, tc.want)
			}
		})
	}
}

type wilted struct{}

func (wilted) String() string { panic("no water") }

func stopped() string { panic("no clock") }

type broken int

func (broken) X() int { panic("wilted") }

func circle() any {
	list := []any{nil}
	list[0] = list
	return list
}

// TestErrorTypes: what callers and spans can tell.
func TestErrorTypes(t *testing.T) {
	type typed interface{ ErrorType() string }
	_, parse := prompt.New[int]("{")
	_, empty := prompt.Must(prompt.New[string]("{a}")).Format("")
	_, none := (*prompt.Text[string])(nil).Format("")
	for _, tc := range []struct {
		err     error
		typ     string
		isEmpty bool
	}{
		{parse, "invalid_prompt", false},
		{empty, "empty_prompt", true},
		{none, "invalid_prompt", false},
	} {
		own, ok := errors.AsType[interface {
			error
			typed
		}](tc.err)
		if !ok || own.ErrorType() != tc.typ || errors.Is(tc.err, prompt.ErrEmpty) != tc.isEmpty {
			t.Errorf("%v: type %v", tc.err, own)
		}
	}
	// What text/template says is found below.
	failed := errors.New("out of roses")
	p := prompt.Must(prompt.NewGo[struct{ Stock stock }]("{{.Stock.Count}}"))
	if _, err := p.Format(struct{ Stock stock }{stock{failed}}); !errors.Is(err, failed) {
		t.Errorf("%v does not wrap the method's error", err)
	}
}

type stock struct{ err error }

func (s stock) Count() (int, error) { return 0, s.err }

// TestUnmade: templates that no New has made say so.
func TestUnmade(t *testing.T) {
	const want = "prompt (nil): no template; make it with New, NewGo, NewChat or NewGoChat"
	for _, tmpl := range []*prompt.Text[string]{nil, {}} {
		_, err1 := tmpl.Format("")
		_, err2 := tmpl.Parts("")
		_, err3 := tmpl.Messages("")
		_, err4 := tmpl.With()
		for _, err := range []error{err1, err2, err3, err4} {
			if fmt.Sprint(err) != want {
				t.Errorf("%v", err)
			}
		}
		if tmpl.Name() != "" || tmpl.String() != "" || tmpl.Variables() != nil {
			t.Errorf("%q %q %q", tmpl.Name(), tmpl.String(), tmpl.Variables())
		}
	}
	for _, tmpl := range []*prompt.Chat[string]{nil, {}} {
		_, err1 := tmpl.Messages("")
		_, err2 := tmpl.With()
		for _, err := range []error{err1, err2} {
			if fmt.Sprint(err) != want {
				t.Errorf("%v", err)
			}
		}
		if tmpl.Name() != "" || tmpl.String() != "" || tmpl.Variables() != nil {
			t.Errorf("%q %q %q", tmpl.Name(), tmpl.String(), tmpl.Variables())
		}
	}
	for _, tmpl := range []prompt.Template[string]{(*prompt.Text[string])(nil), (*prompt.Chat[string])(nil)} {
		list := prompt.List[string]{Template: tmpl, Items: []string{"a"}}
		if got := braces("{l}{s}", "v", prompt.Bind("l", list)); !strings.Contains(got, "(nil): no template") {
			t.Errorf("a list of a nil %T: %s", tmpl, got)
		}
		if _, err := prompt.NewChat[struct{}](list); !strings.Contains(fmt.Sprint(err), "(nil): no template") {
			t.Errorf("a chat of a nil %T: %v", tmpl, err)
		}
	}
}

func TestMust(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != `prompt "{": unclosed { at 1:1; write {{ for a brace` {
			t.Errorf("panic %s", got)
		}
	}()
	prompt.Must(prompt.New[int]("{"))
}

var _ = []prompt.Template[llm.Document]{(*prompt.Text[llm.Document])(nil), (*prompt.Chat[llm.Document])(nil)}
