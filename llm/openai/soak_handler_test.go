package openai_test

import (
	"context"
	"sync"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// soakHandlers are those that are told of a call.
type soakHandlers struct {
	rec      *soakRecorder
	faulty   *soakFaulty
	async    *callback.Async
	tracer   *tracing.Tracer
	exporter *tracetest.InMemoryExporter
}

func newSoakHandlers(c *soakCall) *soakHandlers {
	h := &soakHandlers{rec: new(soakRecorder), faulty: &soakFaulty{how: c.handler, gate: make(chan struct{})}}
	if c.handler == blocksAside {
		h.async = callback.NewAsync(h.faulty, callback.AsyncOptions{Size: 16})
	}
	if c.traced {
		h.exporter = tracetest.NewInMemoryExporter()
		h.tracer = tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(h.exporter))),
			tracing.WithMeterProvider(noop.NewMeterProvider()))
	}
	return h
}

func (h *soakHandlers) in(ctx context.Context) context.Context {
	if h.tracer != nil {
		ctx = callback.WithHandlers(ctx, h.tracer)
	}
	if h.async != nil {
		ctx = callback.WithHandlers(ctx, h.async)
	} else {
		ctx = callback.WithHandlers(ctx, h.faulty)
	}
	return callback.WithHandlers(ctx, h.rec)
}

// told reports whether all of them have been told of the end.
func (h *soakHandlers) told() bool {
	f := h.faulty
	f.mu.Lock()
	ended := f.ends > 0 || f.how == panicsInStart || h.async != nil
	f.mu.Unlock()
	return ended && h.rec.over() && (h.exporter == nil || len(h.exporter.GetSpans()) > 0)
}

// A soakRecorder notes what a run says.
type soakRecorder struct {
	mu             sync.Mutex
	starts, chunks int
	tokens         int
	text           []byte
	ends           []*callback.Result
}

func (r *soakRecorder) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts++
	return ctx, r
}

func (r *soakRecorder) Token(c llm.Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks++
	if c.HasContent() {
		r.tokens++
	}
	r.text = append(r.text, c.Text...)
}

func (r *soakRecorder) End(res *callback.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends = append(r.ends, res)
}

func (r *soakRecorder) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ends) > 0
}

// soakDelays are how long slow handlers take. All keep away from the moments at
// which callers act. An end takes less than what is left until a caller who
// holds a piece goes on, who would wait for it at a mutex, where time stands
// still.
var soakDelays = map[string]time.Duration{"Start": 40 * time.Millisecond, "Token": 30 * time.Microsecond, "End": 100 * time.Microsecond}

// A soakFaulty is a handler that behaves in one of the ways.
type soakFaulty struct {
	how  string
	gate chan struct{} // what blocks aside waits for

	mu     sync.Mutex
	ctx    context.Context
	starts int
	chunks int
	ends   int
	panics int64
}

func (f *soakFaulty) act(where string, count *int) {
	f.mu.Lock()
	*count++
	if f.how == "panics in "+where {
		f.panics++
		f.mu.Unlock()
		panic("thorn")
	}
	f.mu.Unlock()
	switch f.how {
	case "slow in " + where:
		time.Sleep(soakDelays[where])
	case "blocks in " + where:
		<-f.ctx.Done()
	case blocksAside:
		<-f.gate
	}
}

func (f *soakFaulty) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	f.ctx = ctx
	f.act("Start", &f.starts)
	return ctx, f
}

func (f *soakFaulty) Token(llm.Chunk)      { f.act("Token", &f.chunks) }
func (f *soakFaulty) End(*callback.Result) { f.act("End", &f.ends) }

// checkHandlers checks what the faulty handler was told.
func (c *soakCall) checkHandlers(fail func(string, ...any)) {
	h := c.ours.handlers
	f, rec := h.faulty, h.rec
	if h.async != nil {
		if err := h.async.Close(context.Background()); err != nil {
			fail("%v", err)
		}
	}
	starts, chunks, ends, panics := 1, rec.chunks, 1, int64(0)
	switch c.handler {
	case panicsInStart:
		chunks, ends, panics = 0, 0, 1
	case panicsInToken:
		chunks = min(chunks, 1)
		panics = int64(chunks)
	case panicsInEnd:
		panics = 1
	case blocksAside:
		chunks -= int(h.async.Dropped())
	}
	if f.starts != starts || f.chunks != chunks || f.ends != ends || f.panics != panics {
		fail("the handler was told of %d starts, %d chunks, %d ends and panicked %d times; want %d, %d, %d, %d",
			f.starts, f.chunks, f.ends, f.panics, starts, chunks, ends, panics)
	}
}
