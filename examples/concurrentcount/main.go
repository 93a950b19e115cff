// Concurrentcount asks the same question three times at once under one counter,
// as the lesson does with asyncio.gather. The sum is exact, and each goroutine
// has a count of its own too.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/examples/internal/setup"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	api, err := setup.Connect(setup.Answer("玫瑰、康乃馨和向日葵都适合生日。"))
	if err != nil {
		return err
	}
	defer api.Close()
	model := callopenai.New(api.Config, api.Options("gpt-4o-mini"))

	ctx, count := callback.WithCount(ctx)
	var each [3]callback.Total
	var errs [3]error
	var wg sync.WaitGroup
	for i := range each {
		wg.Go(func() {
			mine, own := callback.WithCount(ctx) // a part of the count around it
			request := &llm.Request{Messages: []llm.Message{llm.User("哪种花最适合生日？")}}
			_, errs[i] = llm.Collect(model.Chat(mine, request))
			each[i] = own.Total()
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for i, total := range each {
		fmt.Fprintf(w, "第 %d 个协程: %v\n", i+1, total)
	}
	fmt.Fprintf(w, "三个协程合计: %v\n", count.Total())
	return nil
}
