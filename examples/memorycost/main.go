// Memorycost is the lesson's chart, measured instead of estimated: what each
// kind of memory costs over 30 turns in a flower shop, in tokens and money. The
// figures are those of the library's own counters, and hold the calls that
// summaries take.
package main

import (
	"context"
	"io"
	"log"
	"os"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/examples/internal/setup"
	"github.com/callspan/callspan/internal/dialogue"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/token"
	"github.com/callspan/callspan/memory"
)

func main() {
	ctx, shutdown := setup.Tracing(context.Background(), "memorycost")
	defer shutdown()
	if err := run(ctx, os.Stdout, 30); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, w io.Writer, n int) error {
	turns, err := dialogue.FlowerShop("zh", n)
	if err != nil {
		return err
	}
	api, err := setup.Connect(shop(turns))
	if err != nil {
		return err
	}
	defer api.Close()

	model := callopenai.New(api.Config, api.Options("gpt-4o-mini"))
	count := token.Meter{Model: "gpt-4o-mini"}.Count
	var rows []row
	for _, kind := range []struct {
		name string
		m    memory.Memory
	}{
		{"缓冲 Buffer", &memory.Buffer{}},
		{"窗口 Window", &memory.Window{Turns: 5}},
		{"定长窗口 TokenWindow", &memory.TokenWindow{MaxTokens: 400, Count: count}},
		{"摘要 Summary", &memory.Summary{Model: model, MaxTokens: 200, Count: count}},
		{"摘要缓冲 SummaryBuffer", &memory.SummaryBuffer{Model: model, MaxTokens: 400, SummaryTokens: 200, Count: count}},
	} {
		r := row{name: kind.name}
		talk := &chain.Conversation{Name: kind.name, Model: model, Memory: kind.m, System: "你是花店的店员，回答简短而具体。"}
		all, total := callback.WithCount(ctx)
		for _, turn := range turns {
			one, cost := callback.WithCount(all) // the turn's answer, and the summary if there is one
			if _, err := talk.Run(one, turn.User); err != nil {
				return err
			}
			r.turns = append(r.turns, cost.Total())
		}
		r.total = total.Total()
		rows = append(rows, r)
	}
	return chart(w, rows)
}
