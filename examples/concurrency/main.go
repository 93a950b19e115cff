// Concurrency runs two tasks of 0.5 s and 1 s at the same time, as steps below
// one root, and calls back when both are done. The whole takes 1 s and not
// 1.5 s, and the trace shows the two spans overlapping: what runs in a goroutine
// belongs to the run whose context it was given.
//
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 go run ./examples/concurrency
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
	"github.com/callspan/callspan/examples/internal/setup"
)

func main() {
	ctx, shutdown := setup.Tracing(context.Background(), "concurrency")
	defer shutdown()
	if err := run(ctx, os.Stdout); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	begin := time.Now()
	lines := log.New(w, "", 0) // which tasks may write to at the same time
	say := func(format string, args ...any) {
		lines.Printf("%3.1fs  "+format, append([]any{time.Since(begin).Seconds()}, args...)...)
	}

	task := func(name string, work time.Duration) chain.Runner[string, string] {
		return &chain.Step[string, string]{Name: name, Do: func(ctx context.Context, who string) (string, error) {
			say("%s begins for %s", name, who)
			select {
			case <-time.After(work):
			case <-ctx.Done(): // another task has failed, or nobody waits any more
				return "", context.Cause(ctx)
			}
			say("%s is done", name)
			return name + " for " + who, nil
		}}
	}
	both := &chain.Parallel[string, string]{
		Name:  "bouquet and card",
		Steps: []chain.Runner[string, string]{task("bouquet", time.Second), task("card", time.Second/2)},
		Handlers: []callback.Handler{&callback.Funcs{
			OnChainEnd: func(_ context.Context, info *callback.Info, res *callback.Result) {
				say("%s: all done after %.1fs", info.Name, res.Ended.Sub(info.Started).Seconds())
			},
		}},
	}
	done, err := both.Run(ctx, "Mei")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d results, in the order of the steps: %q\n", len(done), done)
	return nil
}
