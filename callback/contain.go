package callback

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/callspan/callspan/llm"
)

// Everything that calls into a handler or a meter is in this file. What they do
// wrong must not reach the code that they observe.

var (
	panics   atomic.Int64
	reported sync.Map // by method and type: each fault is logged once
)

// Panics returns how often handlers and meters have panicked in this process,
// for a metric.
func Panics() int64 { return panics.Load() }

func recovered(p any, method string, handler any) {
	panics.Add(1)
	typ := reflect.TypeOf(handler)
	if _, again := reported.LoadOrStore([2]any{method, typ}, true); again {
		return
	}
	defer func() { _ = recover() }() // of the program's logger, which may be what panicked
	slog.Error("callback: handler panicked and was left out of the run",
		"handler", typ.String(), "method", method, "panic", p, "stack", string(debug.Stack()))
}

func startContained(ctx context.Context, h Handler, info *Info) (out context.Context, run Run) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "Start", h)
			out, run = ctx, nil
		}
	}()
	out, run = h.Start(ctx, info)
	if isNil(out) {
		out = ctx
	}
	if isNil(run) {
		run = nil
	}
	return out, run
}

func spanIDs(ctx context.Context, h Handler) (traceID, spanID string) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "SpanIDs", h)
		}
	}()
	return h.(spanOpener).SpanIDs(ctx)
}

// endRuns ends the handlers' runs from the last one back to the first. A handler
// that ends the goroutine does not keep it from the others.
func (a *Active) endRuns(last int, res *Result) {
	i := last
	defer func() {
		if i > 0 {
			a.endRuns(i-1, res)
		}
	}()
	for ; i >= 0; i-- {
		a.events.Lock()
		run := a.runs[i]
		a.events.Unlock()
		if run != nil {
			endContained(run, res)
		}
	}
}

func endContained(run Run, res *Result) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "End", run)
		}
	}()
	run.End(res)
}

// tokenFrom tells the token runs from i on of c. It returns their number, or
// the one to go on with after a handler panicked and was muted. One recover
// serves them all.
func (a *Active) tokenFrom(i int, c *llm.Chunk) (next int) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "Token", a.tokens[i].TokenRun)
			a.mute(i)
			next = i
		}
	}()
	for ; i < len(a.tokens); i++ {
		a.tokens[i].Token(*c)
	}
	return i
}

// eventContained reports whether the handler took e without a panic.
func eventContained(r EventRun, e Event) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "Event", r)
		}
	}()
	r.Event(e)
	return true
}

func estimateContained(m llm.Meter, req *llm.Request, resp *llm.Response) (u llm.Usage, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "Estimate", m)
			ok = false
		}
	}()
	return m.Estimate(req, resp)
}

func estimateEmbedContained(m llm.EmbedMeter, req *llm.EmbedRequest) (u llm.Usage, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "EstimateEmbed", m)
			ok = false
		}
	}()
	return m.EstimateEmbed(req)
}

func splitContained(m llm.Meter, req *llm.Request) (k llm.Makeup, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, "Split", m)
			ok = false
		}
	}()
	return m.Split(req)
}

// An unsoundError stands for an error whose methods panic, which most often is a
// nil pointer of an error type that was returned as an error.
type unsoundError struct{ text string }

// Error names the type of the error that it stands for.
func (e *unsoundError) Error() string { return e.text }

func errorTypeContained(err error) (name string) {
	defer func() {
		if recover() != nil {
			name = "_OTHER"
		}
	}()
	return errorType(err)
}

// sound returns err, or what stands for it if its methods panic, so that whoever
// is told of it can ask it what it is.
func sound(err error) (safe error) {
	if err == nil {
		return nil
	}
	defer func() {
		if recover() == nil {
			return
		}
		text := fmt.Sprintf("error of type %T whose methods panic", err)
		if isNil(err) {
			text += "; it is a nil pointer: return nil instead"
		}
		safe = &unsoundError{text}
	}()
	_ = err.Error()
	_ = errorType(err)
	return err
}

// isNil reports whether v is nil or holds a nil pointer, function or map.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan, reflect.Slice:
		return r.IsNil()
	}
	return false
}
