package callback_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
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
		stuck := &callback.Funcs{
			OnChatModelStart: func(context.Context, *callback.Info) { time.Sleep(time.Hour) },
			OnLLMNewToken:    func(context.Context, *callback.Info, llm.Chunk) {},
		}
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

// TestAsyncDrain: Drain waits for what was called before it and no longer.
func TestAsyncDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		slow := &callback.Funcs{
			OnChainStart: func(context.Context, *callback.Info) { time.Sleep(time.Second); rec.note("start") },
			OnChainEnd:   func(context.Context, *callback.Info, *callback.Result) { time.Sleep(time.Second); rec.note("end") },
		}
		a := callback.NewAsync(slow, callback.AsyncOptions{})
		if err := a.Drain(t.Context()); err != nil {
			t.Errorf("nothing to drain: %v", err)
		}
		do := func() { chain(t.Context(), "x", func(context.Context) error { return nil }, a) }
		do()
		if err := a.Drain(t.Context()); err != nil || rec.told() != 2 {
			t.Errorf("drained %v: %v", rec.log, err)
		}
		do()
		time.AfterFunc(time.Second, do)
		begin := time.Now()
		if err := a.Drain(t.Context()); err != nil || time.Since(begin) != 2*time.Second || rec.told() != 4 {
			t.Errorf("drained %v after %v: %v", rec.log, time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if err := a.Drain(ctx); err == nil || err.Error() != "drain async handler with 1 call not delivered: context deadline exceeded" {
			t.Errorf("error %v", err)
		}
		if err := a.Close(t.Context()); err != nil || rec.told() != 6 || a.Dropped() != 0 {
			t.Errorf("%v, told %v, %d dropped", err, rec.log, a.Dropped())
		}
		if err := a.Drain(t.Context()); err != nil {
			t.Errorf("closed and drained: %v", err)
		}
	})
}

// told returns how many calls are noted.
func (r *recorder) told() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.log)
}

// TestAsyncQuiet: tokens that the handler is known not to look at take no room.
func TestAsyncQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &callback.Funcs{OnChatModelStart: func(context.Context, *callback.Info) { time.Sleep(time.Second) }}
		a := callback.NewAsync(slow, callback.AsyncOptions{Size: 1})
		drain(t, nil, callback.Model(says{texts: strings.Split("abcdefghij", "")}, a).Chat(t.Context(), question))
		if err := a.Close(t.Context()); err != nil || a.Dropped() != 0 {
			t.Errorf("%v, %d dropped", err, a.Dropped())
		}
	})
}

// TestAsyncFullAndGone: who waits for room is let go by the end of the run's
// context and by Close, and a run whose start is dropped is never heard of.
func TestAsyncFullAndGone(t *testing.T) {
	for _, tc := range []struct {
		name string
		let  func(a *callback.Async, cancel context.CancelFunc)
	}{
		{"context ends", func(_ *callback.Async, cancel context.CancelFunc) { cancel() }},
		{"closed", func(a *callback.Async, _ context.CancelFunc) { go a.Close(context.Background()) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				a := callback.NewAsync(&callback.Funcs{
					OnChainStart: func(_ context.Context, info *callback.Info) {
						rec.note("start %s", info.Name)
						time.Sleep(time.Hour)
					},
					OnChainEnd: func(_ context.Context, info *callback.Info, _ *callback.Result) { rec.note("end %s", info.Name) },
				}, callback.AsyncOptions{Size: 1, Block: true})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var ends []*callback.Active
				begin := func(name string) {
					_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindChain, Name: name}, a)
					ends = append(ends, run)
				}
				begin("a")
				synctest.Wait() // the handler has it
				begin("b")      // waits in the queue
				now := time.Now()
				time.AfterFunc(time.Second, func() { tc.let(a, cancel) })
				begin("c") // waits for room
				if took := time.Since(now); took != time.Second || a.Dropped() != 1 {
					t.Errorf("let go after %v, %d dropped", took, a.Dropped())
				}
				for _, run := range ends {
					run.End(nil)
				}
				a.Close(context.Background())
				want := []string{"start a", "start b", "end a", "end b"}
				if tc.name == "closed" {
					want = want[:2] // the ends came after Close
				}
				if !slices.Equal(rec.log, want) {
					t.Errorf("told %q, want %q", rec.log, want)
				}
			})
		})
	}
}

