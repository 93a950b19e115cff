package callback_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/callback"
)

// TestAsyncNested: a handler may start runs with the context that it is given,
// as one does that has a model judge what it sees. It is told of those too; where
// the queue is full it does not wait for itself.
func TestAsyncNested(t *testing.T) {
	for _, tc := range []struct {
		name   string
		runs   int // that the handler starts in each run of the program's
		lost   bool
		starts int // that the handler is told of, at least
	}{
		{"with room", 1, false, 6},
		{"without room", 8, true, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				starts := 0
				judge := &callback.Funcs{OnChainEnd: func(ctx context.Context, info *callback.Info, _ *callback.Result) {
					starts++
					if info.Name == "judge" {
						return
					}
					for range tc.runs {
						chain(ctx, "judge", func(context.Context) error { return nil })
					}
				}}
				a := callback.NewAsync(judge, callback.AsyncOptions{Size: 2, Block: true})
				ctx := callback.WithHandlers(t.Context(), a)
				for range 3 {
					chain(ctx, "shop", func(context.Context) error { return nil })
					if err := a.Drain(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := a.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if starts < tc.starts || (a.Dropped() > 0) != tc.lost {
					t.Errorf("told of %d runs, %d calls dropped", starts, a.Dropped())
				}
			})
		})
	}
}
