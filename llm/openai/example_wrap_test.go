package openai_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// A program that uses go-openai's client goes on as it is: wrap the client, and
// its calls are announced.
func ExampleWrap() {
	api := &standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text("Pink roses, and baby's breath."), nil
	}}
	server, err := api.Start()
	if err != nil {
		panic(err)
	}
	defer server.Close()
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.BaseURL = server.URL

	ctx, count := callback.WithCount(context.Background())
	client := callopenai.Wrap(openai.NewClientWithConfig(cfg),
		callopenai.WithProvider("openai"))

	stream, err := client.CreateChatCompletionStream(ctx, openai.ChatCompletionRequest{
		Model:    "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "What goes with pink roses?"}},
	})
	if err != nil {
		panic(err)
	}
	defer stream.Close()
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			panic(err)
		}
		fmt.Fprint(os.Stdout, chunk.Choices[0].Delta.Content)
	}
	total := count.Total()
	fmt.Printf("\n%d call, %d tokens in, %d out, $%s\n", total.Calls, total.Usage.Input, total.Usage.Output, total.Cost)
	// Output:
	// Pink roses, and baby's breath.
	// 1 call, 12 tokens in, 5 out, $0.0000048
}

// WithBaseURL tells the provider, and where the calls go, by the address that
// the client's configuration has.
func ExampleWithBaseURL() {
	cfg := openai.DefaultConfig("gsk-test")
	cfg.BaseURL = "https://api.groq.com/openai/v1"
	cfg.HTTPClient = &canned{body: []byte(`{"model":"llama-3.3-70b-versatile","choices":[{"index":0,"message":{"role":"assistant","content":"Roses."},"finish_reason":"stop"}]}`)}

	tell := &callback.Funcs{OnLLMEnd: func(_ context.Context, i *callback.Info, res *callback.Result) {
		fmt.Println(i.Endpoint.Provider, i.Endpoint.Address, i.Endpoint.Port, res.Response.Text())
	}}
	client := callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithBaseURL(cfg.BaseURL), callopenai.WithHandlers(tell))
	_, err := client.CreateChatCompletion(context.Background(), openai.ChatCompletionRequest{
		Model:    "llama-3.3-70b-versatile",
		Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "What shall I buy?"}},
	})
	fmt.Println(err)
	// Output:
	// groq api.groq.com 443 Roses.
	// <nil>
}
