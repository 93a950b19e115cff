package callback_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/cputime"
)

// stepwise is a handler whose runs end one by one, as somebody asks for it.
type stepwise chan struct{}

func (s stepwise) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, s
}
func (s stepwise) End(*callback.Result) { <-s }

// TestLinear: sixteen times as many handlers, tags or waiting calls take about
// sixteen times as long, and not 256 times.
func TestLinear(t *testing.T) {
	handlers := func(n int) (hs []callback.Handler) {
		for range n {
			hs = append(hs, &recorder{})
		}
		return hs
	}
	tags := func(n int, from string) (tags []string) {
		for i := range n {
			tags = append(tags, fmt.Sprint(from, i))
		}
		return tags
	}
	nothing := func(context.Context) error { return nil }
	for name, f := range map[string]func(t *testing.T, n int) (prepared func()){
		"handlers of the context": func(t *testing.T, n int) func() {
			hs := handlers(n)
			return func() { callback.WithHandlers(callback.WithHandlers(t.Context(), hs...), hs...) }
		},
		"handlers of a component": func(t *testing.T, n int) func() {
			ctx, local := callback.WithHandlers(t.Context(), handlers(n)...), handlers(n)
			return func() { chain(ctx, "step", nothing, local...) }
		},
		"tags": func(t *testing.T, n int) func() {
			outer, inner, own := tags(n, "outer"), tags(n, "inner"), tags(n, "own")
			return func() {
				ctx := callback.WithTags(callback.WithTags(t.Context(), outer...), inner...)
				_, run := callback.Start(ctx, &callback.Info{Tags: own}, &recorder{})
				run.End(nil)
			}
		},
		"handlers that are explained": func(t *testing.T, n int) func() {
			ctx, local := callback.WithHandlers(t.Context(), handlers(n)...), handlers(n)
			return func() { callback.Explain(ctx, local...) }
		},
		"open runs that are printed": func(t *testing.T, n int) func() {
			ctx := callback.WithHandlers(t.Context(), callback.Print(io.Discard))
			runs := make([]*callback.Active, n)
			return func() {
				for i := range runs {
					_, runs[i] = callback.Start(ctx, &callback.Info{Kind: callback.KindChain})
				}
				for _, r := range runs {
					r.End(nil)
				}
			}
		},
		"ends that wait": func(t *testing.T, n int) func() {
			step := make(stepwise)
			a := callback.NewAsync(step, callback.AsyncOptions{Size: 1})
			runs := make([]*callback.Active, n)
			for i := range runs {
				_, runs[i] = callback.Start(t.Context(), &callback.Info{}, a)
				if err := a.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return func() {
				for _, r := range runs[:n/2] {
					r.End(nil)
				}
				for _, r := range runs[n/2:] {
					step <- struct{}{}
					r.End(nil)
				}
				close(step)
				if err := a.Close(t.Context()); err != nil || a.Dropped() != 0 {
					t.Errorf("%v, %d dropped", err, a.Dropped())
				}
			}
		},
	} {
		took := func(n int) time.Duration {
			do := f(t, n)
			start := cputime.Process()
			do()
			return cputime.Process() - start
		}
		size := 1 << 9
		if name == "ends that wait" { // of which each is quick
			size *= 4
		}
		one, sixteen := time.Hour, time.Hour
		for range 8 {
			one, sixteen = min(one, took(size)), min(sixteen, took(16*size))
			if sixteen < 60*max(one, time.Millisecond) {
				break
			}
		}
		if sixteen >= 60*max(one, time.Millisecond) {
			t.Errorf("%s: %v for %d, %v for 16 times as many", name, one, size, sixteen)
		}
	}
}
