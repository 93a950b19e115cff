package callbacktest

import (
	"context"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A probe stands between the core and the handler and looks at every call.
type probe struct {
	k     *kit
	h     callback.Handler
	later []string // fields of Info that are set when Start has returned
}

// A spanProbe is the probe of a handler that opens spans.
type spanProbe struct{ *probe }

type spanOpener interface {
	SpanIDs(ctx context.Context) (traceID, spanID string)
}

func (k *kit) probe(h callback.Handler) callback.Handler {
	p := &probe{k: k, h: h}
	if _, ok := h.(spanOpener); ok {
		p.later = []string{"TraceID", "SpanID"}
		return spanProbe{p}
	}
	return p
}

var (
	traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	spanID  = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// SpanIDs checks the ids that the handler gives.
func (p spanProbe) SpanIDs(ctx context.Context) (trace, span string) {
	p.k.contained(new(mark), "SpanIDs", func() { trace, span = p.h.(spanOpener).SpanIDs(ctx) })
	if trace == "" && span == "" {
		return "", ""
	}
	if !traceID.MatchString(trace) || !spanID.MatchString(span) {
		p.k.report("SpanIDs gives %q and %q: a trace id has 32 and a span id 16 hexadecimal digits", trace, span)
	}
	return trace, span
}

// A mark is in the context that the handler gets, one for each run.
type mark struct {
	outer  *mark
	busy   atomic.Int32 // calls of the handler for this run that have not returned
	method atomic.Pointer[string]
}

type markKey struct{}

// maxBusy is how many runs around one another may be busy: a parent that is told
// of an event while a child starts is one.
const maxBusy = 8

// circular returns the method in which a run was started of which the handler
// is told in that method, which starts a run, and so on; "" if there is none.
func (m *mark) circular() string {
	n := 0
	for o := m.outer; o != nil; o = o.outer {
		if o.busy.Load() > 0 {
			n++
		}
	}
	if n < maxBusy {
		return ""
	}
	return *m.outer.method.Load()
}

// Start looks at what the handler returns and what it does to its arguments.
func (p *probe) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	m := new(mark)
	m.outer, _ = ctx.Value(markKey{}).(*mark)
	if method := m.circular(); method != "" {
		p.k.report("%s starts runs of which the handler is told in turn, without end: start them with a context that does not have the handler", method)
		return ctx, nil
	}
	marked := context.WithValue(ctx, markKey{}, m)
	out, run := marked, callback.Run(nil)
	w := watch("Info", info, p.later...)
	p.k.contained(m, "Start", func() { out, run = p.h.Start(marked, info) })
	p.k.compareOne("Start", w)
	p.k.keep(w)
	if isNil(out) {
		out = marked
	}
	switch {
	case out.Value(markKey{}) != any(m):
		p.k.report("Start returns a context that has lost the values of the one it was given: derive it from that one")
		out = marked
	case marked.Done() != nil && out.Done() == nil:
		p.k.report("Start returns a context that does not end when the one it was given does")
	case out.Err() != nil && marked.Err() == nil:
		p.k.report("Start returns a context that has ended: the calls below would fail")
		out = marked
	}
	if isNil(run) {
		if run != nil {
			p.k.report("Start returns a nil %T as Run: return nil itself to decline a run", run)
		}
		return out, nil
	}
	r := &probeRun{k: p.k, mark: m, run: run, given: ctx, ctx: out}
	tr, tokens := run.(callback.TokenRun)
	er, events := run.(callback.EventRun)
	switch {
	case tokens && events:
		return out, struct {
			*probeRun
			probeTokens
			probeEvents
		}{r, probeTokens{r, tr}, probeEvents{r, er}}
	case tokens:
		return out, struct {
			*probeRun
			probeTokens
		}{r, probeTokens{r, tr}}
	case events:
		return out, struct {
			*probeRun
			probeEvents
		}{r, probeEvents{r, er}}
	}
	return out, r
}

// contained makes one call of the handler, for the run of m.
func (k *kit) contained(m *mark, method string, do func()) {
	c := &call{method, time.Now()}
	m.method.Store(&method)
	m.busy.Add(1)
	k.mu.Lock()
	k.calls[c] = true
	k.mu.Unlock()
	defer func() {
		p := recover()
		m.busy.Add(-1)
		k.mu.Lock()
		if k.times != nil {
			k.times[method] = append(k.times[method], time.Since(c.since))
		}
		delete(k.calls, c)
		k.mu.Unlock()
		if p != nil {
			k.report("%s panics: %v", method, p)
		}
	}()
	do()
}

type probeRun struct {
	k     *kit
	mark  *mark
	run   callback.Run
	given context.Context // to Start
	ctx   context.Context // from Start
}

// alive reports a context that ended before the run did.
func (r *probeRun) alive() {
	if r.ctx.Err() != nil && r.given.Err() == nil { // in this order: both may end meanwhile
		r.k.report("the context that Start returned has ended before the run: %v", context.Cause(r.ctx))
	}
}

// End looks at what the handler does to the result.
func (r *probeRun) End(res *callback.Result) {
	r.alive()
	w := watch("Result", res)
	r.k.contained(r.mark, "End", func() { r.run.End(res) })
	r.k.compareOne("End", w)
	r.k.keep(w)
}

type probeTokens struct {
	r  *probeRun
	tr callback.TokenRun
}

// Token looks at what the handler does to what a chunk points at.
func (p probeTokens) Token(c llm.Chunk) {
	p.r.alive()
	token := func() { p.tr.Token(c) }
	if c.Tool == nil && c.Usage == nil && c.Meta == nil { // nothing is shared
		p.r.k.contained(p.r.mark, "Token", token)
		return
	}
	w := watch("Chunk", &c)
	p.r.k.contained(p.r.mark, "Token", token)
	p.r.k.compareOne("Token", w)
	p.r.k.keep(w)
}

type probeEvents struct {
	r  *probeRun
	er callback.EventRun
}

// Event looks at what the handler does to the data.
func (p probeEvents) Event(e callback.Event) {
	w := watch("Event", &e)
	p.r.k.contained(p.r.mark, "Event", func() { p.er.Event(e) })
	p.r.k.compareOne("Event", w)
	p.r.k.keep(w)
}

// budgets are what calls on the caller's way may take, as the median of many.
var budgets = []struct {
	method string
	may    time.Duration
}{{"Start", 10 * time.Millisecond}, {"Token", time.Millisecond}, {"Event", 10 * time.Millisecond}, {"End", 10 * time.Millisecond}}

// judgeSpeed reports methods that take long.
func (k *kit) judgeSpeed() {
	k.mu.Lock()
	times := k.times
	k.times = nil
	k.mu.Unlock()
	for _, b := range budgets {
		t := times[b.method]
		if len(t) == 0 {
			continue
		}
		slices.Sort(t)
		if median := t[len(t)/2]; median > b.may {
			k.report("%s takes %v, and the caller waits: do slow work behind callback.NewAsync", b.method, median.Round(time.Microsecond))
		}
	}
}
