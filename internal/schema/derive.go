package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// A use is what a schema is made for.
type use int

const (
	asLoose    use = iota // to be sent
	asStrict              // to be sent, in OpenAI's strict mode
	asAccepted            // to check what comes
)

// derive returns the schema of an object that holds a t, and whether t stands in
// its field inner.
func derive(t reflect.Type, inner string, as use) (s *jsonschema.Schema, wrapped bool, err error) {
	d := &deriver{as: as, search: newSearch()}
	if _, err := d.schema(t, ""); err != nil {
		return nil, false, err
	}
	d.found()
	if s, err = d.schema(t, ""); err != nil {
		return nil, false, err
	}
	root := d.target(s)
	switch kind(root) {
	case "":
		return nil, false, d.fail("", "%s may hold anything", t)
	case "object":
		root = root.CloneSchemas()
		root.Type, root.Types = "object", nil // without the null of a pointer
	default:
		root, wrapped = object(), true
		root.Properties[inner] = s
		root.Required = []string{inner}
	}
	root.Defs = d.definitions()
	return root, wrapped, nil
}

type deriver struct {
	as     use
	search *search // while types that contain themselves are looked for
	cycles cycles
}

func (d *deriver) fail(path, format string, args ...any) error {
	return &TypeError{Field: strings.TrimPrefix(path, "."), Problem: fmt.Sprintf(format, args...)}
}

// A form is the schema of a type that encoding/json reads otherwise than its make
// suggests.
type form struct{ kind, format, note string }

func formOf(t reflect.Type) (f form, ok bool) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return form{kind: "string", format: "date-time"}, true
	case reflect.TypeFor[time.Duration]():
		return form{kind: "integer", note: "nanoseconds"}, true
	case reflect.TypeFor[json.Number]():
		return form{kind: "number"}, true
	case reflect.TypeFor[big.Int]():
		return form{kind: "integer"}, true
	case reflect.TypeFor[slog.Level]():
		return form{kind: "string"}, true
	case reflect.TypeFor[json.RawMessage]():
		return form{note: "any JSON value"}, true
	}
	return form{}, false
}

var (
	readsJSON  = reflect.TypeFor[json.Unmarshaler]()
	readsText  = reflect.TypeFor[encoding.TextUnmarshaler]()
	writesJSON = reflect.TypeFor[json.Marshaler]()
	writesText = reflect.TypeFor[encoding.TextMarshaler]()
)

func (d *deriver) schema(t reflect.Type, path string) (*jsonschema.Schema, error) {
	if f, ok := formOf(t); ok {
		if f.kind == "" && d.as == asStrict {
			return nil, d.fail(path, "strict mode has a type for everything, but %s may hold anything", t)
		}
		return &jsonschema.Schema{Type: f.kind, Format: f.format, Description: f.note}, nil
	}
	if d.search != nil {
		again, alone := d.search.enter(t)
		if alone {
			return nil, d.fail(path, "%s is a pointer to itself, which can only be null", t)
		}
		if again {
			return &jsonschema.Schema{}, nil
		}
		defer d.search.leave()
	}
	if d.cycles.on(t) {
		return d.reference(t, path)
	}
	return d.whole(t, path)
}

// whole describes t itself, where schema may refer to it.
func (d *deriver) whole(t reflect.Type, path string) (*jsonschema.Schema, error) {
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer {
		switch p := reflect.PointerTo(t); {
		case p.Implements(readsJSON):
			return nil, d.fail(path, "%s has its own UnmarshalJSON, so its form is not known", t)
		case p.Implements(readsText):
			return &jsonschema.Schema{Type: "string"}, nil
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}, nil
	case reflect.String:
		return &jsonschema.Schema{Type: "string"}, nil
	case reflect.Float32, reflect.Float64:
		return &jsonschema.Schema{Type: "number"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return integer(t), nil
	case reflect.Pointer:
		s, err := d.schema(t.Elem(), path)
		return d.nullable(s), err
	case reflect.Slice, reflect.Array:
		return d.list(t, path)
	case reflect.Map:
		return d.dictionary(t, path)
	case reflect.Struct:
		return d.record(t, path)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return nil, d.fail(path, "%s has methods, so encoding/json does not know what to make", t)
		}
		if d.as == asStrict {
			return nil, d.fail(path, "strict mode has a type for everything, but %s may hold anything", t)
		}
		return &jsonschema.Schema{Description: "any JSON value"}, nil
	}
	return nil, d.fail(path, "%s has no form in JSON", t)
}

