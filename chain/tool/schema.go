package tool

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/callspan/callspan/internal/schema"
)

// inputField is the one field of the arguments of a function that takes no struct.
const inputField = "input"

// derive gives the tool the schema of t.
func (t *Tool) derive(in reflect.Type) error {
	s, err := schema.Of(in, inputField)
	if err != nil {
		return t.fault("arguments %s: %w; %s", in, err, schema.WayOut(err, "give the schema yourself, with tool.Raw"))
	}
	t.schema, t.definition.Parameters = s, s.JSON
	if t.options.Strict {
		if s.Strict == nil {
			return t.fault("arguments %s: %w", in, s.NotStrict)
		}
		t.definition.Parameters = s.Strict
	}
	return nil
}

// parse gives the tool somebody else's schema.
func (t *Tool) parse(raw json.RawMessage) (err error) {
	if t.schema, err = schema.Parse(raw); err != nil {
		return t.fault("schema: %w", err)
	}
	t.definition.Parameters = t.schema.JSON
	return nil
}

// encodable returns an error if encoding/json never writes a t.
func encodable(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%s: it has no form in JSON; return a string", t)
	}
	return nil
}
