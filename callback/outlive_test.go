package callback_test

import (
	"context"
	"errors"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestBudgetOutlived: under a budget the context of a call ends, without which it
// would stay with the one around it, but not while somebody reads on: a run may
// end before its consumer does.
func TestBudgetOutlived(t *testing.T) {
	const alive, ended = false, true
	type seen []bool // whether the context had ended, after each step
	for _, tc := range []struct {
		name string
		do   func(call *callback.Call, look func())
		want seen
	}{
		{"the end", func(call *callback.Call, look func()) {
			look()
			call.End(nil)
			look()
		}, seen{alive, ended}},
		{"an error", func(call *callback.Call, look func()) {
			call.End(errClosed)
			look()
		}, seen{ended}},
		{"the end after the whole answer was settled, then closed", func(call *callback.Call, look func()) {
			call.Settle(true, nil)
			call.End(nil)
			call.Holding()
			look()
			call.Stop()
			look()
		}, seen{alive, ended}},
		{"the end after the whole answer was settled, then read up to the end", func(call *callback.Call, look func()) {
			call.Settle(true, errClosed)
			call.End(errClosed)
			call.Holding()
			call.Reading()
			look()
			call.End(nil)
			look()
		}, seen{alive, ended}},
		{"the end of what is closed meanwhile", func(call *callback.Call, look func()) {
			call.Settle(true, nil)
			call.Stop()
			look()
			call.End(errClosed)
			look()
		}, seen{alive, ended}},
		{"the whole answer, and closed", func(call *callback.Call, look func()) {
			call.Settle(true, nil)
			call.Holding()
			call.Stop()
			look()
		}, seen{ended}},
		{"closed", func(call *callback.Call, look func()) {
			call.Holding()
			call.Stop()
			look()
		}, seen{ended}},
		{"closed while it is read", func(call *callback.Call, look func()) {
			call.Stop()
			call.Holding()
			look()
		}, seen{ended}},
		{"dropped", func(call *callback.Call, look func()) {
			call.Holding()
			call.Abandon(errClosed)
			look()
		}, seen{ended}},
		{"a handler that shuts down, then read up to the end", func(call *callback.Call, look func()) {
			call.Holding()
			callback.Abandon(call.Info(), errClosed)
			look()
			call.Reading()
			call.End(nil)
			look()
		}, seen{alive, ended}},
		{"a handler that shuts down, then closed", func(call *callback.Call, look func()) {
			call.Holding()
			callback.Abandon(call.Info(), errClosed)
			call.Stop()
			look()
		}, seen{ended}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Calls: 1})
			ctx, call, err := callback.Open(ctx, &callback.Info{Kind: callback.KindLLM}, rec)
			if err != nil {
				t.Fatal(err)
			}
			call.Chunk(&llm.Chunk{Text: "roses"})
			i := 0
			tc.do(call, func() {
				if got := ctx.Err() != nil; i >= len(tc.want) || got != tc.want[i] {
					t.Errorf("look %d: ended %t, want %v", i, got, tc.want)
				}
				i++
			})
			if _, n := rec.last(t); n != 1 || i != len(tc.want) {
				t.Errorf("%d ends, %d looks", n, i)
			}
		})
	}
}

// TestBudgetAbandoned: a handler that shuts down ends the run of a loop, not the
// loop.
func TestBudgetAbandoned(t *testing.T) {
	var info *callback.Info
	rec := &recorder{}
	look := &callback.Funcs{OnLLMStart: func(_ context.Context, i *callback.Info) { info = i }}
	ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Tokens: 1000})
	n := 0
	for c, err := range callback.Model(typist{n: 3}, rec, look).Chat(ctx, &llm.Request{Stream: true}) {
		if err != nil {
			t.Fatalf("after %d chunks: %v", n, err)
		}
		if c.HasContent() {
			n++
		}
		callback.Abandon(info, errClosed)
	}
	if res, ends := rec.last(t); n != 3 || ends != 1 || !errors.Is(res.Err, errClosed) {
		t.Errorf("%d chunks, %d ends, %v", n, ends, res.Err)
	}
}
