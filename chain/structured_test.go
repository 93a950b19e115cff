package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

func structured[O any](m llm.Model) *chain.Structured[string, O] {
	return &chain.Structured[string, O]{Name: "take", Prompt: prompt.Must(prompt.New[string]("{mail}", prompt.Named("mail"))), Model: m}
}

const (
	oneCall = `
		chain take
		  [text: Roses!]
		  prompt mail
		  llm gpt`
	twoCalls = `
		chain take
		  [text: Roses!]
		  [retry: try 1 failed, invalid_answer]
		  prompt mail
		  llm gpt
		  llm gpt`
	failedAfter = `
		chain take - %s
		  [text: Roses!]
		  prompt mail
		  llm gpt`
	failedTwice = `
		chain take - invalid_answer
		  [text: Roses!]
		  [retry: try 1 failed, invalid_answer]
		  prompt mail
		  llm gpt
		  llm gpt`
)

// TestStructured: valid answers become values, others go back once.
func TestStructured(t *testing.T) {
	const valid = `{"flower": "rose", "count": 3}`
	rose := "{Flower:rose Count:3 Note:} <nil>"
	for _, tc := range []struct {
		name    string
		replies []reply
		want    string // value and error
		reason  string // of an *AnswerError
		text    string // likewise
		tree    string
	}{
		{"valid", []reply{says(`{"flower": `, `"rose", "count": 3}`)}, rose, "", "", oneCall},
		{"with what may be left out", []reply{says(`{"flower": "rose", "count": 3, "note": "pink"}`)}, "{Flower:rose Count:3 Note:pink} <nil>", "", "", oneCall},
		{"null for what may be left out", []reply{says(`{"flower": "rose", "count": 3, "note": null}`)}, rose, "", "", oneCall},
		{"in a fence", []reply{says("```json\n" + valid + "\n```")}, rose, "", "", oneCall},
		{"in a fence below words", []reply{says("Here you are:\n```\n" + valid + "\n```\nAnything else?")}, rose, "", "", oneCall},
		{"repaired", []reply{says("Three roses."), says(valid)}, rose, "", "", twoCalls},
		{"repaired in a fence", []reply{says(`{"flower": "rose"}`), says("```json\n" + valid + "```")}, rose, "", "", twoCalls},
		{"no JSON", []reply{says("Three roses."), says("Three!")},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: not JSON, from byte 1 on`, "invalid_answer", "Three!", failedTwice},
		{"more than JSON", []reply{says(valid + " as you wished")},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: not JSON, from byte 32 on`, "invalid_answer", valid + " as you wished", failedTwice},
		{"nothing", []reply{says("  ")},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: it is empty`, "invalid_answer", "  ", failedTwice},
		{"wrong type", []reply{says(`{"flower": "rose", "count": "secret: three"}`)},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: count: has type "string", want "integer"`, "invalid_answer", `{"flower": "rose", "count": "secret: three"}`, failedTwice},
		{"missing", []reply{says(`{"flower": "rose"}`)},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: missing properties: ["count"]`, "invalid_answer", `{"flower": "rose"}`, failedTwice},
		{"unknown", []reply{says(`{"flower": "rose", "count": 3, "vase": true}`)},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: unexpected properties`, "invalid_answer", `{"flower": "rose", "count": 3, "vase": true}`, failedTwice},
		{"a list", []reply{says(`[` + valid + `]`)},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: has type "array", want "object"`, "invalid_answer", `[` + valid + `]`, failedTwice},
		{"fits, but cannot be read", []reply{says(`{"flower": "rose", "count": 1e30}`)},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: count: number does not fit into int`, "invalid_answer", `{"flower": "rose", "count": 1e30}`, failedTwice},
		{"not valid", []reply{says(`{"flower": "rose", "count": 0}`)},
			`{Flower: Count:0 Note:} structured "take": the answer is invalid: count is 0; it must be at least 1`, "invalid_answer", `{"flower": "rose", "count": 0}`, failedTwice},
		{"refusal", []reply{{refusal: "I must not."}},
			`{Flower: Count:0 Note:} structured "take": the model declined to answer`, "refusal", "I must not.", fmt.Sprintf(failedAfter, "refusal")},
		{"refusal behind text", []reply{{texts: []string{"{"}, refusal: "I must not."}},
			`{Flower: Count:0 Note:} structured "take": the model declined to answer`, "refusal", "I must not.", fmt.Sprintf(failedAfter, "refusal")},
		{"cut off", []reply{{texts: []string{`{"flower": "ro`}, finish: "length"}},
			`{Flower: Count:0 Note:} structured "take": the answer was cut off at the limit of its tokens; raise Request.MaxTokens`, "length", `{"flower": "ro`, fmt.Sprintf(failedAfter, "length")},
		{"filtered", []reply{{finish: "content_filter"}},
			`{Flower: Count:0 Note:} structured "take": the answer was cut off by the provider's content filter`, "content_filter", "", fmt.Sprintf(failedAfter, "content_filter")},
		{"cut off at the second try", []reply{says("Roses"), {texts: []string{"{"}, finish: "length"}},
			`{Flower: Count:0 Note:} structured "take": the answer was cut off at the limit of its tokens; raise Request.MaxTokens`, "length", "{",
			strings.Replace(failedTwice, "invalid_answer", "length", 1)},
		{"the model fails", []reply{fails(overloaded)}, "{Flower: Count:0 Note:} 503: overloaded", "", "", fmt.Sprintf(failedAfter, "503") + " - 503"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runs := &tree{}
			v, err := structured[Order](plays("gpt", tc.replies...)).Run(callback.WithHandlers(t.Context(), runs), "Roses!")
			if got := fmt.Sprintf("%+v %v", v, err); got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
			var e *chain.AnswerError
			if errors.As(err, &e) != (tc.reason != "") || e != nil && (e.Reason != tc.reason || e.Text != tc.text) {
				t.Errorf("error %+v", e)
			}
			same(t, "runs", runs, tc.tree)
		})
	}
}

