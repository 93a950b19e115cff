package chain

import (
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// walk visits s and all schemas in it.
func walk(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	visit(s)
	for _, p := range s.Properties {
		walk(p, visit)
	}
	walk(s.Items, visit)
	if s.AdditionalProperties != nil && s.AdditionalProperties.Not == nil {
		walk(s.AdditionalProperties, visit)
	}
}

// kindOf returns the type that s allows besides null; "" if it allows more.
func kindOf(s *jsonschema.Schema) string {
	kinds := slices.DeleteFunc(append(slices.Clone(s.Types), s.Type), func(t string) bool { return t == "null" || t == "" })
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

// strictable reports whether OpenAI's strict schemas may hold s: objects name
// all their properties, and everything has a type.
// https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
func strictable(s *jsonschema.Schema) bool {
	kind := kindOf(s)
	return kind != "" && (kind != "object" || s.AdditionalProperties != nil && s.AdditionalProperties.Not != nil)
}

// dropNull takes the null from a list, which Go's nil slices brought there.
func dropNull(s *jsonschema.Schema) {
	if kindOf(s) == "array" {
		s.Type, s.Types = "array", nil
	}
}

// acceptNull lets what may be left out be null too.
func acceptNull(s *jsonschema.Schema) {
	for name, p := range s.Properties {
		if kind := kindOf(p); kind != "" && !slices.Contains(s.Required, name) {
			p.Type, p.Types = "", []string{kind, "null"}
		}
	}
}

// requireAll has nothing left out: strict schemas know null alone.
func requireAll(s *jsonschema.Schema) {
	if len(s.Properties) > 0 {
		s.Required = slices.Clone(s.PropertyOrder)
	}
}
