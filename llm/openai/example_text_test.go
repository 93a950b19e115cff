package openai_test

import (
	"context"
	"fmt"
	"log"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

func ExampleNewCompletion() {
	server, err := (&standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text(" Pink ones?"), nil
	}}).Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cfg := openai.DefaultConfig("your key")
	cfg.BaseURL = server.URL // instead of OpenAI's

	model := callopenai.NewCompletion(cfg, callopenai.Options{Model: "gpt-3.5-turbo-instruct", Provider: "openai"})
	req := &llm.Request{
		Messages:  []llm.Message{llm.System("You sell flowers."), llm.User("Roses, please.")},
		MaxTokens: 100, // the API's own limit is 16
		Stop:      []string{"\nHuman:"},
	}
	fmt.Println(llm.Message{Parts: req.Transcript()}.Text())

	ctx, count := callback.WithCount(context.Background())
	resp, err := llm.Collect(model.Chat(ctx, req))
	fmt.Printf("%q %v\n", resp.Text(), err)
	fmt.Println(count.Total().Usage.Input, "and", count.Total().Usage.Output, "tokens,", count.Total().Cost.Human())
	// Output:
	// You sell flowers.
	//
	// Human: Roses, please.
	// AI:
	// " Pink ones?" <nil>
	// 7 and 2 tokens, $0.0000145
}

func ExampleNewEmbedder() {
	server, err := new(standin.API).Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cfg := openai.DefaultConfig("your key")
	cfg.BaseURL = server.URL // instead of OpenAI's

	embedder := callopenai.NewEmbedder(cfg, callopenai.Options{Model: "text-embedding-3-small", Provider: "openai"})
	ctx, count := callback.WithCount(context.Background())
	resp, err := embedder.Embed(ctx, &llm.EmbedRequest{
		Inputs:     []string{"Which roses are pink?", "We have pink roses.", "We open at nine."},
		Dimensions: 256,
	})
	if err != nil {
		log.Fatal(err)
	}
	question, roses, hours := resp.Vectors[0], resp.Vectors[1], resp.Vectors[2]
	fmt.Println(len(resp.Vectors), "vectors of", len(question), "numbers")
	fmt.Println("roses are nearer than hours:", cosine(question, roses) > cosine(question, hours))
	fmt.Println(count.Total().Usage.Input, "tokens,", count.Total().Cost.Human())
	// Output:
	// 3 vectors of 256 numbers
	// roses are nearer than hours: true
	// 12 tokens, $0.00000024
}

// cosine is the inner product, as the vectors of OpenAI have length 1.
func cosine(a, b []float32) (sum float32) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
