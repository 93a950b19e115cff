package callback_test

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// Count what is used below a context, as LangChain's get_openai_callback does;
// also across goroutines, and what each of them used.
func ExampleWithCount() {
	model := callback.Model(says{texts: []string{"Pink roses."}, usage: &llm.Usage{Input: 12, Output: 3}})
	ctx, all := callback.WithCount(context.Background())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			ctx, own := callback.WithCount(ctx)
			llm.Collect(model.Chat(ctx, question))
			_ = own.Total() // of this goroutine
		})
	}
	wg.Wait()
	total := all.Total()
	fmt.Println(total.Calls, "calls,", total.Usage.Total(), "tokens,", total.Cost.Human())
	// Output: 3 calls, 45 tokens, $0.0000108
}

// A handler of functions, under the names that LangChain gives its events.
func ExampleFuncs() {
	handler := &callback.Funcs{
		OnChatModelStart: func(_ context.Context, info *callback.Info) { fmt.Println("start", info.Model()) },
		OnLLMNewToken:    func(_ context.Context, _ *callback.Info, c llm.Chunk) { fmt.Printf("token %q\n", c.Text) },
		OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
			fmt.Println("end", res.Response.Choices[0].Finish)
		},
	}
	model := callback.Model(says{texts: []string{"Pink", " roses."}}, handler)
	llm.Collect(model.Chat(context.Background(), question))
	// Output:
	// start gpt-4o-mini
	// token "Pink"
	// token " roses."
	// token ""
	// end stop
}

// A handler that does slow work runs on a goroutine of its own.
func ExampleNewAsync() {
	notes := callback.NewAsync(&callback.Funcs{
		OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
			fmt.Println("noted:", res.Response.Text()) // as slow as it likes
		},
	}, callback.AsyncOptions{})
	model := callback.Model(says{texts: []string{"Pink roses."}}, notes)
	llm.Collect(model.Chat(context.Background(), question))
	notes.Close(context.Background()) // waits for what is left
	// Output: noted: Pink roses.
}

// Your own steps appear as runs too, and what runs inside them below them.
func ExampleDo() {
	ctx := callback.WithHandlers(context.Background(), &callback.Funcs{
		OnToolStart: func(_ context.Context, info *callback.Info) { fmt.Println("tool", info.Name, info.Input) },
		OnToolEnd:   func(_ context.Context, _ *callback.Info, res *callback.Result) { fmt.Println("gave", res.Output) },
	})
	info := &callback.Info{Kind: callback.KindTool, Name: "stock", Input: "pink roses"}
	n, err := callback.Do(ctx, info, nil, func(context.Context) (int, error) { return 24, nil })
	fmt.Println(n, err)
	// Output:
	// tool stock pink roses
	// gave 24
	// 24 <nil>
}

// Show what happens, for a person.
func ExamplePrint() {
	ctx := callback.WithHandlers(context.Background(), callback.Print(os.Stdout))
	_ = ctx // run the program
}
