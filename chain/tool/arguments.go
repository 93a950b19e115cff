package tool

import (
	"bytes"
	"errors"

	"github.com/callspan/callspan/internal/schema"
)

// A failure is what keeps a call from its result and is not the function's own
// error. What it says of itself holds nothing that the model or the function
// wrote, since it goes into logs and spans; hint is what the model is told.
type failure struct {
	kind, text string
	hint       string // "" is text
}

func (f *failure) Error() string     { return f.text }
func (f *failure) ErrorType() string { return f.kind }

// maxHint bounds what is repeated to the model of its own mistake.
const maxHint = 1 << 10

// badArguments tells of arguments that do not fit.
func badArguments(err error) error {
	const again = "; call the tool again with arguments that fit its schema"
	hint := err.Error()
	if misfit, ok := errors.AsType[*schema.Misfit](err); ok {
		hint = misfit.Detail()
	}
	return &failure{"invalid_arguments", "invalid arguments: " + err.Error(), "invalid arguments: " + cut(hint, maxHint) + again}
}

// trimmed returns arguments as JSON. Models leave out the arguments of a tool that
// needs none, or send null.
func trimmed(arguments string) []byte {
	b := bytes.TrimSpace([]byte(arguments))
	if len(b) == 0 || string(b) == "null" {
		b = []byte("{}")
	}
	return b
}
