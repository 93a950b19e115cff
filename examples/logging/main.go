// Logging shows every event on the console, and writes it to output.log in the
// current directory at the same time: callback.Print is for people at a
// terminal, callback.File keeps everything, callback.Log gives what a service
// logs to slog, here to both places.
package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/examples/internal/setup"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/prompt"
)

func main() {
	if err := run(context.Background(), os.Stdout, "output.log"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, path string) (err error) {
	api, err := setup.Connect(setup.Answer("Pink roses."))
	if err != nil {
		return err
	}
	defer api.Close()

	// Prompts and answers are private: a File holds them only if told to.
	file, err := callback.NewFile(path, callback.FileOptions{Format: callback.FileText, Content: true, Tokens: true})
	if err != nil {
		return err
	}
	defer file.Close()

	// Lines of the log go to the console and to the same file. Both append, and
	// each line is one write, so they do not run into each other.
	out, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(w, nil), slog.NewTextHandler(out, nil)))

	florist := &chain.LLM[string]{
		Name:   "florist",
		Prompt: prompt.Must(prompt.New[string]("Which flowers suit a {occasion}?", prompt.Named("question"))),
		Model:  callopenai.New(api.Config, api.Options("gpt-4o-mini")),
	}
	ctx = callback.WithHandlers(ctx, callback.Print(w), file, callback.Log(logger))
	if _, err := florist.Run(ctx, "birthday"); err != nil {
		return err
	}
	return file.Err() // what could not be written never reached the florist
}
