package chain

import (
	"context"
	"fmt"

	"github.com/callspan/callspan/callback"
)

// A Step is a function that appears as a run. It may be used concurrently.
type Step[I, O any] struct {
	Name     string
	Do       func(ctx context.Context, in I) (O, error)
	Handlers []callback.Handler // see this step alone
	Tags     []string
}

// Run calls Do as a run. If nobody listens, it is just the call.
func (s *Step[I, O]) Run(ctx context.Context, in I) (O, error) {
	do := s.Do
	if do == nil {
		do = func(context.Context, I) (out O, err error) {
			return out, fmt.Errorf("step %q has no function Do", s.Name)
		}
	}
	if !callback.Enabled(ctx, s.Handlers...) {
		return do(ctx, in)
	}
	info := &callback.Info{Kind: callback.KindChain, Name: s.Name, Input: in, Tags: s.Tags}
	return callback.Do(ctx, info, s.Handlers, func(ctx context.Context) (O, error) { return do(ctx, in) })
}
