package doortest_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"testing"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/openai/doortest"
	"github.com/sashabaranov/go-openai"
)

// In a test of a door, Open makes the client with the door where there are
// handlers, and without it where there are none.
func ExampleRun() {
	var t *testing.T // the test's

	doortest.Run(t, doortest.Door{Open: func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		cfg := openai.DefaultConfig("sk-test")
		cfg.BaseURL, cfg.HTTPClient = baseURL, c
		if len(handlers) > 0 {
			callopenai.WrapConfig(&cfg, handlers...) // stands for your door
		}
		return chat(openai.NewClientWithConfig(cfg))
	}, Skip: []string{
		"line without end",  // which go-openai would hold whole
		"data in two lines", // of which it reads the first alone
	}})
}

// chat makes the call that Client describes.
func chat(client *openai.Client) doortest.Client {
	return func(ctx context.Context, streamed bool) iter.Seq2[doortest.Piece, error] {
		req := openai.ChatCompletionRequest{
			Model:    "gpt-4o-mini",
			Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Roses?"}},
		}
		return func(yield func(doortest.Piece, error) bool) {
			if !streamed {
				resp, err := client.CreateChatCompletion(ctx, req)
				if err != nil {
					yield(doortest.Piece{}, err)
				} else if len(resp.Choices) > 0 {
					yield(doortest.Piece{Text: resp.Choices[0].Message.Content}, nil)
				}
				return
			}
			req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
			stream, err := client.CreateChatCompletionStream(ctx, req)
			if err != nil {
				yield(doortest.Piece{}, err)
				return
			}
			defer stream.Close()
			for {
				chunk, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					return
				}
				var p doortest.Piece
				if len(chunk.Choices) > 0 {
					p.Text = chunk.Choices[0].Delta.Content
				}
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}
