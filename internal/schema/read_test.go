package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/schema"
)

type order struct {
	Flower string         `json:"flower"`
	Stems  int8           `json:"stems,omitempty"`
	Lines  []line         `json:"lines,omitempty"`
	Prices map[string]int `json:"prices,omitempty"`
	Due    *time.Time     `json:"due,omitempty"`
	Sum    big.Int        `json:"sum,omitzero"`
	Number json.Number    `json:"number,omitempty"`
	Any    any            `json:"any,omitempty"`
	Pair   [2]int         `json:"pair,omitzero"`
	Card   *string        `json:"card"`
	Tags   []string       `json:"tags"`
}

type line struct {
	Name  string `json:"name"`
	Count uint   `json:"a/b"`
}

// with completes an order that has what is required.
func with(fields string) string { return `{"flower":"rose","card":null,"tags":[]` + fields + `}` }

// TestRead: what is read, and what does not fit, without and with the values.
func TestRead(t *testing.T) {
	const beginning = "{rose 0 [] map[] <nil> {false []}  <nil> [0 0] <nil> []}"
	for _, tc := range []struct {
		name, text   string
		want, detail string // the value, or the error and its detail
	}{
		{"what is required", with(""), beginning, ""},
		{"null for what may be left out", with(`,"stems":null,"lines":null,"prices":null,"due":null,"number":null,"pair":null,"any":null`), beginning, ""},
		{"null for an empty list", `{"flower":"rose","card":null,"tags":null}`, beginning, ""},
		{"null in a list", with(`,"lines":[null]`), `lines[]: has type "null", want "object"`, `lines[]: type: null has type "null", want "object"`},
		{"whole numbers", with(`,"stems":2.0,"lines":[{"name":"","a/b":1e1}],"prices":{"a":3.00},"sum":1e30,"number":2.0,"any":2.0,"pair":[1.0,-0.0]`),
			"{rose 2 [{ 10}] map[a:3] <nil> {false [5076944270305263616 54210108624]} 2.0 2 [1 0] <nil> []}", ""},
		{"a whole number that is too large", with(`,"stems":1.28e2`), "stems: does not meet maximum", "stems: maximum: 128/1 is greater than 127.000000"},
		{"a number that is nearly whole", with(`,"pair":[1,1.0000000000000000001]`), "pair: number does not fit into int", "pair: number does not fit into int"},
		{"a number that is nearly zero", with(`,"pair":[1,1e-999999999]`), "pair: number does not fit into int", "pair: number does not fit into int"},
		{"no whole number", with(`,"stems":1.5`), `stems: has type "number", want "integer" or null`, `stems: type: 1.5 has type "number", want "integer" or null`},
		{"beyond int64", with(`,"pair":[1,1e30]`), "pair: number does not fit into int", "pair: number does not fit into int"},
		{"too few", with(`,"pair":[1]`), "pair: does not meet minItems", "pair: minItems: array length 1 is less than 2"},
		{"missing", `{"flower":"rose"}`, `missing properties: ["card" "tags"]`, `required: missing properties: ["card" "tags"]`},
		{"missing inside", with(`,"lines":[{"name":"secret"}]`), `lines[]: missing properties: ["a/b"]`, `lines[]: required: missing properties: ["a/b"]`},
		{"wrong type inside", with(`,"lines":[{"name":"x","a/b":"secret"}]`), `lines[].a/b: has type "string", want "integer"`, `lines[].a/b: type: secret has type "string", want "integer"`},
		{"wrong type in a map", with(`,"prices":{"secret":"two"}`), `prices{}: has type "string", want "integer"`, `prices{}: type: two has type "string", want "integer"`},
		{"unknown", with(`,"secret":1`), "unexpected properties", `unexpected additional properties ["secret"]`},
		{"another case", `{"Flower":"rose","card":null,"tags":[]}`, "unexpected properties", `unexpected additional properties ["Flower"]`},
		{"no time", with(`,"due":"secret"`), "cannot be decoded", `parsing time "secret" as "2006-01-02T15:04:05Z07:00": cannot parse "secret" as "2006"`},
		{"a number that JSON has and Go has not", with(`,"any":1e999`), "a number is out of range", "a number is out of range: json: cannot unmarshal number 1e999 into Go value of type float64"},
		{"no JSON", "secret", "not JSON, from byte 1 on", "not JSON: invalid character 's' looking for beginning of value at byte 1"},
		{"cut off", `{"flower":"sec`, "not JSON, from byte 14 on", "not JSON: unexpected end of JSON input at byte 14"},
		{"two values", with("") + `{}`, "not JSON, from byte 40 on", "not JSON: invalid character '{' after top-level value at byte 40"},
		{"nothing", "", "not JSON, from byte 0 on", "not JSON: unexpected end of JSON input at byte 0"},
		{"a list", "[1]", `has type "array", want "object"`, `type: [1] has type "array", want "object"`},
		{"null", "null", `has type "null", want "object"`, `type: null has type "null", want "object"`},
		{"a value that looks like an error", with(`,"stems":"a has type \"b\", want \"c"`), `stems: has type "string", want "integer" or null`, `stems: type: a has type "b", want "c has type "string", want "integer" or null`},
	} {
		t.Run(tc.name, func(t *testing.T) { reads[order](t, tc.text, tc.want, tc.detail) })
	}
	t.Run("a text", func(t *testing.T) { reads[string](t, `{"in":"a"}`, "a", "") })
	t.Run("a whole number by itself", func(t *testing.T) { reads[uint8](t, `{"in":2.0}`, "2", "") })
	t.Run("a number by itself", func(t *testing.T) {
		reads[int](t, `{"in":1e30}`, "in: number does not fit into int", "in: number does not fit into int")
	})
	t.Run("a number in a list by itself", func(t *testing.T) {
		reads[[]line](t, `{"in":[{"name":"","a/b":1e30}]}`, "in.a/b: number does not fit into uint", "in.a/b: number does not fit into uint")
	})
	t.Run("what contains itself", func(t *testing.T) {
		reads[nest](t, `{"in":[[],[[],null]]}`, "[[] [[] []]]", "")
		reads[chain](t, `{"n":1,"next":{"n":2,"next":{"n":"secret"}}}`, `next.next.n: has type "string", want "integer"`, `next.next.n: type: secret has type "string", want "integer"`)
		reads[chain](t, `{"n":1,"next":{"n":2,"next":{}}}`, `next.next: missing properties: ["n"]`, `next.next: required: missing properties: ["n"]`)
		reads[chain](t, `{"n":1,"next":5}`, `next: has type "integer", want "object" or null`, `next: type: 5 has type "integer", want "object" or null`)
		reads[nest](t, `{"in":[[],[[],[7]]]}`, `in[][][]: has type "integer", want "array" or null`, `in[][][]: type: 7 has type "integer", want "array" or null`)
		reads[[]call](t, `{"in":[{"of":{"op":"","args":[{"op":"","args":[],"call":null,"tree":{"leaf":null,"kids":[null,{"leaf":5,"kids":[]}]}}],"call":null,"tree":{"leaf":null,"kids":[]}}}]}`,
			`in[].of.args[].tree.kids[].leaf: has type "integer", want "object" or null`, `in[].of.args[].tree.kids[].leaf: type: 5 has type "integer", want "object" or null`)
	})
	t.Run("depth", func(t *testing.T) {
		deep := func(n int, leaf string) string {
			return strings.Repeat(`{"n":1,"next":`, n) + leaf + strings.Repeat("}", n)
		}
		const want = "nested more than 500 levels deep"
		reads[chain](t, deep(9000, `{"n":"secret"}`), want, want)
		reads[chain](t, deep(500, `{"n":1}`), want, want)
		reads[chain](t, deep(498, `{"n":1,"next":{"n":[{}]}}`), want, want)
		v, err := schema.Read[chain](mustOf[chain](t), []byte(deep(499, `{"n":7.0}`)))
		n := 0
		for c := &v; c.Next != nil; c = c.Next {
			n++
		}
		if err != nil || n != 499 {
			t.Errorf("%d levels: %v", n, err)
		}
		if r, err := schema.Read[string](mustOf[string](t), []byte(`{"in":"`+strings.Repeat(`[\"`, 600)+`"}`)); err != nil || len(r) != 1200 {
			t.Errorf("a text with brackets: %d bytes, %v", len(r), err)
		}
	})
	t.Run("keys", func(t *testing.T) { reads[map[int]int](t, `{"-1":2.0}`, "map[-1:2]", "") })
	t.Run("no keys", func(t *testing.T) {
		reads[map[int]int](t, `{"secret":2}`, "{key}: does not meet pattern", `{key}: pattern: "secret" does not match regular expression "^-?[0-9]+$"`)
	})
	t.Run("keys that are too large", func(t *testing.T) {
		reads[map[int8]int](t, `{"300":2}`, "number does not fit into int8", "number does not fit into int8")
	})
}

