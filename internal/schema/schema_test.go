package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/callspan/callspan/internal/schema"
)

type (
	colour  uint8 // is written as a text
	level   int
	texts   []string
	weight  float32
	number  json.Number
	label   string
	raw     json.RawMessage
	octet   byte
	celsius struct{ Degrees float64 }
)

func (c colour) MarshalText() ([]byte, error) { return []byte{'c', '0' + byte(c)}, nil }
func (c *colour) UnmarshalText(b []byte) error {
	if len(b) != 2 || b[0] != 'c' {
		return fmt.Errorf("no colour %q", b)
	}
	*c = colour(b[1] - '0')
	return nil
}

type base struct {
	ID   string `json:"id"`
	Name string
}

type Other struct {
	Name string // hides that of base where both are embedded, and is hidden itself
	Size int    `json:"size,omitempty"`
}

type deepest struct {
	base
	*Other
	Name string `json:"name"`
}

type (
	all struct {
		Flag    bool              `json:"flag"`
		Small   int8              `json:"small"`
		Byte    octet             `json:"byte"`
		Any     any               `json:"any"`
		Large   uint64            `json:"large,omitempty"`
		Weight  weight            `json:"weight" jsonschema:"of a stem"`
		Text    label             `json:"text,omitzero"`
		Bytes   []byte            `json:"bytes" jsonschema:"a photo"`
		Octets  []octet           `json:"octets,omitempty"`
		Palette []colour          `json:"palette"`
		Pair    [2]int            `json:"pair"`
		Hash    [2]byte           `json:"hash"`
		When    time.Time         `json:"when" jsonschema:"the day"`
		Wait    time.Duration     `json:"wait" jsonschema:"before it is tried again"`
		Nanos   time.Duration     `json:"nanos" jsonschema:"a time in nanoseconds"`
		Number  json.Number       `json:"number"`
		Own     number            `json:"own"`
		Big     *big.Int          `json:"big"`
		Ratio   *big.Rat          `json:"ratio"`
		Level   slog.Level        `json:"level"`
		Addr    netip.Addr        `json:"addr"`
		Raw     json.RawMessage   `json:"raw" jsonschema:"whatever"`
		Base64  raw               `json:"base64"`
		Labels  map[string]string `json:"labels"`
		ByID    map[level]texts   `json:"by_id"`
		ByByte  map[octet]bool    `json:"by_byte"`
		ByHue   map[colour]int    `json:"by_hue"`
		Inner   *celsius          `json:"inner"`
		Rows    []celsius         `json:"rows,omitempty"`
		Empty   struct{}          `json:"empty"`
		Skip    func()            `json:"-"`
		hidden  chan int
	}
	plain struct { // without what strict mode has no place for
		Name  string   `json:"name" jsonschema:"in the singular"`
		Photo []byte   `json:"photo"`
		Count *int     `json:"count"`
		Rows  []plain2 `json:"rows,omitempty"`
		None  struct{} `json:"none,omitzero"`
	}
	plain2 struct {
		Stems uint16 `json:"stems,omitempty"`
	}
)

