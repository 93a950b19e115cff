package callback_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestLeaveAfterCancel: a consumer who leaves because the context has ended has
// not stopped by himself, whoever hears of the end first.
func TestLeaveAfterCancel(t *testing.T) {
	type use func(ctx context.Context, cancel func(), rec *recorder)
	open := func(ctx context.Context, rec *recorder) *callback.Call {
		_, call, err := callback.Open(ctx, &callback.Info{Kind: callback.KindLLM}, rec)
		if err != nil {
			t.Fatal(err)
		}
		call.Chunk(&llm.Chunk{Text: "roses"})
		return call
	}
	for _, tc := range []struct {
		name    string
		use     use
		stopped bool
		typ     string
	}{
		{"a call that is held", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Holding()
			cancel()
			call.Stop()
		}, false, "canceled"},
		{"a call that is being read", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			cancel()
			call.Stop()
			call.End(errClosed)
		}, false, "canceled"},
		{"a call that is stopped before", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Stop()
			cancel()
			call.Stop()
			call.End(errClosed)
		}, true, ""},
		{"a call that has the whole answer", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Settle(true, nil)
			cancel()
			call.Stop()
			call.End(errClosed)
		}, false, ""},
		{"a call that has the whole answer and is held", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Settle(true, nil)
			call.Holding()
			cancel()
		}, false, ""},
		{"a call that has an error for an answer", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Settle(true, &llm.Error{Code: "rate_limit_exceeded"})
			call.Holding()
			cancel()
		}, false, "rate_limit_exceeded"},
		{"a call that is dropped with the whole answer", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Settle(true, nil)
			call.Holding()
			call.Abandon(errClosed)
		}, false, ""},
		{"a call that had the whole answer before there was more of it", func(ctx context.Context, cancel func(), rec *recorder) {
			call := open(ctx, rec)
			call.Settle(true, nil)
			call.Holding()
			call.Reading()
			call.Settle(false, nil)
			call.Holding()
			cancel()
		}, false, "canceled"},
		{"a loop", func(ctx context.Context, cancel func(), rec *recorder) {
			for range callback.Model(says{texts: []string{"roses", "lilies"}}, rec).Chat(ctx, &llm.Request{}) {
				cancel()
				break
			}
		}, false, "canceled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 50 {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					rec := &recorder{}
					tc.use(ctx, cancel, rec)
					cancel()
					synctest.Wait() // for what watches the context
					res, n := rec.last(t)
					if res.Stopped != tc.stopped || callback.ErrorType(res.Err) != tc.typ || n != 1 {
						t.Errorf("stopped %t, %v, in %d ends", res.Stopped, res.Err, n)
					}
				})
			}
		})
	}
}

var errClosed = errors.New("read on closed body")
