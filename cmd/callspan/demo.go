package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

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
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const demoHelp = `usage: callspan demo [flags]

Streams a conversation of three turns in a flower shop and shows its trace, read
back from an OTLP receiver in this process. Without --live the model is a
stand-in on this machine that speaks OpenAI's API, and nothing leaves it. With
OTEL_EXPORTER_OTLP_ENDPOINT set the trace is exported there as well.

Examples:

  callspan demo
  callspan demo --lang zh --speed 0
  callspan demo --otlp-file trace.jsonl --capture-content
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 callspan demo
  OPENAI_API_KEY=sk-... callspan demo --live --model gpt-5-mini

Flags:
`

// demoTurns is how much of the dialogue the demo plays: the lesson's three turns.
const demoTurns = 3

type demoOptions struct {
	lang, model, format, otlpFile string
	live, content                 bool
	speed                         float64
}

func demo(args []string, p process) int {
	var o demoOptions
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.StringVar(&o.lang, "lang", localeLanguage(p.env), "language of the conversation, `zh|en`")
	fs.BoolVar(&o.live, "live", false, "talk to the API at OPENAI_BASE_URL (default OpenAI's) with OPENAI_API_KEY")
	fs.StringVar(&o.model, "model", "gpt-4o-mini", "`name` of the model")
	fs.StringVar(&o.format, "format", "text", "how to print, `text|json`")
	fs.StringVar(&o.otlpFile, "otlp-file", "", "write everything exported to this `file`, as OTLP JSON lines")
	fs.BoolVar(&o.content, "capture-content", false, "put what is said into the spans")
	fs.Float64Var(&o.speed, "speed", 40, "tokens per `second` of the stand-in, 0 = no waiting")
	if code, done := flags(fs, args, p, demoHelp); done {
		return code
	}
	if err := o.check(p.env); err != nil {
		fmt.Fprintf(p.stderr, "callspan demo: %v\nusage: callspan demo [flags], see callspan demo -h\n", err)
		return exitUsage
	}
	code, err := o.play(p)
	if err != nil {
		fmt.Fprintf(p.stderr, "callspan demo: %s\n", visible.Line(err.Error()))
	}
	return code
}

func (o *demoOptions) check(env func(string) string) error {
	switch {
	case languages[o.lang] == nil:
		return fmt.Errorf("--lang %q: use zh or en", o.lang)
	case o.format != "text" && o.format != "json":
		return fmt.Errorf("--format %q: use text or json", o.format)
	case !(o.speed >= 0 && o.speed <= 1e6):
		return fmt.Errorf("--speed %v: use 0 (no waiting) to 1000000 tokens per second", o.speed)
	case o.model == "":
		return errors.New("--model is empty")
	case o.live && env("OPENAI_API_KEY") == "":
		return errors.New("--live needs the environment variable OPENAI_API_KEY")
	}
	return nil
}

// play runs the demo: receiver, tracing, model, conversation, trace. What fails
// in the conversation is shown in the trace too.
func (o *demoOptions) play(p process) (code int, err error) {
	ctx, stop := p.interrupts(context.Background())
	defer stop()

	inbox, err := receive(o.otlpFile, true)
	if err != nil {
		return exitFailed, err
	}
	defer inbox.close()

	opts := []tracing.Option{
		tracing.WithEndpoint("http://" + inbox.sink.Endpoint()),
		tracing.WithServiceName("flower-shop"),
		tracing.WithSampler(sdktrace.AlwaysSample()), // to be shown is what it is for
		tracing.WithErrorHandler(func(err error) { fmt.Fprintf(p.stderr, "callspan: %s\n", visible.Line(err.Error())) }),
	}
	if o.content {
		opts = append(opts, tracing.WithContent(tracing.ContentBoth))
	}
	extra := p.env("OTEL_EXPORTER_OTLP_ENDPOINT")
	if p.env("OTEL_TRACES_EXPORTER") == "none" {
		extra = ""
	}
	if extra != "" {
		opts = append(opts, tracing.WithEndpoint(""))
	}
	tracer, shutdown, err := tracing.Setup(ctx, opts...)
	if err != nil {
		return exitFailed, err
	}

	said, talkErr := o.talk(ctx, p, tracer)
	interrupted := ctx.Err() != nil
	stop() // a second Ctrl-C ends the program at once

	// Nothing that was exported to the receiver in this process may be lost; one
	// elsewhere that does not answer must not hold the demo up.
	down, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := shutdown(down); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(p.stderr, "callspan: %s\n", visible.Line(strings.TrimSuffix(line, "\n")))
		}
		extra = ""
	}
	if err := inbox.close(); err != nil {
		return exitFailed, err
	}
	if err := o.report(p, said, trees(inbox.sink.Data().Traces), extra); err != nil {
		return exitFailed, fmt.Errorf("print the trace: %w", err)
	}
	switch {
	case interrupted:
		return exitInterrupted, errors.New(languages[o.lang].interrupted)
	case talkErr != nil:
		return exitFailed, talkErr
	}
	return exitOK, nil
}

