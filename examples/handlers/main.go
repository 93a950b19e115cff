// Handlers shows both ways to write one: callback.Funcs, a function for each
// event under LangChain's names, and a type of one's own, whose state of a run
// lives in the run. A manager that calls every handler is not needed: the
// context carries them to whatever runs below.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/examples/internal/setup"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/prompt"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// An outline writes every run indented below its parent. Start returns the
// context of what runs below, so that a depth is all it has to remember.
type outline struct{ w io.Writer }

type depth struct{}

func (o outline) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	n, _ := ctx.Value(depth{}).(int)
	r := &outlined{w: o.w, indent: strings.Repeat("  ", n), info: info}
	fmt.Fprintf(o.w, "%s+ %s %s\n", r.indent, info.Kind, info.Name)
	return context.WithValue(ctx, depth{}, n+1), r
}

// An outlined is one run. That it has a method Token says that it wants tokens.
type outlined struct {
	w      io.Writer
	indent string
	info   *callback.Info
	tokens int
}

func (r *outlined) Token(c llm.Chunk) {
	if c.HasContent() {
		r.tokens++
	}
}

func (r *outlined) End(res *callback.Result) {
	fmt.Fprintf(r.w, "%s- %s %s: %d tokens seen, error: %v\n", r.indent, r.info.Kind, r.info.Name, r.tokens, res.Err)
}

func run(ctx context.Context, w io.Writer) error {
	api, err := setup.Connect(setup.Answer("Pink roses."))
	if err != nil {
		return err
	}
	defer api.Close()
	events := &callback.Funcs{ // what is nil is skipped
		OnText: func(_ context.Context, _ *callback.Info, e callback.Event) { fmt.Fprintf(w, "prompt: %s\n", e.Data) },
		OnLLMNewToken: func(_ context.Context, _ *callback.Info, c llm.Chunk) {
			fmt.Fprintf(w, "token: %q\n", c.Text) // the first and the last chunk have no text, as in LangChain
		},
	}
	florist := &chain.LLM[string]{
		Name:   "florist",
		Prompt: prompt.Must(prompt.New[string]("Which flowers suit a {occasion}?", prompt.Named("question"))),
		Model:  callopenai.New(api.Config, api.Options("gpt-4o-mini")),
	}
	_, err = llm.Collect(florist.Stream(callback.WithHandlers(ctx, outline{w}, events), "birthday"))
	return err
}
