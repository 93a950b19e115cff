// Flowershop is the lesson's program with handlers of one's own: a synchronous
// one prints each new token of a streamed answer, an asynchronous one does half
// a second of work when the model starts and when it ends, without delaying the
// stream. It talks to a stand-in on this machine; with OPENAI_API_KEY set it
// talks to OpenAI.
//
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 go run ./examples/flowershop
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/examples/internal/setup"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

const question = "哪种花最适合生日？只简单说三种，不超过五十字。"

func main() {
	ctx, shutdown := setup.Tracing(context.Background(), "flowershop")
	defer shutdown()
	// What fetching the shop's data would take.
	if err := run(ctx, os.Stdout, func() { time.Sleep(500 * time.Millisecond) }); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, w io.Writer, work func()) error {
	api, err := setup.Connect(setup.Answer("生日送花推荐：玫瑰表达爱意，百合象征祝福，向日葵寓意阳光与活力。"))
	if err != nil {
		return err
	}
	defer api.Close()
	out := log.New(w, "", 0) // lines of two goroutines stay whole

	// Synchronous: called before the program gets the token.
	tokens := &callback.Funcs{OnLLMNewToken: func(_ context.Context, _ *callback.Info, c llm.Chunk) {
		if c.Text != "" {
			out.Printf("正在获取鲜花数据: token: %s", c.Text)
		}
	}}
	// Asynchronous: on a goroutine of its own, in the order of the events.
	data := callback.NewAsync(&callback.Funcs{
		OnChatModelStart: func(context.Context, *callback.Info) {
			work()
			out.Print("已取到花店的库存数据")
		},
		OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
			work()
			out.Printf("已记录这次咨询: %d 个 token, %s", res.Usage.Total(), res.Cost.Human())
		},
	}, callback.AsyncOptions{})

	model := callopenai.New(api.Config, api.Options("gpt-4o-mini", tokens, data))
	request := &llm.Request{Messages: []llm.Message{llm.User(question)}, MaxTokens: 100, Stream: true}
	answer, err := llm.Collect(model.Chat(ctx, request))
	if err != nil {
		return err
	}
	out.Print("回答完毕: " + answer.Text())
	if err := data.Close(ctx); err != nil { // waits for the work to be done
		return fmt.Errorf("wait for the shop's data: %w", err)
	}
	return nil
}
