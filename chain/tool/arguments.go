package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
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

func badArguments(text, hint string) *failure {
	const again = "; call the tool again with arguments that fit its schema"
	return &failure{"invalid_arguments", "invalid arguments: " + text, "invalid arguments: " + cut(hint, maxHint) + again}
}

// check returns the arguments as JSON that fits the schema. Models leave out
// the arguments of a tool that needs none, or send null.
func (t *Tool) check(arguments string) ([]byte, error) {
	b := bytes.TrimSpace([]byte(arguments))
	if len(b) == 0 || string(b) == "null" {
		b = []byte("{}")
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, badJSON(err)
	}
	if root := t.schema.Schema(); !t.raw {
		v = withoutNulls(v, root)
	}
	if err := t.schema.Validate(v); err != nil {
		return nil, misfit(err)
	}
	return b, nil
}

func badJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return badArguments(fmt.Sprintf("not JSON, from byte %d on", syntax.Offset),
			fmt.Sprintf("they are not JSON: %v at byte %d", syntax, syntax.Offset))
	}
	return badArguments("a number is out of range", "a number is out of range: "+err.Error())
}

// withoutNulls returns v without the fields that are null where the schema
// wants something or nothing: that is how models leave a field out, and
// encoding/json takes it so.
func withoutNulls(v any, s *jsonschema.Schema) any {
	switch v := v.(type) {
	case map[string]any:
		for name, p := range s.Properties {
			field, there := v[name]
			switch {
			case there && field == nil && !slices.Contains(s.Required, name) && !slices.Contains(p.Types, "null"):
				delete(v, name)
			case there:
				v[name] = withoutNulls(field, p)
			}
		}
	case []any:
		if s.Items != nil {
			for i := range v {
				v[i] = withoutNulls(v[i], s.Items)
			}
		}
	}
	return v
}

// Parts of what jsonschema says, which holds values.
var (
	wrongType = regexp.MustCompile(`(?s)^type: .*( has type "\w+", want .+)$`)
	missing   = regexp.MustCompile(`^required: (missing properties: .+)$`)
	keyword   = regexp.MustCompile(`^(\w+): `)
)

// misfit turns what jsonschema says of arguments that break the schema into an
// error that says where.
func misfit(err error) error {
	const step = "validating "
	where, what := "", err.Error()
	for strings.HasPrefix(what, step) {
		path, rest, ok := strings.Cut(what[len(step):], ": ")
		if !ok {
			break
		}
		if what = rest; place(path) != "" {
			where = place(path)
		}
	}
	what = strings.Replace(what, "type: <invalid reflect.Value> has", "type: null has", 1)
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
	return badArguments(where+text, where+what)
}

// place turns a place in a schema, a JSON pointer, into one in the arguments.
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
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + ": "
}

// decode reads arguments that fit the schema.
func decode[I any](arguments []byte, wrapped bool) (in I, err error) {
	var to any = &in
	if wrapped {
		to = &struct {
			Input *I `json:"input"`
		}{&in}
	}
	err = json.Unmarshal(arguments, to)
	var odd *json.UnmarshalTypeError
	if errors.As(err, &odd) && strings.HasPrefix(odd.Value, "number") {
		// To a schema 2.0 is an integer, to encoding/json it is none.
		var zero I
		in = zero
		err = json.Unmarshal(wholeNumbers(arguments), to)
	}
	switch {
	case err == nil:
		return in, nil
	case errors.As(err, &odd):
		text := fmt.Sprintf("%s does not fit into %s", strings.Fields(odd.Value + " ?")[0], odd.Type)
		if odd.Field != "" {
			text = odd.Field + ": " + text
		}
		return in, badArguments(text, text)
	}
	return in, badArguments("cannot be decoded", err.Error())
}

// wholeNumbers returns arguments with whole numbers that have a fraction or an
// exponent, such as 2.0, written as integers.
func wholeNumbers(arguments []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return arguments
	}
	b, err := json.Marshal(whole(v))
	if err != nil {
		return arguments
	}
	return b
}

func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case json.Number:
		const exact = 1 << 53
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") && f == math.Trunc(f) && math.Abs(f) <= exact {
			return json.Number(strconv.FormatInt(int64(f), 10))
		}
	}
	return v
}
