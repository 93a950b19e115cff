package standin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/standin"
	"github.com/sashabaranov/go-openai"
)

// postTo sends body to a path and returns status and body of the answer.
func postTo(t *testing.T, s *standin.Server, path, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, volatile.ReplaceAllString(string(b), "$1<>")
}

func TestCompletionFrames(t *testing.T) {
	const (
		front = `data: {"id":"cmpl-<>","object":"text_completion","created":<>,"choices":[`
		model = `],"model":"gpt-3.5-turbo-instruct:20230824-v2"`
		roses = `{"text":"<Roses>","index":0,"logprobs":null,"finish_reason":null}`
		mei   = `{"text":"玫","index":0,"logprobs":null,"finish_reason":null}`
		stop  = `{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}`
		usage = `,"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
		done  = "data: [DONE]\n\n"
		end   = "}\n\n"
		null  = `,"usage":null` + end
	)
	s := start(t, &standin.API{Reply: replies(standin.Text("<Roses>玫"))})
	for _, tc := range []struct{ name, request, want string }{
		{"stream", `{"model":"gpt-3.5-turbo-instruct","stream":true,"prompt":"Say a flower"}`,
			front + roses + model + end + front + mei + model + end + front + stop + model + end + done},
		{"stream with usage", `{"model":"gpt-3.5-turbo-instruct","stream":true,"stream_options":{"include_usage":true},"prompt":["Say a flower"]}`,
			front + roses + model + null + front + mei + model + null + front + stop + model + null + front + model + usage + "\n\n" + done},
		{"whole", `{"model":"gpt-3.5-turbo-instruct","prompt":"Say a flower"}`,
			strings.TrimPrefix(front, "data: ") + `{"text":"<Roses>玫","index":0,"logprobs":null,"finish_reason":"stop"}` + model + usage + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, got := postTo(t, s, "/completions", tc.request); status != 200 || got != tc.want {
				t.Errorf("status %d, got\n%s\nwant\n%s", status, got, tc.want)
			}
		})
	}
}

// TestCompletionClient lets the real client read what is sent.
func TestCompletionClient(t *testing.T) {
	long := strings.Repeat(" word", 20)
	for _, tc := range []struct {
		name   string
		n, max int
		texts  []string
		finish string
		output int
	}{
		{"as long as the API has it by itself", 1, 0, []string{long[:16*5]}, "length", 16},
		{"limit", 1, 3, []string{" word word word"}, "length", 3},
		{"whole", 1, 100, []string{long}, "stop", 20},
		{"choices", 2, 1, []string{" word", " word"}, "length", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api := &standin.API{Reply: replies(standin.Text(long))}
			s := start(t, api)
			r, err := client(s, "any").CreateCompletion(t.Context(), openai.CompletionRequest{Model: "text-davinci-003", Prompt: "Go on", N: tc.n, MaxTokens: tc.max})
			if err != nil || len(r.Choices) != len(tc.texts) {
				t.Fatalf("got %+v, %v", r, err)
			}
			for i, c := range r.Choices {
				if c.Text != tc.texts[i] || c.FinishReason != tc.finish || c.Index != i {
					t.Errorf("choice %+v, want %q, %q", c, tc.texts[i], tc.finish)
				}
			}
			if r.Usage.PromptTokens != 2 || r.Usage.CompletionTokens != tc.output || r.Model != "text-davinci-003" {
				t.Errorf("usage %+v of %s", r.Usage, r.Model)
			}
			if got, want := api.Reported(), (standin.Usage{Prompt: 2, Completion: tc.output}); got != want {
				t.Errorf("reported %+v, want %+v", got, want)
			}
		})
	}
}

// TestLastUser finds what the user said in a prompt too.
func TestLastUser(t *testing.T) {
	for prompt, want := range map[string]string{
		"Once upon":          "Once upon",
		"Human: Roses?\nAI:": "Roses?",
		"Sell.\n\nHuman: Hi\nAI: Hello\nHuman: Roses,\nred ones.\nAI: ": "Roses,\nred ones.",
		"no speaker\nAI:": "no speaker\nAI:",
		"":                "",
	} {
		if got := (&standin.Request{Prompt: prompt}).LastUser(); got != want {
			t.Errorf("%q: %q, want %q", prompt, got, want)
		}
	}
}

// TestWrongModels: each kind of request has models of its own.
func TestWrongModels(t *testing.T) {
	s := start(t, &standin.API{})
	chat, text, embed := `{"model":"%","messages":[{"role":"user","content":"hi"}]}`, `{"model":"%","prompt":"hi"}`, `{"model":"%","input":"hi"}`
	for _, tc := range []struct {
		path, body, model string
		status            int
		message           string
	}{
		{"/chat/completions", chat, "gpt-4o", 200, ""},
		{"/completions", text, "davinci-002", 200, ""},
		{"/completions", text, "davinci:2023-07-21-v2", 200, ""},
		{"/embeddings", embed, "text-embedding-ada-002", 200, ""},
		{"/chat/completions", chat, "davinci-002", 404, "This is not a chat model"},
		{"/completions", text, "gpt-4o", 404, "This is a chat model"},
		{"/chat/completions", chat, "text-embedding-3-small", 403, "not allowed to sample"},
		{"/completions", text, "text-embedding-3-small", 403, "not allowed to sample"},
		{"/embeddings", embed, "gpt-4o", 403, "not allowed to generate embeddings"},
		{"/embeddings", embed, "not-found-model", 404, "The model `not-found-model` does not exist"},
		{"/completions", text, "", 400, "you must provide a model parameter"},
		{"/completions", `{"model":"%","prompt":[1]}`, "davinci-002", 400, "could not parse"},
	} {
		status, body := postTo(t, s, tc.path, strings.ReplaceAll(tc.body, "%", tc.model))
		if status != tc.status || !strings.Contains(body, tc.message) {
			t.Errorf("%s of %s: %d, %s", tc.path, tc.model, status, body)
		}
	}
}

// TestCompletionScenarios: the scenarios for text completions are the same ones.
func TestCompletionScenarios(t *testing.T) {
	chat, text := standin.Scenarios(), standin.CompletionScenarios()
	if len(chat) != len(text) {
		t.Fatalf("%d scenarios, %d for chats", len(text), len(chat))
	}
	for i, sc := range text {
		if sc.Name != chat[i].Name {
			t.Errorf("scenario %d is %q, for chats %q", i, sc.Name, chat[i].Name)
		}
		for _, script := range sc.Responses {
			for _, step := range script {
				if frame := step.Frame + step.Raw + string(step.Bytes); strings.Contains(frame, `"delta"`) || strings.Contains(frame, "chat.completion") {
					t.Errorf("%s: frame of a chat: %.99s", sc.Name, frame)
				}
				if step.Play == standin.PartRole || step.Skip == standin.PartRole {
					t.Errorf("%s: plays a role, which completions have not", sc.Name)
				}
			}
		}
	}
}

func TestEmbeddingScript(t *testing.T) {
	sc, err := standin.Named("retry")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &standin.API{Script: sc.Script})
	req := openai.EmbeddingRequest{Model: openai.SmallEmbedding3, Input: []string{"rose"}}
	_, err = client(s, "any").CreateEmbeddings(context.Background(), req)
	var api *openai.APIError
	if !errors.As(err, &api) || api.HTTPStatusCode != 429 {
		t.Errorf("got %v, want a refusal", err)
	}
	if r, err := client(s, "any").CreateEmbeddings(context.Background(), req); err != nil || len(r.Data) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}
