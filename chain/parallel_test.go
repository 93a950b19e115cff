package chain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
)

type stringRunner = chain.Runner[string, string]

func TestParallel(t *testing.T) {
	panics := &chain.Step[string, string]{Name: "boom", Do: func(context.Context, string) (string, error) { panic("boom") }}
	exits := &chain.Step[string, string]{Name: "exit", Do: func(context.Context, string) (string, error) { runtime.Goexit(); return "", nil }}
	for _, tc := range []struct {
		name  string
		par   *chain.Parallel[string, string]
		out   string
		err   string
		panic string
		took  time.Duration
		tree  string
	}{
		{"all at once", &chain.Parallel[string, string]{Steps: []stringRunner{slow("a"), upper("b"), slow("c")}}, "[a X c]", "<nil>", "", time.Second, `
			chain parallel
			  chain a
			  chain b
			  chain c`},
		{"one at a time", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{slow("a"), slow("b"), slow("c")}, Limit: 1}, "[a b c]", "<nil>", "", 3 * time.Second, `
			chain p
			  chain a
			  chain b
			  chain c`},
		{"the first failure cancels the rest", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{slow("a"), last(failing("b", overloaded)), slow("c")}}, "[]",
			`parallel "p": Steps[1] "b": 503: overloaded`, "", 0, `
			chain p - 503
			  chain a - canceled
			  chain b - 503
			  chain c - canceled`},
		{"what was not begun is not", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{failing("a", errLost), slow("b")}, Limit: 1}, "[]",
			`parallel "p": Steps[0] "a": connection lost`, "", 0, `
			chain p - _OTHER
			  chain a - _OTHER`},
		{"a panic goes on here", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{slow("a"), last(panics)}}, "", "", "panic: boom", 0, `
			chain p - panic
			  chain a - canceled
			  chain boom - panic`},
		{"a goroutine exits", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{slow("a"), last(exits)}}, "[]",
			`parallel "p": Steps[1] "exit": goroutine exited before the run ended`, "", 0, `
			chain p - goexit
			  chain a - canceled
			  chain exit - goexit`},
		{"nested panic", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{
			chain.Func[string, string](func(ctx context.Context, s string) (string, error) {
				_, err := (&chain.Parallel[string, string]{Name: "q", Steps: []stringRunner{panics}}).Run(ctx, s)
				return "", err
			})}}, "", "", "panic: boom", 0, `
			chain p - panic
			  chain q - panic
			    chain boom - panic`},
		{"no steps", &chain.Parallel[string, string]{Name: "p"}, "[]", `parallel "p" has no Steps`, "", 0, "chain p - invalid_request"},
		{"nil step", &chain.Parallel[string, string]{Name: "p", Steps: []stringRunner{upper("a"), nil}}, "[]", `parallel "p" has nil in Steps[1]`, "", 0, "chain p - invalid_request"},
		{"negative limit", &chain.Parallel[string, string]{Steps: []stringRunner{upper("a")}, Limit: -1}, "[]", "parallel has a negative Limit, -1", "", 0, "chain parallel - invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := &tree{}
				start := time.Now()
				defer func() {
					got := ""
					if e, ok := recover().(*callback.PanicError); ok {
						got = e.Error()
						if len(e.Stack) == 0 {
							t.Error("panic without its stack")
						}
					}
					if got != tc.panic {
						t.Errorf("panic %q, want %q", got, tc.panic)
					}
					if took := time.Since(start); took != tc.took {
						t.Errorf("took %v, want %v", took, tc.took)
					}
					same(t, "runs", runs.print("parallel", "p"), tc.tree)
				}()
				out, err := tc.par.Run(callback.WithHandlers(t.Context(), runs), "x")
				if fmt.Sprint(out) != tc.out || fmt.Sprint(err) != tc.err {
					t.Errorf("got %v, %v; want %s, %s", out, err, tc.out, tc.err)
				}
			})
		})
	}
}

