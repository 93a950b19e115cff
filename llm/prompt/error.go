package prompt

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// ErrEmpty is the error of a prompt without any text, of blanks alone, or of no
// messages.
var ErrEmpty = errors.New("empty prompt")

var (
	errNil          = errors.New("is nil; give it a value")
	errUnmade error = &fault{"(nil)", errors.New("no template; make it with New, NewGo, NewChat or NewGoChat")}
)

// A fault is an error of the template with a label.
type fault struct {
	label string
	err   error
}

func (f *fault) Error() string { return "prompt " + f.label + ": " + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// ErrorType returns the value of the span attribute error.type.
func (f *fault) ErrorType() string {
	if errors.Is(f.err, ErrEmpty) {
		return "empty_prompt"
	}
	return "invalid_prompt"
}

// label returns what an error calls a template: its name, else how it begins.
func label(name, text string) string {
	if name != "" {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%q", excerpt(text, 40))
}

// excerpt returns the first n runes of text.
func excerpt(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return text[:i] + "…"
		}
	}
	return text
}

// snippet returns a piece of a text that an error shows: n runes of its line.
func snippet(text string, n int) string {
	if line, _, more := strings.Cut(text, "\n"); more {
		return excerpt(line, n) + "…"
	}
	return excerpt(text, n)
}

// at returns the line and column of a byte of text, both from 1 and the column
// in characters: "2:5".
func at(text string, pos int) string {
	before := text[:min(max(pos, 0), len(text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("%d:%d", line, column)
}

// isNil reports whether v is nothing, or a pointer to nothing.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}

// listed returns names as an error shows them.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
