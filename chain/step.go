package chain

import (
	"context"

	"github.com/callspan/callspan/callback"
)

// A Step is a function that appears as a run.
type Step[I, O any] struct {
	Name     string // of the run; "step" by default
	Do       func(ctx context.Context, in I) (O, error)
	Handlers []callback.Handler // see this step alone
	Tags     []string           // of this run alone
}

// Run calls Do as a run. If nobody listens, it is just the call.
func (s *Step[I, O]) Run(ctx context.Context, in I) (O, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	do := s.Do
	if do == nil {
		do = func(context.Context, I) (out O, err error) { return out, s.identity().fault("has no Do") }
	}
	if !callback.Enabled(ctx, s.Handlers...) {
		return do(ctx, in)
	}
	return callback.Do(ctx, s.identity().info(in), s.Handlers, func(ctx context.Context) (O, error) { return do(ctx, in) })
}

func (s *Step[I, O]) identity() identity { return identity{"step", s.Name, s.Handlers, s.Tags} }
