package main

import (
	"context"
	"fmt"
	"io"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/internal/visible"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/token"
	"github.com/callspan/callspan/memory"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
)

// talk holds the conversation and prints it as it goes.
func (o *demoOptions) talk(ctx context.Context, p process, tracer *tracing.Tracer, note *notices) (said []saidTurn, err error) {
	said = []saidTurn{}
	t := languages[o.lang]
	turns, err := dialogue.FlowerShop(o.lang, demoTurns)
	if err != nil {
		return said, err
	}
	cfg, opts, closeAPI, err := o.api(p.env, turns)
	if err != nil {
		return said, err
	}
	defer closeAPI()
	meter := token.Meter{Model: o.model}
	talk := &chain.Conversation{
		Name:   "conversation",
		Model:  callopenai.New(cfg, opts),
		Memory: &memory.Buffer{Count: meter.Count},
		System: t.system,
	}

	out := io.Discard
	s := newScreen(p.stdout, p.env)
	if o.format == "text" {
		out = p.stdout
	}
	intro := fmt.Sprintf(t.intro, visible.Line(o.model))
	if o.live {
		intro = fmt.Sprintf(t.introLive, visible.Line(o.model), visible.URL(cfg.BaseURL))
	}
	screen{w: out, width: s.width}.say("", intro)
	speak := func(name string) *speech {
		return s.speak(out, cells.FillRight(name, max(cells.StringWidth(t.you), cells.StringWidth(t.shop))))
	}
	// answer asks the shop and prints what it says as it comes.
	answer := func(ctx context.Context, question string) (string, error) {
		note.hold()
		defer note.release()
		defer fmt.Fprintln(out)
		fmt.Fprintln(out)
		speak(t.you).say(question)
		fmt.Fprintln(out)
		reply := speak(t.shop)
		var whole llm.Accumulator
		for chunk, err := range talk.Stream(ctx, question) {
			if err != nil {
				return "", err
			}
			whole.Add(&chunk)
			reply.say(visible.Text(chunk.Text))
		}
		return whole.Response().Text(), nil
	}
	ctx = callback.WithHandlers(ctx, tracer)
	ctx = callback.WithSession(ctx, "flower-shop-demo")
	visit := chain.Step[[]dialogue.Turn, int]{Name: "flower-shop", Do: func(ctx context.Context, turns []dialogue.Turn) (int, error) {
		for i, turn := range turns {
			reply, err := answer(ctx, turn.User)
			if err != nil {
				return i, err
			}
			said = append(said, saidTurn{turn.User, reply})
		}
		return len(turns), nil
	}}
	_, err = visit.Run(ctx, turns)
	return said, err
}

// api returns how to reach the model: the real one, or a stand-in that is
// started here.
func (o *demoOptions) api(env func(string) string, turns []dialogue.Turn) (openai.ClientConfig, callopenai.Options, func(), error) {
	opts := callopenai.Options{Model: o.model}
	if o.live {
		return liveConfig(env), opts, func() {}, nil
	}
	server, err := florist(o.model, o.speed, turns)
	if err != nil {
		return openai.ClientConfig{}, opts, nil, err
	}
	cfg := openai.DefaultConfig("stand-in")
	cfg.BaseURL = server.URL
	opts.Provider = "openai" // the stand-in speaks OpenAI's API, and is priced like it
	return cfg, opts, func() { server.Close() }, nil
}
