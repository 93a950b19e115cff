package chain

import (
	"context"
	"fmt"
)

// Gather returns a step that gives its input to all parts at once and puts what
// they bring into one output. It is LangChain's RunnableParallel, with a struct
// in place of the map:
//
//	survey := chain.Gather("survey",
//		chain.Into(joke, func(s *Survey, text string) { s.Joke = text }),
//		chain.Into(words, func(s *Survey, n int) { s.Words = n }))
//
// Parts fail and panic as the steps of a [Parallel] do; all of them run at the
// same time. The name is "parallel" by default.
func Gather[I, O any](name string, parts ...Part[I, O]) *Step[I, O] {
	s := &Step[I, O]{Name: name}
	if name == "" {
		s.Name = "parallel"
	}
	s.Do = func(ctx context.Context, in I) (out O, err error) {
		id := identity{kind: "parallel", name: s.Name}
		if len(parts) == 0 {
			return out, id.fault("has no parts")
		}
		for i := range parts {
			if parts[i].run == nil {
				return out, id.fault("has parts[%d] without a runner or a function; make it with Into", i)
			}
		}
		puts := make([]func(*O), len(parts))
		errs, failed := each(ctx, len(parts), len(parts), false, func(ctx context.Context, i int) (err error) {
			puts[i], err = parts[i].run(ctx, in)
			return err
		})
		if failed >= 0 {
			return out, fmt.Errorf("%s: %s: %w", id, at("parts", failed, parts[failed].runner), errs[failed])
		}
		for _, put := range puts {
			put(&out)
		}
		return out, nil
	}
	return s
}

// A Part is what one runner brings to a [Gather].
type Part[I, O any] struct {
	runner any
	run    func(context.Context, I) (func(*O), error)
}

// Into returns the part that runs r and has put put its output into the whole.
// The puts are called one by one, in the order of the parts, once all have run.
func Into[I, T, O any](r Runner[I, T], put func(whole *O, part T)) Part[I, O] {
	if missing(r) || put == nil {
		return Part[I, O]{}
	}
	return Part[I, O]{r, func(ctx context.Context, in I) (func(*O), error) {
		out, err := r.Run(ctx, in)
		return func(whole *O) { put(whole, out) }, err
	}}
}