// TestRepair: the second call has the answer and what is wrong with it.
func TestRepair(t *testing.T) {
	m := plays("gpt", says("Three."), says(`{"flower": "rose", "count": 3}`))
	s := structured[Order](m)
	s.Request = llm.Request{MaxTokens: 50, Format: &llm.Format{Name: "order", Description: "what is ordered"}}
	if _, err := s.Run(t.Context(), "Roses!"); err != nil {
		t.Fatal(err)
	}
	same(t, "first call", m.asked(0), "user (input): Roses!")
	same(t, "second call", m.asked(1), `
		user (input): Roses!
		assistant (history): Three.
		user (template): This answer is not valid: not JSON: invalid character 'T' looking for beginning of value at byte 1.
		Answer again, with nothing but JSON that fits the schema.`)
	for _, r := range m.requests {
		if r.MaxTokens != 50 || r.Format.Name != "order" || r.Format.Description != "what is ordered" || !r.Format.Strict {
			t.Errorf("settings %+v, format %+v", r, r.Format)
		}
	}
	if s.Request.Format.Schema != nil {
		t.Error("the step's own format was changed")
	}
	long := plays("gpt", says(`{"flower": ["`+strings.Repeat("玫", 100_000)+`"], "count": 3}`), says(`{"flower": "rose", "count": 3}`))
	structured[Order](long).Run(t.Context(), "Roses!")
	if told := long.requests[1].Messages[2].Text(); len(told) > 1200 || !utf8.ValidString(told) || !strings.HasPrefix(told, "This answer is not valid: flower: type: [玫玫") {
		t.Errorf("a long mistake is told in %d bytes: %.100s", len(told), told)
	}
	empty := plays("gpt", says(""), says(`{"flower": "rose", "count": 3}`))
	structured[Order](empty).Run(t.Context(), "Roses!")
	if strings.Contains(empty.asked(1), "assistant") {
		t.Errorf("an empty answer was sent back: %s", empty.asked(1))
	}
}

type (
	inner struct {
		Name  string   `json:"name"`
		Tags  []string `json:"tags"`
		Price *float64 `json:"price"`
	}
	outer struct {
		inner
		Rooms []inner   `json:"rooms,omitempty"`
		At    time.Time `json:"at" jsonschema:"when it opens"`

		Skip func() `json:"-"`
	}
	cycle struct {
		Next []cycle
	}
	withMap struct {
		Stock map[string]int  `json:"stock"`
		Raw   json.RawMessage `json:"raw,omitempty"`
	}
	ownJSON struct{}
	ownText struct{ s string }
	usesOwn struct {
		A ownText
		B ownJSON
	}
	box[T any] struct {
		Value T `json:"value"`
	}
)

func (o *ownJSON) UnmarshalJSON([]byte) error { return nil }
func (o *ownText) UnmarshalText(b []byte) error {
	o.s = string(b)
	return nil
}

