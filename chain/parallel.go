package chain

import (
	"context"
	"fmt"

	"github.com/callspan/callspan/callback"
)

// A Parallel gives its input to all steps at once and has their outputs in
// order. Outputs of different types are put together by [Gather].
//
// The first step that fails cancels the others, and its error is the result. A
// step that panics does so too: the panic goes on in the caller's goroutine, as
// a *[callback.PanicError], after all steps have ended. Run returns when all
// steps have.
type Parallel[I, O any] struct {
	Name     string             // of the run; "parallel" by default
	Steps    []Runner[I, O]     // which all get the input
	Limit    int                // of steps that run at a time; 0 is 8
	Handlers []callback.Handler // see the whole alone, not its steps
	Tags     []string           // of this run alone
}

// Run returns the outputs of the steps, in their order.
func (p *Parallel[I, O]) Run(ctx context.Context, in I) ([]O, error) {
	return run(ctx, p.identity(), in, func(ctx context.Context) ([]O, error) {
		limit, err := p.check()
		if err != nil {
			return nil, err
		}
		out := make([]O, len(p.Steps))
		errs, failed := each(ctx, len(p.Steps), limit, false, func(ctx context.Context, i int) (err error) {
			out[i], err = p.Steps[i].Run(ctx, in)
			return err
		})
		if failed >= 0 {
			return nil, fmt.Errorf("%s: %s: %w", p.identity(), at("Steps", failed, p.Steps[failed]), errs[failed])
		}
		return out, nil
	})
}

func (p *Parallel[I, O]) check() (limit int, err error) {
	id := p.identity()
	if len(p.Steps) == 0 {
		return 0, id.fault("has no Steps")
	}
	for i, s := range p.Steps {
		if missing(s) {
			return 0, id.fault("has nil in Steps[%d]", i)
		}
	}
	return id.limited(p.Limit)
}

func (p *Parallel[I, O]) identity() identity {
	return identity{"parallel", p.Name, p.Handlers, p.Tags}
}
