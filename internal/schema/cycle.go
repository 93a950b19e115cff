package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// A search looks for types that contain themselves. It visits each type once, so
// that every cycle comes back to a type that is still open.
type search struct {
	open   []opened
	solid  int // open types that are no pointers
	seen   map[reflect.Type]bool
	cyclic map[reflect.Type]bool
}

type opened struct {
	t     reflect.Type
	solid int // how many were open before it
}

func newSearch() *search {
	return &search{seen: map[reflect.Type]bool{}, cyclic: map[reflect.Type]bool{}}
}

// enter reports whether t was visited before, and whether it leads back to itself
// through pointers alone. Else leave has to follow.
func (s *search) enter(t reflect.Type) (again, alone bool) {
	if t.Name() != "" {
		if i := slices.IndexFunc(s.open, func(o opened) bool { return o.t == t }); i >= 0 {
			s.cyclic[t] = true
			return true, s.open[i].solid == s.solid
		}
		if s.seen[t] {
			return true, false
		}
		s.seen[t] = true
	}
	s.open = append(s.open, opened{t, s.solid})
	if t.Kind() != reflect.Pointer {
		s.solid++
	}
	return false, false
}

func (s *search) leave() {
	last := len(s.open) - 1
	s.solid = s.open[last].solid
	s.open = s.open[:last]
}

// cycles are the types that contain themselves. Each is described once, under
// $defs, and referred to from everywhere.
type cycles struct {
	types map[reflect.Type]string // their names, "" before they have one
	defs  map[string]*jsonschema.Schema
}

func (c *cycles) on(t reflect.Type) bool {
	_, ok := c.types[t]
	return ok
}

// found ends the search.
func (d *deriver) found() {
	for t := range d.search.cyclic {
		if d.cycles.types == nil {
			d.cycles = cycles{map[reflect.Type]string{}, map[string]*jsonschema.Schema{}}
		}
		d.cycles.types[t] = ""
	}
	d.search = nil
}

const (
	toDef      = "#/$defs/"
	nullSuffix = "-or-null" // of the name of what may also be null
)

// reference returns a reference to the description of t, which it makes if there
// is none yet.
func (d *deriver) reference(t reflect.Type, path string) (*jsonschema.Schema, error) {
	name := d.cycles.types[t]
	if name == "" {
		name = d.nameOf(t)
		d.cycles.types[t], d.cycles.defs[name] = name, nil
		s, err := d.whole(t, path)
		if err != nil {
			return nil, err
		}
		d.cycles.defs[name] = s
	}
	return &jsonschema.Schema{Ref: toDef + name}, nil
}

// nameOf returns a name for t that is not taken: its own, without the parameters
// of a generic type. It needs no escapes.
func (d *deriver) nameOf(t reflect.Type) string {
	plain, _, _ := strings.Cut(t.Name(), "[")
	plain = strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, plain)
	name := plain
	for i := 2; ; i++ {
		if _, taken := d.cycles.defs[name]; !taken {
			return name
		}
		name = fmt.Sprint(plain, "_", i)
	}
}

// target returns what s refers to, or s.
func (d *deriver) target(s *jsonschema.Schema) *jsonschema.Schema {
	for {
		if len(s.AnyOf) > 0 {
			s = s.AnyOf[0]
		}
		if s.Ref == "" {
			return s
		}
		s = d.cycles.defs[strings.TrimSuffix(strings.TrimPrefix(s.Ref, toDef), nullSuffix)]
	}
}

// describeReference puts a description beside a reference. OpenAI's strict mode
// has no room for one in the same object.
func (d *deriver) describeReference(s *jsonschema.Schema, text string) {
	if d.as != asAccepted {
		*s = jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Ref: s.Ref}}, Description: text}
	}
}

// nullableReference returns a reference with null accepted. What is only checked
// refers to a description of its own, as anyOf would not say what is wrong.
func (d *deriver) nullableReference(s *jsonschema.Schema) *jsonschema.Schema {
	switch {
	case d.as == asAccepted:
		s.Ref = strings.TrimSuffix(s.Ref, nullSuffix) + nullSuffix
	case s.Ref != "":
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "null"}}}
	case s.AnyOf[len(s.AnyOf)-1].Type != "null":
		s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Type: "null"})
	}
	return s
}

// definitions returns what is referred to, by name; nil if nothing is.
func (d *deriver) definitions() map[string]*jsonschema.Schema {
	if d.as == asAccepted {
		for _, name := range d.cycles.types {
			d.cycles.defs[name+nullSuffix] = d.nullable(d.cycles.defs[name].CloneSchemas())
		}
	}
	return d.cycles.defs
}