// TestOf: the schema of each type, to be sent and in strict mode.
func TestOf(t *testing.T) {
	_ = all{}.hidden
	const object = `{"type":"object","properties":{`
	for _, tc := range []struct {
		name   string
		t      reflect.Type
		loose  string
		strict string // or why there is none
	}{
		{"fields", reflect.TypeFor[plain](),
			object + `"name":{"type":"string","description":"in the singular"},"photo":{"type":"string","description":"base64","contentEncoding":"base64"},"count":{"type":["integer","null"]},` +
				`"rows":{"type":"array","items":` + object + `"stems":{"type":"integer","minimum":0,"maximum":65535}},"additionalProperties":false}},` +
				`"none":` + object + `},"additionalProperties":false}},"required":["name","photo","count"],"additionalProperties":false}`,
			object + `"name":{"type":"string","description":"in the singular"},"photo":{"type":"string","description":"base64"},"count":{"type":["integer","null"]},` +
				`"rows":{"type":["array","null"],"items":` + object + `"stems":{"type":["integer","null"],"minimum":0,"maximum":65535}},"required":["stems"],"additionalProperties":false}},` +
				`"none":{"type":["object","null"],"properties":{},"additionalProperties":false}},"required":["name","photo","count","rows","none"],"additionalProperties":false}`},
		{"a pointer to it", reflect.TypeFor[*celsius](),
			object + `"Degrees":{"type":"number"}},"required":["Degrees"],"additionalProperties":false}`,
			object + `"Degrees":{"type":"number"}},"required":["Degrees"],"additionalProperties":false}`},
		{"embedded", reflect.TypeFor[deepest](),
			object + `"id":{"type":"string"},"size":{"type":"integer"},"name":{"type":"string"}},"required":["id","name"],"additionalProperties":false}`,
			object + `"id":{"type":"string"},"size":{"type":["integer","null"]},"name":{"type":"string"}},"required":["id","size","name"],"additionalProperties":false}`},
		{"no object", reflect.TypeFor[[]string](),
			object + `"in":{"type":"array","items":{"type":"string"}}},"required":["in"],"additionalProperties":false}`,
			object + `"in":{"type":"array","items":{"type":"string"}}},"required":["in"],"additionalProperties":false}`},
		{"a pointer to no object", reflect.TypeFor[*time.Duration](),
			object + `"in":{"type":["integer","null"],"description":"nanoseconds"}},"required":["in"],"additionalProperties":false}`,
			object + `"in":{"type":["integer","null"],"description":"nanoseconds"}},"required":["in"],"additionalProperties":false}`},
		{"a map", reflect.TypeFor[map[string][]int8](),
			object + `},"additionalProperties":{"type":"array","items":{"type":"integer","minimum":-128,"maximum":127}}}`,
			"strict mode has no maps; use a struct or a list of pairs"},
		{"a map in a field", reflect.TypeFor[struct{ A []map[uint]bool }](),
			object + `"A":{"type":"array","items":` + object + `},"additionalProperties":{"type":"boolean"},"propertyNames":{"pattern":"^[0-9]+$"}}}},"required":["A"],"additionalProperties":false}`,
			"field A[]: strict mode has no maps; use a struct or a list of pairs"},
		{"a list of itself", reflect.TypeFor[chain](),
			object + `"next":{"anyOf":[{"$ref":"#/$defs/chain"},{"type":"null"}],"description":"what follows"},"n":{"type":"integer","minimum":-128,"maximum":127}},"required":["n"],"additionalProperties":false,` +
				`"$defs":{"chain":` + object + `"next":{"anyOf":[{"$ref":"#/$defs/chain"},{"type":"null"}],"description":"what follows"},"n":{"type":"integer","minimum":-128,"maximum":127}},"required":["n"],"additionalProperties":false}}}`,
			object + `"next":{"anyOf":[{"$ref":"#/$defs/chain"},{"type":"null"}],"description":"what follows"},"n":{"type":"integer","minimum":-128,"maximum":127}},"required":["next","n"],"additionalProperties":false,` +
				`"$defs":{"chain":` + object + `"next":{"anyOf":[{"$ref":"#/$defs/chain"},{"type":"null"}],"description":"what follows"},"n":{"type":"integer","minimum":-128,"maximum":127}},"required":["next","n"],"additionalProperties":false}}}`},
		{"a list of lists", reflect.TypeFor[nest](),
			object + `"in":{"$ref":"#/$defs/nest"}},"required":["in"],"additionalProperties":false,"$defs":{"nest":{"type":"array","items":{"$ref":"#/$defs/nest"}}}}`,
			object + `"in":{"$ref":"#/$defs/nest"}},"required":["in"],"additionalProperties":false,"$defs":{"nest":{"type":"array","items":{"$ref":"#/$defs/nest"}}}}`},
		{"a map of maps", reflect.TypeFor[struct{ A web }](),
			object + `"A":{"$ref":"#/$defs/web"}},"required":["A"],"additionalProperties":false,"$defs":{"web":` + object + `},"additionalProperties":{"$ref":"#/$defs/web"}}}}`,
			"field A: strict mode has no maps; use a struct or a list of pairs"},
		{"several", reflect.TypeFor[struct {
			E expr       `json:"e" jsonschema:"to compute"`
			T tree[nest] `json:"t"`
		}](),
			several(`,"required":["of"]`, `{"type":"array","items":{"$ref":"#/$defs/call"}}`),
			several(`,"required":["of","then"]`, `{"type":["array","null"],"items":{"$ref":"#/$defs/call"}}`)},
		{"anything in a field", reflect.TypeFor[struct{ A any }](),
			object + `"A":{"description":"any JSON value"}},"required":["A"],"additionalProperties":false}`,
			"field A: strict mode has a type for everything, but interface {} may hold anything"},
		{"raw JSON in a field", reflect.TypeFor[struct {
			A *json.RawMessage `json:"a,omitempty" jsonschema:"what there is"`
		}](),
			object + `"a":{"description":"what there is"}},"additionalProperties":false}`,
			"field A: strict mode has a type for everything, but json.RawMessage may hold anything"},
		{"all kinds", reflect.TypeFor[all](), object +
			`"flag":{"type":"boolean"},"small":{"type":"integer","minimum":-128,"maximum":127},"byte":{"type":"integer","minimum":0,"maximum":255},"any":{"description":"any JSON value"},"large":{"type":"integer","minimum":0},` +
			`"weight":{"type":"number","description":"of a stem"},"text":{"type":"string"},"bytes":{"type":"string","description":"a photo (base64)","contentEncoding":"base64"},` +
			`"octets":{"type":"string","description":"base64","contentEncoding":"base64"},"palette":{"type":"array","items":{"type":"string"}},"pair":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2},` +
			`"hash":{"type":"array","items":{"type":"integer","minimum":0,"maximum":255},"minItems":2,"maxItems":2},"when":{"type":"string","description":"the day","format":"date-time"},` +
			`"wait":{"type":"integer","description":"before it is tried again (nanoseconds)"},"nanos":{"type":"integer","description":"a time in nanoseconds"},"number":{"type":"number"},"own":{"type":"string"},` +
			`"big":{"type":["integer","null"]},"ratio":{"type":["string","null"]},"level":{"type":"string"},"addr":{"type":"string"},"raw":{"description":"whatever"},"base64":{"type":"string","description":"base64","contentEncoding":"base64"},` +
			`"labels":` + object + `},"additionalProperties":{"type":"string"}},"by_id":` + object + `},"additionalProperties":{"type":"array","items":{"type":"string"}},"propertyNames":{"pattern":"^-?[0-9]+$"}},` +
			`"by_byte":` + object + `},"additionalProperties":{"type":"boolean"},"propertyNames":{"pattern":"^[0-9]+$"}},"by_hue":` + object + `},"additionalProperties":{"type":"integer"}},` +
			`"inner":{"type":["object","null"],"properties":{"Degrees":{"type":"number"}},"required":["Degrees"],"additionalProperties":false},` +
			`"rows":{"type":"array","items":` + object + `"Degrees":{"type":"number"}},"required":["Degrees"],"additionalProperties":false}},` +
			`"empty":` + object + `},"additionalProperties":false}},` +
			`"required":["flag","small","byte","any","weight","bytes","palette","pair","hash","when","wait","nanos","number","own","big","ratio","level","addr","raw","base64","labels","by_id","by_byte","by_hue","inner","empty"],"additionalProperties":false}`,
			"field Any: strict mode has a type for everything, but interface {} may hold anything"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := schema.Of(tc.t, "in")
			if err != nil {
				t.Fatal(err)
			}
			same(t, "schema", s.JSON, tc.loose)
			if !strings.HasPrefix(tc.strict, "{") {
				if s.Strict != nil || fmt.Sprint(s.NotStrict) != tc.strict {
					t.Errorf("strict schema %s, %v; want %s", s.Strict, s.NotStrict, tc.strict)
				}
				return
			}
			same(t, "strict schema", s.Strict, tc.strict)
			if s.NotStrict != nil {
				t.Errorf("not strict: %v", s.NotStrict)
			}
		})
	}
}

