// Llmchain is the lesson's LLMChain: the prompt "1 + {number} = ", a model that
// completes texts, and a handler that writes the events to output.log in the
// current directory. Printing them besides is what verbose=True does there; here
// it is one more handler.
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
	if err := run(context.Background(), os.Stdout, "output.log", true); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, path string, verbose bool) error {
	api, err := setup.Connect(setup.Answer("3"))
	if err != nil {
		return err
	}
	defer api.Close()

	file, err := callback.NewFile(path, callback.FileOptions{Content: true}) // a line of JSON for each event
	if err != nil {
		return err
	}
	defer file.Close()
	ctx = callback.WithHandlers(ctx, file)
	if verbose {
		ctx = callback.WithHandlers(ctx, callback.Print(w))
	}

	// The variable's type is the chain's: a name that the type lacks is an error
	// here, and a text in place of a number does not compile.
	type sum struct{ Number int }
	adder := &chain.LLM[sum]{
		Name:   "adder",
		Prompt: prompt.Must(prompt.New[sum]("1 + {number} = ", prompt.Named("sum"))),
		Model:  callopenai.NewCompletion(api.Config, api.Options("gpt-3.5-turbo-instruct")),
	}
	answer, err := adder.Run(ctx, sum{Number: 2})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "answer: %s\n", answer)
	return file.Err()
}
