package prompt

import "github.com/callspan/callspan/llm"

// A Template makes messages of variables of type T. [Text] and [Chat] are
// Templates, so that what sends prompts takes either. Templates do not change:
// they may be used by several goroutines at once.
type Template[T any] interface {
	// Messages returns new messages, at least one and none of them blank, or an
	// error that names the template.
	Messages(vars T) ([]llm.Message, error)

	// Name is the template's name, for spans and logs; "" if it has none.
	Name() string

	// String returns the template as it was written.
	String() string
}

// Must returns t, and panics if err is not nil:
//
//	var sum = prompt.Must(prompt.New[int]("1 + {number} = "))
//
// It is for templates in package variables.
func Must[T any](t T, err error) T {
	if err != nil {
		panic(err)
	}
	return t
}

// A form is a way to write templates.
type form uint8

const (
	formBraces form = iota // {name}
	formGo                 // text/template
)

// A body writes a prompt from what was given.
type body interface {
	write(o *output, in *input) error
}
