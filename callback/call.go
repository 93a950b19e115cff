package callback

import (
	"context"
	"sync/atomic"

	"github.com/callspan/callspan/llm"
)

// A Call is a run whose chunks the program takes itself, where [Stream] would
// need a sequence: a stream with a Recv method, the body of a response. The
// methods of a nil Call do nothing.
//
// While a read is in flight, that read ends the run, with the real error; while
// the consumer has control, the end of the context does, and [Abandon]. So the
// reading side says which of the two it is:
//
//	call.Reading()
//	chunk, err := next()
//	switch {
//	case err == io.EOF:
//		call.End(nil)
//	case err != nil:
//		call.End(err)
//	default:
//		err = call.Chunk(&chunk) // a budget's, where it cuts the answer off
//	}
//	call.Holding()
//
// One goroutine reads at a time. Stop and Abandon may be called from any.
type Call struct {
	stream
	ctx     context.Context
	leave   func() bool // stops watching the context
	stopped atomic.Bool // the consumer wants no more
	late    atomic.Bool // after the context had ended
}

// Open starts the run that info describes as [Start] does, and returns the
// context for what it sends. The Call is nil if nobody listens. An error is a
// [Budget]'s refusal: the run has ended with it, and nothing may be sent.
func Open(ctx context.Context, info *Info, local ...Handler) (context.Context, *Call, error) {
	ctx = usable(ctx)
	if !Enabled(ctx, local...) {
		return ctx, nil, nil
	}
	if info == nil {
		info = new(Info)
	}
	c := new(Call)
	c.acc = accumulators.Get().(*llm.Accumulator)
	info.stream = &c.stream
	c.ctx, c.run = Start(ctx, info, local...)
	if err := c.run.refused(); err != nil {
		c.state.Store(over)
		c.finish(true, err)
		return ctx, nil, err
	}
	if c.ctx.Done() != nil {
		c.leave = context.AfterFunc(c.ctx, func() {
			c.canceled.Store(true)
			c.endHeld(context.Cause(c.ctx))
		})
	}
	return c.ctx, c, nil
}

// Reading says that the next piece is being waited for.
func (c *Call) Reading() {
	if c != nil {
		c.state.CompareAndSwap(held, reading)
	}
}

// Holding says that the consumer has control.
func (c *Call) Holding() {
	if c == nil || !c.state.CompareAndSwap(reading, held) {
		return
	}
	switch {
	case c.stopped.Load():
		c.stop()
		c.left()
	case c.canceled.Load():
		c.endHeld(context.Cause(c.ctx))
	}
}

// Chunk tells the handlers of a chunk, before the consumer sees it. It is called
// between Reading and Holding. Where a budget cuts the answer off, it returns
// the budget's error and has ended the run; the context has ended too.
func (c *Call) Chunk(chunk *llm.Chunk) error {
	if c == nil || c.state.Load() != reading {
		return nil
	}
	model := c.run.info.Kind == KindLLM
	var cut *BudgetError
	if model {
		cut = c.run.token(chunk)
	}
	c.acc.Add(chunk)
	if cut != nil {
		c.End(cut)
		return cut
	}
	return nil
}

// Event tells the handlers of e.
func (c *Call) Event(e Event) {
	if c != nil {
		c.run.Event(e)
	}
}

// Info returns the description of the run; nil for a nil Call.
func (c *Call) Info() *Info {
	if c == nil {
		return nil
	}
	return c.run.Info()
}

// Output sets what a run that is not a chat model's came to, before End.
func (c *Call) Output(v any) {
	if c != nil && c.state.Load() == reading {
		c.res.Output = v
	}
}

// Used sets what a run that is not a chat model's has used, before End.
func (c *Call) Used(u *llm.Usage) {
	if c != nil && c.state.Load() == reading {
		c.res.Usage = u
	}
}

// Empty reports whether no content and no finish reason has come.
func (c *Call) Empty() bool {
	return c != nil && c.state.Load() == reading && c.acc.Empty()
}

// Err returns what the caller is to get in place of err: a budget's error where
// one has ended the context, else err itself.
func (c *Call) Err(err error) error {
	if c == nil || err == nil {
		return err
	}
	return overBudget(c.ctx, err)
}

// End ends the run with what has arrived; nil is success. Of several ends the
// first counts. It is called by the reading side. After [Call.Stop] an error is
// the consequence of that, and no failure.
//
// Under a [Budget] the call's context ends too, unless the run was settled: what
// ends before its stream may be read on, up to another End or to Stop.
func (c *Call) End(err error) {
	if c == nil {
		return
	}
	if c.state.CompareAndSwap(reading, over) || c.state.CompareAndSwap(held, over) {
		stopped := c.stopped.Load()
		goesOn := !stopped && c.settled.Load() != nil
		if stopped {
			err = c.leaving()
		} else if err != nil {
			err = overBudget(c.ctx, err)
		}
		c.close(err)
		if goesOn {
			return
		}
	}
	c.run.release()
}

// Settle says, where whole is true, that the consumer has the whole answer, or in
// its place err. Who leaves from then on, by Stop, by the end of the context or by
// dropping the stream, does not break off: the run ends with err. Where whole is
// false, who leaves breaks off again. It is called by the reading side before
// Holding.
func (c *Call) Settle(whole bool, err error) {
	switch {
	case c == nil:
	case !whole:
		c.settled.Store(nil)
	case err == nil:
		c.settled.Store(&success)
	default:
		c.settled.Store(&settlement{err})
	}
}

var success settlement

// Stop says that the consumer wants no more, which is no failure unless the
// context has ended before. A read in flight ends the run when it returns.
func (c *Call) Stop() {
	if c != nil {
		if !c.stopped.Load() && c.ctx.Err() != nil {
			c.late.Store(true)
		}
		c.stopped.Store(true)
		c.stop()
		c.left()
	}
}

// left releases a run that has ended.
func (c *Call) left() {
	if c.state.Load() == over {
		c.run.release()
	}
}

func (c *Call) stop() {
	c.ending.Lock()
	defer c.ending.Unlock()
	if c.state.CompareAndSwap(held, over) {
		c.close(c.leaving())
	}
}

// leaving says how a run ends whose consumer wants no more.
func (c *Call) leaving() error {
	if done := c.settled.Load(); done != nil {
		return done.err
	}
	if c.late.Load() {
		return context.Cause(c.ctx)
	}
	c.res.Stopped = true
	return nil
}

// Abandon ends the run with err unless a read is in flight, as where its
// consumer was collected without closing it. It reports whether it did.
func (c *Call) Abandon(err error) bool {
	if c == nil {
		return false
	}
	defer c.left()
	return c.endHeld(err)
}

func (c *Call) close(err error) {
	if c.leave != nil {
		c.leave()
	}
	c.finish(c.run.info.Kind == KindLLM, err)
}