// talk holds the conversation and prints it as it goes.
func (o *demoOptions) talk(ctx context.Context, p process, tracer *tracing.Tracer) (said []saidTurn, err error) {
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
	if o.live {
		fmt.Fprintf(out, t.introLive+"\n", o.model, visible.URL(cfg.BaseURL))
	} else {
		fmt.Fprintf(out, t.intro+"\n", o.model)
	}
	speaker := func(name string) string {
		return s.paint(bold, cells.FillRight(name, max(cells.StringWidth(t.you), cells.StringWidth(t.shop))))
	}
	ctx = callback.WithHandlers(ctx, tracer)
	ctx = callback.WithSession(ctx, "flower-shop-demo")
	visit := chain.Step[[]dialogue.Turn, int]{Name: "flower-shop", Do: func(ctx context.Context, turns []dialogue.Turn) (int, error) {
		for i, turn := range turns {
			fmt.Fprintf(out, "\n%s  %s\n%s  ", speaker(t.you), turn.User, speaker(t.shop))
			var answer llm.Accumulator
			for chunk, err := range talk.Stream(ctx, turn.User) {
				if err != nil {
					fmt.Fprintln(out)
					return i, err
				}
				answer.Add(&chunk)
				fmt.Fprint(out, visible.Text(chunk.Text))
			}
			fmt.Fprintln(out)
			said = append(said, saidTurn{turn.User, answer.Response().Text()})
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
		cfg := openai.DefaultConfig(env("OPENAI_API_KEY"))
		if base := env("OPENAI_BASE_URL"); base != "" {
			cfg.BaseURL = strings.TrimRight(base, "/")
		}
		return cfg, opts, func() {}, nil
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

// saidTurn is a turn as it went.
type saidTurn struct {
	User  string `json:"user"`
	Reply string `json:"reply"`
}

// report prints the trace.
func (o *demoOptions) report(p process, said []saidTurn, roots []*span, extra string) error {
	if o.format == "json" {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(struct {
			Conversation []saidTurn `json:"conversation"`
			Traces       []*span    `json:"traces"`
		}{said, roots})
	}
	t := languages[o.lang]
	s := newScreen(p.stdout, p.env)
	for _, root := range roots {
		fmt.Fprintf(p.stdout, "\n%s\n\n", s.paint(bold, fmt.Sprintf(t.trace, root.TraceID, root.count(), short(root.Duration))))
		s.draw(root, t)
	}
	fmt.Fprintln(p.stdout)
	hint := func(line string) { fmt.Fprintln(p.stdout, s.paint(faint, line)) }
	if tokens, events := tokensIn(roots); tokens > 0 {
		hint(fmt.Sprintf(t.events, tokens, events))
	}
	if o.otlpFile != "" {
		hint(fmt.Sprintf(t.wrote, o.otlpFile))
	}
	if extra != "" {
		hint(fmt.Sprintf(t.exportedExtra, visible.URL(extra)))
	} else if p.env("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		hint(t.goJaeger)
	}
	if !o.live {
		hint(t.goLive)
	}
	return nil
}
