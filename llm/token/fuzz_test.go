package token

import (
	"testing"

	"github.com/callspan/callspan/llm"
)

// FuzzEncode looks for a text that tiktoken-go splits into other tokens.
func FuzzEncode(f *testing.F) {
	for _, text := range texts() {
		if len(text) < 200 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			t.Skip("too long for the plain algorithm")
		}
		for _, name := range names {
			same(t, name, text)
		}
	})
}

// FuzzTools holds that no schema breaks the rendering of tools and formats,
// and that the prompt is the same whether counted or split.
func FuzzTools(f *testing.F) {
	for _, schema := range schemas {
		f.Add("name", "What it does.", schema)
	}
	f.Add("", "", `{"$defs":{"a":{"$ref":"#/$defs/a"}},"properties":{"x":{"$ref":"#/$defs/a"},"y":{"items":{"$ref":"#/$defs/b"},"type":"array"}}}`)
	f.Add("n", "", `{"properties":5,"required":{},"enum":7,"anyOf":3}`)
	f.Add("n", "", `{"properties":{"a":null,"b":[],"c":{"type":["string",3]},"d":{"type":"array","items":[]}}}`)
	f.Add("n", "", `[[[[[`)
	f.Fuzz(func(t *testing.T, name, description, schema string) {
		req := &llm.Request{
			Model:      "gpt-4o",
			Messages:   []llm.Message{llm.System(description), llm.User(name)},
			Tools:      []llm.Tool{{Name: name, Description: description, Parameters: []byte(schema)}},
			Format:     &llm.Format{Name: name, Description: description, Schema: []byte(schema)},
			ToolChoice: name,
		}
		agree(t, Meter{}, req)
		agree(t, Meter{API: llm.APIResponses}, req)
		agree(t, Meter{API: llm.APICompletions}, req)
	})
}
