package doors_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
)

// openLangchain opens langchaingo's OpenAI model, and its embedder over that.
func openLangchain(t *testing.T, baseURL string, client *http.Client) calls {
	open := func(o ...openai.Option) *openai.LLM {
		m, err := openai.New(append(o, openai.WithBaseURL(baseURL), openai.WithHTTPClient(client), openai.WithToken("sk-test"),
			openai.WithModel("gpt-4o-mini"), openai.WithEmbeddingModel("text-embedding-3-small"))...)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := open()
	e, err := embeddings.NewEmbedder(m)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context, m *openai.LLM, o ...llms.CallOption) ([]*llms.ContentChoice, error) {
		resp, err := m.GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "roses?")}, o...)
		if err != nil {
			return nil, err
		}
		return resp.Choices, nil
	}
	return calls{
		chat: func(ctx context.Context) (string, error) {
			c, err := ask(ctx, m)
			if err != nil {
				return "", err
			}
			return c[0].Content, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			_, err := ask(ctx, m, llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error { each(string(chunk)); return nil }))
			return err
		},
		tools: func(ctx context.Context, streamed bool) (string, error) {
			o := []llms.CallOption{llms.WithTools([]llms.Tool{{Type: "function", Function: &llms.FunctionDefinition{Name: "stock", Parameters: map[string]any{"type": "object"}}}})}
			if streamed {
				o = append(o, llms.WithStreamingFunc(func(context.Context, []byte) error { return nil }))
			}
			c, err := ask(ctx, m, o...)
			if err != nil {
				return "", err
			}
			var seen toolCalls
			for _, t := range c[0].ToolCalls {
				seen.add(t.FunctionCall.Name, t.FunctionCall.Arguments)
			}
			return seen.String(), nil
		},
		several: func(ctx context.Context, streamed bool) (string, error) {
			if streamed {
				return "", errors.ErrUnsupported // it puts the answers together as one
			}
			c, err := ask(ctx, m, llms.WithN(2))
			if err != nil {
				return "", err
			}
			return c[0].Content + "|" + c[1].Content, nil
		},
		shaped: func(ctx context.Context) (string, error) {
			c, err := ask(ctx, open(openai.WithResponseFormat(&openai.ResponseFormat{Type: "json_schema",
				JSONSchema: &openai.ResponseFormatJSONSchema{Name: "order", Strict: true, Schema: &openai.ResponseFormatJSONSchemaProperty{Type: "object"}}})))
			if err != nil {
				return "", err
			}
			return c[0].Content, nil
		},
		embed: func(ctx context.Context) ([][]float32, error) {
			return e.EmbedDocuments(ctx, []string{"roses", "lilies"})
		},
	}
}
