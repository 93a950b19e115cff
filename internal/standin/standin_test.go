package standin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/sashabaranov/go-openai"
	"go.uber.org/goleak"

	"github.com/callspan/callspan/internal/standin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves api for the length of a test.
func start(t *testing.T, api *standin.API) *standin.Server {
	t.Helper()
	s, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func client(s *standin.Server, key string) *openai.Client {
	c := openai.DefaultConfig(key)
	c.BaseURL = s.URL
	return openai.NewClientWithConfig(c)
}

func replies(r standin.Reply) func(context.Context, *standin.Request) (standin.Reply, error) {
	return func(context.Context, *standin.Request) (standin.Reply, error) { return r, nil }
}

func ask(text string) []openai.ChatCompletionMessage {
	return []openai.ChatCompletionMessage{{Role: "user", Content: text}}
}

// post sends body as it is and returns status, header and body of the answer.
func post(t *testing.T, s *standin.Server, body string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Post(s.URL+"/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

var volatile = regexp.MustCompile(`("(?:item_)?id":"(?:chatcmpl-|cmpl-|call_|resp_|msg_|rs_|fc_)|"created(?:_at)?":)[A-Za-z0-9]+`)

func TestStreamFrames(t *testing.T) {
	const (
		front = `data: {"id":"chatcmpl-<>","object":"chat.completion.chunk","created":<>,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c","choices":[`
		role  = `{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]`
		roses = `{"index":0,"delta":{"content":"<Roses>"},"logprobs":null,"finish_reason":null}]`
		mei   = `{"index":0,"delta":{"content":"玫"},"logprobs":null,"finish_reason":null}]`
		stop  = `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]`
		usage = `],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`
		done  = "data: [DONE]\n\n"
	)
	s := start(t, &standin.API{Reply: replies(standin.Text("<Roses>玫"))})
	for _, tc := range []struct{ name, request, want string }{
		{"without usage", `{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}`,
			front + role + "}\n\n" + front + roses + "}\n\n" + front + mei + "}\n\n" + front + stop + "}\n\n" + done},
		{"with usage", `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`,
			front + role + ",\"usage\":null}\n\n" + front + roses + ",\"usage\":null}\n\n" + front + mei + ",\"usage\":null}\n\n" +
				front + stop + ",\"usage\":null}\n\n" + front + usage + "}\n\n" + done},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := post(t, s, tc.request)
			if got := volatile.ReplaceAllString(body, "$1<>"); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestBody(t *testing.T) {
	s := start(t, &standin.API{Reply: replies(standin.Text("Roses."))})
	resp, body := post(t, s, `{"model":"gpt-4o-mini-2024-07-18","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`)
	want := `{"id":"chatcmpl-<>","object":"chat.completion","created":<>,"model":"gpt-4o-mini-2024-07-18",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":"Roses.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},` +
		`"service_tier":"default","system_fingerprint":"fp_34a54ae93c"}` + "\n"
	if got := volatile.ReplaceAllString(body, "$1<>"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

// TestClient lets the real client read what is sent, streamed and whole.
func TestClient(t *testing.T) {
	two := standin.Reply{Choices: []standin.Choice{{Text: "Pink roses."}, {Text: "Lilies, tulips."}}}
	tools := standin.Reply{Choices: []standin.Choice{{ToolCalls: []standin.ToolCall{
		{ID: "call_1", Name: "price", Arguments: `{"flower": "rose"}`}, {Name: "stock", Arguments: `{}`}}}}}
	for _, tc := range []struct {
		name      string
		reply     standin.Reply
		n, max    int
		texts     []string
		reasoning string
		tools     []string
		finish    []openai.FinishReason
		output    int
		thought   int
	}{
		{name: "text", reply: standin.Text("Three pink roses."), texts: []string{"Three pink roses."},
			finish: []openai.FinishReason{"stop"}, output: 3},
		{name: "choices in rotation", reply: two, n: 3, texts: []string{"Pink roses.", "Lilies, tulips.", "Pink roses."},
			finish: []openai.FinishReason{"stop", "stop", "stop"}, output: 6},
		{name: "tools", reply: tools, texts: []string{""}, tools: []string{`price {"flower": "rose"}`, `stock {}`},
			finish: []openai.FinishReason{"tool_calls"}, output: 5},
		{name: "reasoning", reply: standin.Reply{Choices: []standin.Choice{{Reasoning: "She likes pink.", Text: "Roses.", HiddenReasoning: 7}}},
			texts: []string{"Roses."}, reasoning: "She likes pink.", finish: []openai.FinishReason{"stop"}, output: 11, thought: 10},
		{name: "limit", reply: standin.Text("one two three four"), max: 2, texts: []string{"one two"},
			finish: []openai.FinishReason{"length"}, output: 2},
		{name: "filtered", reply: standin.Reply{Choices: []standin.Choice{{Text: "no", Finish: "content_filter"}}}, texts: []string{"no"},
			finish: []openai.FinishReason{"content_filter"}, output: 1},
		{name: "nothing", texts: []string{""}, finish: []openai.FinishReason{"stop"}},
		{name: "usage given", reply: standin.Reply{Choices: []standin.Choice{{Text: "a"}}, Usage: &standin.Usage{Prompt: 8, Completion: 99, Reasoning: 42}},
			texts: []string{"a"}, finish: []openai.FinishReason{"stop"}, output: 99, thought: 42},
	} {
		//lint:ignore SA1019 servers of the dialect know this name
		req := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: ask("hi"), N: tc.n, MaxTokens: tc.max,
			StreamOptions: &openai.StreamOptions{IncludeUsage: true}}
		check := func(t *testing.T, r openai.ChatCompletionResponse) {
			t.Helper()
			if r.Model != "gpt-4o-mini-2024-07-18" || len(r.Choices) != len(tc.texts) {
				t.Fatalf("got model %q, %d choices", r.Model, len(r.Choices))
			}
			for i, c := range r.Choices {
				if c.Message.Content != tc.texts[i] || c.FinishReason != tc.finish[i] {
					t.Errorf("choice %d: got %q, %q; want %q, %q", i, c.Message.Content, c.FinishReason, tc.texts[i], tc.finish[i])
				}
			}
			m := r.Choices[0].Message
			if m.ReasoningContent != tc.reasoning {
				t.Errorf("got reasoning %q, want %q", m.ReasoningContent, tc.reasoning)
			}
			if len(m.ToolCalls) != len(tc.tools) {
				t.Fatalf("got %d tool calls, want %d", len(m.ToolCalls), len(tc.tools))
			}
			for i, c := range m.ToolCalls {
				if got := c.Function.Name + " " + c.Function.Arguments; got != tc.tools[i] || !strings.HasPrefix(c.ID, "call_") || c.Type != "function" {
					t.Errorf("tool call %d: got %q with id %q", i, got, c.ID)
				}
			}
			if u := r.Usage; u.PromptTokens != 8 || u.CompletionTokens != tc.output || u.TotalTokens != 8+tc.output || u.CompletionTokensDetails.ReasoningTokens != tc.thought {
				t.Errorf("got usage %+v %+v", u, u.CompletionTokensDetails)
			}
		}
		api := &standin.API{Reply: replies(tc.reply)}
		s := start(t, api)
		t.Run(tc.name+"/stream", func(t *testing.T) {
			r, err := collect(t.Context(), client(s, "any"), req)
			if err != nil {
				t.Fatal(err)
			}
			check(t, r)
		})
		t.Run(tc.name+"/plain", func(t *testing.T) {
			req := req
			req.StreamOptions = nil
			r, err := client(s, "any").CreateChatCompletion(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			check(t, r)
		})
		if got, want := api.Reported(), (standin.Usage{Prompt: 16, Completion: 2 * tc.output, Reasoning: 2 * tc.thought}); got != want {
			t.Errorf("%s: reported %+v, want %+v", tc.name, got, want)
		}
	}
}

// collect streams req and puts the chunks together.
func collect(ctx context.Context, c *openai.Client, req openai.ChatCompletionRequest) (openai.ChatCompletionResponse, error) {
	var out openai.ChatCompletionResponse
	stream, err := c.CreateChatCompletionStream(ctx, req)
	if err != nil {
		return out, err
	}
	defer stream.Close()
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out.Model = chunk.Model
		if chunk.Usage != nil {
			out.Usage = *chunk.Usage
		}
		for _, d := range chunk.Choices {
			for len(out.Choices) <= d.Index {
				out.Choices = append(out.Choices, openai.ChatCompletionChoice{})
			}
			c := &out.Choices[d.Index]
			c.Message.Content += d.Delta.Content
			c.Message.ReasoningContent += d.Delta.ReasoningContent
			if d.FinishReason != "" {
				c.FinishReason = d.FinishReason
			}
			for _, td := range d.Delta.ToolCalls {
				for len(c.Message.ToolCalls) <= *td.Index {
					c.Message.ToolCalls = append(c.Message.ToolCalls, openai.ToolCall{})
				}
				tool := &c.Message.ToolCalls[*td.Index]
				tool.ID += td.ID
				tool.Type += td.Type
				tool.Function.Name += td.Function.Name
				tool.Function.Arguments += td.Function.Arguments
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	api := &standin.API{Keys: []string{"sk-right"}, Reply: func(_ context.Context, r *standin.Request) (standin.Reply, error) {
		if r.LastUser() == "later" {
			return standin.Reply{}, &standin.Failure{Status: 429, Type: "requests", Code: "rate_limit_exceeded", Message: "slow down", RetryAfter: 1}
		}
		return standin.Reply{}, errors.New("out of flowers")
	}}
	s := start(t, api)
	const good = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}`
	for _, tc := range []struct {
		name, method, path, key, body string
		status                        int
		code, message                 any
	}{
		{"no key", "POST", "/chat/completions", "", good, 401, nil, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."},
		{"wrong key", "POST", "/chat/completions", "sk-secret-1234", good, 401, "invalid_api_key", "Incorrect API key provided: **********1234. You can find your API key at https://platform.openai.com/account/api-keys."},
		{"short wrong key", "POST", "/chat/completions", "sk-12", good, 401, "invalid_api_key", "Incorrect API key provided: *****. You can find your API key at https://platform.openai.com/account/api-keys."},
		{"unknown model", "POST", "/chat/completions", "sk-right", strings.Replace(good, "gpt-4o-mini", "gpt-9", 1), 404, "model_not_found", "The model `gpt-9` does not exist or you do not have access to it."},
		{"no JSON", "POST", "/chat/completions", "sk-right", `{"model":`, 400, nil, "We could not parse the JSON body of your request: unexpected end of JSON input"},
		{"content of a wrong type", "POST", "/chat/completions", "sk-right", `{"model":"gpt-4o","messages":[{"role":"user","content":3}]}`, 400, nil, "We could not parse the JSON body of your request: content is neither a string nor a list"},
		{"no model", "POST", "/chat/completions", "sk-right", `{"messages":[{"role":"user"}]}`, 400, nil, "you must provide a model parameter"},
		{"no messages", "POST", "/chat/completions", "sk-right", `{"model":"gpt-4o","messages":[]}`, 400, "empty_array", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."},
		{"wrong method", "GET", "/chat/completions", "sk-right", "", 405, nil, "Not allowed to GET on /v1/chat/completions."},
		{"wrong path", "POST", "/speak", "sk-right", good, 404, nil, "Invalid URL (POST /v1/speak)"},
		{"error of the reply", "POST", "/chat/completions", "sk-right", good, 500, nil, "out of flowers"},
		{"failure of the reply", "POST", "/chat/completions", "sk-right", strings.Replace(good, "hi", "later", 1), 429, "rate_limit_exceeded", "slow down"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest(tc.method, s.URL+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.key != "" {
				req.Header.Set("Authorization", "Bearer "+tc.key)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var got struct{ Error map[string]any }
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tc.status || got.Error["code"] != tc.code || got.Error["message"] != tc.message {
				t.Errorf("got %d, %v", resp.StatusCode, got.Error)
			}
			for _, field := range []string{"type", "param"} {
				if _, ok := got.Error[field]; !ok {
					t.Errorf("no field %q", field)
				}
			}
			if retry := resp.Header.Get("Retry-After"); (retry == "1") != (tc.status == 429) {
				t.Errorf("Retry-After %q", retry)
			}
		})
	}
	for _, r := range api.Requests() {
		if b, _ := json.Marshal(r); bytes.Contains(b, []byte("sk-")) {
			t.Errorf("a recorded request holds the key: %s", b)
		}
	}
}

func TestRefusalThroughClient(t *testing.T) {
	s := start(t, &standin.API{Keys: []string{"sk-right"}})
	_, err := collect(t.Context(), client(s, "sk-wrong-key"), openai.ChatCompletionRequest{Model: "gpt-4o", Messages: ask("hi")})
	var api *openai.APIError
	if !errors.As(err, &api) || api.HTTPStatusCode != 401 || api.Code != "invalid_api_key" {
		t.Errorf("got %v", err)
	}
}

func TestModels(t *testing.T) {
	s := start(t, &standin.API{Models: map[string]string{"small": "small-2026-01-01", "alone": ""}})
	list, err := client(s, "any").ListModels(t.Context())
	if err != nil || len(list.Models) != 2 || list.Models[0].ID != "alone" || list.Models[1].ID != "small" {
		t.Fatalf("got %v, %v", list, err)
	}
	for ask, want := range map[string]string{"small": "small-2026-01-01", "small-2026-01-01": "small-2026-01-01", "alone": "alone"} {
		r, err := client(s, "any").CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: ask, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "hi"}}})
		if err != nil || r.Model != want {
			t.Errorf("%s: got %q, %v", ask, r.Model, err)
		}
	}
}

func TestRequests(t *testing.T) {
	api := &standin.API{}
	s := start(t, api)
	body := `{"model":"gpt-4o","messages":[{"role":"system","content":"Sell flowers."},{"role":"user","content":[{"type":"text","text":"Roses"},{"type":"text","text":"?"}]}],"max_completion_tokens":5}`
	_, answer := post(t, s, body)
	if !strings.Contains(answer, `"content":"You said: Roses?"`) {
		t.Errorf("the answer is %s", answer)
	}
	got := api.Requests()
	if len(got) != 1 || string(got[0].Body) != body || got[0].MaxTokens != 5 || got[0].Messages[0].Text != "Sell flowers." || got[0].Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %+v", got)
	}
}

func TestAPIConcurrentSafe(t *testing.T) {
	api := &standin.API{Reply: replies(standin.Text("one two three"))}
	s := start(t, api)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := collect(t.Context(), client(s, "any"), openai.ChatCompletionRequest{Model: "gpt-4o", Messages: ask("hi"),
				StreamOptions: &openai.StreamOptions{IncludeUsage: true}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, want := api.Reported(), (standin.Usage{Prompt: 160, Completion: 60}); got != want {
		t.Errorf("reported %+v, want %+v", got, want)
	}
	seen := map[int]bool{}
	for _, r := range api.Requests() {
		seen[r.Index] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d indices", len(seen))
	}
}
