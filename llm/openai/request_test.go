package openai_test

import (
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestSchemaNoJSON: what cannot be sent is named, and nothing is sent.
func TestSchemaNoJSON(t *testing.T) {
	m := callopenai.New(openai.DefaultConfig("key"), callopenai.Options{Model: "m"})
	for want, req := range map[string]*llm.Request{
		`tool "search": its Parameters are no JSON`:                      {Tools: []llm.Tool{{Name: "search", Parameters: []byte(`{"type":`)}}},
		`tool "search": only functions can be offered, not "web_search"`: {Tools: []llm.Tool{{Name: "search", Type: "web_search"}}},
		`format "flower": its Schema is no JSON`:                         {Format: &llm.Format{Name: "flower", Schema: []byte(`{`)}},
	} {
		req.Messages = []llm.Message{llm.User("?")}
		if _, err := llm.Collect(m.Chat(t.Context(), req)); err == nil || err.Error() != want || callback.ErrorType(err) != "invalid_request" {
			t.Errorf("%v (%s), want %s", err, callback.ErrorType(err), want)
		}
	}
}
