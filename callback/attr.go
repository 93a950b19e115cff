package callback

import (
	"log/slog"

	"github.com/callspan/callspan/llm"
)

// What [Log] and [File] write about a run. Both use the same names.

// identity says which run it is; the slice has room for more.
func identity(i *Info, more int) []slog.Attr {
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

// appendHappening says which event e is, without its data.
func appendHappening(as []slog.Attr, e Event) []slog.Attr {
	if e.Name != "" {
		as = append(as, slog.String("event_name", e.Name))
	}
	var a Attempt
	switch d := e.Data.(type) {
	case Attempt:
		a = d
	case *Attempt:
		if d != nil {
			a = *d
		}
	}
	if a.Number > 0 {
		as = append(as, slog.Int("attempt", a.Number), slog.Duration("wait", a.Wait))
	}
	if a.Err != nil {
		as = appendError(as, a.Err)
	}
	return as
}

// appendOutcome says how the run ended, without its content.
func appendOutcome(as []slog.Attr, i *Info, res *Result) []slog.Attr {
	as = append(as, slog.Duration("duration", res.Ended.Sub(i.Started)))
	if i.Kind.billed() {
		model := i.Model()
		if res.Response != nil && res.Response.Model != "" {
			model = res.Response.Model
		}
		for _, f := range [...]struct{ key, name string }{{"provider", i.Endpoint.Provider}, {"model", model}} {
			if f.name != "" {
				as = append(as, slog.String(f.key, f.name))
			}
		}
	}
	if res.FirstToken > 0 {
		as = append(as, slog.Duration("first_token", res.FirstToken), slog.Int("chunks", res.Tokens))
	}
	if res.Response != nil && len(res.Response.Choices) > 0 {
		reasons, came := make([]string, len(res.Response.Choices)), false
		for n, c := range res.Response.Choices {
			reasons[n] = c.Finish
			came = came || c.Finish != ""
		}
		if came {
			as = append(as, slog.Any("finish_reasons", reasons))
		}
	}
	as = appendUsage(as, i, res)
	if res.Stopped {
		as = append(as, slog.Bool("stopped", true))
	}
	if res.Err != nil {
		as = appendError(as, res.Err)
	}
	return as
}

// appendUsage says what the run used, or else what the runs below it did.
func appendUsage(as []slog.Attr, i *Info, res *Result) []slog.Attr {
	if u := res.Usage; u != nil {
		as = append(as, slog.Int("input_tokens", u.Input), slog.Int("output_tokens", u.Output),
			slog.String("usage", string(res.UsageSource)))
		if u.CacheRead > 0 {
			as = append(as, slog.Int("cached_tokens", u.CacheRead))
		}
		if u.Reasoning > 0 {
			as = append(as, slog.Int("reasoning_tokens", u.Reasoning))
		}
	} else if t, known := &res.Total, res.Total.Usage != (llm.Usage{}); t.Calls+t.Refused > 0 && (known || !i.Kind.billed()) {
		as = append(as, slog.Int("total_calls", t.Calls), slog.Int("total_failed", t.Failed))
		if t.Refused > 0 {
			as = append(as, slog.Int("total_refused", t.Refused))
		}
		if known {
			as = append(as, slog.Int("total_input_tokens", t.Usage.Input), slog.Int("total_output_tokens", t.Usage.Output),
				slog.Any("total_cost_usd", t.Cost))
		}
	}
	if res.Priced {
		as = append(as, slog.Any("cost_usd", res.Cost))
	}
	return as
}

func appendError(as []slog.Attr, err error) []slog.Attr {
	return append(as, slog.String("error_type", ErrorType(err)), slog.String("error", errorText(err)))
}
