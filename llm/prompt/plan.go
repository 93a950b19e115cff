package prompt

import (
	"fmt"
	"reflect"

	"github.com/callspan/callspan/llm"
)

// A plan is a text in the form {name}, resolved once.
type plan struct {
	steps []step
	size  int // of the literals, in bytes
	weigh int // steps, with those of embedded plans
}

// A step is the first of these that is set, else a literal.
type step struct {
	slot    *slot
	call    func() string // bound
	bound   string        // the name of call
	sub     *plan         // embedded
	media   *llm.Media    // bound
	literal string
	source  llm.Source
}

// A slot is where a variable stands.
type slot struct {
	name  string
	typ   reflect.Type
	index []int // of the field, in a struct
	write writer
	style style
}

func (p *plan) write(o *output, in *input) error {
	for i := range p.steps {
		s := &p.steps[i]
		switch {
		case s.slot != nil:
			if err := s.slot.put(o, in); err != nil {
				return fmt.Errorf("variable %s %w", s.slot.name, err)
			}
		case s.call != nil:
			if err := s.add(o); err != nil {
				return err
			}
		case s.sub != nil:
			if err := s.sub.write(o, in); err != nil {
				return err
			}
		case s.media != nil:
			if err := o.addPart(llm.Part{Media: s.media, Source: s.source}, s.source); err != nil {
				return fmt.Errorf("a bound variable %w", err)
			}
		default:
			o.add(s.literal, s.source)
		}
	}
	return nil
}

// add appends what a bound function returns.
func (s *step) add(o *output) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the function bound to %s panics: %v", s.bound, p)
		}
	}()
	o.add(s.call(), s.source)
	return nil
}

func (s *slot) put(o *output, in *input) error {
	if in.strings != nil {
		o.add(in.strings[s.name], s.style.or(llm.SourceAuto))
		return nil
	}
	if in.anys != nil {
		return writeAny(o, in.anys[s.name], &s.style, false)
	}
	v, err := s.get(in)
	if err != nil {
		return err
	}
	return s.write(o, v, &s.style)
}

// get returns the value of s.
func (s *slot) get(in *input) (reflect.Value, error) {
	if in.anys != nil {
		return reflect.ValueOf(in.anys[s.name]), nil
	}
	switch len(s.index) {
	case 0:
		return in.value, nil
	case 1:
		return in.value.Field(s.index[0]), nil
	}
	v, err := in.value.FieldByIndexErr(s.index)
	if err != nil {
		return v, fmt.Errorf("is in an embedded struct that %w", errNil)
	}
	return v, nil
}
