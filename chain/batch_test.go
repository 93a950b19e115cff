package chain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
)

func TestBatch(t *testing.T) {
	check := &chain.Step[string, string]{Name: "check", Do: func(ctx context.Context, s string) (string, error) {
		switch s {
		case "bad":
			return "", overloaded
		case "slow":
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		return s + "!", nil
	}}
	for _, tc := range []struct {
		name  string
		batch *chain.Batch[string, string]
		ins   []string
		out   string
		err   string
		tree  string
	}{
		{"all succeed", &chain.Batch[string, string]{Step: check}, []string{"slow", "b", "c"}, "[slow! b! c!]", "<nil>", `
			chain batch
			  chain check
			  chain check
			  chain check`},
		{"the first failure cancels the rest", &chain.Batch[string, string]{Name: "mails", Step: check, Limit: 2}, []string{"slow", "bad", "c"}, "[]",
			`batch "mails": inputs[1]: 503: overloaded`, `
			chain mails - 503
			  chain check - 503
			  chain check - canceled`},
		{"all are run", &chain.Batch[string, string]{Name: "mails", Step: check, All: true}, []string{"slow", "bad", "c", "bad"}, "[slow!  c! ]",
			`batch "mails": 2 of 4 inputs failed: inputs[1]: 503: overloaded; inputs[3]: 503: overloaded`, `
			chain mails - 503
			  chain check
			  chain check
			  chain check - 503
			  chain check - 503`},
		{"many fail", &chain.Batch[string, string]{Step: check, All: true, Limit: 1}, []string{"bad", "bad", "bad", "bad"}, "[   ]",
			`batch: 4 of 4 inputs failed: inputs[0]: 503: overloaded; inputs[1]: 503: overloaded; inputs[2]: 503: overloaded; ...`, `
			chain batch - 503
			  chain check - 503
			  chain check - 503
			  chain check - 503
			  chain check - 503`},
		{"no inputs", &chain.Batch[string, string]{Name: "mails", Step: check}, nil, "[]", "<nil>", "chain mails"},
		{"no step", &chain.Batch[string, string]{Name: "mails"}, []string{"a"}, "[]", `batch "mails" has no Step`, "chain mails - invalid_request"},
		{"negative limit", &chain.Batch[string, string]{Step: check, Limit: -2}, []string{"a"}, "[]", "batch has a negative Limit, -2", "chain batch - invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := &tree{}
				out, err := tc.batch.Run(callback.WithHandlers(t.Context(), runs), tc.ins)
				if fmt.Sprint(out) != tc.out || fmt.Sprint(err) != tc.err {
					t.Errorf("got %v, %v; want %s, %s", out, err, tc.out, tc.err)
				}
				same(t, "runs", runs.print("batch", "mails"), tc.tree)
				var failed *chain.BatchError
				if errors.As(err, &failed) != (tc.batch.All && err != nil) {
					t.Errorf("error is a %T", err)
				}
				if failed != nil && (!errors.Is(failed.Errors[1], overloaded) || !errors.Is(err, overloaded)) {
					t.Errorf("errors %v", failed.Errors)
				}
			})
		})
	}
}

// TestBatchEnded: with All, an ended context is the error of what was not run.
func TestBatchEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stop := chain.Func[int, int](func(_ context.Context, n int) (int, error) { cancel(); return n, nil })
	out, err := (&chain.Batch[int, int]{Step: stop, All: true, Limit: 1}).Run(ctx, []int{7, 8, 9})
	var failed *chain.BatchError
	if !errors.As(err, &failed) || fmt.Sprint(out, failed.Errors) != "[7 0 0] [<nil> context canceled context canceled]" {
		t.Errorf("got %v, %v", out, err)
	}
}

// TestBatchPanic: a panic is not one of the errors, and the others end first.
func TestBatchPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &tree{}
		defer func() {
			if e, ok := recover().(*callback.PanicError); !ok || !errors.Is(e, errLost) {
				t.Errorf("panic %v", e)
			}
			same(t, "runs", runs.print("batch"), `
				chain batch - panic
				  chain a - canceled
				  chain a - panic`)
		}()
		step := &chain.Step[int, string]{Name: "a", Do: func(ctx context.Context, n int) (string, error) {
			if n == 2 {
				panic(errLost)
			}
			return slow("").Do(ctx, "")
		}}
		(&chain.Batch[int, string]{Step: step, All: true}).Run(callback.WithHandlers(t.Context(), runs), []int{1, 2})
	})
}
