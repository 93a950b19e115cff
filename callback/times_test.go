package callback_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A timer is a handler that has the times of tokens noted.
type timer struct{ times callback.Times }

func (h *timer) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	info.NoteTimes(&h.times)
	return ctx, h
}

func (h *timer) End(*callback.Result) {}

// TestTimes: every handler that asks has the time of each chunk with content, by
// choice, from the start of the run.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := new(timer), new(timer)
		ctx := callback.WithHandlers(t.Context(), a)
		_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindLLM}, b)
		for i, c := range []llm.Chunk{
			{},
			{Text: "pink"},
			{Choice: 2, Reasoning: "which?"},
			{Text: " roses"},
			{Choice: -1, Text: "x"}, {Choice: 1 << 40, Text: "y"},
			{Finish: "stop"},
		} {
			time.Sleep(time.Duration(i) * time.Second)
			run.Token(c)
		}
		run.End(nil)
		for _, h := range []*timer{a, b} {
			got := map[int][]time.Duration{}
			for c := range h.times.Choices() {
				if at := h.times.Of(c); at != nil {
					got[c] = at
				}
			}
			if want := "map[0:[1s 6s] 2:[3s] 127:[10s 15s]]"; fmt.Sprint(got) != want {
				t.Errorf("times %v, want %s", got, want)
			}
			if h.times.Of(-1) != nil || h.times.Of(1000) != nil {
				t.Error("times of choices that were not there")
			}
			h.times.Reset()
			if h.times.Of(0) != nil || h.times.Choices() != 0 {
				t.Errorf("%v, %d choices after Reset", h.times.Of(0), h.times.Choices())
			}
		}
	})
}

// TestTimesTooLate: who asks after the start, or of no run, gets nothing and
// disturbs nobody.
func TestTimesTooLate(t *testing.T) {
	var early, late callback.Times
	h := &callback.Funcs{OnChatModelStart: func(_ context.Context, info *callback.Info) { info.NoteTimes(&early); info.NoteTimes(nil) }}
	_, run := callback.Start(t.Context(), &callback.Info{Kind: callback.KindLLM, Input: &llm.Request{Messages: []llm.Message{llm.User("?")}}}, h)
	run.Info().NoteTimes(&late)
	new(callback.Info).NoteTimes(&late)
	run.Token(llm.Chunk{Text: "rose"})
	run.End(nil)
	if len(early.Of(0)) != 1 || late.Choices() != 0 {
		t.Errorf("%d in time, %d choices too late", len(early.Of(0)), late.Choices())
	}
}

// A lateTimer asks whenever it is told of something.
type lateTimer struct {
	info  *callback.Info
	times callback.Times
}

func (h *lateTimer) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	h.info = info
	return ctx, h
}
func (h *lateTimer) Token(llm.Chunk)      { h.info.NoteTimes(&h.times) }
func (h *lateTimer) Event(callback.Event) { h.info.NoteTimes(&h.times) }
func (h *lateTimer) End(*callback.Result) { h.info.NoteTimes(&h.times) }

// TestTimesWhileTold: who asks while being told of anything but the start gets
// nothing, and stops nobody.
func TestTimesWhileTold(t *testing.T) {
	h := new(lateTimer)
	ctx, run := callback.Start(t.Context(), &callback.Info{Kind: callback.KindLLM}, h)
	callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "roses"})
	run.Token(llm.Chunk{Text: "rose"})
	run.Token(llm.Chunk{Text: "s"})
	run.End(nil)
	if n := h.times.Choices(); n != 0 {
		t.Errorf("%d choices", n)
	}
}

// TestTimesConcurrentSafe: what another goroutine reads while tokens come is
// whole.
func TestTimesConcurrentSafe(t *testing.T) {
	const n = 20000
	h := new(timer)
	_, run := callback.Start(t.Context(), &callback.Info{Kind: callback.KindLLM}, h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			run.Token(llm.Chunk{Choice: i % 2, Text: "x"})
		}
		run.End(nil)
	}()
	for last := 0; last < n/2; {
		at := h.times.Of(1)
		if len(at) < last || !slices.IsSorted(at) || len(at) > 0 && at[0] <= 0 {
			t.Fatalf("%d times after %d, sorted: %v", len(at), last, slices.IsSorted(at))
		}
		last = len(at)
	}
	<-done
}
