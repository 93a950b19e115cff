package chain

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/callspan/callspan/llm"
	"github.com/google/jsonschema-go/jsonschema"
)

// A schema is how values of type O are asked for, and how they are read.
type schema[O any] struct {
	ask   llm.Format
	check *jsonschema.Resolved
	inner bool // the value stands inside of an object
}

// wrapped is the object in which a value is asked for that is none.
type wrapped[O any] struct {
	Answer O `json:"answer"`
}

// schemaOf derives the schema of O.
func schemaOf[O any]() (*schema[O], error) {
	t := reflect.TypeFor[O]()
	own := map[reflect.Type]*jsonschema.Schema{}
	if err := findOwn(own, t, map[reflect.Type]bool{}); err != nil {
		return nil, err
	}
	s := &schema[O]{}
	options := &jsonschema.ForOptions{TypeSchemas: own}
	root, err := jsonschema.For[O](options)
	if err == nil && kindOf(root) != "object" {
		if kindOf(root) == "" {
			return nil, errors.New("it can hold anything; use a struct")
		}
		s.inner = true
		root, err = jsonschema.For[wrapped[O]](options)
	}
	if err != nil {
		return nil, err
	}
	root.Type, root.Types = "object", nil // without the null of a pointer

	checked := root.CloneSchemas()
	walk(checked, acceptNull)
	if s.check, err = checked.Resolve(nil); err != nil {
		return nil, err
	}
	strict := true
	walk(root, func(s *jsonschema.Schema) { strict = strict && strictable(s) })
	walk(root, dropNull)
	if strict {
		walk(root, acceptNull)
		walk(root, requireAll)
	}
	sent, err := json.Marshal(root)
	s.ask = llm.Format{Name: schemaName(t), Schema: sent, Strict: strict}
	return s, err
}

// format returns how the value is asked for. What f says of the schema is kept.
func (s *schema[O]) format(f *llm.Format) *llm.Format {
	ask := s.ask
	if f != nil {
		ask.Description = f.Description
		if f.Name != "" {
			ask.Name = f.Name
		}
	}
	return &ask
}

// read returns the value that text holds. The error says what is wrong without
// the value itself.
func (s *schema[O]) read(text string) (out O, err error) {
	text = unfence(text)
	if text == "" {
		return out, errors.New("it is empty")
	}
	var instance any
	if err := json.Unmarshal([]byte(text), &instance); err != nil {
		return out, fmt.Errorf("it is not JSON: %w", err)
	}
	if err := s.check.Validate(instance); err != nil {
		return out, fmt.Errorf("it does not fit the schema: %s", finding(err))
	}
	var w wrapped[O]
	if s.inner {
		err = json.Unmarshal([]byte(text), &w)
	} else {
		err = json.Unmarshal([]byte(text), &w.Answer)
	}
	if err != nil {
		return out, fmt.Errorf("it cannot be read: %w", err)
	}
	v, ok := any(&w.Answer).(interface{ Validate() error })
	if !ok {
		v, ok = any(w.Answer).(interface{ Validate() error })
	}
	if ok && !missing(v) {
		if err := v.Validate(); err != nil {
			return out, err
		}
	}
	return w.Answer, nil
}

// finding returns what a validation found, without the value that it quotes and
// without the steps that led to it.
func finding(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "validating /"); i >= 0 {
		text = strings.TrimPrefix(text[i:], "validating ")
	} else {
		text = strings.TrimPrefix(text, "validating root: ")
	}
	before, after, ok := strings.Cut(text, "type: ")
	if i := strings.LastIndex(after, "has type "); ok && i >= 0 {
		text = before + after[i:]
	}
	return text
}

var (
	readsJSON = reflect.TypeFor[json.Unmarshaler]()
	readsText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// findOwn puts the schemas of those types in t that read themselves into own.
func findOwn(own map[reflect.Type]*jsonschema.Schema, t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	pointer := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Pointer:
		return findOwn(own, t.Elem(), seen)
	case t == reflect.TypeFor[time.Time]():
		own[t] = &jsonschema.Schema{Type: "string", Format: "date-time"}
		return nil
	case t == reflect.TypeFor[json.RawMessage]():
		own[t] = &jsonschema.Schema{}
		return nil
	case pointer.Implements(readsJSON):
		return fmt.Errorf("%v reads JSON by its own method UnmarshalJSON, so its form is not known", t)
	case pointer.Implements(readsText):
		own[t] = &jsonschema.Schema{Type: "string"}
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return findOwn(own, t.Elem(), seen)
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if !f.IsExported() || f.Tag.Get("json") == "-" {
				continue
			}
			if _, options, _ := strings.Cut(f.Tag.Get("json"), ","); slices.Contains(strings.Split(options, ","), "string") {
				return fmt.Errorf("field %s: its JSON option string makes it another type than %v", f.Name, f.Type)
			}
			if err := findOwn(own, f.Type, seen); err != nil {
				return fmt.Errorf("field %s: %w", f.Name, err)
			}
		}
	}
	return nil
}

// schemaName returns a name for the schema of t that APIs accept: at most 64
// letters, digits, _ and -.
func schemaName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, t.Name())
	if name == "" {
		return "answer"
	}
	return name[:min(len(name), 64)]
}
