package openai_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// florist starts an API that answers every chat with the same words.
func florist(answer string) *standin.Server {
	server, err := (&standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text(answer), nil
	}}).Start()
	if err != nil {
		log.Fatal(err)
	}
	return server
}

// A model of go-openai's configuration. Its calls are told to its own handlers
// and to those of the context; what the provider refuses is an *llm.Error.
func ExampleNew() {
	server := florist("Pink roses.")
	defer server.Close()
	cfg := openai.DefaultConfig("your key")
	cfg.BaseURL = server.URL // instead of OpenAI's

	model := callopenai.New(cfg, callopenai.Options{
		Model:    "gpt-4o-mini",
		Provider: "openai", // which the address does not tell here
		Handlers: []callback.Handler{&callback.Funcs{
			OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
				fmt.Printf("\n%d tokens, %s\n", res.Usage.Total(), res.Cost.Human())
			},
		}},
	})
	for chunk, err := range model.Chat(context.Background(), &llm.Request{
		Messages: []llm.Message{llm.User("Which flowers suit a birthday?")},
		Stream:   true,
	}) {
		var refused *llm.Error
		if errors.As(err, &refused) {
			log.Fatalf("%s, ask again in %v", refused.Code, refused.RetryAfter)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(chunk.Text)
	}
	// Output:
	// Pink roses.
	// 14 tokens, $0.000003
}

// A program that makes its clients of a configuration of go-openai's adds one
// line, and uses go-openai's own types as before.
func ExampleWrapConfig() {
	server := florist("Pink roses.")
	defer server.Close()
	cfg := openai.DefaultConfig("your key")
	cfg.BaseURL = server.URL // instead of OpenAI's

	callopenai.WrapConfig(&cfg).Provider = "openai" // which the address does not tell here

	ctx, count := callback.WithCount(context.Background())
	resp, err := openai.NewClientWithConfig(cfg).CreateChatCompletion(ctx, openai.ChatCompletionRequest{
		Model:    "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Which flowers suit a birthday?"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Choices[0].Message.Content)
	fmt.Println(count.Total())
	// Output:
	// Pink roses.
	// 1 call, 12 tokens in, 2 out, $0.000003
}

// Any client that takes an *http.Client is observed where its requests pass.
func ExampleNewTransport() {
	server := florist("Pink roses.")
	defer server.Close()

	transport := callopenai.NewTransport(nil, &callback.Funcs{
		OnLLMEnd: func(_ context.Context, info *callback.Info, res *callback.Result) {
			fmt.Println(info.Model(), "said", res.Response.Text(), "for", res.Usage.Total(), "tokens")
		},
	})
	client := &http.Client{Transport: transport}

	body := []byte(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Which flowers suit a birthday?"}]}`)
	resp, err := client.Post(server.URL+"/chat/completions", "application/json", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil { // the run ends with the body
		log.Fatal(err)
	}
	// Output: gpt-4o-mini said Pink roses. for 14 tokens
}
