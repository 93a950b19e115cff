package callback_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
)

// Who sees a run, and why?
func ExampleExplain() {
	ctx := callback.WithHandlers(context.Background(), callback.Print(io.Discard))
	ctx, _ = callback.WithCount(callback.WithUser(callback.WithTags(ctx, "prod"), "mei"))
	tokens := &callback.Funcs{OnText: func(context.Context, *callback.Info, callback.Event) {}}
	chain(ctx, "shop", func(ctx context.Context) error {
		fmt.Println(callback.Explain(ctx, tokens, tokens, nil))
		return nil
	})
	// Output:
	// A run that starts here, in chain "shop", is seen by:
	//   1. callback.Print: inherited from the context (tokens: yes, events: yes)
	//   2. *callback.Funcs: given to the component (tokens: no, events: yes)
	// Not by:
	//   - *callback.Funcs: given to the component; left out, since it was given before
	//   - nil: nil
	// Counters: 1
	// Tags: prod
	// User: mei
}

// TestExplain: what Explain says is what Start does, in the same order, and
// nobody is told before.
func TestExplain(t *testing.T) {
	ctx := t.Context()
	a, b, local := &recorder{}, &recorder{}, &recorder{}
	tracer, second := &opener{recorder{name: "first"}}, &opener{recorder{name: "second"}}
	var none *callback.Funcs
	f := &callback.Funcs{OnLLMNewToken: nil}
	async := callback.NewAsync(f, callback.AsyncOptions{})
	defer async.Close(ctx)
	noBug := callback.Log(slog.New(slog.DiscardHandler))
	file := callback.NewFileWriter(io.Discard, callback.FileOptions{Tokens: true})
	inCtx := callback.WithHandlers(ctx, a, tracer, b)
	for _, tc := range []struct {
		name  string
		ctx   context.Context
		local []callback.Handler
		want  []string // what is told, then what is not
	}{
		{"nothing", ctx, nil, nil},
		{"nil context", nil, nil, nil},
		{"inherited, the one that opens spans first", inCtx, nil, []string{
			"*callback_test.opener told inherited from the context; opens the run's span, so it is first unknown unknown",
			"*callback_test.recorder told inherited from the context unknown unknown",
			"*callback_test.recorder told inherited from the context unknown unknown"}},
		{"given", ctx, []callback.Handler{local, second}, []string{
			"*callback_test.opener told given to the component; opens the run's span, so it is first unknown unknown",
			"*callback_test.recorder told given to the component unknown unknown"}},
		{"given and there already", inCtx, []callback.Handler{a, local, local, tracer, second, nil}, []string{
			"*callback_test.opener told inherited from the context; opens the run's span, so it is first unknown unknown",
			"*callback_test.recorder told inherited from the context unknown unknown",
			"*callback_test.recorder told inherited from the context unknown unknown",
			"*callback_test.recorder told given to the component unknown unknown",
			"*callback_test.recorder not given to the component; left out, since the context has it already unknown unknown",
			"*callback_test.recorder not given to the component; left out, since it was given before unknown unknown",
			"*callback_test.opener not given to the component; left out, since the context has it already unknown unknown",
			"*callback_test.opener not given to the component; left out, since a run has one span and *callback_test.opener opens it unknown unknown",
			"nil not nil no no"}},
		{"built in", ctx, []callback.Handler{none, f, async, noBug, file}, []string{
			"*callback.Funcs told given to the component no no",
			"callback.Async of *callback.Funcs told given to the component no no",
			"callback.Log told given to the component no no",
			"*callback.File told given to the component yes yes",
			"*callback.Funcs not given to the component; left out, since it is nil no no"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := callback.Explain(tc.ctx, tc.local...)
			var got []string
			for _, h := range e.Handlers {
				told := "not"
				if h.Told {
					told = "told"
				}
				got = append(got, strings.Join([]string{h.Name, told, h.Why, h.Tokens, h.Events}, " "))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("explained\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			for _, r := range []*recorder{a, b, local, &tracer.recorder, &second.recorder} {
				if len(r.log) > 0 {
					t.Fatalf("told %v", r.log)
				}
			}
			var order []callback.Handler
			defer func() {
				for _, r := range []*recorder{a, b, local, &tracer.recorder, &second.recorder} {
					r.log = nil
				}
			}()
			_, run := callback.Start(tc.ctx, &callback.Info{Name: "x"}, tc.local...)
			run.End(nil)
			for _, h := range e.Handlers {
				if h.Told {
					order = append(order, h.Handler)
				}
			}
			for _, h := range []callback.Handler{a, b, local, tracer, second} {
				var r *recorder
				switch h := h.(type) {
				case *recorder:
					r = h
				case *opener:
					r = &h.recorder
				}
				if told := len(r.log) > 0; told != slices.Contains(order, h) {
					t.Errorf("%T was told: %v", h, told)
				}
			}
		})
	}
}

func TestExplainInherited(t *testing.T) {
	if got := callback.Explain(t.Context()).String(); got != "A run that starts here is seen by no handler; callback.WithHandlers adds one." {
		t.Errorf("got %s", got)
	}
	ctx, _ := callback.WithCount(t.Context())
	ctx = callback.WithMetadata(callback.WithTags(callback.WithSession(ctx, "s-1"), "a", "b"), map[string]any{"z": 1, "b": 2})
	ctx, _ = callback.WithCount(ctx)
	ctx, outer := callback.WithBudget(ctx, callback.Limit{Tokens: 1000, Cost: 5e11, Calls: 1})
	ctx, inner := callback.WithBudget(ctx, callback.Limit{})
	if got := callback.Explain(ctx).String(); !strings.Contains(got,
		"\nBudget: refuses every call: its Limit is empty; set Tokens, Cost or Calls\nBudget: 1000 tokens, $0.50, 1 call\nTags: a, b\nMetadata: b, z\n") {
		t.Errorf("got %s", got)
	}
	callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock", Tags: []string{"own"}}, nil, func(ctx context.Context) (any, error) {
		e := callback.Explain(ctx)
		if e.Counters != 2 || !slices.Equal(e.Budgets, []*callback.Budget{inner, outer}) || !slices.Equal(e.Tags, []string{"a", "b"}) || !slices.Equal(e.Metadata, []string{"b", "z"}) ||
			e.Session != "s-1" || e.User != "" || e.Parent == nil || e.Parent.Name != "stock" {
			t.Errorf("explained %+v", e)
		}
		return nil, nil
	})
}
