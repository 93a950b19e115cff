package chain

import (
	"cmp"
	"errors"
	"reflect"
	"strings"

	"github.com/callspan/callspan/internal/schema"
	"github.com/callspan/callspan/llm"
)

// A shape is how values of type O are asked for, and how they are read.
type shape[O any] struct {
	ask    llm.Format
	schema *schema.Schema
}

// answerField is where a value stands that is no object.
const answerField = "answer"

// shapeOf derives the schema of O. It is strict if it can be.
func shapeOf[O any]() (*shape[O], error) {
	t := reflect.TypeFor[O]()
	s, err := schema.Of(t, answerField)
	if err != nil {
		return nil, err
	}
	ask := llm.Format{Name: formatName(t), Schema: s.JSON}
	if s.Strict != nil {
		ask.Schema, ask.Strict = s.Strict, true
	}
	return &shape[O]{ask, s}, nil
}

// format returns how the value is asked for. What f says of the schema is kept.
func (s *shape[O]) format(f *llm.Format) *llm.Format {
	ask := s.ask
	if f != nil {
		ask.Description = f.Description
		ask.Name = cmp.Or(f.Name, ask.Name)
	}
	return &ask
}

var errNoText = errors.New("it is empty")

// read returns the value that text holds. The error says what is wrong without
// the value itself.
func (s *shape[O]) read(text string) (out O, err error) {
	text = unfence(text)
	if text == "" {
		return out, errNoText
	}
	value, err := schema.Read[O](s.schema, []byte(text))
	if err != nil {
		return out, err
	}
	v, ok := any(&value).(interface{ Validate() error })
	if !ok {
		v, ok = any(value).(interface{ Validate() error })
	}
	if ok && !missing(v) {
		if err := v.Validate(); err != nil {
			return out, err
		}
	}
	return value, nil
}

// formatName returns a name for the schema of t that APIs accept: at most 64
// letters, digits, _ and -.
func formatName(t reflect.Type) string {
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
		return answerField
	}
	return name[:min(len(name), 64)]
}
