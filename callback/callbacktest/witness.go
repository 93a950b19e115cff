package callbacktest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/callback"
)

// A witness is a handler that knows how runs should end, and is told after the
// one that is checked.
type witness struct {
	k    *kit
	open atomic.Int64
}

type expectKey struct{}

// expect returns a context whose runs should end with errors of that type, ""
// for none.
func expect(ctx context.Context, errorType string) context.Context {
	return context.WithValue(ctx, expectKey{}, errorType)
}

func (w *witness) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	w.open.Add(1)
	want, _ := ctx.Value(expectKey{}).(string)
	return ctx, &testimony{w, info, want}
}

type testimony struct {
	w    *witness
	info *callback.Info
	want string
}

func (t *testimony) End(res *callback.Result) {
	t.w.open.Add(-1)
	if got := callback.ErrorType(res.Err); got != t.want {
		t.w.k.report("a run ended with %s (%v) instead of %s: handlers do not end runs (callback.Abandon is for their shutting down)",
			outcome(got), res.Err, outcome(t.want))
	}
}

func outcome(errorType string) string {
	if errorType == "" {
		return "success"
	}
	return "an error " + errorType
}

// idle waits until no run is open.
func (w *witness) idle() {
	for late := time.Now().Add(patience); w.open.Load() > 0 && time.Now().Before(late); {
		time.Sleep(time.Millisecond)
	}
}

// settle reports runs that have not ended.
func (w *witness) settle() {
	if n := w.open.Load(); n != 0 {
		w.k.report("%d runs have not ended", n)
	}
}
