package chain_test

import (
	"context"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
)

// A watched handler makes every run be told.
type silentHandler struct{}

func (silentHandler) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, nil
}

func add(name string) *chain.Step[int, int] {
	return &chain.Step[int, int]{Name: name, Do: func(_ context.Context, n int) (int, error) { return n + 1, nil }}
}

var unwatched = map[string]struct {
	run    func(ctx context.Context)
	allocs float64 // at most
}{
	"step": {func() func(context.Context) {
		s := add("a")
		return func(ctx context.Context) { s.Run(ctx, 1) }
	}(), 0},
	"sequence": {func() func(context.Context) {
		s := chain.Pipe3("s", add("a"), add("b"), add("c"))
		return func(ctx context.Context) { s.Run(ctx, 1) }
	}(), 1},
	"branch": {func() func(context.Context) {
		s := &chain.Branch[int, int]{Cases: []chain.Case[int, int]{{func(n int) bool { return n > 0 }, add("a")}}}
		return func(ctx context.Context) { s.Run(ctx, 1) }
	}(), 1},
	"retry": {func() func(context.Context) {
		s := &chain.Retry[int, int]{Step: add("a")}
		return func(ctx context.Context) { s.Run(ctx, 1) }
	}(), 1},
	"fallback": {func() func(context.Context) {
		s := &chain.Fallback[int, int]{Steps: []chain.Runner[int, int]{add("a")}}
		return func(ctx context.Context) { s.Run(ctx, 1) }
	}(), 1},
}

// TestUnwatchedCost: what nobody watches is not described.
func TestUnwatchedCost(t *testing.T) {
	ctx := t.Context()
	for name, u := range unwatched {
		if got := testing.AllocsPerRun(100, func() { u.run(ctx) }); got > u.allocs {
			t.Errorf("%s: %v allocations, want at most %v", name, got, u.allocs)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	s := add("add")
	ctx := context.Background()
	b.Run("unwatched", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Run(ctx, 1)
		}
	})
	b.Run("watched", func(b *testing.B) {
		b.ReportAllocs()
		ctx := callback.WithHandlers(ctx, silentHandler{})
		for b.Loop() {
			s.Run(ctx, 1)
		}
	})
}

func BenchmarkUnwatched(b *testing.B) {
	for name, u := range unwatched {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u.run(context.Background())
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = "word "
	}
	seq := chain.Pipe("", upper("up"), question(plays("gpt", says(texts...))))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range seq.Stream(context.Background(), "x") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
