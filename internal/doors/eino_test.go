package doors_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/cloudwego/eino-ext/components/model/openai"
	"github.com/cloudwego/eino/schema"
)

// openEino opens eino's OpenAI model.
func openEino(t *testing.T, baseURL string, client *http.Client) calls {
	m, err := openai.NewChatModel(t.Context(), &openai.ChatModelConfig{APIKey: "sk-test", BaseURL: baseURL, HTTPClient: client, Model: "gpt-4o-mini"})
	if err != nil {
		t.Fatal(err)
	}
	ask := []*schema.Message{schema.UserMessage("roses?")}
	return calls{
		chat: func(ctx context.Context) (string, error) {
			resp, err := m.Generate(ctx, ask)
			if err != nil {
				return "", err
			}
			return resp.Content, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			s, err := m.Stream(ctx, ask)
			if err != nil {
				return err
			}
			defer s.Close()
			for {
				c, err := s.Recv()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				each(c.Content)
			}
		},
		tool: func(ctx context.Context) (string, error) {
			with, err := m.WithTools([]*schema.ToolInfo{{Name: "stock", Desc: "how many are left", ParamsOneOf: schema.NewParamsOneOfByParams(
				map[string]*schema.ParameterInfo{"flower": {Type: schema.String}})}})
			if err != nil {
				return "", err
			}
			resp, err := with.Generate(ctx, ask)
			if err != nil {
				return "", err
			}
			f := resp.ToolCalls[0].Function
			return f.Name + "(" + f.Arguments + ")", nil
		},
	}
}
