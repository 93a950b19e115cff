// Components runs one of each kind that LangChain gives callbacks to (chain,
// model, tool, agent) and of those it does not or only half does (prompt,
// retriever, embedding, memory). One handler sees them all, and so does a trace:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 go run ./examples/components
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/examples/internal/setup"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/prompt"
	"github.com/callspan/callspan/memory"
)

func main() {
	ctx, shutdown := setup.Tracing(context.Background(), "components")
	defer shutdown()
	if err := run(ctx, os.Stdout); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	api, err := setup.Connect(florist)
	if err != nil {
		return err
	}
	defer api.Close()
	model := callopenai.New(api.Config, api.Options("gpt-4o-mini"))
	shelf := &retrieval.Store{Name: "care guide", Embedder: callopenai.NewEmbedder(api.Config, api.Options("text-embedding-3-small"))}

	type flower struct {
		Name string `json:"name" jsonschema:"in the singular"`
	}
	stock := tool.Must(tool.New("stock", "How many stems are in stock.", func(context.Context, flower) (int, error) { return 12, nil }))
	type question struct {
		Text  string
		Guide []llm.Document
	}
	advice := &chain.LLM[question]{Name: "advice", Model: model,
		Prompt: prompt.Must(prompt.New[question]("{guide}\n\n{text}", prompt.Named("care")))}
	clerk := &agent.Agent{Name: "clerk", Model: model, Tools: tool.Set{stock}, Memory: &memory.Window{}}

	visit := &chain.Step[string, string]{Name: "visit", Do: func(ctx context.Context, text string) (string, error) {
		if err := shelf.Add(ctx, llm.Document{ID: "roses", Text: "Roses: cut the stems, change the water daily."}); err != nil {
			return "", err
		}
		found, err := retrieval.Retrieve(ctx, shelf, text)
		if err != nil {
			return "", err
		}
		care, err := advice.Run(ctx, question{Text: text, Guide: found})
		if err != nil {
			return "", err
		}
		count, err := clerk.Run(ctx, "How many roses are there?")
		return care + " " + count, err
	}}
	answer, err := visit.Run(callback.WithHandlers(ctx, outline{w}), "How do I care for roses?")
	fmt.Fprintln(w, strings.TrimSpace(answer))
	return err
}
