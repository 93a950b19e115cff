package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestModelEndings: whatever happens to a stream, its run ends once and tells
// the truth, and the caller gets what it would get without us.
func TestModelEndings(t *testing.T) {
	broken := errors.New("connection lost")
	cause := errors.New("user pressed stop")
	for _, tc := range []struct {
		name    string
		model   llm.Model
		consume func(t *testing.T, cancel context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error])
		errType string
		is      error
		stopped bool
		text    string
	}{
		{name: "end of stream", model: says{texts: []string{"pink", " roses"}}, consume: drain, text: "pink roses"},
		{name: "error before the first chunk", model: says{err: broken}, consume: drain, errType: "_OTHER", is: broken},
		{name: "error in the stream keeps what came", model: says{texts: []string{"pink"}, err: broken}, consume: drain,
			errType: "_OTHER", is: broken, text: "pink"},
		{name: "cut stream", model: says{texts: []string{"pink"}, err: llm.ErrTruncated}, consume: drain,
			errType: "stream_truncated", text: "pink"},
		{name: "API error", model: says{err: &llm.Error{Code: "model_not_found", Status: 404}}, consume: drain, errType: "model_not_found"},
		{name: "no chunk at all", model: says{silent: true}, consume: drain, errType: "empty_response", is: llm.ErrEmpty},
		{name: "nil sequence", model: llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] { return nil }),
			consume: drain, errType: "empty_response"},
		{name: "break", model: says{texts: []string{"pink", " roses"}}, stopped: true, text: "pink",
			consume: func(_ *testing.T, _ context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				for range seq {
					break
				}
			}},
		{name: "cancel while reading", model: says{texts: []string{"pink", " roses"}}, errType: "canceled", is: context.Canceled, text: "pink",
			consume: func(t *testing.T, cancel context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				for range seq {
					cancel(nil)
				}
			}},
		{name: "deadline", model: says{err: context.DeadlineExceeded}, consume: drain, errType: "timeout"},
		{name: "panic of the consumer", model: says{texts: []string{"pink"}}, errType: "panic", text: "pink",
			consume: func(t *testing.T, _ context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				defer func() {
					if p := recover(); p != "thorn" {
						t.Errorf("panic %v did not reach the caller", p)
					}
				}()
				for range seq {
					panic("thorn")
				}
			}},
		{name: "panic of the model", errType: "panic",
			model: llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
				return func(func(llm.Chunk, error) bool) { panic("thorn") }
			}),
			consume: func(t *testing.T, _ context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				defer func() { recover() }()
				for range seq {
				}
			}},
		{name: "Goexit of the consumer", model: says{texts: []string{"pink"}}, errType: "goexit", text: "pink",
			consume: func(t *testing.T, _ context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				done := make(chan struct{})
				go func() {
					defer close(done)
					for range seq {
						runtime.Goexit()
					}
				}()
				<-done
			}},
		{name: "iter.Pull stopped", model: says{texts: []string{"pink", " roses"}}, stopped: true, text: "pink",
			consume: func(t *testing.T, _ context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				next, stop := iter.Pull2(seq)
				next()
				stop()
			}},
		{name: "context ends while the consumer holds a chunk", model: says{texts: []string{"pink", " roses"}},
			errType: "canceled", is: cause, text: "pink",
			consume: func(t *testing.T, cancel context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
				next, stop := iter.Pull2(seq)
				defer stop()
				next()
				cancel(cause)
				synctest.Wait()
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				ctx = callback.WithHandlers(ctx, rec)
				tc.consume(t, cancel, callback.Model(tc.model).Chat(ctx, question))
				synctest.Wait()

				res, n := rec.last(t)
				if n != 1 {
					t.Fatalf("run ended %d times", n)
				}
				if got := callback.ErrorType(res.Err); got != tc.errType {
					t.Errorf("error type %q (%v), want %q", got, res.Err, tc.errType)
				}
				if tc.is != nil && !errors.Is(res.Err, tc.is) {
					t.Errorf("error %v is not %v", res.Err, tc.is)
				}
				if res.Stopped != tc.stopped {
					t.Errorf("stopped = %v", res.Stopped)
				}
				if got := res.Response.Text(); got != tc.text {
					t.Errorf("text %q, want %q", got, tc.text)
				}
			})
		})
	}
}

func drain(t *testing.T, _ context.CancelCauseFunc, seq iter.Seq2[llm.Chunk, error]) {
	for range seq {
	}
}

