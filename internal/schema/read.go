package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Check returns an error, a [*Misfit], if text is not JSON that fits the schema.
func (s *Schema) Check(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return badJSON(err)
	}
	if deeperThan(maxDepth, text) {
		text := fmt.Sprintf("nested more than %d levels deep", maxDepth)
		return &Misfit{text, text}
	}
	if err := s.check.Validate(v); err != nil {
		return misfit(err)
	}
	return nil
}

// maxDepth bounds the lists and objects inside one another. An error far below
// takes quadratic time to tell, and a schema may refer to itself.
const maxDepth = 500

// deeperThan reports whether lists and objects are nested deeper than max in
// text, which is JSON.
func deeperThan(max int, text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > max {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// Read checks text and reads the value that it holds. The schema is that of T.
// An error is a [*Misfit], and the value then the zero value.
func Read[T any](s *Schema, text []byte) (T, error) {
	var zero T
	if err := s.Check(text); err != nil {
		return zero, err
	}
	v, err := decode[T](s, text)
	if err != nil {
		if whole, changed := s.wholeNumbers(text); changed {
			v, err = decode[T](s, whole)
		}
	}
	if err != nil {
		return zero, s.unread(err)
	}
	return v, nil
}

// decode reads text that fits the schema.
func decode[T any](s *Schema, text []byte) (v T, err error) {
	if s.inner != "" {
		var outer map[string]json.RawMessage
		if err := json.Unmarshal(text, &outer); err != nil {
			return v, err
		}
		text = outer[s.inner]
	}
	err = json.Unmarshal(text, &v)
	return v, err
}

// unread turns what encoding/json says of a value that fits the schema into a
// Misfit.
func (s *Schema) unread(err error) error {
	odd, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return &Misfit{"cannot be decoded", err.Error()}
	}
	text := fmt.Sprintf("%s does not fit into %s", strings.Fields(odd.Value + " ?")[0], odd.Type)
	where := s.inner
	if odd.Field != "" {
		where = strings.TrimPrefix(where+"."+odd.Field, ".")
	}
	if where != "" {
		text = where + ": " + text
	}
	return &Misfit{text, text}
}

// wholeNumbers returns text with the numbers that the schema wants to be integers
// written so that encoding/json takes them: 2.0 and 1e3 are integers to a schema,
// and to models, but not to it.
func (s *Schema) wholeNumbers(text []byte) (whole []byte, changed bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	v = integers(v, s.check.Schema(), s.check.Schema().Defs, &changed)
	if !changed {
		return nil, false
	}
	whole, err := json.Marshal(v)
	return whole, err == nil
}

func integers(v any, s *jsonschema.Schema, defs map[string]*jsonschema.Schema, changed *bool) any {
	for s != nil && s.Ref != "" {
		s = defs[strings.TrimPrefix(s.Ref, toDef)]
	}
	if s == nil {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			p, ok := s.Properties[k]
			if !ok {
				p = s.AdditionalProperties
			}
			v[k] = integers(v[k], p, defs, changed)
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i], s.Items, defs, changed)
		}
	case json.Number:
		if kind(s) != "integer" || !strings.ContainsAny(v.String(), ".eE") {
			break
		}
		if r, ok := new(big.Rat).SetString(v.String()); ok && r.IsInt() {
			*changed = true
			return json.Number(r.Num().String())
		}
	}
	return v
}
