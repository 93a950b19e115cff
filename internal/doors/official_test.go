package doors_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// openOfficial opens OpenAI's own library.
func openOfficial(t *testing.T, baseURL string, client *http.Client) calls {
	c := openai.NewClient(option.WithBaseURL(baseURL), option.WithHTTPClient(client), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
	ask := openai.ChatCompletionNewParams{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("roses?")}}
	get := func(ctx context.Context, ask openai.ChatCompletionNewParams, streamed bool) (*openai.ChatCompletion, error) {
		if !streamed {
			return c.Chat.Completions.New(ctx, ask)
		}
		s := c.Chat.Completions.NewStreaming(ctx, ask)
		defer s.Close()
		var acc openai.ChatCompletionAccumulator
		for s.Next() {
			if !acc.AddChunk(s.Current()) {
				return nil, errors.New("a chunk does not fit")
			}
		}
		return &acc.ChatCompletion, s.Err()
	}
	return calls{
		chat: func(ctx context.Context) (string, error) {
			resp, err := get(ctx, ask, false)
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
		tools: func(ctx context.Context, streamed bool) (string, error) {
			ask := ask
			ask.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
				Name: "stock", Parameters: openai.FunctionParameters{"type": "object"}})}
			resp, err := get(ctx, ask, streamed)
			if err != nil {
				return "", err
			}
			var seen toolCalls
			for _, t := range resp.Choices[0].Message.ToolCalls {
				seen.add(t.Function.Name, t.Function.Arguments)
			}
			return seen.String(), nil
		},
		several: func(ctx context.Context, streamed bool) (string, error) {
			ask := ask
			ask.N = openai.Int(2)
			resp, err := get(ctx, ask, streamed)
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content + "|" + resp.Choices[1].Message.Content, nil
		},
		shaped: func(ctx context.Context) (string, error) {
			ask := ask
			ask.ResponseFormat.OfJSONSchema = &openai.ResponseFormatJSONSchemaParam{JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{
				Name: "order", Strict: openai.Bool(true), Schema: map[string]any{"type": "object"}}}
			resp, err := get(ctx, ask, false)
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content, nil
		},
		embed: func(ctx context.Context) ([][]float32, error) {
			resp, err := c.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "text-embedding-3-small",
				Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"roses", "lilies"}}})
			if err != nil {
				return nil, err
			}
			var vectors [][]float64
			for _, d := range resp.Data {
				vectors = append(vectors, d.Embedding)
			}
			return narrow(vectors), nil
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

// TestCompletions: the text completion API, plain and streamed.
func TestCompletions(t *testing.T) {
	api := &standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text("Three pink roses"), nil
	}}
	ask := openai.CompletionNewParams{Model: "gpt-3.5-turbo-instruct", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("roses are")}}
	see := func(hs ...callback.Handler) string {
		url, client := connect(t, api, hs...)
		c := openai.NewClient(option.WithBaseURL(url), option.WithHTTPClient(client), option.WithAPIKey("sk-test"))
		resp, err := c.Completions.New(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		pieces := []string{resp.Choices[0].Text}
		s := c.Completions.NewStreaming(t.Context(), ask)
		defer s.Close()
		for s.Next() {
			pieces = append(pieces, s.Current().Choices[0].Text) // the usage has no choices
		}
		if s.Err() != nil {
			t.Error(s.Err())
		}
		return strings.Join(pieces, "|")
	}
	rec := new(runs)
	const want = "Three pink roses|Three| pink| roses|" // at last the reason why it ends
	if got, bare := see(rec), see(); got != want || got != bare {
		t.Errorf("the caller sees %q, without us %q", got, bare)
	}
	const run = `llm gpt-3.5-turbo-instruct 2/3 "Three pink roses"`
	if lines := rec.take(); lines != run+"\n"+run {
		t.Errorf("runs\n%s\nwant twice\n%s", lines, run)
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