// integer has bounds where a float64, in which they are compared, holds them.
func integer(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "integer"}
	bits := t.Bits()
	if t.Kind() >= reflect.Uint {
		s.Minimum = new(float64)
		if bits < 64 {
			s.Maximum = jsonschema.Ptr(math.Ldexp(1, bits) - 1)
		}
	} else if bits < 64 {
		s.Minimum = jsonschema.Ptr(-math.Ldexp(1, bits-1))
		s.Maximum = jsonschema.Ptr(math.Ldexp(1, bits-1) - 1)
	}
	return s
}

func (d *deriver) list(t reflect.Type, path string) (*jsonschema.Schema, error) {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && plainByte(t.Elem()) {
		s := &jsonschema.Schema{Type: "string", Description: "base64"}
		if d.as != asStrict {
			s.ContentEncoding = "base64"
		}
		return d.nilable(s), nil
	}
	items, err := d.schema(t.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	s := &jsonschema.Schema{Type: "array", Items: items}
	if t.Kind() == reflect.Array {
		s.MinItems, s.MaxItems = jsonschema.Ptr(t.Len()), jsonschema.Ptr(t.Len())
		return s, nil
	}
	return d.nilable(s), nil
}

// plainByte reports whether a slice of t is written in base64.
func plainByte(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return !p.Implements(writesJSON) && !p.Implements(writesText) && !p.Implements(readsJSON) && !p.Implements(readsText)
}

func (d *deriver) dictionary(t reflect.Type, path string) (*jsonschema.Schema, error) {
	s := object()
	switch key, kind := t.Key(), t.Key().Kind(); {
	case reflect.PointerTo(key).Implements(readsText), kind == reflect.String:
	case kind >= reflect.Int && kind <= reflect.Int64:
		s.PropertyNames = &jsonschema.Schema{Pattern: "^-?[0-9]+$"}
	case kind >= reflect.Uint && kind <= reflect.Uintptr:
		s.PropertyNames = &jsonschema.Schema{Pattern: "^[0-9]+$"}
	default:
		return nil, d.fail(path, "%s has keys that are neither strings nor integers", t)
	}
	values, err := d.schema(t.Elem(), path+"{}")
	if err != nil {
		return nil, err
	}
	if d.as == asStrict {
		return nil, d.fail(path, "strict mode has no maps; use a struct or a list of pairs")
	}
	s.AdditionalProperties = values
	return d.nilable(s), nil
}

func (d *deriver) record(t reflect.Type, path string) (*jsonschema.Schema, error) {
	fields, err := fieldsOf(t)
	if err != nil {
		return nil, d.fail(path+"."+err.Field, "%s", err.Problem)
	}
	s := object()
	for _, f := range fields {
		here := path + "." + f.Name
		if f.quoted {
			return nil, d.fail(here, "its JSON option string makes it another type than %s", f.Type)
		}
		p, err := d.schema(f.Type, here)
		if err != nil {
			return nil, err
		}
		if err := d.describe(p, f.Tag.Get("jsonschema"), here); err != nil {
			return nil, err
		}
		if f.optional && d.as != asLoose {
			p = d.nullable(p)
		}
		if !f.optional || d.as == asStrict {
			s.Required = append(s.Required, f.name)
		}
		s.Properties[f.name] = p
		s.PropertyOrder = append(s.PropertyOrder, f.name)
	}
	return s, nil
}

// assignment is how the tag may say more than a description some day.
var assignment = regexp.MustCompile(`^[^ \t\n]*=`)

// describe puts the text of a tag before what the type says of itself.
func (d *deriver) describe(s *jsonschema.Schema, text, path string) error {
	note := s.Description
	switch {
	case assignment.MatchString(text):
		return d.fail(path, "its tag jsonschema begins with WORD=, but it holds nothing but a description: %q", text)
	case text == "":
	case s.Ref != "":
		d.describeReference(s, text)
	case note == "" || kind(s) == "" || strings.Contains(text, note):
		s.Description = text
	default:
		s.Description = text + " (" + note + ")"
	}
	return nil
}

// nilable accepts the null that encoding/json makes a nil slice or map of.
func (d *deriver) nilable(s *jsonschema.Schema) *jsonschema.Schema {
	if d.as != asAccepted {
		return s
	}
	return d.nullable(s)
}

// nullable returns s with null accepted; what may hold anything may hold null.
func (d *deriver) nullable(s *jsonschema.Schema) *jsonschema.Schema {
	switch {
	case s == nil:
	case s.Ref != "" || s.AnyOf != nil:
		return d.nullableReference(s)
	case s.Type != "":
		s.Types, s.Type = []string{s.Type, "null"}, ""
	}
	return s
}

// kind returns the type that s allows besides null; "" if it allows any.
func kind(s *jsonschema.Schema) string {
	if len(s.Types) > 0 {
		return s.Types[0]
	}
	return s.Type
}

// object returns the schema of an object without properties. Providers want them
// named, if only to say that there are none.
func object() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
}
