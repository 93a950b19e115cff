package prompt

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/callspan/callspan/llm"
)

// mainName is the name of the text itself among its templates, writeName that
// of the function which every printed pipeline is extended by.
const (
	mainName  = "the prompt"
	writeName = "_write"
)

// A goBody is a text in the form of text/template. What a template prints goes
// through a function of ours, which knows where it comes from and writes it as
// the other form does.
type goBody struct {
	tmpl  *template.Template
	place place
	marks []mark
	blank bool
	runs  sync.Pool // of *goRun
}

// A mark is a place where a value is printed.
type mark struct {
	style style
	what  string // as written
	text  string // that it stands in
	pos   int
}

// A goRun writes one prompt. Templates are cloned for it, as their functions
// cannot be told for whom they are called.
type goRun struct {
	tmpl *template.Template
	body *goBody
	o    *output
	err  error // of a value, where text/template would only give its text
}

func (b *goBody) write(o *output, in *input) error {
	r, err := b.run()
	if err != nil {
		return err
	}
	r.o, r.err = o, nil
	err = r.tmpl.Execute(r, in.given.Interface())
	r.o = nil
	defer b.runs.Put(r)
	switch {
	case r.err != nil:
		return r.err
	case err != nil:
		return &goError{err}
	}
	return nil
}

func (b *goBody) run() (*goRun, error) {
	if r, ok := b.runs.Get().(*goRun); ok {
		return r, nil
	}
	own, err := b.tmpl.Clone()
	if err != nil {
		return nil, err
	}
	r := &goRun{tmpl: own, body: b}
	own.Funcs(template.FuncMap{writeName: r.writeValue})
	return r, nil
}

// Write takes the literals, and nothing for what writeValue has written.
func (r *goRun) Write(text []byte) (int, error) {
	r.o.addBytes(text, r.body.place.literal)
	return len(text), nil
}

func (r *goRun) writeValue(i int, v any) (string, error) {
	m := &r.body.marks[i]
	err := writeAny(r.o, v, &m.style, false)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("variable %s at %s %w", m.what, at(m.text, m.pos), err)
	}
	return "", err
}

// compileGo parses a text, finds out what its templates print, and checks that
// they can end.
func (c *compiler) compileGo(text string, p place) (*goBody, error) {
	tmpl := template.New(mainName).Option("missingkey=error")
	funcs := template.FuncMap{}
	for _, name := range slices.Sorted(maps.Keys(c.binds)) {
		var err error
		if funcs[name], err = bindGo(c.binds[name].value, p); err != nil {
			return nil, fmt.Errorf("the value bound to %s %w", name, err)
		}
	}
	tmpl.Funcs(funcs)
	if _, err := tmpl.Parse(text); err != nil {
		return nil, goSyntax(text, mainName, err, funcs)
	}
	texts := map[string]string{mainName: text}
	for _, name := range slices.Sorted(maps.Keys(c.embeds)) {
		e := c.embeds[name]
		if tmpl.Lookup(name) != nil {
			return nil, fmt.Errorf("%s is both defined in the text and embedded", name)
		}
		if _, err := tmpl.New(name).Parse(e.text); err != nil {
			return nil, fmt.Errorf("in the embedded %s: %w", name, goSyntax(e.text, name, err, funcs))
		}
		texts[name] = e.text
	}
	w := &walker{c: c, place: p, texts: texts, tmpl: tmpl}
	if err := w.walk(); err != nil {
		return nil, err
	}
	return &goBody{tmpl: tmpl, place: p, marks: w.marks, blank: parse.IsEmptyTree(tmpl.Tree.Root)}, nil
}

// bindGo returns the function that a bound value is in a Go template.
func bindGo(value any, p place) (any, error) {
	if f, ok := value.(func() string); ok {
		return f, nil
	}
	if l, ok := asExamples(value).(list); ok && !isNil(value) {
		o := &output{inParts: true}
		if err := l.write(o, &style{place: place{p.literal, p.literal}}); err != nil {
			return nil, err
		}
		return func() []llm.Part { return o.parts }, nil
	}
	return func() any { return value }, nil
}

// A goError is an error of text/template, without the words that a prompt's
// error has already.
type goError struct{ err error }

func (e *goError) Error() string { return trimGo(e.err.Error(), mainName) }
func (e *goError) Unwrap() error { return e.err }

func trimGo(text, name string) string {
	text = strings.TrimPrefix(text, "template: ")
	return strings.TrimPrefix(text, name+":")
}

// goSyntax adds the column to an error of text/template, which knows the line:
// the action is at fault with which the text first has the same error.
func goSyntax(text, name string, err error, funcs template.FuncMap) error {
	number, words, ok := strings.Cut(trimGo(err.Error(), name), ": ")
	line, e := strconv.Atoi(number)
	if !ok || e != nil {
		return &goError{err}
	}
	if before, started, ok := strings.Cut(words, " in action started at "+name+":"); ok {
		if n, err := strconv.Atoi(started); err == nil {
			words, line = before, n
		}
	}
	if words == "unexpected EOF" {
		return fmt.Errorf("unexpected end at %s; an action such as {{if}} has no {{end}}", at(text, len(text)))
	}
	pos := 0
	for range line - 1 {
		pos += strings.IndexByte(text[pos:], '\n') + 1
	}
	for range 32 { // actions tried
		n := strings.Index(text[pos:], "{{")
		if n < 0 || strings.Count(text[:pos+n], "\n") >= line {
			break
		}
		pos += n
		end := len(text)
		if n := strings.Index(text[pos:], "}}"); n >= 0 {
			end = pos + n + len("}}")
		}
		_, again := template.New(name).Funcs(funcs).Parse(text[:end])
		if again != nil && again.Error() == err.Error() {
			return fmt.Errorf("%s at %s: %s", snippet(text[pos:end], 30), at(text, pos), words)
		}
		pos += len("{{")
	}
	return fmt.Errorf("line %d: %s", line, words)
}
