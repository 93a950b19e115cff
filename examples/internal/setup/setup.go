// Package setup is what the examples share, so that each shows its own story
// alone: a model API to talk to, and tracing for those who want to look.
//
// With OPENAI_API_KEY set, examples talk to the API at OPENAI_BASE_URL, which is
// OpenAI's by default. Without a key they talk to a stand-in on this machine,
// and nothing leaves it.
package setup

import (
	"context"
	"errors"
	"log"
	"os"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/internal/standin"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/token"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
)

// An API is where an example's calls go.
type API struct {
	Config openai.ClientConfig // how to reach it
	server *standin.Server     // nil if it is a real one
}

// Connect returns the real API if there is a key, else a stand-in that answers
// as reply says. The caller closes it.
func Connect(reply func(*standin.Request) standin.Reply) (*API, error) {
	if key := os.Getenv("OPENAI_API_KEY"); key != "" {
		api := &API{Config: openai.DefaultConfig(key)}
		if base := os.Getenv("OPENAI_BASE_URL"); base != "" {
			api.Config.BaseURL = base
		}
		return api, nil
	}
	fake := &standin.API{Split: split, Reply: func(_ context.Context, r *standin.Request) (standin.Reply, error) {
		if reply == nil {
			return standin.Reply{}, errors.New("this example asks no chat model")
		}
		return reply(r), nil
	}}
	server, err := fake.Start()
	if err != nil {
		return nil, err
	}
	api := &API{Config: openai.DefaultConfig("stand-in"), server: server}
	api.Config.BaseURL = server.URL
	return api, nil
}

// Options are those of the named model, with handlers of its own.
func (a *API) Options(model string, handlers ...callback.Handler) callopenai.Options {
	o := callopenai.Options{Model: model, Handlers: handlers}
	if a.server != nil {
		o.Provider = "openai" // whose prices the stand-in is billed at
	}
	return o
}

// Live reports whether it is a real one.
func (a *API) Live() bool { return a.server == nil }

// Close stops a stand-in.
func (a *API) Close() {
	if a.server != nil {
		a.server.Close()
	}
}

// Answer returns what a stand-in replies that knows one answer.
func Answer(text string) func(*standin.Request) standin.Reply {
	return func(*standin.Request) standin.Reply { return standin.Text(text) }
}

// Dialogue returns what a stand-in replies that knows these turns by heart.
func Dialogue(turns []dialogue.Turn) func(*standin.Request) standin.Reply {
	return func(r *standin.Request) standin.Reply {
		for _, t := range turns {
			if t.User == r.LastUser() {
				return standin.Text(t.Reply)
			}
		}
		return standin.Text("?")
	}
}

// split cuts a text as the model's tokenizer does, so that figures are those of
// the real model.
func split(model, text string) (out []string) {
	e, err := token.ForModel(model)
	if err != nil {
		return []string{text}
	}
	for n := range e.Lengths(text) {
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

// Tracing returns a context whose runs are exported as spans if
// OTEL_EXPORTER_OTLP_ENDPOINT is set, and a function that sends what is left.
func Tracing(ctx context.Context, service string) (context.Context, func()) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		return ctx, func() {}
	}
	tracer, shutdown, err := tracing.Setup(ctx, tracing.WithServiceName(service))
	if err != nil {
		log.Printf("the example runs without tracing: %v", err)
		return ctx, func() {}
	}
	return callback.WithHandlers(ctx, tracer), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := shutdown(ctx); err != nil {
			log.Print(err)
		}
	}
}
