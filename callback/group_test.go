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

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// Calls that belong together become one run, with what they came to.
func ExampleGroup() {
	model := callback.Model(says{texts: []string{"Pink roses."}, usage: &llm.Usage{Input: 12, Output: 3}})
	ask := func(ctx context.Context, times int) (err error) {
		ctx, group := callback.Group(ctx, "batch")
		defer group.Close(&err)
		errs := make([]error, times)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = llm.Collect(model.Chat(ctx, question)) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
	ctx := callback.WithHandlers(context.Background(), &callback.Funcs{
		OnChainEnd: func(_ context.Context, info *callback.Info, res *callback.Result) {
			fmt.Println(info.Name, "made", res.Total.Calls, "calls with", res.Total.Usage.Total(), "tokens")
		},
	})
	fmt.Println(ask(ctx, 3))
	// Output:
	// batch made 3 calls with 45 tokens
	// <nil>
}

// TestGroup (C24): a group is opened by hand, is the parent of what is called
// with its context, and ends when its scope does, without an output or with the
// error, unless it has ended before.
func TestGroup(t *testing.T) {
	lost := errors.New("lost")
	for _, tc := range []struct {
		name    string
		scope   func(ctx context.Context) error
		output  any
		errType string
		is      error
		panics  any
	}{
		{"success", func(ctx context.Context) (err error) {
			_, group := callback.Group(ctx, "batch")
			defer group.Close(&err)
			return nil
		}, nil, "", nil, nil},
		{"error", func(ctx context.Context) (err error) {
			_, group := callback.Group(ctx, "batch")
			defer group.Close(&err)
			return lost
		}, nil, "_OTHER", lost, nil},
		{"no error to look at", func(ctx context.Context) error {
			_, group := callback.Group(ctx, "batch")
			defer group.Close(nil)
			return lost
		}, nil, "", nil, nil},
		{"ended by hand", func(ctx context.Context) (err error) {
			_, group := callback.Group(ctx, "batch")
			defer group.Close(&err)
			group.End(&callback.Result{Output: 7})
			return lost
		}, 7, "", nil, nil},
		{"panic", func(ctx context.Context) (err error) {
			_, group := callback.Group(ctx, "batch")
			defer group.Close(&err)
			panic(lost)
		}, nil, "panic", lost, lost},
		{"panic after it was ended by hand", func(ctx context.Context) (err error) {
			_, group := callback.Group(ctx, "batch")
			defer group.Close(&err)
			group.End(&callback.Result{Output: 7})
			panic(lost)
		}, 7, "", nil, lost},
	} {
		t.Run("C24 "+tc.name, func(t *testing.T) {
			for _, seen := range []bool{true, false} {
				rec := &recorder{}
				ctx := t.Context()
				if seen {
					ctx = callback.WithHandlers(ctx, rec)
				}
				func() {
					defer func() {
						if p := recover(); p != tc.panics {
							t.Errorf("seen %v: panic %v, want %v", seen, p, tc.panics)
						}
					}()
					tc.scope(ctx)
				}()
				if !seen {
					continue
				}
				res, n := rec.last(t)
				if n != 1 || res.Output != tc.output || callback.ErrorType(res.Err) != tc.errType || tc.is != nil && !errors.Is(res.Err, tc.is) {
					t.Errorf("%d ends, %+v", n, res)
				}
				var p *callback.PanicError
				if errors.As(res.Err, &p) && !strings.Contains(string(p.Stack), "TestGroup") {
					t.Errorf("the stack does not show where: %s", p.Stack)
				}
			}
		})
	}
	t.Run("C24 end of the goroutine", func(t *testing.T) {
		for _, exits := range []bool{true, false} {
			rec := &recorder{}
			done := make(chan struct{})
			go func() {
				defer close(done)
				func() (err error) {
					_, group := callback.Group(callback.WithHandlers(t.Context(), rec), "batch")
					err = callback.ErrGoexit // stands if this does not return
					defer group.Close(&err)
					if exits {
						runtime.Goexit()
					}
					return nil
				}()
			}()
			<-done
			if res, n := rec.last(t); n != 1 || (res.Err == callback.ErrGoexit) != exits {
				t.Errorf("exits %t: %d ends, %+v", exits, n, res)
			}
		}
	})
	t.Run("C24 parent of several calls", func(t *testing.T) {
		request, local := &recorder{}, &recorder{}
		func() (err error) {
			ctx, group := callback.Group(callback.WithHandlers(t.Context(), request), "batch", local)
			defer group.Close(&err)
			chain(ctx, "a", nothing)
			return chain(ctx, "b", nothing)
		}()
		if want := []string{"start batch", "start a", "end a ", "start b", "end b ", "end batch "}; !slices.Equal(request.log, want) {
			t.Errorf("told %q, want %q", request.log, want)
		}
		group, a, b := request.info[0], request.info[1], request.info[2]
		if group.Kind != callback.KindChain || a.Parent != group.ID || b.Parent != group.ID || len(local.log) != 2 {
			t.Errorf("group %+v; parents %v and %v; its own handler was told %q", group, a.Parent, b.Parent, local.log)
		}
	})
}