// TestSchema: what is sent for a type, and what is read of an answer.
func TestSchema(t *testing.T) {
	check := func(name string, got fmt.Stringer, want string) {
		t.Run(name, func(t *testing.T) { same(t, "request", got, want) })
	}
	check("object", asks[Order](`{"flower":"rose","count":1}`), `
		Order strict {"type":"object","properties":{"flower":{"type":"string","description":"in the singular"},"count":{"type":"integer"},"note":{"type":["string","null"]}},"required":["flower","count","note"],"additionalProperties":false}
		{rose 1 } <nil>`)
	check("pointer", asks[*box[int]](`{"value":1}`), `
		box_int_ strict {"type":"object","properties":{"value":{"type":"integer"}},"required":["value"],"additionalProperties":false}
		*{1} <nil>`)
	check("nested", asks[outer](`{"name":"a","tags":null,"price":null,"at":"2026-01-02T03:04:05Z"}`), `
		outer strict {"type":"object","properties":{"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},"price":{"type":["number","null"]},"rooms":{"type":["array","null"],"items":{"type":"object","properties":{"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},"price":{"type":["number","null"]}},"required":["name","tags","price"],"additionalProperties":false}},"at":{"type":"string","description":"when it opens","format":"date-time"}},"required":["name","tags","price","rooms","at"],"additionalProperties":false}
		{{a [] <nil>} [] 2026-01-02 03:04:05 +0000 UTC <nil>} <nil>`)
	check("list", asks[[]string](`{"answer":["a","b"]}`), `
		answer strict {"type":"object","properties":{"answer":{"type":"array","items":{"type":"string"}}},"required":["answer"],"additionalProperties":false}
		[a b] <nil>`)
	check("number", asks[float64](`{"answer":2.5}`), `
		float64 strict {"type":"object","properties":{"answer":{"type":"number"}},"required":["answer"],"additionalProperties":false}
		2.5 <nil>`)
	check("text of its own", asks[ownText](`{"answer":"a"}`), `
		ownText strict {"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"],"additionalProperties":false}
		{a} <nil>`)
	check("map", asks[withMap](`{"stock":{"rose":3}}`), `
		withMap {"type":"object","properties":{"stock":{"type":"object","properties":{},"additionalProperties":{"type":"integer"}},"raw":{"description":"any JSON value"}},"required":["stock"],"additionalProperties":false}
		{map[rose:3] []} <nil>`)
	check("map at the root", asks[map[string]int](`{"rose":3}`), `
		answer {"type":"object","properties":{},"additionalProperties":{"type":"integer"}}
		map[rose:3] <nil>`)
	check("quoted", asks[quoted](""), `structured "take" cannot make a JSON schema of chain_test.quoted: field Stems: its JSON option string makes it another type than int; leave it out with `+"`json:\"-\"`"+` or use another type`)
	check("cycle", asks[cycle](`{"Next":[{"Next":[]},{"Next":null}]}`), `
		cycle strict {"type":"object","properties":{"Next":{"type":"array","items":{"$ref":"#/$defs/cycle"}}},"$defs":{"cycle":{"type":"object","properties":{"Next":{"type":"array","items":{"$ref":"#/$defs/cycle"}}},"required":["Next"],"additionalProperties":false}},"required":["Next"],"additionalProperties":false}
		{[{[]} {[]}]} <nil>`)
	check("anything", asks[any](""), `structured "take" cannot make a JSON schema of interface {}: interface {} may hold anything; use another type`)
	check("function", asks[box[func()]](""), `structured "take" cannot make a JSON schema of chain_test.box[func()]: field Value: func() has no form in JSON; leave it out with `+"`json:\"-\"`"+` or use another type`)
	check("channel", asks[chan int](""), `structured "take" cannot make a JSON schema of chan int: chan int has no form in JSON; use another type`)
	check("JSON of its own", asks[[]usesOwn](""), `structured "take" cannot make a JSON schema of []chain_test.usesOwn: field [].B: chain_test.ownJSON has its own UnmarshalJSON, so its form is not known; leave it out with `+"`json:\"-\"`"+` or use another type`)
}

// asks returns what is sent for an O, and the value that is read of answer.
func asks[O any](answer string) asked {
	m := plays("gpt", says(answer))
	s := structured[O](m)
	v, err := s.Run(context.Background(), "x")
	if len(m.requests) == 0 {
		_, again := s.Run(context.Background(), "x")
		if fmt.Sprint(again) != fmt.Sprint(err) || callback.ErrorType(err) != "invalid_request" {
			return asked(fmt.Sprintf("first %v, then %v, of type %s", err, again, callback.ErrorType(err)))
		}
		return asked(fmt.Sprint(err))
	}
	f := m.requests[0].Format
	strict := ""
	if f.Strict {
		strict = "strict "
	}
	value := strings.Replace(fmt.Sprint(v), "&", "*", 1)
	return asked(fmt.Sprintf("%s %s%s\n%s %v", f.Name, strict, f.Schema, value, err))
}

type asked string

func (a asked) String() string { return string(a) }