// TestCallerSeesTheSame: with and without handlers, the caller gets the same
// chunks and the same error value.
func TestCallerSeesTheSame(t *testing.T) {
	broken := errors.New("connection lost")
	m := callback.Model(says{texts: []string{"pink", " roses"}, err: broken})
	bare, bareErr := llm.Collect(m.Chat(t.Context(), question))
	ctx := callback.WithHandlers(t.Context(), &recorder{})
	seen, seenErr := llm.Collect(m.Chat(ctx, question))
	if bare.Text() != seen.Text() || bareErr != seenErr {
		t.Errorf("without handlers %q, %v; with %q, %v", bare.Text(), bareErr, seen.Text(), seenErr)
	}
}

func TestSecondRange(t *testing.T) {
	for _, hs := range [][]callback.Handler{nil, {&recorder{}}} {
		seq := callback.Model(says{texts: []string{"pink"}}, hs...).Chat(t.Context(), question)
		drain(t, nil, seq)
		if _, err := llm.Collect(seq); err != llm.ErrConsumed {
			t.Errorf("with %d handlers: error %v, want ErrConsumed", len(hs), err)
		}
	}
}

// TestNeverRanged: a sequence that is not ranged over never started.
func TestNeverRanged(t *testing.T) {
	rec := &recorder{}
	callback.Model(says{}, rec).Chat(t.Context(), question)
	if len(rec.log) != 0 {
		t.Errorf("told %v", rec.log)
	}
}

func TestDoEndings(t *testing.T) {
	rec := &recorder{}
	ctx := callback.WithHandlers(t.Context(), rec)
	boom := errors.New("no water")
	for _, tc := range []struct {
		name    string
		fn      func(context.Context) error
		errType string
	}{
		{"success", func(context.Context) error { return nil }, ""},
		{"error", func(context.Context) error { return boom }, "_OTHER"},
		{"panic", func(context.Context) error { panic(boom) }, "panic"},
		{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }, "goexit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, before := 0, len(rec.ends)
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { recover() }()
				chain(ctx, "water", tc.fn)
			}()
			<-done
			res, n := rec.last(t)
			if n != before+1 || callback.ErrorType(res.Err) != tc.errType {
				t.Errorf("%d ends, error %v", n-before, res.Err)
			}
			if tc.name == "panic" && !errors.Is(res.Err, boom) {
				t.Errorf("panic value is lost: %v", res.Err)
			}
		})
	}
}

// TestDeferredEndSeesPanic: End deferred by hand does what Do does.
func TestDeferredEndSeesPanic(t *testing.T) {
	rec := &recorder{}
	func() {
		defer func() { recover() }()
		_, run := callback.Start(t.Context(), &callback.Info{Name: "by hand"}, rec)
		var res callback.Result
		defer run.End(&res)
		panic("thorn")
	}()
	res, n := rec.last(t)
	var p *callback.PanicError
	if n != 1 || !errors.As(res.Err, &p) || p.Value != "thorn" {
		t.Errorf("%d ends, error %v", n, res.Err)
	}
}

func TestEndTwice(t *testing.T) {
	rec := &recorder{}
	_, run := callback.Start(t.Context(), &callback.Info{Name: "x"}, rec)
	run.End(nil)
	run.End(&callback.Result{Err: errors.New("late")})
	run.Token(llm.Chunk{Text: "late"})
	run.Event(callback.Event{Kind: callback.EventText})
	if res, n := rec.last(t); n != 1 || res.Err != nil {
		t.Errorf("%d ends, error %v", n, res.Err)
	}
	if len(rec.log) != 2 {
		t.Errorf("told %v", rec.log)
	}
}

func TestErrorType(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("x"), "_OTHER"},
		{&llm.Error{Code: "rate_limit_exceeded", Type: "requests", Status: 429}, "rate_limit_exceeded"},
		{&llm.Error{Type: "requests", Status: 429}, "requests"},
		{&llm.Error{Status: 503}, "503"},
		{context.Canceled, "canceled"},
		{context.DeadlineExceeded, "timeout"},
		{errors.Join(errors.New("x"), llm.ErrEmpty), "empty_response"},
	} {
		if got := callback.ErrorType(tc.err); got != tc.want {
			t.Errorf("ErrorType(%v) = %q, want %q", tc.err, got, tc.want)
		}
	}
}

// TestFirstToken: the time to the first token is that of the first chunk with
// content, not of the first chunk.
func TestFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
			return func(yield func(llm.Chunk, error) bool) {
				yield(llm.Chunk{}, nil) // the role
				time.Sleep(2 * time.Second)
				yield(llm.Chunk{Text: "pink"}, nil)
				time.Sleep(time.Second)
				yield(llm.Chunk{Finish: "stop"}, nil)
			}
		})
		drain(t, nil, callback.Model(m, rec).Chat(t.Context(), question))
		res, _ := rec.last(t)
		if res.FirstToken != 2*time.Second || res.Tokens != 1 {
			t.Errorf("first token after %v, %d tokens", res.FirstToken, res.Tokens)
		}
		if took := res.Ended.Sub(rec.info[0].Started); took != 3*time.Second {
			t.Errorf("run took %v", took)
		}
	})
}

