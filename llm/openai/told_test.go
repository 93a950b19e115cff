package openai_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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
		var req openai.CreateResponseRequest // which drops fields of tools when it is decoded
		decode(t, body, &req.ExtraBody)
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

// TestOutputTypeIsTold: what the answer is to be, in every form of asking for it.
func TestOutputTypeIsTold(t *testing.T) {
	const beyond = "" // what go-openai has no field for
	for _, tc := range []struct{ name, api, fields, wire, typed string }{
		{"nothing", llm.APIChat, ``, "", ""},
		{"text", llm.APIChat, `,"response_format":{"type":"text"}`, "text", "text"},
		{"JSON", llm.APIChat, `,"response_format":{"type":"json_object"}`, "json", "json"},
		{"text of a response", llm.APIResponses, `,"text":{"format":{"type":"text"},"verbosity":"low"}`, "text", "text"},
		{"no format of a response", llm.APIResponses, `,"text":{"verbosity":"low"}`, "", ""},
		{"schema of a response", llm.APIResponses, `,"text":{"format":{"type":"json_schema","name":"n","schema":{}}}`, "json", "json"},
		{"a grammar", llm.APIChat, `,"response_format":{"type":"grammar"}`, "", ""},
		{"text alone", llm.APIChat, `,"modalities":["text"]`, "text", beyond},
		{"sound", llm.APIChat, `,"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`, "speech", beyond},
		{"sound, and its words as text", llm.APIChat, `,"response_format":{"type":"text"},"modalities":["text","audio"]`, "speech", "text"},
		{"the same in another order", llm.APIChat, `,"modalities":["audio","text"],"response_format":{"type":"text"}`, "speech", "text"},
		{"pictures", llm.APIChat, `,"modalities":["image","text"]`, "image", beyond},
		{"none", llm.APIChat, `,"modalities":null`, "", ""},
		{"of no form", llm.APIChat, `,"modalities":"audios"`, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, in := range told(t, tc.api, `{"model":"gpt-4o-mini"`+tc.fields+`}`) {
				r := in.(*llm.Request)
				got := r.OutputType
				if r.Format != nil {
					got = "json"
				}
				if want := map[string]string{"wire": tc.wire, "typed": tc.typed}[door]; got != want {
					t.Errorf("%s door: %q, want %q", door, got, want)
				}
			}
		})
	}
}

// TestOutputTypeIsSent: the adapter asks for what it is asked for.
func TestOutputTypeIsSent(t *testing.T) {
	for _, tc := range []struct {
		name string
		req  llm.Request
		want string
	}{
		{"nothing", llm.Request{}, ``},
		{"text", llm.Request{OutputType: "text"}, `{"type":"text"}`},
		{"JSON", llm.Request{OutputType: "json"}, `{"type":"json_object"}`},
		{"a schema says it too", llm.Request{OutputType: "text", Format: &llm.Format{Name: "n", Schema: []byte(`{}`)}},
			`{"type":"json_schema","json_schema":{"name":"n","schema":{},"strict":false}}`},
	} {
		c := &canned{body: []byte(`{}`)}
		tc.req.Messages = question.Messages
		collect(model(c), t.Context(), &tc.req)
		var sent struct {
			Format json.RawMessage `json:"response_format"`
		}
		decode(t, string(c.sent), &sent)
		if string(sent.Format) != tc.want {
			t.Errorf("%s: sent %s, want %s", tc.name, sent.Format, tc.want)
		}
	}
}

// TestEncodingIsTold: how vectors are to come, where the request says so.
func TestEncodingIsTold(t *testing.T) {
	for fields, want := range map[string]string{``: "", `,"encoding_format":"float"`: "float", `,"encoding_format":"base64"`: "base64", `,"encoding_format":null`: ""} {
		for door, in := range told(t, "embeddings", `{"model":"text-embedding-3-small","input":"roses"`+fields+`}`) {
			if got := in.(*llm.EmbedRequest).EncodingFormat; got != want {
				t.Errorf("%s door, %s: %q", door, fields, got)
			}
		}
	}
}

