package prompt

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// maxSteps bounds what embedding texts in each other can multiply to.
const maxSteps = 1 << 20

// A compiler resolves the texts of one template against what there is.
type compiler struct {
	settled
	form  form
	offer *offer
	names []string // the template's variables, as they appear
	whole bool     // the variables are also used as a whole: any may be needed

	plans map[planKey]*plan
	stack []string // embedded texts that are being compiled
}

type planKey struct {
	name  string
	place place
}

func newCompiler(f form, t reflect.Type, defs []Def) (*compiler, error) {
	c := &compiler{form: f, plans: map[planKey]*plan{}}
	var err error
	if c.settled, err = settle(defs); err != nil {
		return c, err
	}
	c.offer, err = offerOf(t)
	return c, err
}

// finish checks what can be said only after all texts.
func (c *compiler) finish() error {
	if err := c.unused(); err != nil {
		return err
	}
	if c.offer.kind == offerSingle && len(c.names) == 0 {
		return fmt.Errorf("no variable for the %v that it is given; use struct{} for a text without variables", c.offer.typ)
	}
	return nil
}

// body compiles a text in the form of the template.
func (c *compiler) body(text string, p place) (body, error) {
	if c.form == formGo {
		return c.compileGo(text, p)
	}
	return c.compile(text, p)
}

// compile makes a plan of a text in the form {name}.
func (c *compiler) compile(text string, pl place) (*plan, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &plan{weigh: len(tokens)}
	for _, t := range tokens {
		if t.name == "" {
			p.steps = append(p.steps, step{literal: t.literal, source: pl.literal})
			p.size += len(t.literal)
			continue
		}
		switch b, e := c.binds[t.name], c.embeds[t.name]; {
		case b != nil:
			err = c.bind(p, b, t.name, pl)
		case e != nil:
			err = c.embed(p, e, t.name, pl)
		default:
			var s *slot
			if s, err = c.slot(t.name, " at "+at(text, t.pos), pl); err == nil {
				p.steps = append(p.steps, step{slot: s})
			}
		}
		if err != nil {
			return nil, err
		}
		if p.weigh > maxSteps {
			return nil, errMultiplied
		}
	}
	return p, nil
}

// bind adds the steps of a bound value.
func (c *compiler) bind(p *plan, b *bound, name string, pl place) error {
	b.used = true
	if f, ok := b.value.(func() string); ok {
		p.steps = append(p.steps, step{call: f, bound: name, source: pl.literal})
		return nil
	}
	o := &output{inParts: true}
	s := &style{place: place{pl.literal, pl.literal}}
	if err := writeAny(o, asExamples(b.value), s, false); err != nil {
		return fmt.Errorf("the value bound to %s %w", name, err)
	}
	for _, part := range o.parts {
		p.steps = append(p.steps, step{literal: part.Text, media: part.Media, source: part.Source})
		p.size += len(part.Text)
	}
	p.weigh += len(o.parts)
	return nil
}

// embed adds the plan of an embedded text, compiled once for each place.
func (c *compiler) embed(p *plan, e *embedded, name string, pl place) error {
	e.used = true
	if i := slices.Index(c.stack, name); i >= 0 {
		return cycleError(append(slices.Clone(c.stack[i:]), name))
	}
	sub := c.plans[planKey{name, pl}]
	if sub == nil {
		var err error
		c.stack = append(c.stack, name)
		if sub, err = c.compile(e.text, pl); err != nil {
			if _, ok := errors.AsType[*tangleError](err); !ok {
				err = fmt.Errorf("in the embedded %s: %w", name, err)
			}
			return err
		}
		c.stack = c.stack[:len(c.stack)-1]
		c.plans[planKey{name, pl}] = sub
	}
	p.steps = append(p.steps, step{sub: sub})
	p.size += sub.size
	p.weigh += sub.weigh
	return nil
}

// slot resolves a variable by its name. where says where it stands.
func (c *compiler) slot(name, where string, p place) (*slot, error) {
	s := &slot{name: name, typ: c.offer.typ}
	switch c.offer.kind {
	case offerStruct:
		i, ok := c.offer.byName[name]
		if !ok {
			return nil, fmt.Errorf("unknown variable {%s}%s; %s", name, where, c.offer.names(c.form))
		}
		f := &c.offer.fields[i]
		s.index, s.typ, s.style = f.index, f.typ, f.style
		var err error
		if s.write, err = writerOf(f.typ, false); err != nil {
			return nil, fmt.Errorf("variable {%s}%s %w", name, where, err)
		}
	case offerSingle:
		if len(c.names) > 0 && c.names[0] != name {
			return nil, fmt.Errorf("a second variable {%s}%s, but one %v is given, for %s; use a struct", name, where, c.offer.typ, c.names[0])
		}
		s.write, _ = writerOf(c.offer.typ, false)
	case offerMap:
		s.typ = c.offer.typ.Elem()
	}
	s.style.place = p
	c.use(name)
	return s, nil
}

// use notes that the template has a variable.
func (c *compiler) use(name string) {
	if !slices.Contains(c.names, name) {
		c.names = append(c.names, name)
	}
}

// A tangleError says that texts embed each other in a way that has no end.
type tangleError struct{ words string }

func (e *tangleError) Error() string { return e.words }

func cycleError(names []string) error {
	return &tangleError{"template cycle: " + strings.Join(names, " -> ") + "; a template cannot embed itself"}
}

var errMultiplied = &tangleError{fmt.Sprintf("the embedded texts multiply to more than %d pieces", maxSteps)}