// several is a schema in which four types contain themselves.
func several(required, then string) string {
	const object = `{"type":"object","properties":{`
	const end = `,"additionalProperties":false}`
	tree := func(name, leaf string) string {
		return object + `"leaf":` + leaf + `,"kids":{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/` + name + `"},{"type":"null"}]}}},"required":["leaf","kids"]` + end
	}
	const maybe = `{"anyOf":[{"$ref":"#/$defs/expr"},{"type":"null"}]}`
	return object + `"e":{"anyOf":[{"$ref":"#/$defs/expr"}],"description":"to compute"},"t":{"$ref":"#/$defs/tree_2"}},"required":["e","t"],"$defs":{` +
		`"expr":` + object + `"op":{"type":"string"},"args":{"type":"array","items":` + maybe + `},"call":{"anyOf":[{"$ref":"#/$defs/call"},{"type":"null"}],"description":"instead"},"tree":{"$ref":"#/$defs/tree"}},"required":["op","args","call","tree"]` + end +
		`,"call":` + object + `"of":{"$ref":"#/$defs/expr"},"then":` + then + `}` + required + end +
		`,"tree":` + tree("tree", maybe) + `,"tree_2":` + tree("tree_2", `{"$ref":"#/$defs/nest"}`) +
		`,"nest":{"type":"array","items":{"$ref":"#/$defs/nest"}}}` + end
}

