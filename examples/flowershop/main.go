// Flowershop is the lesson's flower shop: a synchronous handler prints each
// token, an asynchronous one does slow work at the start and the end of each
// model call without delaying the stream, and a conversation remembers three
// turns. It talks to a stand-in on this machine; with OPENAI_API_KEY set it
// talks to OpenAI.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/memory"
)

func main() {
	if err := run(context.Background(), os.Stdout, "en", 500*time.Millisecond); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, lang string, slow time.Duration) error {
	turns, err := dialogue.FlowerShop(lang, 3)
	if err != nil {
		return err
	}
	config, options, stop, err := connect(turns)
	if err != nil {
		return err
	}
	defer stop()

	// Handlers of the model: they see its calls and nothing else.
	tokens := &callback.Funcs{OnLLMNewToken: func(_ context.Context, _ *callback.Info, c llm.Chunk) {
		fmt.Fprint(w, c.Text)
	}}
	notes := make(chan string, 2*len(turns))
	work := callback.NewAsync(&callback.Funcs{
		OnChatModelStart: func(context.Context, *callback.Info) {
			time.Sleep(slow)
			notes <- "flower data fetched"
		},
		OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
			time.Sleep(slow)
			notes <- fmt.Sprintf("order noted, %d tokens", res.Usage.Total())
		},
	}, callback.AsyncOptions{})
	options.Handlers = []callback.Handler{tokens, work}

	history := &memory.Buffer{}
	talk := &chain.Conversation{Model: callopenai.New(config, options), Memory: history, Request: llm.Request{MaxTokens: 100}}
	fmt.Fprintf(w, "The prompt is:\n%s\n", talk.Template())
	ctx, count := callback.WithCount(ctx)
	for i, turn := range turns {
		fmt.Fprintf(w, "\nTurn %d: %s\n", i+1, turn.User)
		if _, err := llm.Collect(talk.Stream(ctx, turn.User)); err != nil {
			return err
		}
		n, _ := history.Size()
		fmt.Fprintf(w, "\nMemory now holds %d messages.\n", n)
	}
	fmt.Fprintf(w, "\nWhat the shop remembers:\n%s\n\n", history)
	if err := work.Close(ctx); err != nil { // waits for the slow handler
		return err
	}
	for range cap(notes) {
		fmt.Fprintln(w, <-notes)
	}
	total := count.Total()
	fmt.Fprintf(w, "%d calls, %d tokens, %s\n", total.Calls, total.Usage.Total(), total.Cost.Human())
	return nil
}
