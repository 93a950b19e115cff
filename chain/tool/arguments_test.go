package tool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/tool"
)

type delivery struct {
	Flower string         `json:"flower"`
	Stems  int8           `json:"stems,omitempty"`
	Weight float64        `json:"weight,omitempty"`
	Lines  []line         `json:"lines,omitempty"`
	Prices map[string]int `json:"prices,omitempty"`
	Due    *time.Time     `json:"due,omitempty"`
	Photo  []byte         `json:"photo,omitempty"`
}

// TestArguments: what fits reaches the function; what does not is told to the
// model with its place and the values, and to handlers without the values.
func TestArguments(t *testing.T) {
	tl := tool.Must(tool.New("deliver", "", func(_ context.Context, d delivery) (string, error) { return fmt.Sprintf("%+v", d), nil }))
	const again = "; call the tool again with arguments that fit its schema"
	for _, tc := range []struct {
		name, arguments, want string
		err                   string // of the run; "" for success
	}{
		{"all", `{"flower":"rose","stems":3,"weight":0.5,"lines":[{"Flower":"lily","Stems":1}],"prices":{"rose":2}}`,
			"{Flower:rose Stems:3 Weight:0.5 Lines:[{Flower:lily Stems:1}] Prices:map[rose:2] Due:<nil> Photo:[]}", ""},
		{"optional left out", ` {"flower":"rose"} `, "{Flower:rose Stems:0 Weight:0 Lines:[] Prices:map[] Due:<nil> Photo:[]}", ""},
		{"null for what is optional", `{"flower":"rose","stems":null,"lines":null,"due":null}`, "{Flower:rose Stems:0 Weight:0 Lines:[] Prices:map[] Due:<nil> Photo:[]}", ""},
		{"whole number with a fraction", `{"flower":"rose","stems":2.0,"lines":[{"Flower":"","Stems":1e1}]}`, "{Flower:rose Stems:2 Weight:0 Lines:[{Flower: Stems:10}] Prices:map[] Due:<nil> Photo:[]}", ""},
		{"bytes", `{"flower":"rose","photo":"aGk="}`, "{Flower:rose Stems:0 Weight:0 Lines:[] Prices:map[] Due:<nil> Photo:[104 105]}", ""},

		{"empty", "", `error: invalid arguments: required: missing properties: ["flower"]` + again, `invalid arguments: missing properties: ["flower"]`},
		{"null", "null", `error: invalid arguments: required: missing properties: ["flower"]` + again, `invalid arguments: missing properties: ["flower"]`},
		{"broken JSON", `{"flower":"ro`, "error: invalid arguments: not JSON: unexpected end of JSON input at byte 13" + again, "invalid arguments: not JSON, from byte 13 on"},
		{"no JSON", `rose`, "error: invalid arguments: not JSON: invalid character 'r' looking for beginning of value at byte 1" + again, "invalid arguments: not JSON, from byte 1 on"},
		{"two values", `{"flower":"rose"}{}`, "error: invalid arguments: not JSON: invalid character '{' after top-level value at byte 18" + again, "invalid arguments: not JSON, from byte 18 on"},
		{"list", `["rose"]`, `error: invalid arguments: type: [rose] has type "array", want "object"` + again, `invalid arguments: has type "array", want "object"`},
		{"wrong type", `{"flower":5}`, `error: invalid arguments: flower: type: 5 has type "integer", want "string"` + again, `invalid arguments: flower: has type "integer", want "string"`},
		{"wrong type inside", `{"flower":"rose","lines":[{"Flower":"secret"},{"Flower":"lily","Stems":"many"}]}`, `error: invalid arguments: lines[]: required: missing properties: ["Stems"]` + again, `invalid arguments: lines[]: missing properties: ["Stems"]`},
		{"wrong type deep inside", `{"flower":"rose","lines":[{"Flower":"lily","Stems":"many"}]}`, `error: invalid arguments: lines[].Stems: type: many has type "string", want "integer"` + again, `invalid arguments: lines[].Stems: has type "string", want "integer"`},
		{"wrong type in a map", `{"flower":"rose","prices":{"rose":"two"}}`, `error: invalid arguments: prices{}: type: two has type "string", want "integer"` + again, `invalid arguments: prices{}: has type "string", want "integer"`},
		{"null for what is not", `{"flower":null}`, `error: invalid arguments: flower: type: null has type "null", want "string"` + again, `invalid arguments: flower: has type "null", want "string"`},
		{"unknown field", `{"flower":"rose","secret":1}`, `error: invalid arguments: unexpected additional properties ["secret"]` + again, "invalid arguments: unexpected properties"},
		{"other case", `{"Flower":"rose"}`, `error: invalid arguments: unexpected additional properties ["Flower"]` + again, "invalid arguments: unexpected properties"},
		{"too large", `{"flower":"rose","stems":300}`, "error: invalid arguments: stems: maximum: 300/1 is greater than 127.000000" + again, "invalid arguments: stems: does not meet maximum"},
		{"beyond numbers", `{"flower":"rose","weight":1e999}`, "error: invalid arguments: a number is out of range: json: cannot unmarshal number 1e999 into Go value of type float64" + again, "invalid arguments: a number is out of range"},
		{"no time", `{"flower":"rose","due":"tomorrow"}`, `error: invalid arguments: parsing time "tomorrow" as "2006-01-02T15:04:05Z07:00": cannot parse "tomorrow" as "2006"` + again, "invalid arguments: cannot be decoded"},
		{"no base64", `{"flower":"rose","photo":"!"}`, "error: invalid arguments: illegal base64 data at input byte 0" + again, "invalid arguments: cannot be decoded"},
		{"value that looks like the error", `{"flower":"rose","stems":"a has type \"b\", want \"c"}`, `error: invalid arguments: stems: type: a has type "b", want "c has type "string", want "integer" or null` + again, `invalid arguments: stems: has type "string", want "integer" or null`},
		{"beyond the type", `{"flower":"rose","lines":[{"Flower":"lily","Stems":1e3}]}`, `error: invalid arguments: lines[].Stems: maximum: 1000/1 is greater than 255.000000` + again, `invalid arguments: lines[].Stems: does not meet maximum`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			if got := call(t, tl, tc.arguments, rec); got != tc.want {
				t.Errorf("the model is told\n%s\nwant\n%s", got, tc.want)
			}
			run := rec.run(t, "call_1")
			if got := run.info.Input.(*callback.ToolCall).Arguments; got != tc.arguments {
				t.Errorf("the run was given %q", got)
			}
			switch err := run.res.Err; {
			case tc.err == "" && (err != nil || run.res.Output != tc.want):
				t.Errorf("run ended with %v, %v", run.res.Output, err)
			case tc.err != "" && (err == nil || err.Error() != tc.err || callback.ErrorType(err) != "invalid_arguments"):
				t.Errorf("run ended with %q, type %s; want %q", err, callback.ErrorType(err), tc.err)
			}
		})
	}
}

