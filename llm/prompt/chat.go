package prompt

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A Piece is a part of a chat template: [System], [User], [Assistant],
// [Message], [Placeholder], a [List], or a [Def].
type Piece interface{ piece() piece }

// A piece is the first of these that is set, else a message.
type piece struct {
	def         *Def
	list        list
	placeholder bool
	role        llm.Role
	text        string // of a placeholder, the name
}

func (d Def) piece() piece     { return piece{def: &d} }
func (l List[E]) piece() piece { return piece{list: l} }
func (p piece) piece() piece   { return p }

// System is a system message made of a text with variables. What the text says
// itself and what its variables hold is [llm.SourceSystem], but for variables
// that have a source of their own.
func System(text string) Piece { return Message(llm.RoleSystem, text) }

// User is a user message made of a text with variables.
func User(text string) Piece { return Message(llm.RoleUser, text) }

// Assistant is an assistant message made of a text with variables.
func Assistant(text string) Piece { return Message(llm.RoleAssistant, text) }

// Message is a message of any role, made of a text with variables.
func Message(role llm.Role, text string) Piece { return piece{role: role, text: text} }

// Placeholder is where the messages of a variable stand, such as the history of
// a conversation. The variable is a []llm.Message, of which there may be none,
// an llm.Message or a [List]. Parts without a source become
// [llm.SourceHistory], if the variable names no other.
func Placeholder(name string) Piece { return piece{placeholder: true, text: name} }

// A Chat is a template of several messages, made by [NewChat] or [NewGoChat].
type Chat[T any] struct {
	name   string
	form   form
	pieces []Piece
	c      *compiler
	items  []item
}

// An item is a piece, compiled: the first of these that is set.
type item struct {
	where string
	fixed []llm.Message
	slot  *slot // of messages
	role  llm.Role
	body  body
}

// NewChat makes a template of messages whose texts are in the form of [New].
func NewChat[T any](pieces ...Piece) (*Chat[T], error) { return newChat[T](formBraces, pieces) }

// NewGoChat makes a template of messages whose texts are in the form of [NewGo].
// Placeholders name variables as in the other form, not as fields.
func NewGoChat[T any](pieces ...Piece) (*Chat[T], error) { return newChat[T](formGo, pieces) }

func newChat[T any](f form, pieces []Piece) (*Chat[T], error) {
	t := &Chat[T]{form: f, pieces: slices.Clone(pieces)}
	var defs []Def
	for i, p := range pieces {
		if isNil(p) {
			return nil, t.fault(fmt.Errorf("piece %d is nil", i+1))
		}
		if d := p.piece().def; d != nil {
			defs = append(defs, *d)
		}
	}
	c, err := newCompiler(f, reflect.TypeFor[T](), defs)
	t.c, t.name = c, c.name
	if err != nil {
		return nil, t.fault(err)
	}
	for _, p := range pieces {
		p := p.piece()
		if p.def != nil {
			continue
		}
		it, err := c.item(p)
		if it.where = fmt.Sprintf("message %d (%s)", len(t.items)+1, p.kind()); err != nil {
			return nil, t.fault(fmt.Errorf("%s: %w", it.where, err))
		}
		t.items = append(t.items, it)
	}
	if err = c.finish(); err == nil && len(t.items) == 0 {
		err = fmt.Errorf("%w: no messages", ErrEmpty)
	}
	if err != nil {
		return nil, t.fault(err)
	}
	return t, nil
}

func (p piece) kind() string {
	switch {
	case p.list != nil:
		return "list"
	case p.placeholder:
		return "placeholder"
	}
	return string(p.role)
}

// item compiles a piece that is no Def.
func (c *compiler) item(p piece) (it item, err error) {
	switch {
	case p.list != nil:
		it.fixed, err = messagesOf(reflect.ValueOf(asExamples(p.list)), &style{place: placeOf(llm.RoleUser)}, 0)
		return it, err
	case p.placeholder:
		return c.placeholder(p.text)
	case p.role == "":
		return it, fmt.Errorf("no role; use System, User or Assistant")
	}
	it.role = p.role
	if it.body, err = c.body(p.text, placeOf(p.role)); err == nil && isBlank(it.body) {
		err = ErrEmpty
	}
	return it, err
}