// TestEncodingIsSent: the adapter asks for what it is asked for, and reads it.
func TestEncodingIsSent(t *testing.T) {
	for asked, want := range map[string]struct{ sent, vector string }{
		"": {"base64", `"AAAAPwAAgL4="`}, "base64": {"base64", `"AAAAPwAAgL4="`}, "float": {"float", `[0.5,-0.25]`},
	} {
		c := &canned{body: []byte(`{"data":[{"index":0,"embedding":` + want.vector + `}]}`)}
		resp, err := callopenai.NewEmbedder(config(c), callopenai.Options{Model: "m"}).Embed(t.Context(), &llm.EmbedRequest{Inputs: []string{"roses"}, EncodingFormat: asked})
		if err != nil || len(resp.Vectors) != 1 || !slices.Equal(resp.Vectors[0], []float32{0.5, -0.25}) {
			t.Errorf("%q: %v, %v", asked, resp, err)
		}
		if !strings.Contains(string(c.sent), `"encoding_format":"`+want.sent+`"`) {
			t.Errorf("%q: sent %s", asked, c.sent)
		}
	}
}

// TestToolTypeIsTold: what a tool is, where it is no function.
func TestToolTypeIsTold(t *testing.T) {
	for _, tc := range []struct{ name, api, tools, want string }{
		{"a function", llm.APIChat, `{"type":"function","function":{"name":"stock"}}`, `"stock" ""`},
		{"without a type", llm.APIChat, `{"function":{"name":"stock"}}`, `"stock" ""`},
		{"of the provider's", llm.APIChat, `{"type":"web_search"}`, `"web_search" "web_search"`},
		{"of a response", llm.APIResponses, `{"type":"function","name":"stock","parameters":{}}`, `"stock" ""`},
		{"the provider's of a response", llm.APIResponses, `{"type":"file_search","vector_store_ids":["v"]}`, `"file_search" "file_search"`},
		{"another server's", llm.APIResponses, `{"type":"mcp","server_label":"shop","server_url":"https://shop.example"}`, `"mcp" "mcp"`},
		{"of free text", llm.APIResponses, `{"type":"custom","name":"sql","format":{"type":"text"}}`, `"sql" "custom"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, in := range told(t, tc.api, `{"model":"gpt-4o-mini","tools":[`+tc.tools+`]}`) {
				got := ""
				for _, tool := range in.(*llm.Request).Tools {
					got += fmt.Sprintf("%q %q", tool.Name, tool.Type)
				}
				if got != tc.want {
					t.Errorf("%s door: %s, want %s", door, got, tc.want)
				}
			}
		})
	}
}

// TestInstructionsAreTold: the instructions of a response are no entry of the
// conversation, and of the prompt they are the system's part.
func TestInstructionsAreTold(t *testing.T) {
	const body = `{"model":"gpt-4o-mini","instructions":"You sell flowers.","input":[{"role":"system","content":"Be brief."},{"role":"user","content":"Roses?"}]}`
	for door, in := range told(t, llm.APIResponses, body) {
		r := in.(*llm.Request)
		got := ""
		for i, m := range r.Messages {
			got += fmt.Sprintf("%s %q apart %v from %v; ", m.Role, m.Text(), m.Apart, r.SourceOf(i, m.Parts[0]))
		}
		if want := `system "You sell flowers." apart true from system; system "Be brief." apart false from system; user "Roses?" apart false from input; `; got != want {
			t.Errorf("%s door:\n%s, want\n%s", door, got, want)
		}
	}
}

// TestMediaAreTold: where what is sent along lies.
func TestMediaAreTold(t *testing.T) {
	for _, tc := range []struct{ name, api, part, want string }{
		{"a picture", llm.APIResponses, `{"type":"input_image","image_url":"https://example.com/rose.png"}`, "image https://example.com/rose.png"},
		{"a picture by its id", llm.APIResponses, `{"type":"input_image","file_id":"file-6F2ks"}`, "image file-6F2ks"},
		{"a picture by both", llm.APIResponses, `{"type":"input_image","file_id":"file-6F2ks","image_url":"https://example.com/rose.png"}`, "image https://example.com/rose.png"},
		{"a picture without its id", llm.APIResponses, `{"type":"input_image","file_id":null}`, "image "},
		{"a file by its id", llm.APIResponses, `{"type":"input_file","file_id":"file-6F2ks"}`, "file file-6F2ks"},
	} {
		for door, in := range told(t, tc.api, `{"model":"gpt-4o-mini","input":[{"role":"user","content":[`+tc.part+`]}]}`) {
			m := in.(*llm.Request).Messages[0].Parts[0].Media
			if got := m.Kind + " " + m.URL; got != tc.want {
				t.Errorf("%s, %s door: %q, want %q", tc.name, door, got, tc.want)
			}
		}
	}
}
