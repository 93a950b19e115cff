package callback

import (
	"context"
	"log/slog"
)

// Log returns a handler that writes runs to l: starts and events at debug
// level, ends at info level, failures at error level. Each line has the run's
// id and, where a handler opens spans, trace_id and span_id. No content is
// logged. A nil l is slog.Default().
func Log(l *slog.Logger) Handler {
	if l == nil {
		l = slog.Default()
	}
	return &logger{l}
}

type logger struct{ log *slog.Logger }

func (l *logger) Start(ctx context.Context, info *Info) (context.Context, Run) {
	r := &logRun{l.log, ctx, info}
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.LogAttrs(ctx, slog.LevelDebug, string(info.Kind)+" start", r.attrs(0)...)
	}
	return ctx, r
}

type logRun struct {
	log  *slog.Logger
	ctx  context.Context
	info *Info
}

// attrs returns what every line of the run says, with room for more.
func (r *logRun) attrs(more int) []slog.Attr {
	i := r.info
	as := make([]slog.Attr, 0, 8+more)
	as = append(as, slog.String("name", i.Name), slog.String("run_id", i.ID.String()))
	if !i.Parent.IsZero() {
		as = append(as, slog.String("parent_run_id", i.Parent.String()))
	}
	if i.TraceID != "" {
		as = append(as, slog.String("trace_id", i.TraceID), slog.String("span_id", i.SpanID))
	}
	if i.Session != "" {
		as = append(as, slog.String("session", i.Session))
	}
	if i.User != "" {
		as = append(as, slog.String("user", i.User))
	}
	return as
}

func (r *logRun) Event(e Event) {
	if !r.log.Enabled(r.ctx, slog.LevelDebug) {
		return
	}
	as := append(r.attrs(1), slog.String("event", string(e.Kind)))
	if e.Name != "" {
		as = append(as, slog.String("event_name", e.Name))
	}
	r.log.LogAttrs(r.ctx, slog.LevelDebug, string(r.info.Kind)+" event", as...)
}

func (r *logRun) End(res *Result) {
	level, what := slog.LevelInfo, " end"
	if res.Err != nil {
		level, what = slog.LevelError, " error"
	}
	if !r.log.Enabled(r.ctx, level) {
		return
	}
	as := append(r.attrs(10), slog.Duration("duration", res.Ended.Sub(r.info.Started)))
	if res.FirstToken > 0 {
		as = append(as, slog.Duration("first_token", res.FirstToken))
	}
	if u := res.Usage; u != nil {
		as = append(as, slog.Int("input_tokens", u.Input), slog.Int("output_tokens", u.Output),
			slog.String("usage", string(res.UsageSource)))
		if u.CacheRead > 0 {
			as = append(as, slog.Int("cached_tokens", u.CacheRead))
		}
	} else if res.Total.Calls > 0 {
		as = append(as, slog.Int("total_calls", res.Total.Calls),
			slog.Int("total_input_tokens", res.Total.Usage.Input),
			slog.Int("total_output_tokens", res.Total.Usage.Output),
			slog.String("total_cost_usd", res.Total.Cost.String()))
	}
	if res.Priced {
		as = append(as, slog.String("cost_usd", res.Cost.String()))
	}
	if res.Stopped {
		as = append(as, slog.Bool("stopped", true))
	}
	if res.Err != nil {
		as = append(as, slog.String("error_type", ErrorType(res.Err)), slog.String("error", res.Err.Error()))
	}
	r.log.LogAttrs(r.ctx, level, string(r.info.Kind)+what, as...)
}
