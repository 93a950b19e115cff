package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Misfit says what is wrong with what a model has sent.
type Misfit struct {
	text   string
	detail string
}

// Error says where it is wrong and how, such as
//
//	lines[].count: has type "string", want "integer"
//
// It holds nothing that the model has written, since errors go into logs and
// spans.
func (e *Misfit) Error() string { return e.text }

// Detail says it with the values, for the model to mend. It may be long.
func (e *Misfit) Detail() string { return e.detail }

func badJSON(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &Misfit{fmt.Sprintf("not JSON, from byte %d on", syntax.Offset), fmt.Sprintf("not JSON: %v at byte %d", syntax, syntax.Offset)}
	}
	return &Misfit{"a number is out of range", "a number is out of range: " + err.Error()}
}

// Parts of what jsonschema says, which holds values.
var (
	wrongType = regexp.MustCompile(`(?s)^type: .*( has type "\w+", want .+)$`)
	missing   = regexp.MustCompile(`^required: (missing properties: .+)$`)
	orNull    = regexp.MustCompile(`want one of "(\w+), null"$`)
	keyword   = regexp.MustCompile(`^(\w+): `)

	definition = regexp.MustCompile(`^/(?:\$defs|definitions)/[^/]*(.*)$`)
)

// misfit turns what jsonschema says of a value that breaks the schema into an
// error that says where.
func misfit(err error) error {
	const step = "validating "
	where, what := "", err.Error()
	base := "" // the place of what is referred to
	for strings.HasPrefix(what, step) {
		path, rest, ok := strings.Cut(what[len(step):], ": ")
		if !ok {
			break
		}
		what = rest
		if m := definition.FindStringSubmatch(path); m != nil {
			if path = m[1]; path == "" {
				base = where
			}
		}
		if p := place(path); p != "" {
			where = join(base, p)
		}
	}
	if where != "" {
		where += ": "
	}
	what = strings.Replace(what, "type: <invalid reflect.Value> has", "type: null has", 1)
	what = orNull.ReplaceAllString(what, `want "$1" or null`)
	text := "does not fit the schema"
	if m := wrongType.FindStringSubmatch(what); m != nil {
		text = strings.TrimSpace(m[1])
	} else if m := missing.FindStringSubmatch(what); m != nil {
		text = m[1]
	} else if strings.HasPrefix(what, "unexpected additional properties") {
		text = "unexpected properties"
	} else if m := keyword.FindStringSubmatch(what); m != nil {
		text = "does not meet " + m[1]
	}
	return &Misfit{where + text, where + what}
}

// place turns a place in a schema, a JSON pointer, into one in the value.
func place(path string) string {
	var b strings.Builder
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := 0; i < len(steps); i++ {
		switch s := steps[i]; {
		case s == "properties" && i+1 < len(steps):
			i++
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[i]))
		case s == "items":
			b.WriteString("[]")
		case s == "additionalProperties":
			b.WriteString("{}")
		case s == "propertyNames":
			b.WriteString("{key}")
		}
	}
	return b.String()
}

// join puts a place after the one that it lies in.
func join(base, place string) string {
	if base == "" || place[0] == '[' || place[0] == '{' {
		return base + place
	}
	return base + "." + place
}
