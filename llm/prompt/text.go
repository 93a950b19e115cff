package prompt

import (
	"reflect"
	"slices"
	"sync"

	"github.com/callspan/callspan/llm"
)

// A Text is a template of one text, made by [New] or [NewGo]. As messages it is
// one message of the user.
type Text[T any] struct {
	name, text string
	form       form
	defs       []Def
	c          *compiler
	body       body
	outputs    *sync.Pool
}

// New makes a template of a text with variables in braces: "1 + {number} = ".
// {{ and }} stand for braces. T says which variables there are, see the package
// documentation. Errors name the variable and the place, as line:column.
func New[T any](text string, defs ...Def) (*Text[T], error) {
	return newText[T](formBraces, text, defs)
}

// NewGo makes a template of a text in the form of [text/template], which sees
// T itself: "1 + {{.Number}} = ". Fields that T lacks are found here; what else
// can go wrong is found when it is written. What is printed is written as by
// New, and has the source of the fields that it was computed from. Templates
// that call themselves are an error, even those that would end. A map must have
// every name in the text, also those of branches that are not taken.
func NewGo[T any](text string, defs ...Def) (*Text[T], error) {
	return newText[T](formGo, text, defs)
}

func newText[T any](f form, text string, defs []Def) (*Text[T], error) {
	c, err := newCompiler(f, reflect.TypeFor[T](), defs)
	t := &Text[T]{name: c.name, text: text, form: f, defs: slices.Clone(defs), c: c}
	t.outputs = &sync.Pool{New: func() any { return new(output) }}
	if err == nil {
		t.body, err = c.body(text, placeOf(llm.RoleUser))
	}
	if err == nil {
		err = c.finish()
	}
	if err == nil && isBlank(t.body) {
		err = ErrEmpty
	}
	if err != nil {
		return nil, t.fault(err)
	}
	return t, nil
}

// With returns a template with more names settled:
//
//	morning, err := greeting.With(prompt.Bind("time", "morning"))
//
// It is LangChain's partial.
func (t *Text[T]) With(defs ...Def) (*Text[T], error) {
	if t == nil || t.body == nil {
		return nil, errUnmade
	}
	return newText[T](t.form, t.text, slices.Concat(t.defs, defs))
}

// Format returns the text. It is an error if a variable is nil or holds media,
// or if nothing but white space comes of it ([ErrEmpty]).
func (t *Text[T]) Format(vars T) (string, error) {
	if t == nil || t.body == nil {
		return "", errUnmade
	}
	o := t.outputs.Get().(*output)
	o.text = o.text[:0]
	err := t.put(o, vars)
	text := string(o.text)
	if cap(o.text) <= 1<<16 {
		t.outputs.Put(o)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// Parts returns the text in parts, each with its source: a literal and a
// variable are parts of their own. Empty values have none.
func (t *Text[T]) Parts(vars T) ([]llm.Part, error) {
	if t == nil || t.body == nil {
		return nil, errUnmade
	}
	return t.partsAt(0, vars)
}

func (t *Text[T]) partsAt(depth int, vars T) ([]llm.Part, error) {
	o := &output{inParts: true, depth: depth}
	if p, ok := t.body.(*plan); ok {
		o.parts = make([]llm.Part, 0, len(p.steps))
	}
	if err := t.put(o, vars); err != nil {
		return nil, err
	}
	return o.parts, nil
}

// Messages returns the text as one message of the user.
func (t *Text[T]) Messages(vars T) ([]llm.Message, error) {
	parts, err := t.Parts(vars)
	if err != nil {
		return nil, err
	}
	return []llm.Message{{Role: llm.RoleUser, Parts: parts}}, nil
}

// messagesAt is Messages, as an item of a List.
func (t *Text[T]) messagesAt(depth int, vars T) ([]llm.Message, error) {
	if t == nil || t.body == nil {
		return nil, errUnmade
	}
	parts, err := t.partsAt(depth, vars)
	return []llm.Message{{Role: llm.RoleUser, Parts: parts}}, err
}

// writeTo is Format or Parts, as an item of a List.
func (t *Text[T]) writeTo(o *output, vars T) error {
	if t == nil || t.body == nil {
		return errUnmade
	}
	if err := t.write(o, vars); err != nil {
		return t.fault(err)
	}
	return nil
}

func (t *Text[T]) put(o *output, vars T) error {
	err := t.write(o, vars)
	if err == nil && o.blank() {
		err = ErrEmpty
	}
	if err != nil {
		return t.fault(err)
	}
	return nil
}

func (t *Text[T]) write(o *output, vars T) error {
	given := reflect.ValueOf(&vars).Elem()
	if p, ok := t.body.(*plan); ok { // spares an allocation
		in, err := t.c.offer.input(given, t.c.names, true)
		if err != nil {
			return err
		}
		return p.write(o, &in)
	}
	in, err := t.c.offer.input(given, t.c.names, !t.c.whole)
	if err != nil {
		return err
	}
	return t.body.write(o, &in)
}

func (t *Text[T]) fault(err error) error { return &fault{label(t.name, t.text), err} }

// Variables returns the names of the variables in order of appearance, without
// those that are bound. In the form of text/template, one value is called ".".
func (t *Text[T]) Variables() []string {
	if t == nil || t.c == nil {
		return nil
	}
	return slices.Clone(t.c.names)
}

// Name returns what [Named] said, else "".
func (t *Text[T]) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// String returns the text as it was written.
func (t *Text[T]) String() string {
	if t == nil {
		return ""
	}
	return t.text
}

// isBlank reports whether a body is white space for whatever it is given.
func isBlank(b body) bool {
	o := &output{inParts: true}
	switch b := b.(type) {
	case *plan:
		for _, s := range b.steps {
			if s.slot != nil || s.call != nil || s.sub != nil && !isBlank(s.sub) {
				return false
			}
			o.parts = append(o.parts, llm.Part{Text: s.literal, Media: s.media})
		}
		return o.blank()
	case *goBody:
		return b.blank
	}
	return false
}
