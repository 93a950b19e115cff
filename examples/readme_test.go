package examples

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/trace"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// What README.md shows, inside of what it leaves out.

func instrument(ctx context.Context, tp trace.TracerProvider, config func(key string) openai.ClientConfig) error {
	key := "your key"
	openai := struct {
		DefaultConfig func(string) openai.ClientConfig
	}{config} // which leads to a stand-in

	tracer := tracing.New(tracing.WithTracerProvider(tp)) // once

	model := callopenai.New(openai.DefaultConfig(key), callopenai.Options{Model: "gpt-4o-mini"})

	ctx = callback.WithHandlers(ctx, tracer) // once per request
	for chunk, err := range model.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("Flowers?")}, Stream: true}) {
		if err != nil {
			return err
		}
		fmt.Print(chunk.Text)
	}
	return nil
}

// The doors of README.md's table.
func doors(cfg openai.ClientConfig, client *openai.Client, tracer callback.Handler) (*callopenai.Client, *http.Client) {
	callopenai.WrapConfig(&cfg, tracer)
	return callopenai.Wrap(client, callopenai.WithProvider("openai")),
		&http.Client{Transport: callopenai.NewTransport(nil, tracer)}
}

func count(ctx context.Context, talk *chain.Conversation) (string, error) {
	ctx, count := callback.WithCount(ctx)
	answer, err := talk.Run(ctx, "My sister's birthday is tomorrow.")
	fmt.Println(count.Total().Usage.Total(), "tokens,", count.Total().Cost.Human())
	return answer, err
}

func build(ctx context.Context, model llm.Model, shelf interface{ Count(flower string) int }) (string, error) {
	stock := tool.Must(tool.New("stock", "How many stems are in stock.", func(ctx context.Context, q struct {
		Flower string `json:"flower"`
	}) (int, error) {
		return shelf.Count(q.Flower), nil
	}))
	florist := &agent.Agent{Name: "florist", Model: model, Tools: tool.Set{stock}}
	answer, err := florist.Run(ctx, "Are there twenty pink roses?")
	return answer, err
}

type shelf map[string]int

func (s shelf) Count(flower string) int { return s[flower] }

// TestReadme runs it.
func TestReadme(t *testing.T) {
	api := &standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text("Pink roses."), nil
	}}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	config := func(key string) openai.ClientConfig {
		cfg := openai.DefaultConfig(key)
		cfg.BaseURL = server.URL
		return cfg
	}
	ctx, spans := t.Context(), tracetest.NewInMemoryExporter()
	if err := instrument(ctx, sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), config); err != nil {
		t.Error(err)
	}
	if got := spans.GetSpans(); len(got) != 1 || got[0].Name != "chat gpt-4o-mini" {
		t.Errorf("spans %v", got)
	}
	wrapped, client := doors(config("your key"), openai.NewClientWithConfig(config("your key")), callback.Log(nil))
	if wrapped == nil || client.Transport == nil {
		t.Error("a door is missing")
	}
	model := callopenai.New(config("your key"), callopenai.Options{Model: "gpt-4o-mini"})
	if answer, err := count(ctx, &chain.Conversation{Model: model}); answer != "Pink roses." || err != nil {
		t.Errorf("conversation: %q, %v", answer, err)
	}
	if answer, err := build(ctx, model, shelf{"pink roses": 24}); answer != "Pink roses." || err != nil {
		t.Errorf("agent: %q, %v", answer, err)
	}
}
