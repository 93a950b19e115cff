package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// A Schema says what a model is to send. It may be used concurrently.
type Schema struct {
	// JSON is the schema as the model is sent it.
	JSON json.RawMessage

	// Strict is the schema in the form of OpenAI's strict mode; nil if it has none,
	// for the reason NotStrict.
	Strict    json.RawMessage
	NotStrict error

	check *jsonschema.Resolved
	inner string // the field that the value stands in; "" if it is the object itself
}

// Of returns the schema of t. Models send objects: a t that is none stands in the
// field inner of one. An error is a [*TypeError].
func Of(t reflect.Type, inner string) (*Schema, error) {
	s := &Schema{}
	loose, wrapped, err := derive(t, inner, asLoose)
	if err != nil {
		return nil, err
	}
	if s.JSON, err = json.Marshal(loose); err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	if wrapped {
		s.inner = inner
	}
	if strict, _, err := derive(t, inner, asStrict); err != nil {
		s.NotStrict = err
	} else if s.Strict, err = json.Marshal(strict); err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	accepted, _, err := derive(t, inner, asAccepted)
	if err != nil {
		return nil, err
	}
	if s.check, err = accepted.Resolve(nil); err != nil {
		return nil, fmt.Errorf("resolve schema: %w", err)
	}
	return s, nil
}

var errNoObject = errors.New(`type is not "object", which is all that models send`)

// Parse returns a schema that somebody else made, in draft-07 or 2020-12.
func Parse(raw json.RawMessage) (*Schema, error) {
	var root jsonschema.Schema
	if err := json.Unmarshal(raw, &root); err != nil {
		return nil, err
	}
	if root.Type != "object" {
		return nil, errNoObject
	}
	check, err := root.Resolve(nil)
	if err != nil {
		return nil, err
	}
	// An unknown dialect is reported by the first check, whatever it checks.
	if v := root.Schema; v != "" && !strings.Contains(v, "draft-07") && !strings.Contains(v, "2020-12") {
		return nil, fmt.Errorf("the dialect %s is not known; draft-07 and 2020-12 are", v)
	}
	raw = append(json.RawMessage(nil), raw...)
	return &Schema{JSON: raw, Strict: raw, check: check}, nil
}

// A TypeError says why there is no schema of a type.
type TypeError struct {
	Field   string // of which it is, such as Lines[].Price; "" for the type itself
	Problem string
}

// Error names the field and the problem.
func (e *TypeError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return "field " + e.Field + ": " + e.Problem
}

// WayOut says what to do about the error of [Of]: otherwise, or leave out the
// field.
func WayOut(err error, otherwise string) string {
	if e, ok := errors.AsType[*TypeError](err); ok && e.Field != "" {
		return "leave it out with `json:\"-\"` or " + otherwise
	}
	return otherwise
}
