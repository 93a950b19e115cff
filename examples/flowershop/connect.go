package main

import (
	"context"
	"os"

	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/internal/standin"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// connect returns how to reach the model: OpenAI with a key, else a stand-in
// that knows the turns by heart.
func connect(turns []dialogue.Turn) (openai.ClientConfig, callopenai.Options, func(), error) {
	options := callopenai.Options{Model: "gpt-4o-mini", Provider: "openai"}
	if key := os.Getenv("OPENAI_API_KEY"); key != "" {
		return openai.DefaultConfig(key), options, func() {}, nil
	}
	api := &standin.API{Reply: func(_ context.Context, r *standin.Request) (standin.Reply, error) {
		for _, t := range turns {
			if t.User == r.LastUser() {
				return standin.Text(t.Reply), nil
			}
		}
		return standin.Text("Which flowers would you like?"), nil
	}}
	server, err := api.Start()
	if err != nil {
		return openai.ClientConfig{}, options, nil, err
	}
	config := openai.DefaultConfig("stand-in")
	config.BaseURL = server.URL
	return config, options, func() { server.Close() }, nil
}