func (c *compiler) placeholder(name string) (it item, err error) {
	if !isName(name) {
		return it, fmt.Errorf("%q is no name of a variable; use letters, digits and _", name)
	}
	if e := c.embeds[name]; e != nil {
		return it, fmt.Errorf("%s is an embedded text, and no messages", name)
	}
	if b := c.binds[name]; b != nil {
		b.used = true
		it.fixed, err = messagesOf(reflect.ValueOf(asExamples(b.value)), &style{place: placeOf(llm.RoleUser)}, 0)
	} else if it.slot, err = c.slot(name, "", placeOf(llm.RoleUser)); err != nil {
		return it, err
	} else {
		err = checkMessages(it.slot.typ)
	}
	if err != nil {
		return it, fmt.Errorf("variable %s %w", name, err)
	}
	return it, nil
}

// With returns a template with more names settled, as LangChain's partial.
func (t *Chat[T]) With(defs ...Def) (*Chat[T], error) {
	if t == nil || t.items == nil {
		return nil, errUnmade
	}
	pieces := slices.Clone(t.pieces)
	for _, d := range defs {
		pieces = append(pieces, d)
	}
	return newChat[T](t.form, pieces)
}

// Messages returns the messages. It is an error if a message of the template
// has nothing but white space, or if there is none ([ErrEmpty]).
func (t *Chat[T]) Messages(vars T) ([]llm.Message, error) {
	return t.messagesAt(0, vars)
}

// messagesAt is Messages, as an item of a List at some depth.
func (t *Chat[T]) messagesAt(depth int, vars T) ([]llm.Message, error) {
	if t == nil || t.items == nil {
		return nil, errUnmade
	}
	in, err := t.c.offer.input(reflect.ValueOf(&vars).Elem(), t.c.names, !t.c.whole)
	if err != nil {
		return nil, t.fault(err)
	}
	all := make([]llm.Message, 0, len(t.items)+8)
	for i := range t.items {
		if all, err = t.items[i].append(all, &in, depth); err != nil {
			return nil, t.fault(fmt.Errorf("%s: %w", t.items[i].where, err))
		}
	}
	if len(all) == 0 {
		return nil, t.fault(fmt.Errorf("%w: no messages", ErrEmpty))
	}
	return all, nil
}

func (it *item) append(all []llm.Message, in *input, depth int) ([]llm.Message, error) {
	switch {
	case it.slot != nil:
		v, err := it.slot.get(in)
		var messages []llm.Message
		if err == nil {
			messages, err = messagesOf(v, &it.slot.style, depth)
		}
		if err != nil {
			return nil, fmt.Errorf("variable %s %w", it.slot.name, err)
		}
		return append(all, messages...), nil
	case it.body == nil:
		for _, m := range it.fixed {
			m.Parts = slices.Clone(m.Parts)
			all = append(all, m)
		}
		return all, nil
	}
	o := &output{inParts: true, depth: depth}
	if p, ok := it.body.(*plan); ok {
		o.parts = make([]llm.Part, 0, len(p.steps))
	}
	if err := it.body.write(o, in); err != nil {
		return nil, err
	}
	if o.blank() {
		return nil, ErrEmpty
	}
	return append(all, llm.Message{Role: it.role, Parts: o.parts}), nil
}

func (t *Chat[T]) fault(err error) error { return &fault{label(t.name, t.String()), err} }

// Variables returns the names of the variables in order of appearance, without
// those that are bound.
func (t *Chat[T]) Variables() []string {
	if t == nil || t.c == nil {
		return nil
	}
	return slices.Clone(t.c.names)
}

// Name returns what [Named] said, else "".
func (t *Chat[T]) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// String returns the template as a transcript: a line for each message, and
// {name} for a placeholder.
func (t *Chat[T]) String() string {
	if t == nil {
		return ""
	}
	var lines []string
	for _, p := range t.pieces {
		if isNil(p) {
			continue
		}
		switch p := p.piece(); {
		case p.def != nil:
		case p.list != nil:
			o := &output{}
			if err := p.list.write(o, &style{}); err != nil {
				o.add("{"+err.Error()+"}", llm.SourceAuto)
			}
			lines = append(lines, string(o.text))
		case p.placeholder:
			lines = append(lines, "{"+p.text+"}")
		default:
			lines = append(lines, speaker(p.role)+": "+p.text)
		}
	}
	return strings.Join(lines, "\n")
}