// TestStructuredMistakes: what is not complete says what it lacks.
func TestStructuredMistakes(t *testing.T) {
	for want, s := range map[string]*chain.Structured[string, Order]{
		`structured has no Prompt`:                       {},
		`structured "take" has no Model`:                 structured[Order](nil),
		`structured "take": prompt "mail": empty prompt`: structured[Order](plays("gpt")),
	} {
		if _, err := s.Run(t.Context(), ""); fmt.Sprint(err) != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// TestStructuredConcurrentSafe: the schema is made once, whoever comes first.
func TestStructuredConcurrentSafe(t *testing.T) {
	m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			yield(llm.Chunk{Text: `{"flower":"rose","count":2}`, Finish: "stop"}, nil)
		}
	})
	ins := strings.Split(strings.Repeat("x", 64), "")
	out, err := (&chain.Batch[string, Order]{Step: structured[Order](m)}).Run(t.Context(), ins)
	if err != nil || out[63].Count != 2 {
		t.Errorf("got %v, %v", out, err)
	}
}

// quoted is read otherwise than its schema would say.
type quoted struct {
	Stems int `json:"stems,string"`
}

// grade checks itself, and cannot when it is nil.
type grade int

func (g *grade) Validate() error {
	if *g > 5 {
		return errors.New("no such grade")
	}
	return nil
}

// TestStructuredNilPointer: what is not there does not check itself.
func TestStructuredNilPointer(t *testing.T) {
	g, err := structured[*grade](plays("gpt", says(`{"answer":null}`))).Run(t.Context(), "Roses!")
	if g != nil || err != nil {
		t.Errorf("got %v, %v", g, err)
	}
	if _, err := structured[*grade](plays("gpt", says(`{"answer":6}`))).Run(t.Context(), "Roses!"); err == nil {
		t.Error("6 is a grade")
	}
}

// parcel is of what encoding/json and schemas are apt to see differently.
type parcel struct {
	Count  int            `json:"count"`
	Photo  []byte         `json:"photo"`
	Wait   time.Duration  `json:"wait,omitempty" jsonschema:"until it is sent"`
	Amount *big.Int       `json:"amount"`
	Code   json.Number    `json:"code,omitempty"`
	Tags   []string       `json:"tags"`
	When   time.Time      `json:"when,omitzero"`
	Size   [2]int8        `json:"size"`
	More   map[int]string `json:"more,omitempty"`
	inner
}

// TestSchemasAgree: an answer is asked for and read as the arguments of a tool are.
func TestSchemasAgree(t *testing.T) {
	agrees[Order](t, `{"flower":"rose","count":3.0}`, `{"flower":"rose","count":3,"note":null}`, `{"flower":"rose"}`, `{"flower":"rose","count":3,"x":1}`, `{"flower":null,"count":3}`, `{"flower":"rose","count":3.5}`, `{`, `[]`)
	const rest = `"photo":"aGk=","amount":1e2,"tags":null,"size":[1,2.0],"name":"a","price":null`
	agrees[parcel](t, `{"count":1,`+rest+`}`, `{"count":1e0,"more":{"-1":"a"},"code":1.50,`+rest+`}`, `{"count":1,"more":{"a":"b"},`+rest+`}`, `{"count":1,"when":"today",`+rest+`}`,
		`{"count":1e30,`+rest+`}`, `{"count":1,`+strings.Replace(rest, "aGk=", "?", 1)+`}`, `{"count":1,`+strings.Replace(rest, "[1,2.0]", "[1]", 1)+`}`)
}

func agrees[T any](t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		var args string
		tl, err := tool.New("take", "", func(_ context.Context, v T) (string, error) { args = fmt.Sprintf("%+v", v); return "taken", nil }, tool.Options{Strict: true})
		if err != nil {
			tl, err = tool.New("take", "", func(_ context.Context, v T) (string, error) { args = fmt.Sprintf("%+v", v); return "taken", nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		told, err := tl.Call(t.Context(), llm.ToolCall{Arguments: text})
		if err != nil {
			t.Fatal(err)
		}
		m := plays("gpt", says(text))
		v, err := structured[T](m).Run(t.Context(), "x")
		f := m.requests[0].Format
		if d := tl.Definition(); string(d.Parameters) != string(f.Schema) || d.Strict != f.Strict {
			t.Errorf("a tool has the schema %s, strict %t\nan answer %s, strict %t", d.Parameters, d.Strict, f.Schema, f.Strict)
		}
		if err == nil {
			if got := fmt.Sprintf("%+v", v); got != args || told.Text() != "taken" {
				t.Errorf("%s: an answer is %s, arguments are %s, %s", text, got, args, told.Text())
			}
			continue
		}
		e, ok := errors.AsType[*chain.AnswerError](err)
		if !ok || !strings.HasPrefix(told.Text(), "error: invalid arguments: ") || !strings.Contains(m.asked(1), strings.TrimSuffix(strings.TrimPrefix(told.Text(), "error: invalid arguments: "), "; call the tool again with arguments that fit its schema")) {
			t.Errorf("%s: an answer %v, arguments %s\nasked again: %s", text, e, told.Text(), m.asked(1))
		}
	}
}
