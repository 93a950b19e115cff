package prompt

import (
	"fmt"
	"maps"
	"slices"
	"unicode"
)

// A Def settles a name when a template is made, so that it is no variable of
// the template. See [Named], [Bind] and [Embed].
type Def struct {
	kind  defKind
	name  string
	value any
}

type defKind uint8

const (
	defNamed defKind = iota + 1
	defBind
	defEmbed
)

// Named names the template, for spans and errors.
func Named(name string) Def { return Def{kind: defNamed, name: name} }

// Bind gives a variable its value early, as LangChain's partial variables. The
// value may be all that a variable may be, and is written when the template is
// made; or it is a func() string, which is called for each prompt. If that
// panics, the prompt is an error.
//
// In the text, a bound name is written as a variable, {today}; in the form of
// text/template as a function, {{today}}. Its source is [llm.SourceTemplate] if
// it does not say otherwise. A field of T with this name is not looked at.
func Bind(name string, value any) Def { return Def{defBind, name, value} }

// Embed gives a name to a text that is part of the template where {name}
// stands, in the form of text/template where {{template "name" .}} stands. It
// is a template itself, of the same variables, and may embed others. Never give
// it text that a user has written: use a variable for that.
func Embed(name, text string) Def { return Def{defEmbed, name, text} }

// settled is what the Defs of a template say.
type settled struct {
	name   string
	binds  map[string]*bound
	embeds map[string]*embedded
}

type bound struct {
	value any
	used  bool
}

type embedded struct {
	text string
	used bool
}

// settle sorts defs. The name is set even if there is an error.
func settle(defs []Def) (s settled, err error) {
	s.binds, s.embeds = map[string]*bound{}, map[string]*embedded{}
	for _, d := range defs {
		if d.kind == defNamed {
			s.name = d.name
		}
	}
	for _, d := range defs {
		if d.kind == defNamed {
			continue
		}
		if !isName(d.name) {
			return s, fmt.Errorf("%q is no name of a variable; use letters, digits and _", d.name)
		}
		if s.binds[d.name] != nil || s.embeds[d.name] != nil {
			return s, fmt.Errorf("%s is bound or embedded twice", d.name)
		}
		switch d.kind {
		case defBind:
			if f, ok := d.value.(func() string); ok && f == nil {
				return s, fmt.Errorf("the function bound to %s is nil", d.name)
			}
			s.binds[d.name] = &bound{value: d.value}
		case defEmbed:
			s.embeds[d.name] = &embedded{text: d.value.(string)}
		default:
			return s, fmt.Errorf("empty Def; make it with Named, Bind or Embed")
		}
	}
	return s, nil
}

// unused returns an error if the template does not use what is defined for it.
func (s *settled) unused() error {
	for _, name := range slices.Sorted(maps.Keys(s.binds)) {
		if !s.binds[name].used {
			return fmt.Errorf("unknown variable %s: it is bound, but the template has none of that name", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.embeds)) {
		if !s.embeds[name].used {
			return fmt.Errorf("unknown variable %s: it is embedded, but the template has no place of that name", name)
		}
	}
	return nil
}

// isName reports whether s can name a variable: letters, digits and _, in any
// script, and no digit first.
func isName(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}
