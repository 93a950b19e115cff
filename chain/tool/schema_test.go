package tool_test

import (
	"context"
	"encoding/json"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/chain/tool"
)

type stockQuery struct {
	Flower string `json:"flower" jsonschema:"name of the flower"`
	Colour string `json:"colour,omitempty"`
}

type order struct {
	Lines    []line            `json:"lines"`
	Due      time.Time         `json:"due"`
	Within   time.Duration     `json:"within,omitzero"`
	Card     *string           `json:"card"`
	Photo    []byte            `json:"photo,omitempty"`
	Sender   netip.Addr        `json:"sender,omitzero"`
	Amount   big.Int           `json:"amount"`
	Pair     [2]float64        `json:"pair"`
	Labels   map[string]string `json:"labels,omitempty"`
	Internal chan int          `json:"-"`
	hidden   func()
	embedded
}

type line struct {
	Flower string
	Stems  uint8
}

type embedded struct {
	Gift bool `json:"gift,omitempty"`
}

type colour string

// make makes a tool that takes an I, or fails.
func takes[I any](options ...tool.Options) (*tool.Tool, error) {
	return tool.New("shop", "", func(context.Context, I) (string, error) { return "done", nil }, options...)
}

func TestSchema(t *testing.T) {
	_ = order{}.hidden
	for _, tc := range []struct {
		name string
		make func(...tool.Options) (*tool.Tool, error)
		want string
	}{
		{"struct", takes[stockQuery], `{"type":"object","properties":{"flower":{"type":"string","description":"name of the flower"},"colour":{"type":"string"}},"required":["flower"],"additionalProperties":false}`},
		{"pointer to a struct", takes[*stockQuery], `{"type":"object","properties":{"flower":{"type":"string","description":"name of the flower"},"colour":{"type":"string"}},"required":["flower"],"additionalProperties":false}`},
		{"contains itself", takes[node], `{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"additionalProperties":false,` +
			`"$defs":{"node":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"additionalProperties":false}}}`},
		{"nothing", takes[struct{}], `{"type":"object","properties":{},"additionalProperties":false}`},
		{"string", takes[string], `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`},
		{"own string", takes[colour], `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`},
		{"time", takes[time.Time], `{"type":"object","properties":{"input":{"type":"string","format":"date-time"}},"required":["input"],"additionalProperties":false}`},
		{"list", takes[[]int], `{"type":"object","properties":{"input":{"type":"array","items":{"type":"integer"}}},"required":["input"],"additionalProperties":false}`},
		{"map", takes[map[string]int], `{"type":"object","properties":{},"additionalProperties":{"type":"integer"}}`},
		{"all kinds", takes[order], `{"type":"object","properties":{` +
			`"lines":{"type":"array","items":{"type":"object","properties":{"Flower":{"type":"string"},"Stems":{"type":"integer","minimum":0,"maximum":255}},"required":["Flower","Stems"],"additionalProperties":false}},` +
			`"due":{"type":"string","format":"date-time"},"within":{"type":"integer","description":"nanoseconds"},"card":{"type":["string","null"]},` +
			`"photo":{"type":"string","description":"base64","contentEncoding":"base64"},"sender":{"type":"string"},"amount":{"type":"integer"},` +
			`"pair":{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2},"labels":{"type":"object","properties":{},"additionalProperties":{"type":"string"}},"gift":{"type":"boolean"}},` +
			`"required":["lines","due","card","amount","pair"],"additionalProperties":false}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl, err := tc.make()
			if err != nil {
				t.Fatal(err)
			}
			if got := string(tl.Definition().Parameters); !sameJSON(t, got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// sameJSON compares up to the order of keys, save that of the fields.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("not JSON: %s, %s", a, b)
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

// TestFieldOrder: the model sees the fields in the order in which they stand.
func TestFieldOrder(t *testing.T) {
	tl, err := takes[order]()
	if err != nil {
		t.Fatal(err)
	}
	s, at := string(tl.Definition().Parameters), 0
	for _, field := range []string{"lines", "due", "within", "card", "photo", "sender", "amount", "pair", "labels", "gift"} {
		i := strings.Index(s, `"`+field+`":`)
		if i < at {
			t.Errorf("%s is out of order in %s", field, s)
		}
		at = i
	}
}

func TestStrict(t *testing.T) {
	type query struct {
		Flower string  `json:"flower"`
		Colour string  `json:"colour,omitempty"`
		Lines  []line2 `json:"lines,omitempty"`
	}
	tl, err := takes[query](tool.Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	d := tl.Definition()
	want := `{"type":"object","properties":{"flower":{"type":"string"},"colour":{"type":["string","null"]},` +
		`"lines":{"type":["array","null"],"items":{"type":"object","properties":{"stems":{"type":["integer","null"]}},"required":["stems"],"additionalProperties":false}}},` +
		`"required":["flower","colour","lines"],"additionalProperties":false}`
	if !d.Strict || !sameJSON(t, string(d.Parameters), want) {
		t.Errorf("strict %v, schema\n%s\nwant\n%s", d.Strict, d.Parameters, want)
	}
	if got := call(t, tl, `{"flower":"rose","colour":null,"lines":[{"stems":null}]}`); got != "done" {
		t.Errorf("null for an optional field: %s", got)
	}
	if _, err := takes[struct {
		Prices map[string]int `json:"prices"`
	}](tool.Options{Strict: true}); err == nil || !strings.HasSuffix(err.Error(), "field Prices: strict mode has no maps; use a struct or a list of pairs") {
		t.Errorf("a map in strict mode: %v", err)
	}
	if tl, err := takes[node](tool.Options{Strict: true}); err != nil || !strings.Contains(string(tl.Definition().Parameters), `"required":["next"]`) {
		t.Errorf("what contains itself in strict mode: %v", err)
	} else if got := call(t, tl, `{"next":{"next":{"next":null}}}`); got != "done" {
		t.Errorf("what contains itself: %s", got)
	}
	if tl, err := takes[string](tool.Options{Strict: true}); err != nil || !strings.Contains(string(tl.Definition().Parameters), `"required":["input"]`) {
		t.Errorf("a string in strict mode: %v", err)
	}
}

type line2 struct {
	Stems int `json:"stems,omitempty"`
}

type node struct {
	Next *node `json:"next,omitempty"`
}

type loop *loop

type decides struct{}

func (*decides) UnmarshalJSON([]byte) error { return nil }

type base struct{ A int }

// TestUnderivable: the error names tool, type and field, and the way out.
func TestUnderivable(t *testing.T) {
	const out, outOrLeave = "; give the schema yourself, with tool.Raw", "; leave it out with `json:\"-\"` or give the schema yourself, with tool.Raw"
	type deep struct {
		Lines []map[string]struct{ Notify func() }
	}
	type numbered struct {
		Prices map[float64]string `json:"prices"`
	}
	type quoted struct {
		N int `json:"n,string"`
	}
	type hidden struct{ *base }
	type tagged struct {
		A int `jsonschema:"minimum=1"`
	}
	for _, tc := range []struct {
		name string
		make func(...tool.Options) (*tool.Tool, error)
		want string
	}{
		{"function", takes[func()], "arguments func(): func() has no form in JSON" + out},
		{"channel", takes[chan int], "arguments chan int: chan int has no form in JSON" + out},
		{"complex", takes[complex128], "arguments complex128: complex128 has no form in JSON" + out},
		{"anything", takes[any], "arguments interface {}: interface {} may hold anything" + out},
		{"raw JSON", takes[json.RawMessage], "arguments json.RawMessage: json.RawMessage may hold anything" + out},
		{"deep inside", takes[deep], "arguments tool_test.deep: field Lines[]{}.Notify: func() has no form in JSON" + outOrLeave},
		{"interface in a field", takes[struct{ Err error }], "arguments struct { Err error }: field Err: error has methods, so encoding/json does not know what to make" + outOrLeave},
		{"keys", takes[numbered], "arguments tool_test.numbered: field Prices: map[float64]string has keys that are neither strings nor integers" + outOrLeave},
		{"recursive pointer", takes[loop], "arguments tool_test.loop: tool_test.loop is a pointer to itself, which can only be null" + out},
		{"own decoder", takes[struct{ D decides }], "arguments struct { D tool_test.decides }: field D: tool_test.decides has its own UnmarshalJSON, so its form is not known" + outOrLeave},
		{"option string", takes[quoted], "arguments tool_test.quoted: field N: its JSON option string makes it another type than int" + outOrLeave},
		{"embedded pointer", takes[hidden], "arguments tool_test.hidden: field base: encoding/json cannot set an embedded pointer to the unexported type tool_test.base" + outOrLeave},
		{"tag of another library", takes[tagged], `arguments tool_test.tagged: field A: its tag jsonschema begins with WORD=, but it holds nothing but a description: "minimum=1"` + outOrLeave},
		{"result", func(...tool.Options) (*tool.Tool, error) {
			return tool.New("shop", "", func(context.Context, int) (chan int, error) { return nil, nil })
		}, "result chan int: it has no form in JSON; return a string"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl, err := tc.make()
			if err == nil || tl != nil {
				t.Fatalf("made %+v", tl)
			}
			if want := `make tool "shop": ` + tc.want; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

func TestMake(t *testing.T) {
	fn := func(context.Context, stockQuery) (int, error) { return 0, nil }
	raw := func(context.Context, json.RawMessage) (string, error) { return "", nil }
	const badName = ": a name has 1 to 64 letters, digits, underscores and hyphens"
	for _, tc := range []struct {
		name string
		make func() (*tool.Tool, error)
		want string // "" is made
	}{
		{"no description", func() (*tool.Tool, error) { return tool.New("stock", "", fn) }, ""},
		{"64 letters", func() (*tool.Tool, error) { return tool.New(strings.Repeat("a", 64), "", fn) }, ""},
		{"no name", func() (*tool.Tool, error) { return tool.New("", "", fn) }, `make tool ""` + badName},
		{"65 letters", func() (*tool.Tool, error) { return tool.New(strings.Repeat("a", 65), "", fn) }, `make tool "` + strings.Repeat("a", 65) + `"` + badName},
		{"blank", func() (*tool.Tool, error) { return tool.New("my stock", "", fn) }, `make tool "my stock"` + badName},
		{"line feed", func() (*tool.Tool, error) { return tool.New("stock\n", "", fn) }, `make tool "stock\n"` + badName},
		{"no function", func() (*tool.Tool, error) {
			return tool.New[stockQuery, int]("stock", "", nil)
		}, `make tool "stock": it has no function`},
		{"no function without arguments", func() (*tool.Tool, error) {
			return tool.New("stock", "", tool.NoArguments[int](nil))
		}, `make tool "stock": it has no function`},
		{"two options", func() (*tool.Tool, error) {
			return tool.New("stock", "", fn, tool.Options{}, tool.Options{Strict: true})
		}, `make tool "stock": 2 Options are given, one is taken`},
		{"raw", func() (*tool.Tool, error) { return tool.Raw("stock", "", json.RawMessage(`{"type":"object"}`), raw) }, ""},
		{"raw without schema", func() (*tool.Tool, error) { return tool.Raw("stock", "", nil, raw) }, ""},
		{"raw, no function", func() (*tool.Tool, error) { return tool.Raw("stock", "", nil, nil) }, `make tool "stock": it has no function`},
		{"raw, no name", func() (*tool.Tool, error) { return tool.Raw("", "", nil, raw) }, `make tool ""` + badName},
		{"raw, no JSON", func() (*tool.Tool, error) { return tool.Raw("stock", "", json.RawMessage(`{`), raw) }, `make tool "stock": schema: unexpected end of JSON input`},
		{"raw, no object", func() (*tool.Tool, error) { return tool.Raw("stock", "", json.RawMessage(`{"type":"string"}`), raw) }, `make tool "stock": schema: type is not "object", which is all that models send`},
		{"raw, true", func() (*tool.Tool, error) { return tool.Raw("stock", "", json.RawMessage(`true`), raw) }, `make tool "stock": schema: type is not "object", which is all that models send`},
		{"raw, old dialect", func() (*tool.Tool, error) {
			return tool.Raw("stock", "", json.RawMessage(`{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}`), raw)
		}, `make tool "stock": schema: the dialect http://json-schema.org/draft-04/schema# is not known; draft-07 and 2020-12 are`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			tl, err := tc.make()
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || (tl == nil) == (tc.want == "") {
				t.Errorf("made %v, %v; want error %q", tl, err, tc.want)
			}
		})
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(error).Error(), "it has no function") {
			t.Errorf("Must: %v", p)
		}
	}()
	tool.Must(tool.New[stockQuery, int]("stock", "", nil))
}
