// Counting is the lesson's get_openai_callback: a scope that counts all tokens
// used inside it, here those of three turns with text-davinci-003. OpenAI has
// retired that model; with OPENAI_API_KEY set its successor answers.
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
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
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

	model := "text-davinci-003"
	if api.Live() {
		model = "gpt-3.5-turbo-instruct"
	}
	talk := &chain.Conversation{ // with a memory that keeps everything
		Model: callopenai.NewCompletion(api.Config, api.Options(model)),
		// A text completion does not know where its line ends.
		Request: llm.Request{MaxTokens: 256, Stop: []string{"\nHuman:"}},
	}

	all, total := callback.WithCount(ctx)
	for i, turn := range turns {
		one, count := callback.WithCount(all) // counters nest: both count this turn
		if _, err := talk.Run(one, turn.User); err != nil {
			return err
		}
		fmt.Fprintf(w, "第 %d 轮: %v\n", i+1, count.Total())
	}
	fmt.Fprintf(w, "\n总计使用的 token 数: %d\n\n%v\n", total.Total().Usage.Total(), total)
	return nil
}
