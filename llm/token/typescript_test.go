package token

import (
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
)

// TestRenderTools shows every form that recorded prompts were found to have.
func TestRenderTools(t *testing.T) {
	got, bare := renderTools([]llm.Tool{
		{Name: "now"},
		{Name: "find", Description: "  Finds flowers.\n\n    Args:\n      query: what to look for\n",
			Parameters: []byte(`{"type":"object","properties":{"query":{"type":"string"},"limit":{"type":"integer"},
				"tags":{"type":"array","items":{"type":"string"}},"any":{},"more":{"type":"object"}},"required":["query"]}`)},
		{Name: "order", Description: "Orders flowers.", Parameters: []byte(`{"title":"Order","description":"What is wanted","properties":{
			"kind":{"title":"Kind","description":"Which flower","enum":["rose","tulip"]},
			"count":{"type":"integer","default":1},
			"when":{"anyOf":[{"type":"string","format":"date"},{"type":"null"}],"description":"Day"},
			"lines":{"type":"array","items":{"$ref":"#/$defs/Line"}},
			"address":{"type":"object","properties":{"street":{"type":["string","null"]},"paid":{"type":"boolean"}},"required":["paid"]}},
			"required":["kind"],
			"$defs":{"Line":{"title":"Line","type":"object","properties":{"text":{"type":"string","description":"What to write"}}}}}`)},
	})
	want := `# Tools

## functions

namespace functions {

type now = () => any;

// Finds flowers.
//
// Args:
// query: what to look for
type find = (_: { query: string, limit?: number, tags?: string[], any?: any, more?: object }) => any;

// Orders flowers.
type order = (_: // Order
//
// What is wanted
{
// Kind
//
// Which flower
kind: "rose" | "tulip",
count?: number, // default: 1
// Day
when?: 
 | string // format: date
 | null,
lines?: Array<
// Line
{
// What to write
text?: string,
}
>,
address?: { street?: string | null, paid: boolean },
}) => any;

} // namespace functions`
	if got != want || bare != 1 {
		t.Errorf("%d without parameters\n%s\nwant 1 and\n%s", bare, got, want)
	}
}

func TestRenderFormat(t *testing.T) {
	got, optional := renderFormat(&llm.Format{Name: "Order", Description: "An order", Schema: []byte(`{
		"type": "object", "title": "Order", "additionalProperties": false, "required": ["default"],
		"properties": {
			"default": {"type": "number", "minimum": 0, "default": 1.50},
			"note": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "<b> & \u82b1"},
			"lines": {"type": "array", "maxItems": 3, "items": {"$ref": "#/$defs/required"}}
		},
		"$defs": {"required": {"type": "string"}}
	}`)})
	want := `# Response Formats

## Order

// An order
{"type":"object","title":"Order","properties":{"default":{"type":"number"},` +
		`"note":{"anyOf":[{"type":"string"},{"type":"null"}],"description":"<b> & 花"},` +
		`"lines":{"type":"array","items":{"$ref":"#/$defs/required"}}},"$defs":{"required":{"type":"string"}}}`
	if got != want || optional != 1 {
		t.Errorf("%d optional\n%s\nwant 1 and\n%s", optional, got, want)
	}
}

func TestCompact(t *testing.T) {
	for in, want := range map[string]string{
		`{ "a" : [ 1.0, -2e5, null, "\u00e9\n" ] }`: `{"a":[1.0,-2e5,null,"é\n"]}`,
		`{"a": 1} x`:             `{"a": 1} x`,
		`{"a": 1`:                `{"a": 1`,
		`15 * 4`:                 `15 * 4`,
		``:                       ``,
		strings.Repeat("[", 200): strings.Repeat("[", 200),
	} {
		if got := compact(in); got != want {
			t.Errorf("compact(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestRenderBounded is a schema of 3 kB whose references multiply.
func TestRenderBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"$defs":{"a":{"type":"object","properties":{`)
	for i := range 90 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("p", i+1) + `":{"$ref":"#/$defs/a"}`)
	}
	b.WriteString(`}}},"properties":{"x":{"$ref":"#/$defs/a"}}}`)
	text, _ := renderTools([]llm.Tool{{Name: "f", Parameters: []byte(b.String())}})
	if len(text) > 2*maxText {
		t.Errorf("%d bytes", len(text))
	}
}