// same compares schemas up to the order of keywords; properties keep theirs.
func same(t *testing.T, what string, got json.RawMessage, want string) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", what, err, got, want)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s\n%s\nwant\n%s", what, got, want)
	}
	at := 0
	for _, name := range []string{`"id":`, `"size":`, `"name":`, `"photo":`, `"count":`, `"rows":`} {
		if i := strings.Index(string(got), name); i >= 0 {
			if i < at {
				t.Errorf("%s: %s is out of order: %s", what, name, got)
			}
			at = i
		}
	}
}

type (
	node2 struct {
		Kids []node2
		Odd  chan int
	}
	loop *loop
	ping *pong
	pong *ping

	// types that contain themselves
	chain struct {
		Next *chain `json:"next,omitempty" jsonschema:"what follows"`
		N    int8   `json:"n"`
	}
	nest   []nest
	linked *[]linked
	web    map[string]web
	expr   struct {
		Op   string           `json:"op"`
		Args []*expr          `json:"args"`
		Call *call            `json:"call" jsonschema:"instead"`
		Tree tree[*expr]      `json:"tree"`
		Kept map[string]*expr `json:"-"`
	}
	call struct {
		Of   expr   `json:"of"`
		Then []call `json:"then,omitempty"`
	}
	tree[T any] struct {
		Leaf T          `json:"leaf"`
		Kids []*tree[T] `json:"kids"`
	}
	Self struct {
		*Self
		N int
	}
	decides struct{}
	left    struct {
		A int `json:"a"`
	}
	Left  struct{ left }
	Right struct {
		left
		B int
	}
	quoted struct {
		Stems *int `json:"stems,string"`
	}
	deep struct {
		*left
		B int
	}
	deeper struct{ *deep }
)

func (*decides) UnmarshalJSON([]byte) error { return nil }

