package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/openai/doortest"
	"github.com/sashabaranov/go-openai"
)

// TestDoors: each door of this package passes the suite that is for everybody's.
func TestDoors(t *testing.T) {
	for _, d := range []struct {
		name string
		doortest.Door
	}{
		{"adapter", doortest.Door{Open: openAdapter}},
		{"wire", doortest.Door{Open: openWire, Skip: []string{"line without end"}}}, // which go-openai reads for ever
		{"typed", doortest.Door{Open: openTyped, Skip: []string{"line without end"}, Truth: func(scenario string, want *doortest.Truth) {
			switch scenario {
			case "open last line": // go-openai drops it
				want.Finish, want.Error = "", "stream_truncated"
			case "error with status 200": // and takes it for an empty answer
				want.Error, want.Message = "empty_response", ""
			case "retry": // and its errors have no header
				want.Retry = 0
			}
		}}},
	} {
		t.Run(d.name, func(t *testing.T) { doortest.Run(t, d.Door) })
	}
}

func openAdapter(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
	m := callopenai.New(clientConfig(baseURL, c), callopenai.Options{Model: "gpt-4o-mini", Provider: "openai", Handlers: handlers})
	return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
		return func(yield func(doortest.Piece, error) bool) {
			for c, err := range m.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("Count!")}, Stream: stream, StreamUsage: stream}) {
				if !yield(doortest.Piece{Text: c.Text, View: jsonOf(c)}, err) {
					return
				}
			}
		}
	}
}

func openWire(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
	cfg := clientConfig(baseURL, c)
	if len(handlers) > 0 {
		callopenai.WrapConfig(&cfg, handlers...)
	}
	return typedDoor(typedClient{Client: openai.NewClientWithConfig(cfg)})
}

func openTyped(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
	cl := typedClient{Client: openai.NewClientWithConfig(clientConfig(baseURL, c))}
	if len(handlers) > 0 {
		cl.ours = callopenai.Wrap(cl.Client, callopenai.WithProvider("openai"), callopenai.WithHandlers(handlers...))
	}
	return typedDoor(cl)
}

func clientConfig(baseURL string, c *http.Client) openai.ClientConfig {
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.BaseURL, cfg.HTTPClient = baseURL, c
	return cfg
}

func typedDoor(cl typedClient) doortest.Client {
	return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
		req := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Count!"}}}
		return func(yield func(doortest.Piece, error) bool) {
			if !stream {
				resp, err := cl.CreateChatCompletion(ctx, req)
				if err != nil {
					yield(doortest.Piece{}, err)
					return
				}
				p := doortest.Piece{View: jsonOf(resp)}
				if len(resp.Choices) > 0 {
					p.Text = resp.Choices[0].Message.Content
				}
				yield(p, nil)
				return
			}
			req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
			s, err := cl.stream(ctx, req)
			if err != nil {
				yield(doortest.Piece{}, err)
				return
			}
			defer s.Close()
			for {
				f, err := s.Recv()
				if errors.Is(err, io.EOF) {
					return
				}
				p := doortest.Piece{View: jsonOf(f)}
				for _, c := range f.Choices {
					p.Text += c.Delta.Content
				}
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(b)
}
