package chain_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
)

// TestPipe: outputs go from step to step, whatever their types, and the first
// failure is the last step.
func TestPipe(t *testing.T) {
	parse := chain.Func[string, int](func(_ context.Context, s string) (int, error) { return strconv.Atoi(s) })
	double := &chain.Step[int, int]{Name: "double", Do: func(_ context.Context, n int) (int, error) { return 2 * n, nil }}
	show := &chain.Step[int, string]{Name: "show", Do: func(_ context.Context, n int) (string, error) { return fmt.Sprint(n, "!"), nil }}
	for _, tc := range []struct {
		name string
		seq  chain.Streamer[string]
		in   string
		out  string
		err  string
		tree string
	}{
		{"two", chain.Pipe("", parse, show), "7", "7!", "<nil>", `
			chain sequence
			  chain show`},
		{"three", chain.Pipe3("price", parse, double, show), "7", "14!", "<nil>", `
			chain price
			  chain double
			  chain show`},
		{"four", chain.Pipe4("price", parse, double, double, show), "7", "28!", "<nil>", `
			chain price
			  chain double
			  chain double
			  chain show`},
		{"nested", chain.Pipe("outer", chain.Pipe("inner", parse, double), show), "7", "14!", "<nil>", `
			chain outer
			  chain inner
			    chain double
			  chain show`},
		{"first fails", chain.Pipe3("price", failing("shop", errLost), upper("up"), upper("end")), "7", "", "connection lost", `
			chain price - _OTHER
			  chain shop - _OTHER`},
		{"second fails", chain.Pipe3("price", upper("up"), failing("shop", errLost), upper("end")), "7", "", "connection lost", `
			chain price - _OTHER
			  chain up
			  chain shop - _OTHER`},
		{"last fails", chain.Pipe("price", upper("up"), failing("shop", errLost)), "7", "", "connection lost", `
			chain price - _OTHER
			  chain up
			  chain shop - _OTHER`},
		{"last streams", chain.Pipe("price", upper("up"), question(plays("gpt", says("ok")))), "roses", "ok", "<nil>", `
			chain price
			  chain up
			  chain ask
			    [text: ROSES]
			    prompt question
			    llm gpt`},
		{"a step is nil", chain.Pipe3[string, string, string, string]("price", upper("up"), nil, upper("end")), "7", "", `sequence "price" has nil as step 2`, `
			chain price - invalid_request`},
		{"a step is a nil pointer", chain.Pipe("", upper("up"), (*chain.LLM[string])(nil)), "7", "", "sequence has nil as step 2", `
			chain sequence - invalid_request`},
		{"a step is a nil function", chain.Pipe("", chain.Func[string, string](nil), upper("up")), "7", "", "sequence has nil as step 1", `
			chain sequence - invalid_request`},
		{"no steps", &chain.Sequence[string, string]{Name: "price"}, "7", "", `sequence "price" has no steps; make it with Pipe`, `
			chain price - invalid_request`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runs := &tree{}
			out, err := tc.seq.Run(callback.WithHandlers(t.Context(), runs), tc.in)
			if out != tc.out || fmt.Sprint(err) != tc.err {
				t.Errorf("got %q, %v; want %q, %s", out, err, tc.out, tc.err)
			}
			same(t, "runs", runs, tc.tree)

			runs = &tree{}
			got := streamed(tc.seq.Stream(callback.WithHandlers(t.Context(), runs), tc.in))
			want := tc.out + "|"
			switch {
			case tc.err != "<nil>":
				want = "error: " + tc.err
			case tc.name == "last streams":
				want = "|ok||"
			}
			if got != want {
				t.Errorf("streamed %q, want %q", got, want)
			}
			same(t, "streamed runs", runs, tc.tree)
		})
	}
}

// TestSecondStepCanceled: no step is begun once the context has ended.
func TestSecondStepCanceled(t *testing.T) {
	for _, form := range []string{"run", "stream"} {
		for _, kind := range []string{"sequence", "router"} {
			runs := &tree{}
			ctx, cancel := context.WithCancel(callback.WithHandlers(t.Context(), runs))
			stop := &chain.Step[string, string]{Name: "stop", Do: func(context.Context, string) (string, error) { cancel(); return "up", nil }}
			var r chain.Streamer[string] = chain.Pipe("", stop, upper("up"))
			if kind == "router" {
				r = &chain.Router[string, string]{Route: stop, Routes: map[string]stringRunner{"up": upper("up")}}
			}
			if form == "run" {
				if _, err := r.Run(ctx, "x"); err != context.Canceled {
					t.Errorf("error %v", err)
				}
			} else if got := streamed(r.Stream(ctx, "x")); got != "error: context canceled" {
				t.Errorf("streamed %q", got)
			}
			same(t, form, runs, `
				chain `+kind+` - canceled
				  chain stop`)
		}
	}
}

// TestStreamOfFigures: what is no text does not stream, and is not computed.
func TestStreamOfFigures(t *testing.T) {
	ran := false
	count := &chain.Step[string, int]{Name: "count", Do: func(context.Context, string) (int, error) { ran = true; return 1, nil }}
	got := streamed((&chain.Retry[string, int]{Step: count}).Stream(t.Context(), "x"))
	if got != "error: stream of a runner whose output is int; only text streams" || ran {
		t.Errorf("streamed %q, ran %v", got, ran)
	}
}

func TestNilFunc(t *testing.T) {
	if _, err := chain.Func[int, int](nil).Run(t.Context(), 1); fmt.Sprint(err) != "func is nil" {
		t.Errorf("error %v", err)
	}
	if _, err := (&chain.Step[int, int]{Name: "add"}).Run(t.Context(), 1); fmt.Sprint(err) != `step "add" has no Do` {
		t.Errorf("error %v", err)
	}
	var none context.Context // as good as an empty one
	asks := &chain.Step[int, int]{Do: func(ctx context.Context, n int) (int, error) { return n, ctx.Err() }}
	if n, err := asks.Run(none, 1); n != 1 || err != nil {
		t.Errorf("nil context: %d, %v", n, err)
	}
}