// TestTypeErrors: what has no schema names the field and the problem.
func TestTypeErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		t    reflect.Type
		want string
	}{
		{"function", reflect.TypeFor[func()](), "func() has no form in JSON"},
		{"channel", reflect.TypeFor[struct{ A []chan int }](), "field A[]: chan int has no form in JSON"},
		{"complex", reflect.TypeFor[map[string]struct{ B complex64 }](), "field {}.B: complex64 has no form in JSON"},
		{"anything", reflect.TypeFor[any](), "interface {} may hold anything"},
		{"raw JSON", reflect.TypeFor[*json.RawMessage](), "*json.RawMessage may hold anything"},
		{"interface", reflect.TypeFor[struct{ Err error }](), "field Err: error has methods, so encoding/json does not know what to make"},
		{"recursive pointer", reflect.TypeFor[loop](), "schema_test.loop is a pointer to itself, which can only be null"},
		{"pointers to each other", reflect.TypeFor[struct{ A map[string]ping }](), "field A{}: schema_test.ping is a pointer to itself, which can only be null"},
		{"in a cycle", reflect.TypeFor[node2](), "field Odd: chan int has no form in JSON"},
		{"own decoder", reflect.TypeFor[[]decides](), "field []: schema_test.decides has its own UnmarshalJSON, so its form is not known"},
		{"embedded decoder", reflect.TypeFor[struct{ decides }](), "struct { schema_test.decides } has its own UnmarshalJSON, so its form is not known"},
		{"keys", reflect.TypeFor[struct{ A map[float64]int }](), "field A: map[float64]int has keys that are neither strings nor integers"},
		{"option string", reflect.TypeFor[quoted](), "field Stems: its JSON option string makes it another type than *int"},
		{"one name", reflect.StructOf([]reflect.StructField{
			{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"x"`}, {Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`}, {Name: "C", Type: reflect.TypeFor[int](), Tag: `json:"x"`}}),
			`field B: it has the JSON name "x" of the field A, so encoding/json reads neither`},
		{"hidden pointer", reflect.TypeFor[deeper](), "field deep: encoding/json cannot set an embedded pointer to the unexported type schema_test.deep"},
		{"assignment", reflect.TypeFor[struct {
			A int `jsonschema:"minimum=1"`
		}](), `field A: its tag jsonschema begins with WORD=, but it holds nothing but a description: "minimum=1"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := schema.Of(tc.t, "in")
			e, ok := errors.AsType[*schema.TypeError](err)
			if s != nil || !ok || e.Error() != tc.want {
				t.Fatalf("got %v, %v\nwant %s", s, err, tc.want)
			}
			leave := strings.HasPrefix(tc.want, "field")
			if got := schema.WayOut(err, "stop"); got != "stop" && !leave || leave && got != "leave it out with `json:\"-\"` or stop" {
				t.Errorf("way out %q", got)
			}
		})
	}
}

// TestNames: the properties are what encoding/json writes.
func TestNames(t *testing.T) {
	type withTag struct {
		base  `json:"base"`
		Other `json:",omitempty"`
	}
	type twice struct { // the outer one counts
		left
		In int `json:"a"`
	}
	type kinds struct {
		Texts
		label
		*base2
		T time.Time
	}
	k := kinds{}
	_, _ = k.label, k.base2
	zero := func(fields ...reflect.StructField) any { return reflect.Zero(reflect.StructOf(fields)).Interface() }
	n := reflect.TypeFor[int]()
	for _, v := range []any{
		zero(reflect.StructField{Name: "Left", Type: reflect.TypeFor[Left](), Anonymous: true}, reflect.StructField{Name: "Right", Type: reflect.TypeFor[Right](), Anonymous: true}),
		zero(reflect.StructField{Name: "Odd", Type: n, Tag: `json:"bad\"name"`}, reflect.StructField{Name: "Dash", Type: n, Tag: `json:"-,"`}, reflect.StructField{Name: "None", Type: n, Tag: `json:"-"`}),
		all{Text: "t", Large: 1, Octets: []octet{1}, Rows: []celsius{{}}, Number: "1", Raw: json.RawMessage("1")},
		withTag{Other: Other{Size: 1}}, twice{}, k,
		struct {
			Named
			Tagged
		}{},
		deepest{Other: &Other{Size: 1}}, struct{ base }{}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var wrote, named map[string]json.RawMessage
		s, err := schema.Of(reflect.TypeOf(v), "in")
		if err != nil {
			t.Errorf("%T: %v", v, err)
			continue
		}
		var object struct{ Properties json.RawMessage }
		if err := errors.Join(json.Unmarshal(b, &wrote), json.Unmarshal(s.JSON, &object), json.Unmarshal(object.Properties, &named)); err != nil {
			t.Fatal(err)
		}
		for name := range wrote {
			if named[name] == nil {
				t.Errorf("%T: %s is no property", v, name)
			}
		}
		if len(named) != len(wrote) {
			t.Errorf("%T: properties %s, written is %s", v, object.Properties, b)
		}
	}
}

