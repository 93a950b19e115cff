package main

import (
	"context"
	"net/http"
	"sync/atomic"
)

// A gate counts the calls that pass, so that a server that is being stopped can
// go on to listen until they are over: whoever asks it meanwhile whether it is
// ready gets an answer.
type gate struct {
	closing atomic.Bool
	calls   atomic.Int64
	empty   chan struct{} // told when a closing gate has no calls left
}

func newGate() *gate { return &gate{empty: make(chan struct{}, 1)} }

// count counts the calls that h serves.
func (g *gate) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.calls.Add(1)
		defer g.leave()
		h.ServeHTTP(w, r)
	})
}

func (g *gate) leave() {
	if g.calls.Add(-1) == 0 && g.closing.Load() {
		select {
		case g.empty <- struct{}{}:
		default:
		}
	}
}

// wait closes the gate and waits until no call is left or ctx ends.
func (g *gate) wait(ctx context.Context) {
	g.closing.Store(true)
	for g.calls.Load() > 0 {
		select {
		case <-g.empty:
		case <-ctx.Done():
			return
		}
	}
}
