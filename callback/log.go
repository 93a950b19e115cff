package callback

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/callspan/callspan/llm"
)

// Log returns a handler that writes runs to l, one line each: ends at info
// level, failures at error level, retries at warning level, starts and other
// events at debug level, and four below it the tokens of models. The handler of
// l decides what is shown.
//
// Each line has the run's id and, where a handler opens spans, trace_id and
// span_id. No content is logged, but what errors say is. A nil l is
// [slog.Default]. The handler may be used concurrently.
func Log(l *slog.Logger) Handler {
	if l == nil {
		l = slog.Default()
	}
	return &logger{l}
}

// levelToken is the level of tokens, of which there may be thousands.
const levelToken = slog.LevelDebug - 4

type logger struct{ log *slog.Logger }

func (l *logger) Start(ctx context.Context, info *Info) (context.Context, Run) {
	r := logRun{l.log, ctx, info}
	if l.log.Enabled(ctx, slog.LevelDebug) {
		r.line(slog.LevelDebug, " start", identity(info, 0))
	}
	if info.Kind == KindLLM && l.log.Enabled(ctx, levelToken) {
		return ctx, &logTokenRun{r}
	}
	return ctx, &r
}

type logRun struct {
	log  *slog.Logger
	ctx  context.Context
	info *Info
}

func (r *logRun) line(level slog.Level, what string, as []slog.Attr) {
	r.log.LogAttrs(r.ctx, level, cmp.Or(string(r.info.Kind), "run")+what, as...)
}

func (r *logRun) Event(e Event) {
	level, what := slog.LevelDebug, " event"
	if e.Kind == EventRetry {
		level, what = slog.LevelWarn, " retry"
	}
	if r.log.Enabled(r.ctx, level) {
		r.line(level, what, appendHappening(append(identity(r.info, 6), slog.String("event", string(e.Kind))), e))
	}
}

func (r *logRun) End(res *Result) {
	level, what := slog.LevelInfo, " end"
	if res.Err != nil {
		level, what = slog.LevelError, " error"
	}
	if r.log.Enabled(r.ctx, level) {
		r.line(level, what, appendOutcome(identity(r.info, 14), r.info, res))
	}
}

type logTokenRun struct{ logRun }

// Token writes that a chunk has come, not what it says.
func (r *logTokenRun) Token(c llm.Chunk) {
	if c.HasContent() {
		r.line(levelToken, " token", append(identity(r.info, 1), slog.Int("choice", c.Choice)))
	}
}
