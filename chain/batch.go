package chain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
)

// A Batch runs one step over many inputs, several at a time, and has the
// outputs in order. It is LangChain's batch. The step runs once for each input,
// below the run of the Batch. Panics are dealt with as by [Parallel].
type Batch[I, O any] struct {
	Name     string // of the run; "batch" by default
	Step     Runner[I, O]
	Limit    int                // of inputs that are run at a time; 0 is 8
	All      bool               // run all inputs, even if some fail; else the first failure cancels the rest
	Handlers []callback.Handler // see the whole alone, not the inputs
	Tags     []string           // of this run alone
}

// Run returns the outputs of ins, in their order; none of none. With All, the outputs of those
// that succeeded come together with a [*BatchError] if others failed.
func (b *Batch[I, O]) Run(ctx context.Context, ins []I) ([]O, error) {
	return run(ctx, b.identity(), ins, func(ctx context.Context) ([]O, error) {
		id := b.identity()
		limit, err := id.limited(b.Limit)
		switch {
		case err != nil:
			return nil, err
		case missing(b.Step):
			return nil, id.fault("has no Step")
		}
		out := make([]O, len(ins))
		errs, failed := each(ctx, len(ins), limit, b.All, func(ctx context.Context, i int) (err error) {
			out[i], err = b.Step.Run(ctx, ins[i])
			return err
		})
		switch {
		case failed < 0:
			return out, nil
		case b.All:
			return out, &BatchError{Errors: errs, step: id.String()}
		}
		return nil, fmt.Errorf("%s: %s: %w", id, at("inputs", failed, nil), errs[failed])
	})
}

func (b *Batch[I, O]) identity() identity { return identity{"batch", b.Name, b.Handlers, b.Tags} }

// A BatchError says which inputs of a [Batch] failed.
type BatchError struct {
	Errors []error // for each input; nil for those that succeeded

	step string
}

// Error names the first inputs that failed with their errors.
func (e *BatchError) Error() string {
	const show = 3
	var shown []string
	failed := 0
	for i, err := range e.Errors {
		if err == nil {
			continue
		}
		if failed++; failed <= show {
			shown = append(shown, fmt.Sprintf("inputs[%d]: %v", i, err))
		}
	}
	text := fmt.Sprintf("%s: %d of %d inputs failed: %s", e.step, failed, len(e.Errors), strings.Join(shown, "; "))
	if failed > show {
		text += "; ..."
	}
	return text
}

// Unwrap returns the errors of the inputs that failed, in order.
func (e *BatchError) Unwrap() []error {
	var errs []error
	for _, err := range e.Errors {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// permanent reports whether an input is among them that never succeeds.
func (e *BatchError) permanent() bool {
	return slices.ContainsFunc(e.Errors, func(err error) bool { return err != nil && permanent(err) })
}
