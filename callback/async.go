package callback

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/callspan/callspan/llm"
)

// Async runs a handler on a goroutine of its own, so that a slow handler does
// not delay the stream. Calls reach the handler in the order in which they were
// made. Close it when done.
//
// The handler sees what a run is given and returns, and the data of events, as
// they were when it happened, however the program goes on with them: it gets a
// copy of maps, slices and what pointers lead to, with the types that they have. A
// text costs nothing more for that, a request of 30 messages 6 µs and 5 kB, a map
// about 0.3 µs for each value (BenchmarkAsyncSnapshot). Not copied, and so to be
// left alone or guarded by methods, are: what unexported fields lead to, whatever
// holds a lock, errors, functions, channels, and the bytes of media.
//
// The handler's Start cannot give the run's children a context, so one that
// opens spans does not belong here: it is not told, and that is reported once.
type Async struct {
	h       Handler
	size    int
	block   bool
	mu      sync.Mutex
	wake    sync.Cond // the queue has changed, or what somebody waits for
	queue   []call    // waiting from head on
	head    int
	closed  bool
	done    chan struct{}
	dropped atomic.Int64
	types   typebook

	accepted, delivered uint64 // calls so far
	draining            int    // how many wait for deliveries
}

// A call is one call of the handler that waits for its turn.
type call struct {
	run   *asyncRun
	info  *Info // of a start
	ctx   context.Context
	chunk llm.Chunk
	event *Event
	res   *Result // of an end
}

// AsyncOptions set how an [Async] deals with a handler that cannot keep up.
// The zero value holds 1024 calls and drops what does not fit.
type AsyncOptions struct {
	Size  int  // calls that wait at most; 0 is 1024
	Block bool // wait for room instead of dropping, until the run's context ends; never for the handler's own runs
}

// NewAsync returns a handler that passes everything on to h from a goroutine
// of its own. When the queue is full, whole runs (at their start), tokens and
// events are dropped and counted; the end of a run that was started is always
// delivered. After Close all calls are dropped and counted.
func NewAsync(h Handler, o AsyncOptions) *Async {
	if o.Size < 0 {
		slog.Error("callback: async handler has a negative Size; it holds as many calls as with 0", "size", o.Size)
	}
	if o.Size <= 0 {
		o.Size = 1024
	}
	a := &Async{h: h, size: o.Size, block: o.Block, done: make(chan struct{})}
	switch {
	case isNil(h):
		a.h = nil
		slog.Error("callback: async handler wraps a nil handler; nothing will be told")
	case opensSpans(h):
		a.h = nil
		slog.Error("callback: async handler wraps a handler that opens spans, which would not nest;"+
			" it is not told (give it to the runs directly)", "handler", reflect.TypeOf(h).String())
	}
	a.wake.L = &a.mu
	go a.work()
	return a
}

// Dropped returns how many calls were not delivered: because the queue was
// full, or because the Async was closed before they were made.
func (a *Async) Dropped() int64 {
	if a == nil {
		return 0
	}
	return a.dropped.Load()
}

// Drain waits until all calls made before are delivered, or until ctx ends,
// which is an error; a nil ctx does not end. Calls go on being accepted. A
// handler must not drain the Async that it is behind.
func (a *Async) Drain(ctx context.Context) error {
	if a == nil {
		return nil
	}
	ctx = usable(ctx)
	stop := context.AfterFunc(ctx, a.wakeAll)
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining++
	defer func() { a.draining-- }()
	for until := a.accepted; a.delivered < until; a.wake.Wait() {
		if ctx.Err() != nil {
			return fmt.Errorf("drain async handler with %s not delivered: %w", plural(int(until-a.delivered), "call"), ctx.Err())
		}
	}
	return nil
}

func (a *Async) wakeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake.Broadcast()
}

// Close stops accepting calls, waits until those in the queue are delivered, or
// until ctx ends, and stops the goroutine. A nil ctx does not end. Closing again
// waits again.
func (a *Async) Close(ctx context.Context) error {
	if a == nil {
		return nil
	}
	ctx = usable(ctx)
	a.mu.Lock()
	a.closed = true
	if a.done == nil { // not made by NewAsync: nothing was accepted
		a.mu.Unlock()
		return nil
	}
	a.wake.Broadcast()
	a.mu.Unlock()
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-a.done: // both: what counts is that it is done
		return nil
	default:
	}
	a.mu.Lock()
	left := a.waiting()
	a.dropped.Add(int64(left))
	a.delivered += uint64(left)
	a.queue, a.head = nil, 0
	a.wake.Broadcast()
	a.mu.Unlock()
	return fmt.Errorf("close async handler with %s not delivered: %w", plural(left, "call"), ctx.Err())
}

