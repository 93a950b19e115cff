package openai_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// told returns what the handlers are told of a request with the body given, by
// door. What go-openai has no field for, the typed door is not given.
func told(t *testing.T, api, body string) map[string]any {
	t.Helper()
	out := map[string]any{}
	note := func(door string) callback.Handler {
		return started(func(i *callback.Info) { out[door] = i.Input })
	}
	path := map[string]string{llm.APIChat: "chat/completions", llm.APIResponses: "responses", "embeddings": "embeddings"}[api]
	r, err := http.NewRequest("POST", "https://api.openai.com/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := callopenai.NewTransport(respond("application/json", []byte(`{}`)), note("wire")).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	c := callopenai.Wrap(openai.NewClientWithConfig(config(&canned{body: []byte(`{}`)})), callopenai.WithProvider("openai"), callopenai.WithHandlers(note("typed")))
	switch api {
	case llm.APIChat:
		var req openai.ChatCompletionRequest
		decode(t, body, &req)
		c.CreateChatCompletion(t.Context(), req)
	case llm.APIResponses:
		var req openai.CreateResponseRequest
		decode(t, body, &req)
		c.CreateResponse(t.Context(), req)
	default:
		var req openai.EmbeddingRequest
		decode(t, body, &req)
		c.CreateEmbeddings(t.Context(), req)
	}
	if len(out) != 2 {
		t.Fatalf("told of %v", out)
	}
	return out
}

func decode(t *testing.T, body string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), v); err != nil {
		t.Fatal(err)
	}
}

// TestConversationIsTold: which conversation of the provider's a request goes on
// with, in both of the forms that the API takes.
func TestConversationIsTold(t *testing.T) {
	for _, tc := range []struct{ name, api, fields, conversation, previous string }{
		{"none", llm.APIResponses, ``, "", ""},
		{"by its id", llm.APIResponses, `,"conversation":"conv_1"`, "conv_1", ""},
		{"as an object", llm.APIResponses, `,"conversation":{"id":"conv_1"}`, "conv_1", ""},
		{"null", llm.APIResponses, `,"conversation":null,"previous_response_id":null`, "", ""},
		{"of no form", llm.APIResponses, `,"conversation":7`, "", ""},
		{"a list", llm.APIResponses, `,"conversation":["conv_1"]`, "", ""},
		{"after a response", llm.APIResponses, `,"previous_response_id":"resp_1"`, "", "resp_1"},
		{"of an API that has none", llm.APIChat, `,"conversation":"conv_1","previous_response_id":"resp_1"`, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, in := range told(t, tc.api, `{"model":"gpt-4o-mini"`+tc.fields+`}`) {
				if r := in.(*llm.Request); r.ConversationID != tc.conversation || r.PreviousResponseID != tc.previous {
					t.Errorf("%s door: %q after %q", door, r.ConversationID, r.PreviousResponseID)
				}
			}
		})
	}
}
