package schema

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A field is one that encoding/json reads.
type field struct {
	reflect.StructField
	name     string // in JSON
	tagged   bool   // by the tag
	optional bool
	quoted   bool
	index    []int // from the outermost struct
}

// A level is a struct whose fields are to be looked at, and where it is embedded.
type level struct {
	t      reflect.Type
	index  []int
	copies int    // how often it is embedded at this depth
	unset  *field // the embedded pointer on the way to it that encoding/json cannot set
}

// fieldsOf returns the fields of the struct t and of those embedded in it, by the
// rules of encoding/json: of fields with one name, the one that is least deep
// counts, then one that is tagged. If several remain, none is read; if these are
// of one struct, that is a mistake.
func fieldsOf(t reflect.Type) ([]field, *TypeError) {
	var found []field
	visited := map[reflect.Type]bool{}
	for next := []level{{t: t, copies: 1}}; len(next) > 0; {
		current := next
		next = nil
		for _, l := range current {
			if visited[l.t] {
				continue
			}
			visited[l.t] = true
			for i := range l.t.NumField() {
				f, embedded, ok := fieldOf(l, i)
				switch {
				case !ok:
				case embedded == nil && l.unset != nil:
					return nil, &TypeError{l.unset.Name, fmt.Sprintf("encoding/json cannot set an embedded pointer to the unexported type %s", l.unset.Type.Elem())}
				case embedded == nil:
					found = append(found, slices.Repeat([]field{f}, min(l.copies, 2))...)
				default:
					if at := slices.IndexFunc(next, func(o level) bool { return o.t == embedded.t }); at >= 0 {
						next[at].copies++
						continue
					}
					embedded.copies = 1
					next = append(next, *embedded)
				}
			}
		}
	}
	return dominant(found)
}

// fieldOf returns field i of l, or the struct that is embedded there.
func fieldOf(l level, i int) (f field, embedded *level, ok bool) {
	f.StructField = l.t.Field(i)
	f.index = append(slices.Clone(l.index), i)
	t := f.Type
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	tag := f.Tag.Get("json")
	switch {
	case tag == "-":
		return f, nil, false
	case !f.IsExported() && !(f.Anonymous && t.Kind() == reflect.Struct):
		return f, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if isName(name) {
		f.name, f.tagged = name, true
	}
	if f.Anonymous && !f.tagged && t.Kind() == reflect.Struct {
		e := &level{t: t, index: f.index, unset: l.unset}
		if f.Type.Kind() == reflect.Pointer && !f.IsExported() {
			e.unset = &f
		}
		return f, e, true
	}
	f.name = cmp.Or(f.name, f.Name)
	for option := range strings.SplitSeq(options, ",") {
		f.optional = f.optional || option == "omitempty" || option == "omitzero"
		f.quoted = f.quoted || option == "string" && quotable(t.Kind())
	}
	return f, nil, true
}

// quotable reports whether the option string has an effect.
func quotable(k reflect.Kind) bool {
	return k == reflect.Bool || k == reflect.String || k >= reflect.Int && k <= reflect.Float64
}

// isName reports whether encoding/json takes s for a name.
func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0
}

// dominant returns of fields those that encoding/json reads, in their order.
func dominant(fields []field) ([]field, *TypeError) {
	slices.SortFunc(fields, func(a, b field) int {
		tagged := 0
		if a.tagged != b.tagged {
			tagged = 1
			if a.tagged {
				tagged = -1
			}
		}
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), tagged, slices.Compare(a.index, b.index))
	})
	var out []field
	for len(fields) > 0 {
		first := fields[0]
		rest := slices.IndexFunc(fields, func(f field) bool { return f.name != first.name })
		if rest < 0 {
			rest = len(fields)
		}
		same := fields[:rest]
		fields = fields[rest:]
		if len(same) == 1 || len(same[1].index) > len(first.index) || same[1].tagged != first.tagged {
			out = append(out, first)
			continue
		}
		if second := same[1]; second.last() != first.last() && slices.Equal(second.parent(), first.parent()) {
			return nil, &TypeError{second.Name, fmt.Sprintf("it has the JSON name %q of the field %s, so encoding/json reads neither", second.name, first.Name)}
		}
	}
	slices.SortFunc(out, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return out, nil
}

// parent says in which struct the field stands, and last where.
func (f *field) parent() []int { return f.index[:len(f.index)-1] }
func (f *field) last() int     { return f.index[len(f.index)-1] }
