package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// derive returns the schema of an object that decodes into t, or into the field
// "input" of an object if t is none.
func derive(t reflect.Type, strict bool) (s *jsonschema.Schema, wrapped bool, err error) {
	w := walker{root: t, forms: forms()}
	if err := w.walk(t, ""); err != nil {
		return nil, false, err
	}
	if s, err = jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: w.forms}); err != nil {
		return nil, false, fmt.Errorf("%s: %w", t, err)
	}
	if slices.Equal(s.Types, []string{"null", "object"}) {
		s.Type, s.Types = "object", nil
	}
	if s.Type != "object" {
		s = &jsonschema.Schema{Type: "object", AdditionalProperties: nothing(), Required: []string{inputField},
			Properties: map[string]*jsonschema.Schema{inputField: s}}
		wrapped = true
	}
	plain(s)
	if strict {
		if err := tighten(s, ""); err != nil {
			return nil, false, fmt.Errorf("%s: %w", t, err)
		}
	}
	return s, wrapped, nil
}

// inputField is the one field of the arguments of a function that takes no struct.
const inputField = "input"

// nothing is the schema that nothing fits.
func nothing() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

// plain puts s into the form that providers take: objects name their
// properties, if only to say that there are none, and lists are not offered as
// null, which some refuse.
func plain(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if slices.Equal(s.Types, []string{"null", "array"}) {
		s.Type, s.Types = "array", nil
	}
	if (s.Type == "object" || slices.Contains(s.Types, "object")) && s.Properties == nil {
		s.Properties = map[string]*jsonschema.Schema{}
	}
	for _, p := range s.Properties {
		plain(p)
	}
	plain(s.Items)
	plain(s.AdditionalProperties)
}

// tighten puts s into the form of OpenAI's strict mode: objects have all of
// their fields and no others, and what may be left out may be null instead.
func tighten(s *jsonschema.Schema, path string) error {
	if s == nil {
		return nil
	}
	s.ContentEncoding = ""
	if s.Properties != nil {
		if s.AdditionalProperties == nil || s.AdditionalProperties.Not == nil {
			return fmt.Errorf("%sstrict mode has no maps; use a struct or a list of pairs", at(path))
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[name]
			if err := tighten(p, path+"."+name); err != nil {
				return err
			}
			if slices.Contains(s.Required, name) {
				continue
			}
			if p.Type != "" {
				p.Types, p.Type = []string{p.Type}, ""
			}
			if !slices.Contains(p.Types, "null") {
				p.Types = append(p.Types, "null")
			}
		}
		s.Required = slices.Clone(s.PropertyOrder)
		if len(s.Required) == 0 {
			s.Required = slices.Sorted(maps.Keys(s.Properties))
		}
	}
	return tighten(s.Items, path+"[]")
}

// at names a field in an error.
func at(path string) string {
	if path = strings.TrimPrefix(path, "."); path == "" {
		return ""
	}
	return "field " + path + ": "
}

// encodable returns an error if encoding/json never writes a t.
func encodable(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%s: it has no form in JSON; return a string", t)
	}
	return nil
}

var errNoObject = errors.New(`type is not "object", which is all that models send`)

// parse reads somebody else's schema.
func parse(raw json.RawMessage) (*jsonschema.Resolved, error) {
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Type != "object" {
		return nil, errNoObject
	}
	r, err := s.Resolve(nil)
	if err != nil {
		return nil, err
	}
	// An unknown dialect is reported by the first check, whatever it checks.
	if v := s.Schema; v != "" && !strings.Contains(v, "draft-07") && !strings.Contains(v, "2020-12") {
		return nil, fmt.Errorf("the dialect %s is not known; draft-07 and 2020-12 are", v)
	}
	return r, nil
}
