package chain

import (
	"context"
	"iter"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Sequence gives the output of each step to the next, under one run. It is
// LangChain's SequentialChain and the pipe of its expression language. [Pipe],
// [Pipe3] and [Pipe4] make one; the fields may be set before use.
type Sequence[I, O any] struct {
	Name     string             // of the run; "sequence" by default
	Handlers []callback.Handler // see the sequence alone, not its steps
	Tags     []string           // of this run alone

	run    func(context.Context, I) (O, error)
	stream func(context.Context, I, func(llm.Chunk) bool) error
	absent int // the step that is nil, from 1
}

// Pipe returns the sequence of two steps.
func Pipe[A, B, C any](name string, first Runner[A, B], second Runner[B, C]) *Sequence[A, C] {
	return sequence(name, call(first), second, first, second)
}

// Pipe3 returns the sequence of three steps.
func Pipe3[A, B, C, D any](name string, first Runner[A, B], second Runner[B, C], third Runner[C, D]) *Sequence[A, D] {
	return sequence(name, then(call(first), second), third, first, second, third)
}

// Pipe4 returns the sequence of four steps. More steps are a sequence of
// sequences.
func Pipe4[A, B, C, D, E any](name string, first Runner[A, B], second Runner[B, C], third Runner[C, D], fourth Runner[D, E]) *Sequence[A, E] {
	return sequence(name, then(then(call(first), second), third), fourth, first, second, third, fourth)
}

// sequence makes a Sequence of what comes first and the last step.
func sequence[I, M, O any](name string, lead func(context.Context, I) (M, error), last Runner[M, O], steps ...any) *Sequence[I, O] {
	s := &Sequence[I, O]{Name: name, run: then(lead, last)}
	s.stream = func(ctx context.Context, in I, hand func(llm.Chunk) bool) error {
		mid, err := lead(ctx, in)
		if err == nil {
			err = ended(ctx)
		}
		if err != nil {
			return err
		}
		return feed(ctx, last, mid, hand)
	}
	for i, step := range steps {
		if missing(step) {
			s.absent = i + 1
			break
		}
	}
	return s
}

func call[I, O any](r Runner[I, O]) func(context.Context, I) (O, error) {
	return func(ctx context.Context, in I) (O, error) { return r.Run(ctx, in) }
}

// then returns lead followed by next, which is not begun once the context has
// ended.
func then[I, M, O any](lead func(context.Context, I) (M, error), next Runner[M, O]) func(context.Context, I) (O, error) {
	return func(ctx context.Context, in I) (out O, err error) {
		mid, err := lead(ctx, in)
		if err == nil {
			err = ended(ctx)
		}
		if err != nil {
			return out, err
		}
		return next.Run(ctx, mid)
	}
}

// Run returns the output of the last step, or the error of the first that
// fails.
func (s *Sequence[I, O]) Run(ctx context.Context, in I) (O, error) {
	return run(ctx, s.identity(), in, func(ctx context.Context) (out O, err error) {
		if err := s.check(); err != nil {
			return out, err
		}
		return s.run(ctx, in)
	})
}

// Stream runs all steps but the last, and streams that one. It is for sequences
// whose output is a string.
func (s *Sequence[I, O]) Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, s.identity(), in, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		if err := s.check(); err != nil {
			return err
		}
		return s.stream(ctx, in, hand)
	})
}

func (s *Sequence[I, O]) check() error {
	switch {
	case s.run == nil:
		return s.identity().fault("has no steps; make it with Pipe")
	case s.absent > 0:
		return s.identity().fault("has nil as step %d", s.absent)
	}
	return nil
}

func (s *Sequence[I, O]) identity() identity {
	return identity{"sequence", s.Name, s.Handlers, s.Tags}
}
