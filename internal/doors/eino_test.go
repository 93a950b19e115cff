package doors_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	embedding "github.com/cloudwego/eino-ext/components/embedding/openai"
	"github.com/cloudwego/eino-ext/components/model/openai"
	eino "github.com/cloudwego/eino/components/model"
	"github.com/cloudwego/eino/schema"
	"github.com/eino-contrib/jsonschema"
)

// openEino opens eino's OpenAI model and embedder.
func openEino(t *testing.T, baseURL string, client *http.Client) calls {
	conf := openai.ChatModelConfig{APIKey: "sk-test", BaseURL: baseURL, HTTPClient: client, Model: "gpt-4o-mini"}
	open := func(conf openai.ChatModelConfig) *openai.ChatModel {
		m, err := openai.NewChatModel(t.Context(), &conf)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := open(conf)
	e, err := embedding.NewEmbedder(t.Context(), &embedding.EmbeddingConfig{APIKey: "sk-test", BaseURL: baseURL, HTTPClient: client, Model: "text-embedding-3-small"})
	if err != nil {
		t.Fatal(err)
	}
	ask := []*schema.Message{schema.UserMessage("roses?")}
	whole := func(ctx context.Context, m eino.BaseChatModel) (*schema.Message, error) { return m.Generate(ctx, ask) }
	streamed := func(ctx context.Context, m eino.BaseChatModel) (*schema.Message, error) {
		s, err := m.Stream(ctx, ask)
		if err != nil {
			return nil, err
		}
		return schema.ConcatMessageStream(s)
	}
	return calls{
		chat: func(ctx context.Context) (string, error) {
			resp, err := whole(ctx, m)
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
		tools: func(ctx context.Context, inPieces bool) (string, error) {
			with, err := m.WithTools([]*schema.ToolInfo{{Name: "stock", Desc: "how many are left", ParamsOneOf: schema.NewParamsOneOfByParams(
				map[string]*schema.ParameterInfo{"flower": {Type: schema.String}})}})
			if err != nil {
				return "", err
			}
			get := whole
			if inPieces {
				get = streamed
			}
			resp, err := get(ctx, with)
			if err != nil {
				return "", err
			}
			var seen toolCalls
			for _, c := range resp.ToolCalls {
				seen.add(c.Function.Name, c.Function.Arguments)
			}
			return seen.String(), nil
		},
		several: func(context.Context, bool) (string, error) { return "", errors.ErrUnsupported },
		shaped: func(ctx context.Context) (string, error) {
			conf := conf
			conf.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
				JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "order", Strict: true, JSONSchema: &jsonschema.Schema{Type: "object"}}}
			resp, err := whole(ctx, open(conf))
			if err != nil {
				return "", err
			}
			return resp.Content, nil
		},
		embed: func(ctx context.Context) ([][]float32, error) {
			vectors, err := e.EmbedStrings(ctx, []string{"roses", "lilies"})
			return narrow(vectors), err
		},
	}
}
