package prompt

import (
	"fmt"
	"strings"
)

// A token of a text in the form {name} is a literal, its doubled braces made
// single, or the name of a variable.
type token struct {
	literal string
	name    string // "" for a literal
	pos     int    // byte of the text where it begins
}

// scan splits a text into literals and variables. It is linear, and an error
// says where.
func scan(text string) (tokens []token, err error) {
	var literal strings.Builder
	begin := 0 // of the literal
	flush := func() {
		if literal.Len() > 0 {
			tokens = append(tokens, token{literal: literal.String(), pos: begin})
			literal.Reset()
		}
	}
	for pos := 0; pos < len(text); {
		n := strings.IndexAny(text[pos:], "{}")
		if n < 0 {
			n = len(text) - pos
		}
		if literal.Len() == 0 {
			begin = pos
		}
		literal.WriteString(text[pos : pos+n])
		if pos += n; pos == len(text) {
			break
		}
		if strings.HasPrefix(text[pos+1:], text[pos:pos+1]) {
			literal.WriteByte(text[pos])
			pos += 2
			continue
		}
		if text[pos] == '}' {
			return nil, fmt.Errorf("unmatched } at %s; write }} for a brace", at(text, pos))
		}
		flush()
		inner, err := variable(text, pos)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token{name: inner, pos: pos})
		pos += len(inner) + len("{}")
	}
	flush()
	return tokens, nil
}

// variable returns the name between the brace at pos and the next.
func variable(text string, pos int) (string, error) {
	rest := text[pos+1:]
	end := strings.IndexAny(rest, "{}\n")
	if end < 0 || rest[end] == '\n' {
		return "", fmt.Errorf("unclosed { at %s; write {{ for a brace", at(text, pos))
	}
	inner := rest[:end]
	switch name := strings.TrimSpace(inner); {
	case rest[end] == '{':
		return "", fmt.Errorf("%s at %s is no variable; write {{ and }} for braces", snippet(text[pos:], 20), at(text, pos))
	case isName(inner):
		return inner, nil
	case name == "":
		return "", fmt.Errorf("{%s} at %s names no variable; write {{ and }} for braces", inner, at(text, pos))
	case isName(name):
		return "", fmt.Errorf("{%s} at %s has blanks; write {%s}", inner, at(text, pos), name)
	case formatted(name):
		return "", fmt.Errorf("{%s} at %s: a variable is a name alone; format the value before, or use the form of text/template", snippet(inner, 30), at(text, pos))
	}
	return "", fmt.Errorf("{%s} at %s is no name of a variable; write {{ and }} for braces", snippet(inner, 30), at(text, pos))
}

// formatted reports whether s is a name with what Python allows after it:
// price:.2f, name!r, order.number, docs[0].
func formatted(s string) bool {
	i := strings.IndexAny(s, ":!.[")
	return i > 0 && isName(s[:i])
}
