package doors_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
)

// openLangchain opens langchaingo's OpenAI model.
func openLangchain(t *testing.T, baseURL string, client *http.Client) calls {
	m, err := openai.New(openai.WithBaseURL(baseURL), openai.WithHTTPClient(client), openai.WithToken("sk-test"),
		openai.WithModel("gpt-4o-mini"), openai.WithEmbeddingModel("text-embedding-3-small"))
	if err != nil {
		t.Fatal(err)
	}
	ask := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "roses?")}
	first := func(ctx context.Context, o ...llms.CallOption) (*llms.ContentChoice, error) {
		resp, err := m.GenerateContent(ctx, ask, o...)
		if err != nil {
			return nil, err
		}
		return resp.Choices[0], nil
	}
	return calls{
		chat: func(ctx context.Context) (string, error) {
			c, err := first(ctx)
			if err != nil {
				return "", err
			}
			return c.Content, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			_, err := first(ctx, llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error { each(string(chunk)); return nil }))
			return err
		},
		tool: func(ctx context.Context) (string, error) {
			c, err := first(ctx, llms.WithTools([]llms.Tool{{Type: "function", Function: &llms.FunctionDefinition{Name: "stock", Parameters: map[string]any{"type": "object"}}}}))
			if err != nil {
				return "", err
			}
			f := c.ToolCalls[0].FunctionCall
			return f.Name + "(" + f.Arguments + ")", nil
		},
		embed: func(ctx context.Context) (string, error) {
			v, err := m.CreateEmbedding(ctx, []string{"roses", "lilies"})
			return fmt.Sprint(len(v), " vectors"), err
		},
	}
}
