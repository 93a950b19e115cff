package prompt_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

var place = regexp.MustCompile(` at (\d+):(\d+)`)

// FuzzNew compares with a reader of braces that is written another way, and
// looks at the places that errors name.
func FuzzNew(f *testing.F) {
	for _, text := range []string{"1 + {number} = ", "{{{a}}}", "{a", "}", "{}", "{a}{b}\n{a}", "{{}}{_1}{花}", "\xff{a}\x00", "{a:.2f}", "{\"a\": {\"b\": 1}}"} {
		f.Add(text, "{value}")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		p, err := prompt.New[map[string]string](text)
		want, ok := substitute(text, value)
		if err != nil {
			if errors.Is(err, prompt.ErrEmpty) && ok && strings.TrimSpace(want) == "" {
				return
			}
			if ok {
				t.Fatalf("%q is refused: %v", text, err)
			}
			at := place.FindAllStringSubmatch(err.Error(), -1)
			if at == nil {
				t.Fatalf("%v says no place", err)
			}
			var line, column int
			fmt.Sscan(at[len(at)-1][1], &line)
			fmt.Sscan(at[len(at)-1][2], &column)
			lines := strings.Split(text, "\n")
			if line < 1 || line > len(lines) || column < 1 || column > utf8.RuneCountInString(lines[line-1]) {
				t.Fatalf("%v is not in %q", err, text)
			}
			return
		}
		if !ok {
			t.Fatalf("%q is accepted", text)
		}
		vars := map[string]string{}
		for _, name := range p.Variables() {
			vars[name] = value
		}
		got, err := p.Format(vars)
		if errors.Is(err, prompt.ErrEmpty) && strings.TrimSpace(want) == "" {
			return
		}
		if err != nil || got != want {
			t.Fatalf("%q with %q\ngot  %q, %v\nwant %q", text, value, got, err, want)
		}
		parts, err := p.Parts(vars)
		if joined := (llm.Message{Parts: parts}).Text(); err != nil || joined != want {
			t.Fatalf("parts %q, %v", joined, err)
		}
	})
}

var piece = regexp.MustCompile(`^(?:\{\{|\}\}|\{[\pL_][\pL\p{Nd}_]*\}|[^{}]+)`)

// substitute puts value in place of every variable of text.
func substitute(text, value string) (string, bool) {
	var b strings.Builder
	for text != "" {
		var m string
		if text[0] == '{' || text[0] == '}' {
			m = piece.FindString(text)
		} else if i := strings.IndexAny(text, "{}"); i >= 0 { // bytes, valid or not
			m = text[:i]
		} else {
			m = text
		}
		switch {
		case m == "":
			return "", false
		case m == "{{" || m == "}}":
			b.WriteByte(m[0])
		case m[0] == '{':
			b.WriteString(value)
		default:
			b.WriteString(m)
		}
		text = text[len(m):]
	}
	return b.String(), true
}

// FuzzNewGo: no text makes a template panic, and values come out as they are.
func FuzzNewGo(f *testing.F) {
	for _, text := range []string{"1 + {{.Count}} = ", "{{range $i, $k := .Kinds}}{{$i}}{{$k}}{{end}}", "{{with .Occasion}}{{.}}{{else}}-{{end}}",
		`{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, "{{if", "{{$x := .Kinds}}{{index $x 0 | printf \"%q\"}}", "{{- /* c */ -}}", "{{block \"b\" .Kinds}}{{.}}{{end}}", "{{$k := 1}}{{range $k = .Kinds}}{{$k}}{{end}}", "{{range $, $k = 0}}0{{end}}",
		"{{(index .Kinds 0).X}}", "{{and .Count (or .Occasion false) | print}}", "{{break}}", "{{nil}}", "{{template \"x\"}}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		vars := Bouquet{"{{.Count}}\xff", []string{"a"}, 3}
		p, err := prompt.NewGo[Bouquet](text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "prompt ") {
				t.Fatalf("%v does not name the template", err)
			}
			return
		}
		if len(text) > 200 || strings.Contains(text, "range") {
			return // may count far
		}
		got, err := p.Format(vars)
		parts, partsErr := p.Parts(vars)
		if fmt.Sprint(err) != fmt.Sprint(partsErr) || got != (llm.Message{Parts: parts}).Text() {
			t.Fatalf("%q, %v\n%q, %v", got, err, sources(parts), partsErr)
		}
	})
}
