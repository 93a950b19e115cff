package callback_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestAsyncDoesNotDelay (L7): a handler that takes half a second at the start
// and at the end does not delay the stream, and sees everything in order.
func TestAsyncDoesNotDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		slow := &callback.Funcs{
			OnChatModelStart: func(context.Context, *callback.Info) { time.Sleep(time.Second / 2); rec.note("start") },
			OnLLMNewToken:    func(_ context.Context, _ *callback.Info, c llm.Chunk) { rec.note("%s", c.Text) },
			OnLLMEnd:         func(context.Context, *callback.Info, *callback.Result) { time.Sleep(time.Second / 2); rec.note("end") },
		}
		a := callback.NewAsync(slow, callback.AsyncOptions{})
		begin := time.Now()
		drain(t, nil, callback.Model(says{texts: []string{"pink", "roses"}}, a).Chat(t.Context(), question))
		if took := time.Since(begin); took != 0 {
			t.Errorf("stream took %v", took)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"start", "pink", "roses", "", "end"}; !slices.Equal(rec.log, want) {
			t.Errorf("told %q, want %q", rec.log, want)
		}
		if took := time.Since(begin); took != time.Second || a.Dropped() != 0 {
			t.Errorf("drained after %v, %d dropped", took, a.Dropped())
		}
	})
}

// TestAsyncFull: when the queue is full, tokens and new runs are dropped and
// counted, and the end of a run that was started still arrives.
func TestAsyncFull(t *testing.T) {
	for _, block := range []bool{false, true} {
		t.Run(fmt.Sprintf("block=%v", block), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				slow := &callback.Funcs{
					OnChatModelStart: func(context.Context, *callback.Info) { time.Sleep(time.Second); rec.note("start") },
					OnLLMNewToken:    func(_ context.Context, _ *callback.Info, c llm.Chunk) { rec.note("%s", c.Text) },
					OnLLMEnd:         func(context.Context, *callback.Info, *callback.Result) { rec.note("end") },
				}
				a := callback.NewAsync(slow, callback.AsyncOptions{Size: 3, Block: block})
				texts := strings.Split("abcdefghij", "")
				drain(t, nil, callback.Model(says{texts: texts}, a).Chat(t.Context(), question))
				a.Close(t.Context())
				told := strings.Join(rec.log, " ")
				if block {
					if told != "start a b c d e f g h i j  end" || a.Dropped() != 0 {
						t.Errorf("told %q, %d dropped", told, a.Dropped())
					}
					return
				}
				if !strings.HasPrefix(told, "start a b") || !strings.HasSuffix(told, " end") || a.Dropped() == 0 {
					t.Errorf("told %q, %d dropped", told, a.Dropped())
				}
				if got := int64(len(rec.log)) + a.Dropped(); got != 13 {
					t.Errorf("%d calls told or dropped, want 13", got)
				}
			})
		})
	}
}

// TestAsyncCloseDeadline: Close gives up when its context ends and says what
// was not delivered.
func TestAsyncCloseDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &callback.Funcs{OnChatModelStart: func(context.Context, *callback.Info) { time.Sleep(time.Hour) }}
		a := callback.NewAsync(stuck, callback.AsyncOptions{})
		drain(t, nil, callback.Model(says{texts: []string{"a"}}, a).Chat(t.Context(), question))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		synctest.Wait()
		err := a.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "3 calls not delivered") {
			t.Errorf("error %v", err)
		}
		if a.Dropped() != 3 {
			t.Errorf("%d dropped", a.Dropped())
		}
		time.Sleep(2 * time.Hour) // the goroutine ends with the call it is in
	})
}

func TestAsyncAfterClose(t *testing.T) {
	rec := &recorder{}
	a := callback.NewAsync(rec, callback.AsyncOptions{})
	a.Close(t.Context())
	drain(t, nil, callback.Model(says{texts: []string{"a"}}, a).Chat(t.Context(), question))
	if len(rec.log) != 0 || a.Dropped() != 1 { // the start; the run is never heard of
		t.Errorf("told %v, %d dropped", rec.log, a.Dropped())
	}
}

// TestAsyncFaulty: a panic in the handler ends neither the goroutine nor the
// program.
func TestAsyncFaulty(t *testing.T) {
	for _, method := range []string{"Start", "Token", "Event", "End"} {
		a := callback.NewAsync(&faulty{method}, callback.AsyncOptions{})
		for range 2 {
			chain(t.Context(), "x", func(ctx context.Context) error {
				callback.Emit(ctx, callback.Event{Kind: callback.EventText})
				return nil
			}, a)
			drain(t, nil, callback.Model(says{texts: []string{"a"}}, a).Chat(t.Context(), question))
		}
		if err := a.Close(t.Context()); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}