// TestLargeArguments: what the model is told of its mistake stays small.
func TestLargeArguments(t *testing.T) {
	tl := tool.Must(takes[stockQuery]())
	got := call(t, tl, `{"flower":{"a":"`+strings.Repeat("玫", 10_000)+`"}}`)
	if len(got) > 1200 || !strings.HasPrefix(got, "error: invalid arguments: flower: type: map[a:玫玫") || !strings.HasSuffix(got, "fit its schema") || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d bytes: %.100s", len(got), got)
	}
}

func TestScalars(t *testing.T) {
	for _, tc := range []struct {
		name            string
		tool            *tool.Tool
		arguments, want string
	}{
		{"string", tool.Must(tool.New("t", "", func(_ context.Context, s string) (string, error) { return "<" + s + ">", nil })), `{"input":"rose"}`, "<rose>"},
		{"number", tool.Must(tool.New("t", "", func(_ context.Context, n int) (int, error) { return n * n, nil })), `{"input":7}`, "49"},
		{"number with a fraction", tool.Must(tool.New("t", "", func(_ context.Context, n int) (int, error) { return n * n, nil })), `{"input":7.0}`, "49"},
		{"large number", tool.Must(tool.New("t", "", func(_ context.Context, n int64) (int64, error) { return n, nil })), `{"input":9007199254740993}`, "9007199254740993"},
		{"list", tool.Must(tool.New("t", "", func(_ context.Context, l []string) (int, error) { return len(l), nil })), `{"input":["a","b"]}`, "2"},
		{"pointer", tool.Must(tool.New("t", "", func(_ context.Context, q *stockQuery) (string, error) { return q.Flower, nil })), `{"flower":"rose"}`, "rose"},
		{"map", tool.Must(tool.New("t", "", func(_ context.Context, m map[string]int) (int, error) { return m["rose"], nil })), `{"rose":3}`, "3"},
		{"nothing", tool.Must(tool.New("t", "", tool.NoArguments(func(context.Context) (string, error) { return "now", nil }))), "", "now"},
		{"nothing, asked politely", tool.Must(tool.New("t", "", tool.NoArguments(func(context.Context) (string, error) { return "now", nil }))), "{}", "now"},
		{"nothing, null", tool.Must(tool.New("t", "", tool.NoArguments(func(context.Context) (string, error) { return "now", nil }))), "null", "now"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := call(t, tc.tool, tc.arguments); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestRaw: a foreign schema is shown as it is and checked; the arguments are
// handed on as they are.
func TestRaw(t *testing.T) {
	schema := json.RawMessage(`{ "type": "object", "properties": {"flower": {"$ref": "#/$defs/name"}, "n": {"type": "integer"}}, "$defs": {"name": {"type": "string", "pattern": "^[a-z]+$"}} }`)
	tl := tool.Must(tool.Raw("stock", "Stems.", schema, func(_ context.Context, a json.RawMessage) (string, error) { return string(a), nil }))
	if d := tl.Definition(); string(d.Parameters) != string(schema) || d.Name != "stock" || d.Description != "Stems." {
		t.Errorf("definition %+v", d)
	}
	const again = "; call the tool again with arguments that fit its schema"
	for arguments, want := range map[string]string{
		`{"flower":"rose", "extra": 1}`: `{"flower":"rose", "extra": 1}`,
		``:                              `{}`,
		`{"flower":"Rose"}`:             `error: invalid arguments: flower: pattern: "Rose" does not match regular expression "^[a-z]+$"` + again,
		`{"n":null}`:                    `error: invalid arguments: n: type: null has type "null", want "integer"` + again,
	} {
		if got := call(t, tl, arguments); got != want {
			t.Errorf("%s: got %q, want %q", arguments, got, want)
		}
	}
}

// FuzzArguments: whatever a model sends, the tool gets what fits its schema or
// the model gets an error, and nothing breaks down.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{"", "null", "{}", "{", `{"flower":"rose"}`, `{"flower":5}`, `{"flower":"rose","stems":1e2,"weight":-0.0}`, `{"flower":"\ud800","photo":"aGk="}`,
		`{"flower":"rose","due":"2026-11-21T00:00:00Z"}`, `{"flower":"rose","lines":[{"Flower":"a","Stems":1.0},null]}`, `{"flower":"rose","prices":{"":1}}`,
		`{"input":1}`, `{"input":1e400}`, `{"input":"\u0000"}`, `[[[[[[`, `{"flower":{"flower":{"flower":{}}}}`, "\xff", `{"a":1,"a":2}`} {
		f.Add(s)
	}
	tools := []*tool.Tool{
		tool.Must(takes[delivery]()), tool.Must(takes[int]()), tool.Must(takes[order]()),
		tool.Must(tool.Raw("raw", "", json.RawMessage(`{"type":"object","properties":{"flower":{"$ref":"#"},"a":{"uniqueItems":true,"items":{"type":["number","null"],"multipleOf":0.5}}},"anyOf":[{"required":["a"]},{"minProperties":1}]}`),
			func(_ context.Context, a json.RawMessage) (string, error) {
				if !json.Valid(a) {
					panic("not JSON")
				}
				return "done", nil
			})),
	}
	f.Fuzz(func(t *testing.T, arguments string) {
		for _, tl := range tools {
			rec := &recorder{}
			got := call(t, tl, arguments, rec)
			run := rec.run(t, "call_1")
			if ok := got == "done"; ok != (run.res.Err == nil) || !ok && (!strings.HasPrefix(got, "error: invalid arguments: ") || callback.ErrorType(run.res.Err) != "invalid_arguments") {
				t.Errorf("%q: the model is told %q, the run ended with %v", arguments, got, run.res.Err)
			}
		}
	})
}
