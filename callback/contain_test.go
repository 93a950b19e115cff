package callback_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// faulty panics in every method from the given one on.
type faulty struct{ method string }

func (f *faulty) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	if f.method == "Start" {
		panic("faulty Start")
	}
	return nil, f // a nil context keeps the one that was given
}

func (f *faulty) Token(llm.Chunk)      { f.maybe("Token") }
func (f *faulty) Event(callback.Event) { f.maybe("Event") }
func (f *faulty) End(*callback.Result) { f.maybe("End") }
func (f *faulty) maybe(method string) {
	if f.method == method {
		panic("faulty " + method)
	}
}

type nilRun struct{ callback.Handler }

func (nilRun) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	var r *faulty
	return ctx, r
}

// badMeter panics, as a faulty tokenizer would.
type badMeter struct{ says }

func (badMeter) Meter() llm.Meter { return badMeter{} }
func (badMeter) Estimate(*llm.Request, *llm.Response) (llm.Usage, bool) {
	panic("faulty meter")
}
func (badMeter) Split(*llm.Request) (llm.Makeup, bool) { panic("faulty meter") }

// brokenLog is a handler of logs that panics.
type brokenLog struct{ slog.Handler }

func (brokenLog) Enabled(context.Context, slog.Level) bool  { return true }
func (brokenLog) Handle(context.Context, slog.Record) error { panic("faulty log") }

// TestFaultyLog: a program's logger that panics does so to itself, though it is
// also the one to be told of panics.
func TestFaultyLog(t *testing.T) {
	before := slog.Default()
	slog.SetDefault(slog.New(brokenLog{}))
	t.Cleanup(func() { slog.SetDefault(before) })
	panics := callback.Panics()
	rec := &recorder{}
	ctx := callback.WithHandlers(t.Context(), callback.Log(nil), rec)
	got, err := callback.Do(ctx, &callback.Info{Name: "vase"}, nil, func(context.Context) (string, error) { return "roses", nil })
	if got != "roses" || err != nil {
		t.Errorf("the caller got %q, %v", got, err)
	}
	if _, n := rec.last(t); n != 1 || callback.Panics() == panics {
		t.Errorf("%d ends, %d panics", n, callback.Panics()-panics)
	}
}

// TestFaultyHandlers: whatever a handler does, the others are told everything
// in order and the caller notices nothing.
func TestFaultyHandlers(t *testing.T) {
	var typedNil *faulty
	for _, tc := range []struct {
		name   string
		h      callback.Handler
		panics int64
	}{
		{"panic in Start", &faulty{"Start"}, 1},
		{"panic in Token", &faulty{"Token"}, 1},
		{"panic in Event", &faulty{"Event"}, 1},
		{"panic in End", &faulty{"End"}, 1},
		{"typed nil handler", typedNil, 0},
		{"typed nil run", nilRun{}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, after := &recorder{}, &recorder{}
			panics := callback.Panics()
			ctx := callback.WithHandlers(t.Context(), before, tc.h, after)
			m := llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
				callback.Emit(ctx, callback.Event{Kind: callback.EventRetry})
				return says{texts: []string{"pink", " roses"}}.Chat(ctx, req)
			})
			resp, err := llm.Collect(callback.Model(m).Chat(ctx, question))
			if err != nil || resp.Text() != "pink roses" {
				t.Errorf("caller got %q, %v", resp.Text(), err)
			}
			want := []string{"start ", "event  retry", `token  "pink"`, `token  " roses"`, `token  ""`, "end  "}
			if !slices.Equal(before.log, want) || !slices.Equal(after.log, want) {
				t.Errorf("before %q\nafter  %q\nwant   %q", before.log, after.log, want)
			}
			if got := callback.Panics() - panics; got != tc.panics {
				t.Errorf("%d panics counted, want %d", got, tc.panics)
			}
		})
	}
}

func TestFaultyMeter(t *testing.T) {
	rec := &recorder{}
	resp, err := llm.Collect(callback.Model(badMeter{says{texts: []string{"pink"}, usage: &llm.Usage{Input: 1, Output: 1}}}, rec).Chat(t.Context(), question))
	if err != nil || resp.Text() != "pink" {
		t.Errorf("caller got %q, %v", resp.Text(), err)
	}
	if res, _ := rec.last(t); res.Usage == nil || res.Usage.Input != 1 {
		t.Errorf("usage %v", res.Usage)
	}
}

// brokenError has methods that panic if it is a nil pointer.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "broken: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// sliceError cannot be compared.
type sliceError []string

func (e sliceError) Error() string { return e[0] }

