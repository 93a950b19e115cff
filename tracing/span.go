package tracing

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A run is one span. The callback core calls it from one goroutine at a time.
// [Tracer.Shutdown] may end it from another one, for which done decides who
// ends it; the times of its tokens may be read by both.
type run struct {
	tracer    *Tracer
	ctx       context.Context // with the span
	kind      kind
	info      *callback.Info
	span      trace.Span
	recording bool

	done   atomic.Bool
	events atomic.Int32 // events on the span that are not tokens
	heard  *heard       // of the tokens; nil if there are none
}

// Event adds e to the span. What it carries is content, except for figures and
// the headers of a request, which become attributes.
func (r *run) Event(e callback.Event) {
	if !r.recording || r.done.Load() {
		return
	}
	var a attrs
	a.str(keyEventName, e.Name)
	switch v := e.Data.(type) {
	case nil:
	case int, int64, float64, bool, time.Duration:
		a.any(keyEventData, v)
	case callback.Attempt:
		a.int(keyAttempt, v.Number)
		a.add(keyWait.Float64(v.Wait.Seconds()))
		if v.Err != nil {
			a.str(keyErrorType, errorType(v.Err))
			a.add(keyExceptionMessage.String(r.tracer.conf.errorText(v.Err)))
		}
	case llm.ToolCall:
		a.str(keyTool, v.Name)
		a.str(keyToolCallID, v.ID)
	case headers:
		r.tracer.conf.describeHeaders(r.span, v)
		return
	case http.Header, *http.Request, *http.Response: // they hold credentials
	default:
		if want := eventContent(e.Kind); r.tracer.conf.content&want == want {
			c := recorder{config: r.tracer.conf}
			c.attribute(&a, keyEventData, c.text(fmt.Sprint(v)))
		}
	}
	r.span.AddEvent(bounded(string(e.Kind), maxWord), trace.WithAttributes(a...))
	r.events.Add(1)
}

// End closes the span with what the run came to.
func (r *run) End(res *callback.Result) { r.close(res, nil) }

func (r *run) close(res *callback.Result, said []words) {
	if !r.end(res, said) || r.heard == nil {
		return // Shutdown may be looking at what is heard
	}
	if n := r.heard.tokens(); n <= maxPooled && n == res.Tokens && !res.Ended.IsZero() {
		r.heard.reset()
		answers.Put(r.heard)
	} // else a handler around this one has ended it, while the run may go on noting
}

// abandon closes the span of a run that is still going on, and whose goroutine
// may be noting tokens meanwhile.
func (r *run) abandon(res *callback.Result) { r.end(res, nil) }

// end reports whether it was the one to end the span.
func (r *run) end(res *callback.Result, said []words) bool {
	if !r.done.CompareAndSwap(false, true) {
		return false
	}
	r.tracer.mu.Lock()
	delete(r.tracer.open, r)
	r.tracer.mu.Unlock()
	defer r.span.End(trace.WithTimestamp(res.Ended)) // also if the user's code panics below

	errType := errorType(res.Err)
	if r.kind.model {
		r.tracer.meter.record(r.ctx, r.info, res, r.kind.op, errType)
	}
	if r.recording {
		r.finish(res, errType, r.tokenLogs(said))
	}
	return true
}

func (r *run) finish(res *callback.Result, errType string, logs []*tokenLog) {
	buf := attrBuffers.Get().(*[]attribute.KeyValue)
	a := attrs((*buf)[:0])
	if r.kind.model {
		r.describeResponse(&a, res)
		describeUsage(&a, r.kind.op, res)
		r.describeStream(&a, res, logs)
	}
	below := res.Total.Calls + res.Total.Open
	if r.info.Kind == callback.KindModeration {
		below-- // itself
	}
	if r.kind.total || !r.kind.model && below > 0 ||
		r.kind.model && res.Usage == nil && res.Total.Calls > 1 {
		describeTotal(&a, &res.Total)
	}
	describeOutput(&a, r.info, res)
	if r.info.Kind == callback.KindAgent {
		agentOf(r.ctx).describe(&a, r.info) // itself
	}
	if res.Stopped {
		a.add(keyStopped.Bool(true))
	}
	if r.tracer.conf.content != ContentOff {
		r.tracer.describeContent(&a, r.info, res)
	}
	if res.Err != nil {
		a.str(keyErrorType, errType)
	}
	r.span.SetAttributes(a...)
	*buf = a[:0]
	attrBuffers.Put(buf)

	others := int(r.events.Load())
	if res.Err != nil {
		others++
	}
	r.tracer.conf.events.addEvents(r.span, r.info.Started, logs, others, r.tracer.conf.limits)
	if res.Err != nil {
		r.fail(res)
	}
}