func mustOf[T any](t *testing.T) *schema.Schema {
	t.Helper()
	s, err := schema.Of(reflect.TypeFor[T](), "in")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reads[T any](t *testing.T, text, want, detail string) {
	t.Helper()
	v, err := schema.Read[T](mustOf[T](t), []byte(text))
	if detail == "" {
		if got := fmt.Sprint(v); err != nil || got != want {
			t.Errorf("%s is read as %s, %v\nwant %s", text, got, err, want)
		}
		return
	}
	misfit, ok := errors.AsType[*schema.Misfit](err)
	if !ok || misfit.Error() != want || misfit.Detail() != detail || !reflect.ValueOf(v).IsZero() {
		t.Fatalf("%s: %v, %v", text, v, err)
	}
	if strings.Contains(misfit.Error(), "secret") {
		t.Error("the error holds a value")
	}
}

// TestParse: a foreign schema is kept as it is, and checks.
func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, schema, text, want string }{
		{"fits", `{ "type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "string", "pattern": "^[a-z]+$"}} }`, `{"a":"x","b":1}`, ""},
		{"does not", `{"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "string", "pattern": "^[a-z]+$"}}}`, `{"a":"X"}`, "a: does not meet pattern"},
		{"refers to what is inside", `{"type":"object","properties":{"a":{"$ref":"#/definitions/n"}},"definitions":{"n":{"type":"object","properties":{"b":{"type":"array","items":{"$ref":"#/definitions/n"}},"c":{"type":"string"}}}}}`,
			`{"a":{"b":[{"c":"x"},{"b":[{"c":1}]}]}}`, `a.b[].b[].c: has type "integer", want "string"`},
		{"takes no null for nothing", `{"type":"object","properties":{"n":{"type":"integer"}}}`, `{"n":null}`, `n: has type "null", want "integer"`},
		{"draft 7", `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}`, `{}`, ""},
		{"no JSON", `{`, "", "unexpected end of JSON input"},
		{"no object", `{"type":"string"}`, "", `type is not "object", which is all that models send`},
		{"true", `true`, "", `type is not "object", which is all that models send`},
		{"an old dialect", `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}`, "", "the dialect http://json-schema.org/draft-04/schema# is not known; draft-07 and 2020-12 are"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			s, err := schema.Parse(json.RawMessage(tc.schema))
			if err == nil {
				if string(s.JSON) != tc.schema || string(s.Strict) != tc.schema {
					t.Errorf("schema %s, strict %s", s.JSON, s.Strict)
				}
				err = s.Check([]byte(tc.text))
			}
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// FuzzRead: whatever comes, it is what encoding/json reads, or a Misfit.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "null", "{}", with(""), with(`,"stems":1e2,"sum":1e3,"any":{"a":[1]}`), with(`,"pair":[1.0,2]`), with(`,"due":"2026-11-21T00:00:00Z"`), `{"in":1}`, `{"in":[null]}`, `{"a":1,"a":2}`,
		with(`,"prices":{"":1e-400}`), `{"flower":"\ud800","card":"\u0000","tags":null}`, "[[[[[["} {
		f.Add([]byte(s))
	}
	orders, err := schema.Of(reflect.TypeFor[order](), "in")
	if err != nil {
		f.Fatal(err)
	}
	lists, err := schema.Of(reflect.TypeFor[[][]int8](), "in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		agrees[order](t, orders, text, func(to *order) any { return to })
		agrees[[][]int8](t, lists, text, func(to *[][]int8) any {
			return &struct {
				In *[][]int8 `json:"in"`
			}{to}
		})
	})
}

func agrees[T any](t *testing.T, s *schema.Schema, text []byte, into func(*T) any) {
	v, err := schema.Read[T](s, text)
	if err != nil {
		if _, ok := errors.AsType[*schema.Misfit](err); !ok || !reflect.ValueOf(v).IsZero() {
			t.Errorf("%q: %v, %v", text, v, err)
		}
		return
	}
	var want T
	if json.Unmarshal(text, into(&want)) != nil {
		return // numbers such as 2.0
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("%q is read as %+v, by encoding/json as %+v", text, v, want)
	}
}
