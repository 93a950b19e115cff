package callback_test

import (
	"context"
	"iter"
	"slices"
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
		{"typed nil handler", typedNil, 1},
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
	resp, err := llm.Collect(callback.Model(badMeter{says{texts: []string{"pink"}, usage: &llm.Usage{Input: 1}}}, rec).Chat(t.Context(), question))
	if err != nil || resp.Text() != "pink" {
		t.Errorf("caller got %q, %v", resp.Text(), err)
	}
	if res, _ := rec.last(t); res.Usage == nil || res.Usage.Input != 1 {
		t.Errorf("usage %v", res.Usage)
	}
}
