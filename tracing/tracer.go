package tracing

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/callspan/callspan/callback"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// A Tracer is a [callback.Handler] that makes a span of every run. It may be
// used concurrently, and one serves a whole program.
type Tracer struct {
	tracer    trace.Tracer
	conf      *config
	meter     *meter
	eventText bool // token events carry their text

	mu   sync.Mutex
	open map[*run]struct{} // runs that have not ended
}

var _ callback.Handler = (*Tracer)(nil)

// scope is the name of our instrumentation scope.
const scope = "github.com/callspan/callspan/tracing"

// New returns a Tracer. It changes nothing global; without options it uses the
// global providers. What is wrong in a variable goes to OpenTelemetry's error
// handler.
func New(opts ...Option) *Tracer {
	c := newConfig(opts)
	if c.contentErr != nil && !c.contentSaid {
		otel.Handle(c.contentErr)
	}
	return newTracer(c)
}

func newTracer(c *config) *Tracer {
	return &Tracer{
		tracer:    c.tracerProvider.Tracer(scope, trace.WithInstrumentationVersion(version()), trace.WithSchemaURL(semconv.SchemaURL)),
		conf:      c,
		eventText: c.content&ContentOutput != 0 && c.hash == nil, // hashes of tokens could be read as a code
		meter:     newMeter(c.meterProvider, c.estimates),
		open:      make(map[*run]struct{}),
	}
}

// version returns the version of this module from the build's information.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	const module = "github.com/callspan/callspan"
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}

// SpanIDs returns the ids of the span in ctx, hexadecimal.
func (t *Tracer) SpanIDs(ctx context.Context) (traceID, spanID string) {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return "", ""
	}
	return sc.TraceID().String(), sc.SpanID().String()
}

// Start opens the span of the run.
func (t *Tracer) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	k := kindOf(info)
	buf := attrBuffers.Get().(*[]attribute.KeyValue)
	b := attrs((*buf)[:0])
	o := ownerOf(ctx, info)
	if t.conf.baggage {
		ctx = o.carried(ctx)
	}
	k.describe(&b, t.conf, info, o)
	switch info.Kind {
	case callback.KindAgent:
		ctx = context.WithValue(ctx, agentKey{}, &agent{name: info.Name})
	case callback.KindTool:
		if above := agentOf(ctx); above != nil {
			b.str(keyAgent, above.name)
		}
	case callback.KindLLM:
		if above := agentOf(ctx); above != nil {
			above.asks(info)
		}
	}
	ctx, span := t.tracer.Start(ctx, k.name,
		trace.WithSpanKind(k.kind), trace.WithTimestamp(info.Started), trace.WithAttributes(b...))
	*buf = b[:0]
	attrBuffers.Put(buf)

	r := &run{tracer: t, ctx: ctx, kind: k, info: info, span: span, recording: span.IsRecording()}
	if k.model && r.recording {
		r.heard = answers.Get().(*heard)
		info.NoteTimes(&r.heard.times)
	}
	t.mu.Lock()
	t.open[r] = struct{}{} // from here on Shutdown may end it
	t.mu.Unlock()
	if r.heard != nil && t.eventText {
		return ctx, &spokenRun{r}
	}
	return ctx, r
}

// attrBuffers holds scratch space for attributes. The SDK copies them.
var attrBuffers = sync.Pool{New: func() any { b := make([]attribute.KeyValue, 0, 32); return &b }}

// ErrAbandoned is the error of a run that had not ended when its Tracer was
// shut down.
var ErrAbandoned error = abandonedError{}

type abandonedError struct{}

func (abandonedError) Error() string { return "run had not ended when tracing was shut down" }

// ErrorType returns "abandoned".
func (abandonedError) ErrorType() string { return "abandoned" }

// Shutdown ends the spans of all runs that have not ended, as abandoned. Call
// it before the TracerProvider's own Shutdown; the shutdown that [Setup]
// returns does.
func (t *Tracer) Shutdown(context.Context) error {
	t.mu.Lock()
	runs := make([]*run, 0, len(t.open))
	for r := range t.open {
		runs = append(runs, r)
	}
	t.mu.Unlock()
	// What started last is below what started before it.
	slices.SortFunc(runs, func(a, b *run) int { return b.info.Started.Compare(a.info.Started) })
	for _, r := range runs {
		if !callback.Abandon(r.info, ErrAbandoned) {
			r.abandon(&callback.Result{Err: ErrAbandoned, Ended: time.Now()})
		}
	}
	return nil
}
