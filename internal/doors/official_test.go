package doors_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// openOfficial opens OpenAI's own library.
func openOfficial(t *testing.T, baseURL string, client *http.Client) calls {
	c := openai.NewClient(option.WithBaseURL(baseURL), option.WithHTTPClient(client), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
	ask := openai.ChatCompletionNewParams{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("roses?")}}
	return calls{
		chat: func(ctx context.Context) (string, error) {
			resp, err := c.Chat.Completions.New(ctx, ask)
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			s := c.Chat.Completions.NewStreaming(ctx, ask)
			defer s.Close()
			for s.Next() {
				each(s.Current().Choices[0].Delta.Content) // the usage has no choices
			}
			return s.Err()
		},
		tool: func(ctx context.Context) (string, error) {
			ask := ask
			ask.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
				Name: "stock", Parameters: openai.FunctionParameters{"type": "object"}})}
			resp, err := c.Chat.Completions.New(ctx, ask)
			if err != nil {
				return "", err
			}
			f := resp.Choices[0].Message.ToolCalls[0].Function
			return f.Name + "(" + f.Arguments + ")", nil
		},
		embed: func(ctx context.Context) (string, error) {
			resp, err := c.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "text-embedding-3-small",
				Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"roses", "lilies"}}})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(len(resp.Data), " vectors"), nil
		},
	}
}

// TestResend: a try that the library makes by itself is a run of its own, which
// says how many came before.
func TestResend(t *testing.T) {
	tries := 0
	rec := new(runs)
	url, client := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if tries++; tries == 1 {
			w.Header().Set("Retry-After-Ms", "1")
			w.WriteHeader(429)
			io.WriteString(w, `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`)
			return
		}
		io.WriteString(w, `{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":1}}`)
	}), rec)
	c := openai.NewClient(option.WithBaseURL(url), option.WithHTTPClient(client), option.WithAPIKey("sk-test"), option.WithMaxRetries(2))
	resp, err := c.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("roses?")}})
	if err != nil || resp.Choices[0].Message.Content != "Pink" {
		t.Fatalf("%+v, %v", resp, err)
	}
	// The library does not read what the refusal says, so nobody has.
	const want = "llm gpt-4o-mini error 429\n" + `llm gpt-4o-mini resend 1 8/1 "Pink"`
	if lines := rec.take(); lines != want {
		t.Errorf("runs\n%s\nwant\n%s", lines, want)
	}
}

// TestResponses: the responses API, plain and streamed.
func TestResponses(t *testing.T) {
	const whole = `{"id":"r1","object":"response","model":"gpt-5-mini","status":"completed","output":[{"type":"message","id":"m","role":"assistant","status":"completed",` +
		`"content":[{"type":"output_text","text":"Pink","annotations":[]}]}],"usage":{"input_tokens":8,"output_tokens":5,"total_tokens":13}}`
	rec := new(runs)
	url, client := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Accept") != "text/event-stream" && !containsStream(body) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, whole)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"model\":\"gpt-5-mini\",\"status\":\"in_progress\"}}\n\n"+
			"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"Pink\"}\n\n"+
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":"+whole+"}\n\n")
	}), rec)
	c := openai.NewClient(option.WithBaseURL(url), option.WithHTTPClient(client), option.WithAPIKey("sk-test"))
	ask := responses.ResponseNewParams{Model: "gpt-5-mini", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("roses?")}}
	resp, err := c.Responses.New(t.Context(), ask)
	if err != nil || resp.OutputText() != "Pink" {
		t.Fatalf("%+v, %v", resp, err)
	}
	s := c.Responses.NewStreaming(t.Context(), ask)
	text := ""
	for s.Next() {
		text += s.Current().Delta
	}
	if s.Err() != nil || s.Close() != nil || text != "Pink" {
		t.Errorf("streamed %q, %v", text, s.Err())
	}
	const want = `llm gpt-5-mini 8/5 "Pink"`
	if lines := rec.take(); lines != want+"\n"+want {
		t.Errorf("runs\n%s\nwant twice\n%s", lines, want)
	}
}
