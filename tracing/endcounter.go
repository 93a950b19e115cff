package tracing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// endCounter hands spans that ended to the processors of the branches, and
// counts them, and those that ended too late for it. No span is both: what may
// still pass when tracing is shut down is waited for.
type endCounter struct {
	n, late atomic.Int64
	next    []sdktrace.SpanProcessor
	report  func(error) // nil if spans are not exported

	mu   sync.RWMutex // held, shared, while a span passes
	down bool
}

// OnStart does nothing: the processors of branches look at ends alone.
func (*endCounter) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements [sdktrace.SpanProcessor].
func (e *endCounter) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if e.pass(s) {
		return
	}
	if e.late.Add(1) == 1 && e.report != nil {
		e.report(fmt.Errorf("span %q ended after tracing was shut down and is not delivered; a second shutdown tells how many did", s.Name()))
	}
}

func (e *endCounter) pass(s sdktrace.ReadOnlySpan) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.down {
		return false
	}
	e.n.Add(1)
	for _, p := range e.next {
		p.OnEnd(s)
	}
	return true
}

// close makes all spans that end from now on late.
func (e *endCounter) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down = true
}

// Shutdown shuts the processors down, where the program does that by itself.
func (e *endCounter) Shutdown(ctx context.Context) (err error) {
	for _, p := range e.next {
		err = errors.Join(err, p.Shutdown(ctx))
	}
	return err
}

// ForceFlush implements [sdktrace.SpanProcessor].
func (e *endCounter) ForceFlush(ctx context.Context) (err error) {
	for _, p := range e.next {
		err = errors.Join(err, p.ForceFlush(ctx))
	}
	return err
}
