// Conversation is the lesson's ConversationChain with a buffer memory: three
// turns in a flower shop, of which the third can only be answered from memory.
// The memory is printed after each turn, and the prompt's template at the end.
//
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 go run ./examples/conversation
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/examples/internal/setup"
	"github.com/callspan/callspan/internal/dialogue"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/memory"
)

func main() {
	ctx, shutdown := setup.Tracing(context.Background(), "conversation")
	defer shutdown()
	if err := run(ctx, os.Stdout); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	turns, err := dialogue.FlowerShop("zh", 3)
	if err != nil {
		return err
	}
	api, err := setup.Connect(setup.Dialogue(turns))
	if err != nil {
		return err
	}
	defer api.Close()

	history := &memory.Buffer{}
	talk := &chain.Conversation{
		Model:  callopenai.New(api.Config, api.Options("gpt-4o-mini")),
		Memory: history,
		System: "你是花店的店员，友好而具体。不知道的事，就说不知道。",
	}
	ctx = callback.WithSession(ctx, "flower-shop") // all turns are found under it
	for i, turn := range turns {
		answer, err := talk.Run(ctx, turn.User)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "第 %d 轮\n问: %s\n答: %s\n", i+1, turn.User, answer)
		fmt.Fprintf(w, "此后的记忆:\n%s\n\n", history)
	}
	fmt.Fprintf(w, "提示模板:\n%s\n", talk.Template())
	return nil
}
