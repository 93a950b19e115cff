package callback

import (
	"context"
	"errors"

	"github.com/callspan/callspan/llm"
)

// A hold is what one call takes from the budgets that it is under, from its
// start to its end.
type hold struct {
	outer  *hold   // of the nearest enclosing run that has one
	budget *Budget // the innermost
	run    *Active
	demand demand
	cancel context.CancelCauseFunc
	whole  bool // the answer comes in one piece, which cannot be cut off
	denied bool // there was no room: the call is not made

	chunks int // of the answer so far
	weight int // of the answer so far, see weigh
	output int // tokens of the answer that are taken

	// Guarded by the budgets' mutex.
	taken   Spend
	closed  bool // settled, refused, or left to the calls below
	verdict *BudgetError
}

// hold returns what the run holds of budgets; nil if it is not under any.
func (a *Active) hold() *hold {
	if h := a.scope.hold; h != nil && h.run == a {
		return h
	}
	return nil
}

// reserve sets room aside for the run, or ends its context if there is none.
func (a *Active) reserve(outer *scope) {
	for h := outer.hold; h != nil; h = h.outer {
		if h.run.info.Kind == a.info.Kind {
			h.leave()
		}
	}
	h := &hold{outer: outer.hold, budget: outer.budget, run: a, demand: a.demand()}
	req, ok := a.info.Input.(*llm.Request)
	h.whole = ok && req != nil && !req.Stream
	h.output = h.demand.output
	a.scope.hold = h
	a.scope.Context, h.cancel = context.WithCancelCause(a.scope.Context)
	if h.verdict = h.budget.take(&h.demand); h.verdict != nil {
		h.closed, h.denied = true, true
		h.cancel(h.verdict)
		return
	}
	h.taken = h.demand.need
}

// leave gives everything back when a call starts below this one: a model that
// is made of models uses nothing itself.
func (h *hold) leave() {
	defer h.budget.lock().Unlock()
	h.close(Spend{})
}

// close puts spent in the place of what is taken; the caller holds the lock.
func (h *hold) close(spent Spend) {
	if h.closed {
		return
	}
	h.closed = true
	for b := h.budget; b != nil; b = b.outer {
		b.spent.sub(h.taken)
		b.spent.add(spent)
	}
}

// release ends the context of a run that has ended and whose consumer reads no
// further: the context around it would hold on to it.
func (a *Active) release() {
	if h := a.hold(); h != nil {
		h.cancel(nil)
	}
}

// refused returns the error of a call that must not be made.
func (a *Active) refused() error {
	if h := a.hold(); h != nil && h.denied {
		return h.verdict
	}
	return nil
}

// notMade reports whether the run, which ends with res, was refused and nothing
// came of it all the same.
func (a *Active) notMade(res *Result) bool {
	return a.refused() != nil && res.Err != nil && res.Usage == nil && a.count == 0
}

// token counts a chunk of the answer. It returns the error if the chunk is the
// last one that is paid for.
func (h *hold) token(c *llm.Chunk) *BudgetError {
	h.chunks++
	h.weight += weigh(c.Text) + weigh(c.Reasoning) + weigh(c.Refusal)
	if c.Tool != nil {
		h.weight += weigh(c.Tool.Name) + weigh(c.Tool.Arguments)
	}
	n := h.streamed()
	if n <= h.output {
		return nil
	}
	more := Spend{Tokens: n - h.output, Cost: times(h.demand.rate, n-h.output)}
	h.output = n
	over := h.grow(more, !h.whole && c.Finish == "")
	if over != nil {
		h.cancel(over)
	}
	return over
}

// grow takes more of every budget, and returns an error if that is too much and
// the answer can be cut off.
func (h *hold) grow(more Spend, cut bool) *BudgetError {
	defer h.budget.lock().Unlock()
	if h.closed {
		return nil
	}
	h.taken.add(more)
	for b := h.budget; b != nil; b = b.outer {
		b.spent.add(more)
		if cut && h.verdict == nil {
			h.verdict = b.excess()
		}
	}
	return h.verdict
}

// streamed estimates the tokens of the answer so far. Many providers send a
// token in a chunk, some send lines.
func (h *hold) streamed() int { return max(h.chunks, h.weight/weightOfToken) }

// judge returns the verdict in place of an error that comes of it.
func (h *hold) judge(err error) error {
	if err == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	defer h.budget.lock().Unlock()
	if h.verdict == nil {
		return err
	}
	return h.verdict
}

// settle puts what the run came to in the place of what was taken.
func (h *hold) settle(res *Result) {
	defer h.budget.lock().Unlock()
	if h.closed {
		return
	}
	h.close(h.outcome(res))
	if res.Usage == nil || res.Priced || h.demand.priced {
		return
	}
	for b := h.budget; b != nil; b = b.outer {
		b.unpriced = nameOf(h.run.info)
	}
}

// outcome returns what the run used. What is not known remains estimated, unless
// nothing came back, which is not billed.
func (h *hold) outcome(res *Result) Spend {
	used := Spend{Calls: 1}
	if res.Usage == nil && res.Err != nil && h.chunks == 0 {
		return used
	}
	output := h.streamed()
	used.Tokens = h.demand.input + output
	if res.Usage != nil {
		used.Tokens, output = res.Usage.Total(), res.Usage.Output
	}
	if used.Cost = res.Cost; !res.Priced {
		used.Cost = h.demand.prompt.Add(times(h.demand.rate, output))
	}
	return used
}

// overBudget returns the cause of ctx's end in place of err if it is a budget.
// HTTP/1 returns the cause by itself, HTTP/2 does not. An error whose methods
// panic is returned as it is.
func overBudget(ctx context.Context, err error) (out error) {
	defer func() {
		if recover() != nil {
			out = err
		}
	}()
	var over *BudgetError
	if errors.As(err, &over) {
		return err
	}
	if cause := context.Cause(ctx); errors.As(cause, &over) {
		return cause
	}
	return err
}