// TestParallelEnded: the end of the context is no step's failure.
func TestParallelEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := errors.New("shop closed")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Millisecond, func() { cancel(closed) })
		_, err := (&chain.Parallel[string, string]{Steps: []stringRunner{slow("a"), slow("b")}, Limit: 1}).Run(ctx, "x")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		_, err = (&chain.Parallel[string, string]{Steps: []stringRunner{slow("a")}}).Run(ctx, "x")
		if !errors.Is(err, context.Canceled) || !errors.Is(err, closed) {
			t.Errorf("begun after the end: %v", err)
		}
	})
}

// TestParallelCause: who was cancelled says so, with why, and does not seem to
// have failed as the other did.
func TestParallelCause(t *testing.T) {
	runs := &tree{}
	waits := question(llm.ModelFunc(func(ctx context.Context, _ *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			<-ctx.Done()
			yield(llm.Chunk{}, fmt.Errorf("%w: %w", ctx.Err(), context.Cause(ctx)))
		}
	}))
	p := &chain.Parallel[string, string]{Steps: []stringRunner{waits, last(failing("b", overloaded))}}
	synctest.Test(t, func(t *testing.T) { p.Run(callback.WithHandlers(t.Context(), runs), "x") })
	same(t, "runs", runs.print("parallel"), `
		chain parallel - 503
		  chain ask - canceled
		    [text: x]
		    prompt question
		    llm - canceled
		  chain b - 503`)
	for _, n := range runs.nodes {
		if n.info.Kind == callback.KindLLM && n.res.Err.Error() != "context canceled: run 2 failed: 503: overloaded" {
			t.Errorf("cancelled by %v", n.res.Err)
		}
	}
}

// TestLimitConcurrentSafe: never more at a time than the limit, and all of them.
func TestLimitConcurrentSafe(t *testing.T) {
	for _, limit := range []int{1, 3, 0, 100} {
		synctest.Test(t, func(t *testing.T) {
			var now, most, all atomic.Int64
			step := chain.Func[int, int](func(_ context.Context, n int) (int, error) {
				all.Add(1)
				if v := now.Add(1); v > most.Load() {
					most.Store(v)
				}
				time.Sleep(time.Second)
				now.Add(-1)
				return n * n, nil
			})
			ins := make([]int, 50)
			for i := range ins {
				ins[i] = i
			}
			out, err := (&chain.Batch[int, int]{Step: step, Limit: limit}).Run(t.Context(), ins)
			want := int64(limit)
			switch limit {
			case 0:
				want = 8
			case 100:
				want = 50
			}
			if err != nil || most.Load() != want || all.Load() != 50 || out[7] != 49 || out[49] != 49*49 {
				t.Errorf("limit %d: %d at a time, %d in all, %v, %v", limit, most.Load(), all.Load(), out, err)
			}
		})
	}
}

func TestGather(t *testing.T) {
	type whole struct {
		Text string
		N    int
	}
	text := func(w *whole, s string) { w.Text += s }
	count := &chain.Step[string, int]{Name: "count", Do: func(_ context.Context, s string) (int, error) { return len(s), nil }}
	n := func(w *whole, n int) { w.N = n }
	type part = chain.Part[string, whole]
	for _, tc := range []struct {
		name  string
		title string
		parts []part
		out   string
		err   string
		took  time.Duration
		tree  string
	}{
		{"different types", "survey", []part{chain.Into(slow("a"), text), chain.Into(count, n), chain.Into(upper("b"), text)}, "{aX 1}", "<nil>", time.Second, `
			chain survey
			  chain a
			  chain b
			  chain count`},
		{"a part fails", "survey", []part{chain.Into(slow("a"), text), chain.Into(last(failing("b", errLost)), text)}, "{ 0}",
			`parallel "survey": parts[1] "b": connection lost`, 0, `
			chain survey - _OTHER
			  chain a - canceled
			  chain b - _OTHER`},
		{"no parts", "", nil, "{ 0}", "parallel has no parts", 0, "chain parallel - invalid_request"},
		{"nil runner", "survey", []part{chain.Into(count, n), chain.Into[string, string](nil, text)}, "{ 0}",
			`parallel "survey" has parts[1] without a runner or a function; make it with Into`, 0, "chain survey - invalid_request"},
		{"nil function", "survey", []part{chain.Into[string, int, whole](count, nil)}, "{ 0}",
			`parallel "survey" has parts[0] without a runner or a function; make it with Into`, 0, "chain survey - invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := &tree{}
				start := time.Now()
				out, err := chain.Gather(tc.title, tc.parts...).Run(callback.WithHandlers(t.Context(), runs), "x")
				if fmt.Sprint(out) != tc.out || fmt.Sprint(err) != tc.err || time.Since(start) != tc.took {
					t.Errorf("got %v, %v after %v; want %s, %s", out, err, time.Since(start), tc.out, tc.err)
				}
				same(t, "runs", runs.print("survey"), tc.tree)
			})
		})
	}
}