// TestCancelAndBreak: a consumer that breaks off because the context ended gets
// a run that ended once and is whole when the loop is left.
func TestCancelAndBreakConcurrentSafe(t *testing.T) {
	big := strings.Repeat("x", 1<<18)
	for range 200 {
		rec := &recorder{}
		ctx, cancel := context.WithCancel(t.Context())
		counted, count := callback.WithCount(ctx)
		go cancel()
		for range callback.Model(says{texts: []string{big, "b"}}, rec).Chat(counted, question) {
			<-ctx.Done()
			break
		}
		if got := count.Total(); got.Calls != 1 || got.Open != 0 {
			t.Fatalf("after the loop: %+v", got)
		}
		res, n := rec.last(t)
		errType := callback.ErrorType(res.Err)
		if n != 1 || errType != "canceled" && !res.Stopped || res.Response == nil {
			t.Fatalf("%d ends, %v, stopped %v, response %v", n, res.Err, res.Stopped, res.Response)
		}
	}
}

// TestCause: a cancel with a cause is a cancel, also when a read brings it.
func TestCause(t *testing.T) {
	rec := &recorder{}
	cause := errors.New("user pressed stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	m := llm.ModelFunc(func(ctx context.Context, _ *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			cancel(cause)
			yield(llm.Chunk{}, context.Cause(ctx)) // as net/http does
		}
	})
	_, err := llm.Collect(callback.Model(m, rec).Chat(ctx, question))
	res, _ := rec.last(t)
	if err != cause || callback.ErrorType(res.Err) != "canceled" || !errors.Is(res.Err, cause) {
		t.Errorf("caller got %v, run %v", err, res.Err)
	}
}

func TestNilThings(t *testing.T) {
	rec := &recorder{}
	if _, err := llm.Collect(callback.Model(nil, rec).Chat(t.Context(), nil)); err == nil {
		t.Error("a nil model answers")
	}
	if _, n := rec.last(t); n != 1 {
		t.Errorf("%d ends", n)
	}
	if out, err := callback.Do(callback.WithHandlers(t.Context(), rec), nil, nil, func(context.Context) (int, error) { return 7, nil }); out != 7 || err != nil {
		t.Errorf("Do without Info: %v, %v", out, err)
	}
	if _, err := llm.Collect(callback.Model(says{texts: []string{"a"}, err: callback.ErrGoexit}, rec).Chat(t.Context(), question)); err != callback.ErrGoexit {
		t.Errorf("error %v", err)
	}
}

// TestCauseOfContext: a step whose context ends with a cause of its own, and
// which returns that cause, is canceled, and says why.
func TestCauseOfContext(t *testing.T) {
	closing := errors.New("shop is closing")
	for name, end := range map[string]func(ctx context.Context, h callback.Handler, cancel func()) error{
		"Do": func(ctx context.Context, h callback.Handler, cancel func()) error {
			_, err := callback.Do(ctx, &callback.Info{Kind: callback.KindTool}, []callback.Handler{h}, func(ctx context.Context) (int, error) {
				cancel()
				return 0, context.Cause(ctx)
			})
			return err
		},
		"End": func(ctx context.Context, h callback.Handler, cancel func()) error {
			ctx, run := callback.Start(ctx, &callback.Info{Kind: callback.KindTool}, h)
			cancel()
			run.End(&callback.Result{Err: fmt.Errorf("stock: %w", context.Cause(ctx))})
			return context.Cause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got error
			h := &callback.Funcs{OnToolError: func(_ context.Context, _ *callback.Info, res *callback.Result) { got = res.Err }}
			ctx, cancel := context.WithCancelCause(t.Context())
			if err := end(ctx, h, func() { cancel(closing) }); err != closing {
				t.Errorf("the caller gets %v", err)
			}
			if callback.ErrorType(got) != "canceled" || !errors.Is(got, closing) {
				t.Errorf("the run ends with %v, of type %s", got, callback.ErrorType(got))
			}
		})
	}
}

// TestPanicWithCause: a panic with the cause of the context's end is a panic.
func TestPanicWithCause(t *testing.T) {
	closing := errors.New("shop is closing")
	var got error
	h := &callback.Funcs{OnToolError: func(_ context.Context, _ *callback.Info, res *callback.Result) { got = res.Err }}
	ctx, cancel := context.WithCancelCause(t.Context())
	func() {
		defer func() { recover() }()
		_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindTool}, h)
		defer run.End(nil)
		cancel(closing)
		panic(closing)
	}()
	if p, ok := got.(*callback.PanicError); !ok || p.Value != closing || got.Error() != "panic: shop is closing" {
		t.Errorf("the run ends with %v", got)
	}
}
