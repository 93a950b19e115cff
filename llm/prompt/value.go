package prompt

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/callspan/callspan/llm"
)

// A style says how a value is written where a variable stands.
type style struct {
	source llm.Source // SourceAuto: what the type says, else the place
	sep    string     // between the elements of a list
	hasSep bool       // else the type says
	place  place
}

// or returns the source of a value whose type says kind.
func (s *style) or(kind llm.Source) llm.Source {
	switch {
	case s.source != llm.SourceAuto:
		return s.source
	case kind != llm.SourceAuto:
		return kind
	}
	return s.place.variable
}

// A writer writes values of one type.
type writer func(o *output, v reflect.Value, s *style) error

var (
	stringerType = reflect.TypeFor[fmt.Stringer]()
	errorType    = reflect.TypeFor[error]()
	listType     = reflect.TypeFor[list]()
	partType     = reflect.TypeFor[llm.Part]()
	mediaType    = reflect.TypeFor[llm.Media]()
	messageType  = reflect.TypeFor[llm.Message]()
	documentType = reflect.TypeFor[llm.Document]()
)

// writerOf returns what writes values of t, of which nested lists have none.
func writerOf(t reflect.Type, nested bool) (writer, error) {
	switch t {
	case partType:
		return func(o *output, v reflect.Value, s *style) error {
			return o.addPart(v.Interface().(llm.Part), s.or(llm.SourceAuto))
		}, nil
	case mediaType:
		return func(o *output, v reflect.Value, s *style) error {
			m := v.Interface().(llm.Media)
			return o.addPart(llm.Part{Media: &m}, s.or(llm.SourceAuto))
		}, nil
	case messageType:
		return func(o *output, v reflect.Value, s *style) error {
			return writeMessage(o, v.Interface().(llm.Message), s.or(llm.SourceHistory))
		}, nil
	case documentType:
		return func(o *output, v reflect.Value, s *style) error {
			o.add(v.Interface().(llm.Document).Text, s.or(llm.SourceRetrieved))
			return nil
		}, nil
	}
	if t.Kind() == reflect.Interface {
		return func(o *output, v reflect.Value, s *style) error {
			return writeAny(o, v.Interface(), s, nested)
		}, nil
	}
	switch {
	case t.Implements(listType):
		return checkNil(t, func(o *output, v reflect.Value, s *style) error {
			return v.Interface().(list).write(o, s)
		}), nil
	case t.Implements(stringerType):
		return checkNil(t, func(o *output, v reflect.Value, s *style) error {
			return addCall(o, v.Interface().(fmt.Stringer).String, s.or(llm.SourceAuto))
		}), nil
	case t.Implements(errorType):
		return checkNil(t, func(o *output, v reflect.Value, s *style) error {
			return addCall(o, v.Interface().(error).Error, s.or(llm.SourceAuto))
		}), nil
	}
	if write := writerOfKind(t.Kind()); write != nil {
		return write, nil
	}
	switch elem := elemOf(t); {
	case elem == nil:
	case t.Kind() == reflect.Pointer:
		if elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Interface {
			break
		}
		write, err := writerOf(elem, nested)
		if err != nil {
			return nil, err
		}
		return checkNil(t, func(o *output, v reflect.Value, s *style) error { return write(o, v.Elem(), s) }), nil
	case elem.Kind() == reflect.Uint8 && t.Kind() == reflect.Slice:
		return func(o *output, v reflect.Value, s *style) error {
			o.addBytes(v.Bytes(), s.or(llm.SourceAuto))
			return nil
		}, nil
	case !nested:
		write, err := writerOf(elem, true)
		if err != nil {
			return nil, err
		}
		return listWriter(elem, write), nil
	}
	return nil, fmt.Errorf("is a %v, which has no text form; give it a method String() string, or write it to a string first", t)
}

// addCall appends what a method of a value returns.
func addCall(o *output, method func() string, source llm.Source) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("has a method that panics: %v", p)
		}
	}()
	o.add(method(), source)
	return nil
}

func elemOf(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return t.Elem()
	}
	return nil
}

func writerOfKind(k reflect.Kind) writer {
	switch k {
	case reflect.String:
		return func(o *output, v reflect.Value, s *style) error {
			o.add(v.String(), s.or(llm.SourceAuto))
			return nil
		}
	case reflect.Bool:
		return func(o *output, v reflect.Value, s *style) error {
			o.add(strconv.FormatBool(v.Bool()), s.or(llm.SourceAuto))
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(o *output, v reflect.Value, s *style) error {
			o.addBytes(strconv.AppendInt(o.scratch[:0], v.Int(), 10), s.or(llm.SourceAuto))
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(o *output, v reflect.Value, s *style) error {
			o.addBytes(strconv.AppendUint(o.scratch[:0], v.Uint(), 10), s.or(llm.SourceAuto))
			return nil
		}
	case reflect.Float32, reflect.Float64:
		bits := 64
		if k == reflect.Float32 {
			bits = 32
		}
		return func(o *output, v reflect.Value, s *style) error {
			o.addBytes(appendFloat(o.scratch[:0], v.Float(), bits), s.or(llm.SourceAuto))
			return nil
		}
	}
	return nil
}

// appendFloat writes a number as JSON does: 1000000 and not 1e+06.
func appendFloat(b []byte, f float64, bits int) []byte {
	format := byte('f')
	if a := max(f, -f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, bits)
}

// checkNil returns write, guarded if values of t can be nil.
func checkNil(t reflect.Type, write writer) writer {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return func(o *output, v reflect.Value, s *style) error {
			if v.IsNil() {
				return errNil
			}
			return write(o, v, s)
		}
	}
	return write
}

func listWriter(elem reflect.Type, write writer) writer {
	standard := "\n"
	switch elem {
	case partType:
		standard = ""
	case documentType:
		standard = "\n\n"
	}
	return func(o *output, v reflect.Value, s *style) error {
		sep := standard
		if s.hasSep {
			sep = s.sep
		}
		for i := range v.Len() {
			if i > 0 {
				o.add(sep, s.place.literal)
			}
			if err := write(o, v.Index(i), s); err != nil {
				return fmt.Errorf("[%d] %w", i, err)
			}
		}
		return nil
	}
}

// writeAny writes a value whose type was not known when the template was made.
func writeAny(o *output, v any, s *style, nested bool) error {
	switch v := v.(type) {
	case nil:
		return errNil
	case string:
		o.add(v, s.or(llm.SourceAuto))
		return nil
	}
	write, err := writerOf(reflect.TypeOf(v), nested)
	if err != nil {
		return err
	}
	return write(o, reflect.ValueOf(v), s)
}

// writeMessage writes a message as a line of a transcript, as LangChain's
// memories do.
func writeMessage(o *output, m llm.Message, source llm.Source) error {
	o.add(speaker(m.Role)+": ", source)
	for _, p := range m.Parts {
		if err := o.addPart(p, source); err != nil {
			return err
		}
	}
	return nil
}

func speaker(r llm.Role) string {
	switch r {
	case llm.RoleUser:
		return "Human"
	case llm.RoleAssistant:
		return "AI"
	case llm.RoleTool:
		return "Tool"
	}
	return "System"
}