// TestParallelReturnedPanic: the error of a panic that a step has caught is an
// error, and no panic.
func TestParallelReturnedPanic(t *testing.T) {
	caught := &chain.Step[string, string]{Name: "caught", Do: func(context.Context, string) (string, error) {
		return "", &callback.PanicError{Value: "boom"}
	}}
	_, err := (&chain.Parallel[string, string]{Steps: []stringRunner{caught}}).Run(t.Context(), "x")
	if want := `parallel: Steps[0] "caught": panic: boom`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	out, err := (&chain.Batch[string, string]{Step: caught, All: true}).Run(t.Context(), []string{"x"})
	if want := "batch: 1 of 1 inputs failed: inputs[0]: panic: boom"; err == nil || err.Error() != want {
		t.Errorf("got %v, %v, want %s", out, err, want)
	}
}

// brokenError has methods that panic if it is a nil pointer.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "broken: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// TestBrokenError: a step that returns a nil pointer as its error has failed, be
// it tried again, in turn or beside others.
func TestBrokenError(t *testing.T) {
	broken := &chain.Step[string, string]{Name: "broken", Do: func(context.Context, string) (string, error) {
		var e *brokenError
		return "", e
	}}
	for name, r := range map[string]stringRunner{
		"retry":    &chain.Retry[string, string]{Step: broken},
		"fallback": &chain.Fallback[string, string]{Steps: []stringRunner{broken, upper("b")}},
		"sequence": chain.Pipe("", stringRunner(broken), stringRunner(upper("b"))),
	} {
		t.Run(name, func(t *testing.T) {
			out, err := r.Run(t.Context(), "x")
			if failed := err != nil; failed == (name == "fallback") {
				t.Errorf("got %q, failed %t", out, failed)
			}
		})
	}
}

// TestNilContext: a nil context is the background, for every runner.
func TestNilContext(t *testing.T) {
	text := upper("text")
	name := chain.Func[string, string](func(context.Context, string) (string, error) { return "a", nil })
	var none context.Context
	for kind, r := range map[string]stringRunner{
		"retry":    &chain.Retry[string, string]{Step: failing("a", errLost), Attempts: 1},
		"fallback": &chain.Fallback[string, string]{Steps: []stringRunner{failing("a", errLost), text}},
		"router":   &chain.Router[string, string]{Route: name, Routes: map[string]stringRunner{"a": text}},
		"branch":   &chain.Branch[string, string]{Cases: []chain.Case[string, string]{{If: func(string) bool { return true }, Then: text}}},
		"sequence": chain.Pipe("", stringRunner(text), stringRunner(text)),
		"gather":   chain.Gather("", chain.Into(stringRunner(text), func(whole *string, part string) { *whole = part })),
	} {
		t.Run(kind, func(t *testing.T) {
			if out, err := r.Run(none, "x"); out != "X" && !errors.Is(err, errLost) {
				t.Errorf("got %q, %v", out, err)
			}
			if s, ok := r.(chain.Streamer[string]); ok {
				if resp, err := llm.Collect(s.Stream(none, "x")); resp.Text() != "X" && !errors.Is(err, errLost) {
					t.Errorf("streamed %q, %v", resp.Text(), err)
				}
			}
		})
	}
	if out, err := (&chain.Parallel[string, string]{Steps: []stringRunner{text}}).Run(none, "x"); len(out) != 1 || err != nil {
		t.Errorf("parallel: got %q, %v", out, err)
	}
}
