package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/schema"
	"github.com/callspan/callspan/llm"
)

// A Tool is a function that a model may ask for. [New] and [Raw] make tools. A
// tool may be used concurrently if its function may.
type Tool struct {
	definition llm.Tool
	options    Options
	schema     *schema.Schema
	run        func(ctx context.Context, arguments []byte) (string, error)
}

// Options configure a tool. The zero value works.
type Options struct {
	// Strict asks for OpenAI's strict mode, in which the model cannot send
	// arguments that break the schema. In the schema that [New] derives, all
	// fields become required, and those with omitempty or omitzero may be null.
	// A schema given to [Raw] has to meet the mode's rules itself
	// (https://platform.openai.com/docs/guides/structured-outputs).
	Strict bool

	// MaxResult bounds what the model is sent of a result or an error, in bytes.
	// What is longer is cut and says so. 0 is no bound.
	MaxResult int

	Handlers []callback.Handler // see the calls of this tool, not what it calls
	Tags     []string           // of the runs of these calls, likewise
}

// New makes a tool of fn. The name has the form that OpenAI asks for: at most
// 64 letters, digits, underscores and hyphens. The description tells the model
// when to use the tool; it may be empty if the name says it all. At most one
// Options is taken.
//
// The arguments are described by the type I: field names and optional fields
// (omitempty, omitzero) as encoding/json has them, a description for each from
// the tag jsonschema. An I that is no struct and no map becomes an object with the
// one field "input", since models send objects. [NoArguments] is for functions
// that take nothing. A type that no schema describes is an error that names the
// field: channels, functions, types that have their own UnmarshalJSON, interfaces
// with methods.
//
// The model is sent a result that is a string as it is, any other as JSON, and
// an error as "error: " and its text.
func New[I, O any](name, description string, fn func(context.Context, I) (O, error), options ...Options) (*Tool, error) {
	t, err := define(name, description, options)
	if err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, t.fault("it has no function")
	}
	if err := encodable(reflect.TypeFor[O]()); err != nil {
		return nil, t.fault("result %w", err)
	}
	if err := t.derive(reflect.TypeFor[I]()); err != nil {
		return nil, err
	}
	t.run = func(ctx context.Context, arguments []byte) (string, error) {
		in, err := schema.Read[I](t.schema, arguments)
		if err != nil {
			return "", badArguments(err)
		}
		out, err := fn(ctx, in)
		if err != nil {
			return "", err
		}
		return text(out)
	}
	return t, nil
}

// NoArguments lets [New] make a tool of a function that takes none.
func NoArguments[O any](fn func(context.Context) (O, error)) func(context.Context, struct{}) (O, error) {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, _ struct{}) (O, error) { return fn(ctx) }
}

// Raw makes a tool whose schema, parameters, comes from elsewhere, such as an MCP
// server. An empty one is that of a tool without arguments. fn gets the arguments
// once they have been checked, exactly as the model wrote them or as {} if it
// wrote nothing.
func Raw(name, description string, parameters json.RawMessage, fn func(context.Context, json.RawMessage) (string, error), options ...Options) (*Tool, error) {
	t, err := define(name, description, options)
	if err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, t.fault("it has no function")
	}
	if len(parameters) == 0 {
		parameters = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	if err := t.parse(parameters); err != nil {
		return nil, err
	}
	t.run = func(ctx context.Context, arguments []byte) (string, error) {
		if err := t.schema.Check(arguments); err != nil {
			return "", badArguments(err)
		}
		return fn(ctx, arguments)
	}
	return t, nil
}

// Must returns t, and panics if err is not nil:
//
//	var stock = tool.Must(tool.New("stock", "How many stems are in stock.", countStems))
//
// It is for tools that are made once, as the program starts.
func Must(t *Tool, err error) *Tool {
	if err != nil {
		panic(err)
	}
	return t
}

var errName = errors.New("a name has 1 to 64 letters, digits, underscores and hyphens")

// names is what OpenAI's API takes for the name of a function.
var names = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func define(name, description string, options []Options) (*Tool, error) {
	t := &Tool{definition: llm.Tool{Name: name, Description: description}}
	if !names.MatchString(name) {
		return nil, t.fault("%w", errName)
	}
	switch len(options) {
	case 0:
	case 1:
		if t.options = options[0]; t.options.MaxResult < 0 {
			return nil, t.fault("it has a negative MaxResult, %d", t.options.MaxResult)
		}
		t.definition.Strict = t.options.Strict
	default:
		return nil, t.fault("%d Options are given, one is taken", len(options))
	}
	return t, nil
}

// fault is an error of the tool's maker.
func (t *Tool) fault(format string, args ...any) error {
	return fmt.Errorf("make tool %q: "+format, append([]any{t.definition.Name}, args...)...)
}

// Name returns the name under which the model asks for the tool.
func (t *Tool) Name() string { return t.definition.Name }

// Definition returns what the model is told of the tool, for [llm.Request].
func (t *Tool) Definition() llm.Tool { return t.definition }
