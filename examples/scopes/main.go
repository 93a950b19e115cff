// Scopes shows the two places for handlers. Those in a component's field
// Handlers, LangChain's constructor callbacks, see every run of that component
// and nothing else. Those of the context, LangChain's request callbacks, see
// this request alone, with everything that it calls.
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
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/prompt"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// A witness says what it is told of.
type witness struct {
	name string
	w    io.Writer
}

func (h *witness) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	fmt.Fprintf(h.w, "  %s sees %s %s\n", h.name, info.Kind, info.Name)
	return ctx, nil // a nil Run is told no more
}

func run(ctx context.Context, w io.Writer) error {
	api, err := setup.Connect(setup.Answer("Pink roses."))
	if err != nil {
		return err
	}
	defer api.Close()

	ofChain, ofModel, ofRequest := &witness{"the chain's handler", w}, &witness{"the model's handler", w}, &witness{"the request's handler", w}
	florist := &chain.LLM[string]{
		Name:     "florist",
		Prompt:   prompt.Must(prompt.New[string]("Which flowers suit a {occasion}?", prompt.Named("question"))),
		Model:    callopenai.New(api.Config, api.Options("gpt-4o-mini", ofModel)),
		Handlers: []callback.Handler{ofChain},
	}
	fmt.Fprintln(w, "A request with no handler of its own:")
	if _, err := florist.Run(ctx, "birthday"); err != nil {
		return err
	}
	fmt.Fprintln(w, "A request with one:")
	mine := callback.WithHandlers(ctx, ofRequest)
	if _, err := florist.Run(mine, "wedding"); err != nil {
		return err
	}
	fmt.Fprintln(w, "The next request is none of its business:")
	if _, err := florist.Run(ctx, "farewell"); err != nil {
		return err
	}

	// When in doubt, ask. A handler that is in both places is told once.
	fmt.Fprintf(w, "\n%v\n", callback.Explain(mine, ofChain, ofRequest))
	return nil
}
