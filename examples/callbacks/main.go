// Callbacks is the lesson's first program: a function takes another one and
// calls it with its result. Then the same as a step that tells its handlers,
// which are functions too, but need not be arguments of everything in between.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// compute adds x and y and calls back with the result.
func compute(x, y int, done func(result int)) { done(x + y) }

func run(ctx context.Context, w io.Writer) error {
	compute(3, 4, func(result int) { fmt.Fprintf(w, "The result is: %d\n", result) })
	compute(3, 4, func(result int) { fmt.Fprintf(w, "The result squared is: %d\n", result*result) })

	// The same with a handler: the step knows nothing of who listens, and the
	// handler is told of the error too, if there is one.
	type pair struct{ x, y int }
	add := &chain.Step[pair, int]{
		Name: "add",
		Do:   func(_ context.Context, p pair) (int, error) { return p.x + p.y, nil },
		Handlers: []callback.Handler{&callback.Funcs{
			OnChainStart: func(_ context.Context, info *callback.Info) {
				fmt.Fprintf(w, "%s starts with %v\n", info.Name, info.Input)
			},
			OnChainEnd: func(_ context.Context, info *callback.Info, res *callback.Result) {
				fmt.Fprintf(w, "The result of %s is: %v\n", info.Name, res.Output)
			},
		}},
	}
	square := &chain.Step[int, int]{
		Name: "square",
		Do:   func(_ context.Context, n int) (int, error) { return n * n, nil },
		Handlers: []callback.Handler{&callback.Funcs{
			OnChainEnd: func(_ context.Context, info *callback.Info, res *callback.Result) {
				fmt.Fprintf(w, "The result of %s is: %v\n", info.Name, res.Output)
			},
		}},
	}
	_, err := chain.Pipe("add and square", add, square).Run(ctx, pair{3, 4})
	return err
}
