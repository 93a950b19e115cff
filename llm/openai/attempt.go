package openai

import (
	"context"
	"sync/atomic"

	"github.com/callspan/callspan/callback"
)

// An attempts counts the requests that one call makes. It travels in the call's
// context, which every client library hands to its transport: below it a
// [Transport] does not announce the requests again.
type attempts struct {
	sent atomic.Int32
}

type attemptsKey struct{}

// withAttempts marks ctx as that of a call which is announced already.
func withAttempts(ctx context.Context) context.Context {
	return context.WithValue(ctx, attemptsKey{}, new(attempts))
}

func attemptsOf(ctx context.Context) *attempts {
	a, _ := ctx.Value(attemptsKey{}).(*attempts)
	return a
}

// see notes a request. From the second one on they are tries of one call, which
// its run tells.
func (a *attempts) see(ctx context.Context) {
	if n := int(a.sent.Add(1)); n > 1 {
		callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: n - 1}})
	}
}