// TestAsyncOrder (C23): the calls of each run arrive in the order in which they
// were made, whatever other runs do.
func TestAsyncOrderConcurrentSafe(t *testing.T) {
	rec := &recorder{}
	a := callback.NewAsync(rec, callback.AsyncOptions{Size: 8, Block: true})
	ctx := callback.WithHandlers(t.Context(), a)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			name := fmt.Sprint(i)
			m := llm.ModelFunc(says{texts: strings.Split("abcdef", "")}.Chat)
			callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: name}, nil, func(ctx context.Context) (any, error) {
				callback.Emit(ctx, callback.Event{Kind: callback.EventText})
				return llm.Collect(callback.Model(m).Chat(ctx, &llm.Request{Model: "model " + name}))
			})
		})
	}
	wg.Wait()
	if err := a.Close(t.Context()); err != nil || a.Dropped() != 0 {
		t.Fatalf("%v, %d dropped", err, a.Dropped())
	}
	for i := range 32 {
		name := fmt.Sprint(i)
		var of []string
		for _, l := range rec.log {
			if f := strings.Fields(l); f[1] == name || f[1] == "model" && f[2] == name {
				of = append(of, l)
			}
		}
		want := []string{"start " + name, "event " + name + " text", "start model " + name}
		for _, text := range append(strings.Split("abcdef", ""), "") {
			want = append(want, fmt.Sprintf("token model %s %q", name, text))
		}
		want = append(want, "end model "+name+" ", "end "+name+" ")
		if !slices.Equal(of, want) {
			t.Fatalf("run %d: told %q, want %q", i, of, want)
		}
	}
}

// TestAsyncMisuse: a handler that cannot be behind an Async is named once, and
// not told.
func TestAsyncMisuse(t *testing.T) {
	var none *recorder
	spans := &opener{recorder{name: "x"}}
	for _, tc := range []struct {
		name string
		h    callback.Handler
		said string
	}{
		{"nil", nil, "wraps a nil handler"},
		{"typed nil", none, "wraps a nil handler"},
		{"opens spans", spans, "handler=*callback_test.opener"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			said, panics := reports(t), callback.Panics()
			a := callback.NewAsync(tc.h, callback.AsyncOptions{})
			for range 2 {
				chain(t.Context(), "x", func(context.Context) error { return nil }, a)
			}
			if err := a.Close(t.Context()); err != nil || callback.Panics() != panics {
				t.Errorf("%v, %d panics", err, callback.Panics()-panics)
			}
			if strings.Count(said.String(), tc.said) != 1 {
				t.Errorf("said %s", said)
			}
		})
	}
	if len(spans.log) != 0 {
		t.Errorf("told %v", spans.log)
	}
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

// exits ends the goroutine that tells it of an end, as a test's Fatal does.
type exits struct{ ends chan struct{} }

func (h exits) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, h
}
func (h exits) End(*callback.Result) {
	h.ends <- struct{}{}
	runtime.Goexit()
}

// TestAsyncGoexit: a handler that ends the goroutine goes on being told, and
// does not stop the callers.
func TestAsyncGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := exits{make(chan struct{}, 5)}
		a := callback.NewAsync(h, callback.AsyncOptions{Size: 2, Block: true})
		for range 5 {
			chain(t.Context(), "step", func(context.Context) error { return nil }, a)
		}
		if err := a.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if err := a.Close(t.Context()); err != nil || len(h.ends) != 5 || a.Dropped() != 0 {
			t.Errorf("close: %v, %d ends, %d dropped", err, len(h.ends), a.Dropped())
		}
	})
}

// TestAsyncZero: an Async that was not made by NewAsync tells nobody, and can be
// closed.
func TestAsyncZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a callback.Async
		chain(t.Context(), "step", func(context.Context) error { return nil }, &a)
		if err := a.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestAsyncNil: without a context, Drain and Close wait as long as it takes; of
// no Async there is nothing to wait for.
func TestAsyncNil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var none context.Context
		rec := &recorder{}
		slow := &callback.Funcs{OnChainEnd: func(context.Context, *callback.Info, *callback.Result) { time.Sleep(time.Hour); rec.note("end") }}
		a := callback.NewAsync(slow, callback.AsyncOptions{})
		for i, wait := range []func(context.Context) error{a.Drain, a.Close, a.Drain, a.Close} {
			chain(t.Context(), "step", func(context.Context) error { return nil }, a)
			if err := wait(none); err != nil || rec.told() != min(i+1, 2) {
				t.Errorf("wait %d: %v, told %v", i, err, rec.log)
			}
		}
		for _, a := range []*callback.Async{nil, {}} {
			if err := errors.Join(a.Drain(none), a.Close(none)); err != nil || a.Dropped() != 0 {
				t.Errorf("%v, %d dropped", err, a.Dropped())
			}
		}
	})
}