// TestUnsoundErrors: a run that returns a nil pointer as its error has failed,
// handlers are told of it with an error that they can ask, and the caller gets
// what was returned.
func TestUnsoundErrors(t *testing.T) {
	var broken *brokenError
	const said = "error of type *callback_test.brokenError whose methods panic; it is a nil pointer: return nil instead"
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"nil pointer", broken, said},
		{"in another", fmt.Errorf("step: %w", broken), "error of type *fmt.wrapError whose methods panic"},
		{"not comparable", sliceError{"two faults"}, "two faults"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var told []string
			note := func(err error) { told = append(told, fmt.Sprint(err, " ", callback.ErrorType(err))) }
			h := &callback.Funcs{
				OnChainError: func(_ context.Context, _ *callback.Info, res *callback.Result) { note(res.Err) },
				OnLLMError:   func(_ context.Context, _ *callback.Info, res *callback.Result) { note(res.Err) },
				OnOtherError: func(_ context.Context, _ *callback.Info, res *callback.Result) { note(res.Err) },
				OnRetry:      func(_ context.Context, _ *callback.Info, e callback.Event) { note(e.Data.(callback.Attempt).Err) },
			}
			panics := callback.Panics()
			ctx, _ := callback.WithBudget(callback.WithHandlers(t.Context(), h), callback.Limit{Tokens: 1000})
			same := func(err error) {
				t.Helper()
				if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", tc.err) {
					t.Errorf("the caller got a %T", err)
				}
			}
			same(chain(ctx, "step", func(ctx context.Context) error {
				callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: 1, Err: tc.err}})
				return tc.err
			}))
			_, err := llm.Collect(callback.Model(llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
				return func(yield func(llm.Chunk, error) bool) { yield(llm.Chunk{}, tc.err) }
			})).Chat(ctx, question))
			same(err)
			_, err = callback.Embedder(llm.EmbedderFunc(func(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) {
				return nil, tc.err
			})).Embed(ctx, &llm.EmbedRequest{})
			same(err)
			want := tc.want + " _OTHER"
			if !slices.Equal(told, []string{want, want, want, want}) || callback.Panics() != panics {
				t.Errorf("told %q, %d panics", told, callback.Panics()-panics)
			}
		})
	}
	if got := callback.ErrorType(broken); got != "_OTHER" {
		t.Errorf("its type is %q", got)
	}
}

// TestOpenWithoutInfo: a call that nothing is said of is a run all the same.
func TestOpenWithoutInfo(t *testing.T) {
	rec := &recorder{}
	_, call, err := callback.Open(callback.WithHandlers(t.Context(), rec), nil)
	if err != nil {
		t.Fatal(err)
	}
	call.End(nil)
	if want := []string{"start ", "end  "}; !slices.Equal(rec.log, want) {
		t.Errorf("told %q, want %q", rec.log, want)
	}
}

// clumsy panics at every token and event, and counts its ends.
type clumsy struct{ ends *int }

func (c clumsy) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, c
}
func (c clumsy) Token(llm.Chunk)      { panic("token") }
func (c clumsy) Event(callback.Event) { panic("event") }
func (c clumsy) End(*callback.Result) { *c.ends++ }

// TestEndAfterPanic: what a handler opened it can close, whatever it panicked on.
func TestEndAfterPanic(t *testing.T) {
	for _, fault := range []func(*callback.Active){
		func(run *callback.Active) { run.Token(llm.Chunk{Text: "a"}); run.Token(llm.Chunk{Text: "b"}) },
		func(run *callback.Active) { run.Event(callback.Event{}); run.Event(callback.Event{}) },
	} {
		ends, before := 0, callback.Panics()
		_, run := callback.Start(callback.WithHandlers(t.Context(), clumsy{&ends}), &callback.Info{Kind: callback.KindLLM})
		fault(run)
		run.End(nil)
		if panics := callback.Panics() - before; ends != 1 || panics != 1 {
			t.Errorf("%d ends, %d panics", ends, panics)
		}
	}
}

// A quitter ends the goroutine in the method of that name.
type quitter struct{ method string }

func (q quitter) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	q.maybe("Start")
	return ctx, q
}

func (q quitter) Token(llm.Chunk)      { q.maybe("Token") }
func (q quitter) Event(callback.Event) { q.maybe("Event") }
func (q quitter) End(*callback.Result) { q.maybe("End") }
func (q quitter) maybe(method string) {
	if q.method == method {
		runtime.Goexit()
	}
}

// TestHandlerGoexit: a handler that ends the goroutine, as a test's Fatal does,
// leaves no run open, and the other handlers hear of the end.
func TestHandlerGoexit(t *testing.T) {
	for _, tc := range []struct {
		method string
		before string // what is told to the handler before it
		after  string // and to the one after it
		total  callback.Total
	}{
		{"Start", "start gpt-4o-mini; end gpt-4o-mini goexit", "", callback.Total{Calls: 1, Failed: 1}},
		{"Token", `start gpt-4o-mini; token gpt-4o-mini "pink"; end gpt-4o-mini goexit`, `start gpt-4o-mini; end gpt-4o-mini goexit`, callback.Total{Calls: 1, Failed: 1}},
		{"End", `start gpt-4o-mini; token gpt-4o-mini "pink"; token gpt-4o-mini ""; end gpt-4o-mini `, `start gpt-4o-mini; token gpt-4o-mini "pink"; token gpt-4o-mini ""; end gpt-4o-mini `, callback.Total{Calls: 1}},
	} {
		t.Run(tc.method, func(t *testing.T) {
			before, after := &recorder{}, &recorder{}
			ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), before, quitter{tc.method}, quitter{tc.method}, after))
			done := make(chan struct{})
			go func() {
				defer close(done)
				llm.Collect(callback.Model(says{texts: []string{"pink"}}).Chat(ctx, question))
				t.Error("the goroutine goes on")
			}()
			<-done
			if got := strings.Join(before.log, "; "); got != tc.before {
				t.Errorf("the handler before was told %s\nwant %s", got, tc.before)
			}
			if got := strings.Join(after.log, "; "); got != tc.after {
				t.Errorf("the handler after was told %s\nwant %s", got, tc.after)
			}
			if got := count.Total(); got != tc.total {
				t.Errorf("counted %+v, want %+v", got, tc.total)
			}
		})
	}
}