// put queues c and reports whether it will be delivered. must is for calls that
// may exceed the size: there is at most one per run that was started.
func (a *Async) put(ctx context.Context, c call, must bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.block && !must && !c.run.within && a.waiting() >= a.size {
		stop := context.AfterFunc(ctx, a.wakeAll)
		defer stop()
		for !a.closed && a.waiting() >= a.size && ctx.Err() == nil {
			a.wake.Wait()
		}
	}
	if a.closed || !must && a.waiting() >= a.size {
		a.dropped.Add(1)
		return false
	}
	if a.head >= max(a.size, a.waiting()) { // reclaim the front, so that a lasting backlog does not grow the array
		n := copy(a.queue, a.queue[a.head:])
		clear(a.queue[n:])
		a.queue, a.head = a.queue[:n], 0
	}
	a.queue = append(a.queue, c)
	a.accepted++
	a.wake.Broadcast()
	return true
}

func (a *Async) waiting() int { return len(a.queue) - a.head }

func (a *Async) work() {
	finished := false
	defer func() {
		if finished {
			close(a.done)
			return
		}
		// The handler has ended the goroutine, as a test's Fatal does. What waits is
		// delivered by another one.
		a.count()
		go a.work()
	}()
	for {
		a.mu.Lock()
		for a.waiting() == 0 && !a.closed {
			a.wake.Wait()
		}
		if a.waiting() == 0 {
			a.mu.Unlock()
			finished = true
			return
		}
		c := a.queue[a.head]
		a.queue[a.head] = call{}
		if a.head++; a.head == len(a.queue) {
			a.queue, a.head = a.queue[:0], 0
		}
		a.wake.Broadcast()
		a.mu.Unlock()
		c.run.deliver(c)
		a.count()
	}
}

// count counts a delivery.
func (a *Async) count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.delivered++; a.draining > 0 {
		a.wake.Broadcast()
	}
}

// Start queues the start of the run.
func (a *Async) Start(ctx context.Context, info *Info) (context.Context, Run) {
	if a.h == nil {
		return ctx, nil
	}
	r := &asyncRun{a: a, ctx: ctx, within: ctx.Value(asyncKey{a}) != nil}
	if tokens, _ := looksAt(a.h); tokens == looksNo {
		r.quiet.Store(true)
	}
	if !a.put(ctx, call{run: r, info: a.types.info(info), ctx: context.WithValue(context.WithoutCancel(ctx), asyncKey{a}, true)}, false) {
		return ctx, nil
	}
	return ctx, r
}

// asyncKey is in the contexts that an Async gives to its handler.
type asyncKey struct{ a *Async }

// An asyncRun stands for the handler's run, which is known to the worker alone.
type asyncRun struct {
	a      *Async
	ctx    context.Context
	within bool // the handler itself has started it, and must not wait for itself
	run    Run  // used by the worker only
	quiet  atomic.Bool
}

// Token queues c unless the handler's run is known not to look at tokens.
func (r *asyncRun) Token(c llm.Chunk) {
	if !r.quiet.Load() {
		r.a.put(r.ctx, call{run: r, chunk: c}, false)
	}
}

// Event queues e.
func (r *asyncRun) Event(e Event) {
	e.Data, _ = r.a.types.snapshot(e.Data)
	r.a.put(r.ctx, call{run: r, event: &e}, false)
}

// End queues the end of the run.
func (r *asyncRun) End(res *Result) { r.a.put(r.ctx, call{run: r, res: r.a.types.result(res)}, true) }

// deliver makes one call of the handler, on the worker's goroutine.
func (r *asyncRun) deliver(c call) {
	switch {
	case c.info != nil:
		_, r.run = startContained(c.ctx, r.a.h, c.info)
		if _, looks := r.run.(TokenRun); !looks {
			r.quiet.Store(true)
		}
	case r.run == nil:
	case c.res != nil:
		endContained(r.run, c.res)
	case c.event != nil:
		if er, ok := r.run.(EventRun); ok {
			r.contained("Event", func() { er.Event(*c.event) })
		}
	default:
		if tr, ok := r.run.(TokenRun); ok {
			r.contained("Token", func() { tr.Token(c.chunk) })
		}
	}
}

func (r *asyncRun) contained(method string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			recovered(p, method, r.run)
			r.run = nil
			r.quiet.Store(true)
		}
	}()
	f()
}
