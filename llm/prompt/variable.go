package prompt

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/llm"
)

// An offer is what a type of variables has for a template.
type offer struct {
	typ    reflect.Type // without its pointer
	kind   offerKind
	fields []field // of a struct, in order
	byName map[string]int
}

type offerKind uint8

const (
	offerStruct offerKind = iota // a variable for each field
	offerMap                     // names are known when it is written
	offerSingle                  // one value, whatever the template calls it
)

// A field is a variable of a struct.
type field struct {
	name   string
	index  []int
	typ    reflect.Type
	goName string
	style  style
}

// offerOf describes the variables of type t.
func offerOf(t reflect.Type) (*offer, error) {
	if t.Kind() == reflect.Pointer && (hasFields(t.Elem()) || !t.Implements(stringerType)) {
		t = t.Elem()
	}
	o := &offer{typ: t, byName: map[string]int{}}
	switch {
	case t.Kind() == reflect.Map:
		elem := t.Elem()
		if t.Key().Kind() != reflect.String || elem.Kind() != reflect.String && elem != reflect.TypeFor[any]() {
			return nil, fmt.Errorf("%v is no type for variables; use a struct, map[string]string or map[string]any", t)
		}
		o.kind = offerMap
		return o, nil
	case hasFields(t):
		return o, o.addFields()
	case t.Kind() == reflect.Struct && t.NumField() == 0:
		return o, nil // struct{}: a text without variables
	}
	o.kind = offerSingle
	if t.Kind() == reflect.Interface {
		return nil, fmt.Errorf("%v is no type for variables; use a struct", t)
	}
	if _, err := writerOf(t, false); err != nil {
		return nil, fmt.Errorf("%v is no type for variables; use a struct", t)
	}
	return o, nil
}

// hasFields reports whether t is a struct whose fields are variables, and not
// one value.
func hasFields(t reflect.Type) bool {
	switch t {
	case partType, mediaType, messageType:
		return false
	}
	return t.Kind() == reflect.Struct && !t.Implements(listType) &&
		slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
			return f.IsExported() && !f.Anonymous
		})
}

func (o *offer) addFields() error {
	for _, f := range reflect.VisibleFields(o.typ) {
		tag, tagged := f.Tag.Lookup("prompt")
		if !f.IsExported() || tag == "-" || f.Anonymous && !tagged {
			continue
		}
		v, err := fieldOf(f, tag)
		if err != nil {
			return err
		}
		if v.style.source == llm.SourceAuto && ownerOf(o.typ, f.Index) == documentType {
			v.style.source = llm.SourceRetrieved
		}
		if i, twice := o.byName[v.name]; twice {
			return fmt.Errorf("the fields %s and %s of %v are both called %s; tag one of them `prompt:\"name\"`",
				o.fields[i].goName, f.Name, o.typ, v.name)
		}
		o.byName[v.name] = len(o.fields)
		o.fields = append(o.fields, v)
	}
	return nil
}

// ownerOf returns the struct in which the field at index is declared.
func ownerOf(t reflect.Type, index []int) reflect.Type {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return t
}

// fieldOf reads the tag of a field: name,source=...,sep=...
func fieldOf(f reflect.StructField, tag string) (field, error) {
	v := field{index: f.Index, typ: f.Type, goName: f.Name}
	name, rest, _ := strings.Cut(tag, ",")
	v.name = name
	if name == "" {
		v.name = lowerFirst(f.Name)
	} else if !isName(name) {
		return v, fmt.Errorf("the tag of field %s: %q is no name of a variable; use letters, digits and _", f.Name, name)
	}
	for rest != "" {
		if sep, ok := strings.CutPrefix(rest, "sep="); ok { // the last option, as it may hold commas
			v.style.sep, v.style.hasSep = sep, true
			break
		}
		var option string
		option, rest, _ = strings.Cut(rest, ",")
		source, ok := strings.CutPrefix(option, "source=")
		if !ok {
			return v, fmt.Errorf("the tag of field %s: unknown option %q; there are source= and, as the last, sep=", f.Name, option)
		}
		if v.style.source, ok = sourceNamed(source); !ok {
			return v, fmt.Errorf("the tag of field %s: unknown source %q; there are %s", f.Name, source, listed(sourceNames()))
		}
	}
	return v, nil
}

func sourceNamed(name string) (llm.Source, bool) {
	for _, s := range llm.Sources() {
		if s.String() == name && s != llm.SourceOverhead {
			return s, true
		}
	}
	return llm.SourceAuto, false
}

func sourceNames() (names []string) {
	for _, s := range llm.Sources() {
		if s != llm.SourceOverhead {
			names = append(names, s.String())
		}
	}
	return names
}

// lowerFirst returns a field's name as a variable's: Number is number, ID is
// id, URLPath is urlPath.
func lowerFirst(name string) string {
	upper := 0 // bytes of the capitals at the beginning
	last := 0  // where the last of them begins
	for i, r := range name {
		if !unicode.IsUpper(r) {
			if last > 0 {
				upper = last // it begins the next word
			}
			break
		}
		last, upper = i, i+utf8.RuneLen(r)
	}
	return strings.ToLower(name[:upper]) + name[upper:]
}

// names returns the variables that o has, or "any" of a map.
func (o *offer) names(f form) string {
	var all []string
	for _, v := range o.fields {
		if f == formGo {
			all = append(all, "."+v.goName)
		} else {
			all = append(all, v.name)
		}
	}
	return fmt.Sprintf("%v has %s", o.typ, listed(all))
}

// An input is what was given for one prompt.
type input struct {
	given   reflect.Value // as given
	value   reflect.Value // without pointer
	strings map[string]string
	anys    map[string]any
}

// input checks what was given against the names that the template has. Without
// strict, other names may be there too.
func (o *offer) input(v reflect.Value, names []string, strict bool) (input, error) {
	in := input{given: v}
	if v.Kind() == reflect.Pointer && v.Type() != o.typ {
		if v.IsNil() {
			return in, fmt.Errorf("the variables are a nil %v", v.Type())
		}
		v = v.Elem()
	}
	in.value = v
	if o.kind != offerMap {
		return in, nil
	}
	if v.Type().Elem().Kind() == reflect.String {
		in.strings = toMap[string](v)
	} else {
		in.anys = toMap[any](v)
	}
	if in.strings != nil {
		return in, checkNames(in.strings, names, strict)
	}
	return in, checkNames(in.anys, names, strict)
}

func toMap[E any](v reflect.Value) map[string]E {
	if m, ok := v.Interface().(map[string]E); ok {
		return m
	}
	m := make(map[string]E, v.Len()) // its key or element is a named type
	for it := v.MapRange(); it.Next(); {
		m[it.Key().String()] = it.Value().Convert(reflect.TypeFor[E]()).Interface().(E)
	}
	return m
}

func checkNames[E any](given map[string]E, names []string, strict bool) error {
	var missing, unknown []string
	for _, name := range names {
		if _, ok := given[name]; !ok {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("missing %s; given: %s", counted("variable", missing), listed(slices.Sorted(maps.Keys(given))))
	}
	if !strict || len(given) == len(names) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	return fmt.Errorf("unknown %s; the template has: %s", counted("variable", unknown), listed(names))
}

func counted(noun string, names []string) string {
	if len(names) > 1 {
		noun += "s"
	}
	return noun + " " + listed(names)
}
