package callback_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
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

// Show what happens, for a person. On a terminal this is nested and coloured,
// and answers appear while they stream.
func ExamplePrint() {
	ctx := callback.WithHandlers(context.Background(), callback.Print(withoutIDs{}))
	chain(ctx, "shop", func(ctx context.Context) error {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "1 + 2 = ?"})
		return nil
	})
	// Output:
	// > Entering new shop chain...
	// text: 1 + 2 = ?
	// > Finished chain.
}

// withoutIDs leaves out the run's id, which is another one each time.
type withoutIDs struct{}

func (withoutIDs) Write(line []byte) (int, error) {
	os.Stdout.Write(line[9:])
	return len(line), nil
}

// Keep a file of what happens, one line for each event.
func ExampleNewFile() {
	dir, _ := os.MkdirTemp("", "callback")
	defer os.RemoveAll(dir)
	file, err := callback.NewFile(filepath.Join(dir, "runs.jsonl"), callback.FileOptions{Content: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	model := callback.Model(says{texts: []string{"Pink roses."}}, file)
	llm.Collect(model.Chat(context.Background(), question))
	fmt.Println(file.Close()) // what could not be written
	// Output: <nil>
}

// Log goes where the program's log goes, without content.
func ExampleLog() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "time", "run_id", "duration", "first_token": // another one each time
			return slog.Attr{}
		}
		return a
	}}))
	model := callback.Model(says{texts: []string{"Pink", " roses."}, usage: &llm.Usage{Input: 12, Output: 3}}, callback.Log(log))
	llm.Collect(model.Chat(callback.WithSession(context.Background(), "s-1"), question))
	// Output: level=INFO msg="llm end" name=gpt-4o-mini session=s-1 provider=openai model=gpt-4o-mini chunks=2 finish_reasons=[stop] input_tokens=12 output_tokens=3 usage=reported cost_usd=0.0000036
}

// What get_openai_callback prints.
func ExampleCount_String() {
	ctx, count := callback.WithCount(context.Background())
	model := callback.Model(says{texts: []string{"Pink roses."}, usage: &llm.Usage{Input: 12, Output: 3}})
	llm.Collect(model.Chat(ctx, question))
	fmt.Println(count)
	// Output:
	// Tokens Used: 15
	// 	Prompt Tokens: 12
	// 		Prompt Tokens Cached: 0
	// 	Completion Tokens: 3
	// 		Reasoning Tokens: 0
	// Successful Requests: 1
	// Failed Requests: 0
	// Total Cost (USD): $0.0000036
}

// A model of one's own may be a function. It is announced without a provider, so
// that its calls have no price, unless it is a type with a method Endpoint.
func ExampleModel() {
	echo := llm.ModelFunc(func(_ context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			last := req.Messages[len(req.Messages)-1]
			if yield(llm.Chunk{Text: last.Text()}, nil) {
				yield(llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: 3, Output: 3}}, nil)
			}
		}
	})
	ctx, count := callback.WithCount(context.Background())
	answer, err := llm.Collect(callback.Model(echo).Chat(ctx, question))
	fmt.Println(answer.Text(), err)
	fmt.Println(count.Total())
	// Output:
	// roses? <nil>
	// 1 call, 3 tokens in, 3 out, $0, 1 without a known price
}

// What happens inside a run is told to whoever listens to it.
func ExampleEmit() {
	ctx := callback.WithHandlers(context.Background(), &callback.Funcs{
		OnCustomEvent: func(_ context.Context, info *callback.Info, e callback.Event) {
			fmt.Println(info.Name, "says", e.Name, e.Data)
		},
	})
	chain(ctx, "order", func(ctx context.Context) error {
		callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "stems", Data: 12})
		return nil
	})
	// Output: order says stems 12
}

// Tags, metadata and a session are inherited by all runs of a context, and by
// no other.
func ExampleWithTags() {
	ctx := callback.WithHandlers(context.Background(), &callback.Funcs{
		OnChainStart: func(_ context.Context, info *callback.Info) {
			fmt.Println(info.Name, info.Tags, info.Metadata["shop"], info.Session)
		},
	})
	within := callback.WithTags(ctx, "prod")
	within = callback.WithMetadata(within, map[string]any{"shop": 7})
	within = callback.WithSession(within, "s-1")
	chain(within, "order", func(ctx context.Context) error {
		return chain(callback.WithTags(ctx, "gift"), "card", func(context.Context) error { return nil })
	})
	chain(ctx, "close", func(context.Context) error { return nil })
	// Output:
	// order [prod] 7 s-1
	// card [prod gift] 7 s-1
	// close [] <nil>
}
