package callback_test

import (
	"context"
	"iter"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// blind is a handler that looks at nothing.
type blind struct{}

func (blind) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, blind{}
}
func (blind) End(*callback.Result) {}

// chunks is a model of n chunks that allocates nothing per chunk.
type chunks int

func (n chunks) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		for range n {
			if !yield(llm.Chunk{Text: " rose"}, nil) {
				return
			}
		}
		yield(llm.Chunk{Finish: "stop"}, nil)
	}
}

func TestAllocations(t *testing.T) {
	ctx := t.Context()
	seen := callback.WithHandlers(ctx, blind{})
	stream := func(ctx context.Context, n chunks) func() {
		m := callback.Model(n)
		return func() {
			for range m.Chat(ctx, question) {
			}
		}
	}
	perChunk := func(ctx context.Context) float64 {
		return (testing.AllocsPerRun(100, stream(ctx, 1001)) - testing.AllocsPerRun(100, stream(ctx, 1))) / 1000
	}
	for _, tc := range []struct {
		name string
		got  float64
		max  float64
	}{
		{"Enabled, nobody listens", testing.AllocsPerRun(100, func() { callback.Enabled(ctx) }), 0},
		{"Start and End, nobody listens", testing.AllocsPerRun(100, func() {
			if callback.Enabled(ctx) {
				_, run := callback.Start(ctx, &callback.Info{})
				run.End(nil)
			}
		}), 0},
		{"Start and End with a handler", testing.AllocsPerRun(100, func() {
			_, run := callback.Start(seen, &callback.Info{})
			run.End(nil)
		}), 5},
		{"chunk, nobody listens", perChunk(ctx), 0},
		{"chunk with a handler that does not look", perChunk(seen), 0.02}, // the answer's buffer grows
	} {
		if tc.got > tc.max {
			t.Errorf("%s: %v allocations, want at most %v", tc.name, tc.got, tc.max)
		}
	}
}

func BenchmarkEnabled(b *testing.B) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		callback.Enabled(ctx)
	}
}

func BenchmarkStartEnd(b *testing.B) {
	for _, tc := range []struct {
		name string
		ctx  context.Context
	}{
		{"handlerless", context.Background()},
		{"handler", callback.WithHandlers(context.Background(), blind{})},
	} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if callback.Enabled(tc.ctx) {
					_, run := callback.Start(tc.ctx, &callback.Info{Kind: callback.KindChain, Name: "x"})
					run.End(nil)
				}
			}
		})
	}
}
