package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/callspan/callspan/internal/visible"
	"github.com/callspan/callspan/tracing"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const demoHelp = `usage: callspan demo [flags]

Streams a conversation of three turns in a flower shop and shows its trace, read
back from an OTLP receiver in this process. Without --live the model is a
stand-in on this machine that speaks OpenAI's API, and nothing leaves it. With
OTEL_EXPORTER_OTLP_ENDPOINT, or that of a signal such as
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, what is traced is exported there as well.

Ctrl-C ends the conversation, or the waiting for a receiver; the trace is shown.

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

// drainLimit bounds how long the demo waits at its end, for a receiver elsewhere
// and for whoever reads its file.
const drainLimit = 5 * time.Second

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
	fs.Float64Var(&o.speed, "speed", 40, "`tokens` per second of the stand-in, 0 = no waiting")
	if code, done := flags(fs, args, p, demoHelp); done {
		return code
	}
	if err := o.check(p.env); err != nil {
		fmt.Fprintf(p.stderr, "callspan demo: %v\nusage: callspan demo [flags], see callspan demo -h\n", err)
		return exitUsage
	}
	code, errs := o.play(p)
	for _, err := range errs {
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
	case o.speed != 0 && !perSecond(o.speed):
		return fmt.Errorf("--speed %v: use 0 (no waiting), or 0.001 to 1000000 tokens per second", o.speed)
	case o.model == "":
		return errors.New("--model is empty")
	case o.otlpFile != "" && sdkDisabled(env):
		return errNothingExported
	case o.live:
		return checkAPI(env)
	}
	return nil
}

// perSecond reports whether so many a second can be timed.
func perSecond(rate float64) bool { return rate >= 1e-3 && rate <= 1e6 }

// play runs the demo: receiver, tracing, model, conversation, trace. What fails
// in the conversation is shown in the trace too.
func (o *demoOptions) play(p process) (code int, errs []error) {
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	others := receiversIn(p.env)
	if err := others.check(); err != nil {
		return exitFailed, []error{err}
	}
	inbox, err := receive(ctx, o.otlpFile, true)
	if err != nil && ctx.Err() != nil {
		return exitInterruptedBy(ctx), []error{err}
	}
	if err != nil {
		return exitFailed, []error{err}
	}
	defer inbox.close()
	note := &notices{w: p.stderr, here: inbox.sink.Endpoint()}
	tracer, shutdown, err := tracing.Setup(ctx, o.tracing(inbox, others, note)...)
	if err != nil {
		return exitFailed, []error{err}
	}

	said, talkErr := o.talk(ctx, p, tracer, note)

	// The first Ctrl-C ends the conversation or, after it, the waiting: the trace
	// that is here is shown. The next one ends the program at once.
	interrupted := ctx.Err() != nil
	waiting, enough := context.WithCancel(context.Background())
	defer enough()
	if interrupted {
		stop()
	} else {
		defer context.AfterFunc(ctx, func() {
			stop()
			inbox.waitRoot(waiting)
			enough()
		})()
	}
	out := &outcome{said: said, asked: others.any(), also: others}
	if sdkDisabled(p.env) {
		out.disabled, out.also = true, receivers{}
	}
	down, cancel := context.WithTimeout(waiting, drainLimit)
	defer cancel()
	lost := shutdown(down)
	out.roots = trees(inbox.sink.Data().Traces)
	note.undelivered(lost, out)
	fileErr := inbox.closeWithin(waiting)
	interrupted = interrupted || ctx.Err() != nil
	if fileErr == nil {
		out.wrote = o.otlpFile
	}
	code = exitOK
	for _, err := range []error{o.report(p, out), fileErr, talkErr} {
		if err != nil && !(interrupted && err == talkErr) {
			code, errs = exitFailed, append(errs, err)
		}
	}
	if interrupted {
		code, errs = exitInterruptedBy(ctx), append(errs, errors.New(languages[o.lang].interrupted))
	}
	return code, errs
}

// tracing returns how to trace: to the inbox, and to the receivers of the
// environment if it names any.
func (o *demoOptions) tracing(inbox *inbox, others receivers, note *notices) []tracing.Option {
	opts := []tracing.Option{
		tracing.WithEndpoint("http://" + inbox.sink.Endpoint()),
		tracing.WithServiceName("flower-shop"),
		tracing.WithSampler(sdktrace.AlwaysSample()), // to be shown is what it is for
		tracing.WithErrorHandler(note.report),
	}
	if o.content {
		opts = append(opts, tracing.WithContent(tracing.ContentBoth))
	}
	if others.any() {
		opts = append(opts, tracing.WithEndpoint(""))
	}
	return opts
}

// undelivered says what shutdown says was not delivered, and notes it in out.
func (n *notices) undelivered(err error, out *outcome) {
	for _, err := range joined(err) {
		var u *tracing.UndeliveredError
		switch {
		case errors.As(err, &u) && strings.HasSuffix(u.Endpoint, n.here):
			// What is here counts, be it that the answer to it came too late.
			out.of = int(u.Of)
			out.lost = out.of - count(out.roots)
			if out.lost <= 0 {
				continue
			}
		default:
			out.also.traces = ""
		}
		n.say(err)
	}
	if n.reported() { // of metrics nobody says what became of them in the end
		out.also.metrics = ""
	}
}

// joined returns the errors that errors.Join made err of.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range j.Unwrap() {
			all = append(all, joined(e)...)
		}
		return all
	}
	return []error{err}
}