type (
	Texts []string
	base2 struct{}

	Named  struct{ Hue int }
	Tagged struct { // counts where both are embedded
		H string `json:"Hue"`
	}
)

// TestRoundTrip: what encoding/json writes of a value is read as that value.
func TestRoundTrip(t *testing.T) {
	two := 2
	roundTrip(t, all{})
	roundTrip(t, all{Flag: true, Small: -128, Byte: 255, Any: []any{nil, "x", 1.5, map[string]any{}}, Large: 1<<64 - 1, Weight: 1.5, Text: "a", Bytes: []byte("hi"), Octets: []octet{1}, Palette: []colour{1, 2},
		Pair: [2]int{1, 2}, When: time.Date(2026, 11, 21, 0, 0, 0, 5, time.UTC), Wait: time.Hour, Number: "12e3", Own: "x", Big: new(big.Int).Lsh(big.NewInt(1), 200), Ratio: big.NewRat(1, 3), Level: slog.LevelWarn, Addr: netip.MustParseAddr("::1"),
		Raw: json.RawMessage(`{"a":[1]}`), Base64: raw("x"), Labels: map[string]string{"": "a", "type": "b"}, ByID: map[level]texts{-3: {"x"}}, ByByte: map[octet]bool{7: true}, ByHue: map[colour]int{3: 4}, Inner: &celsius{-1}, Rows: []celsius{{1}, {2}}})
	roundTrip(t, plain{Count: &two, Rows: []plain2{{1}, {}}})
	roundTrip(t, deepest{base: base{ID: "a"}, Other: &Other{Size: 3}, Name: "b"})
	roundTrip(t, 7)
	roundTrip(t, int64(1<<62+1))
	roundTrip(t, &two)
	roundTrip(t, (*int)(nil))
	roundTrip(t, [][]string(nil))
	roundTrip(t, [][]string{nil, {}, {"a"}})
	roundTrip(t, []byte(nil))
	roundTrip(t, []map[string]*int{nil, {"a": nil}})
	roundTrip(t, map[string]any{"a": nil})
	roundTrip(t, struct{}{})
	roundTrip(t, chain{N: 1})
	roundTrip(t, &chain{N: 1, Next: &chain{N: 2, Next: &chain{N: 3}}})
	roundTrip(t, []*chain{nil, {N: 4}})
	roundTrip(t, nest(nil))
	roundTrip(t, nest{nil, {}, {{}, {nil}}})
	roundTrip(t, linked(nil))
	roundTrip(t, linked(&[]linked{nil, {}}))
	roundTrip(t, struct{ A web }{})
	roundTrip(t, web{"a": nil, "b": {"c": {}}})
	roundTrip(t, expr{Args: []*expr{nil, {Op: "+", Call: &call{Of: expr{Op: "f"}, Then: []call{{}}}}}, Tree: tree[*expr]{Leaf: &expr{}, Kids: []*tree[*expr]{nil, {}}}})
	roundTrip(t, Self{N: 1})
	type random struct {
		A int64
		B uint32
		C float64
		D string
		E []int8
		F map[string]*bool
		G *struct{ H []string }
		I [3]uint16
		J []byte `json:",omitempty"`
		K map[int32]float32
	}
	if err := quick.Check(func(v random) bool { return roundTrip(t, v) }, nil); err != nil {
		t.Error(err)
	}
}

func roundTrip[T any](t *testing.T, v T) bool {
	t.Helper()
	s, err := schema.Of(reflect.TypeFor[T](), "in")
	if err != nil {
		t.Error(err)
		return false
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Errorf("%T: %v", v, err)
		return false
	}
	if b[0] != '{' {
		b = fmt.Appendf(nil, `{"in":%s}`, b)
	}
	got, err := schema.Read[T](s, b)
	again, _ := json.Marshal(got)
	first, _ := json.Marshal(v)
	if err != nil || string(again) != string(first) {
		t.Errorf("%s is read as %s, %v", b, again, err)
		return false
	}
	return true
}
