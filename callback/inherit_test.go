package callback_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestInheritance (C11): request handlers see everything below, constructor
// handlers see their own object alone.
func TestInheritance(t *testing.T) {
	request, local, inner := &recorder{}, &recorder{}, &recorder{}
	ctx := callback.WithHandlers(t.Context(), request)
	chain(ctx, "outer", func(ctx context.Context) error {
		ctx = callback.WithHandlers(ctx, inner)
		return chain(ctx, "step", func(ctx context.Context) error {
			_, err := llm.Collect(callback.Model(says{texts: []string{"pink"}}).Chat(ctx, question))
			return err
		})
	}, local)
	for _, tc := range []struct {
		who  string
		got  []string
		want []string
	}{
		{"request", request.log, []string{"start outer", "start step", "start gpt-4o-mini",
			`token gpt-4o-mini "pink"`, `token gpt-4o-mini ""`, "end gpt-4o-mini ", "end step ", "end outer "}},
		{"local", local.log, []string{"start outer", "end outer "}},
		{"inner", inner.log, []string{"start step", "start gpt-4o-mini",
			`token gpt-4o-mini "pink"`, `token gpt-4o-mini ""`, "end gpt-4o-mini ", "end step "}},
	} {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("%s handler was told %q, want %q", tc.who, tc.got, tc.want)
		}
	}
	if request.info[1].Parent != request.info[0].ID || request.info[2].Parent != request.info[1].ID || !request.info[0].Parent.IsZero() {
		t.Error("parents do not form a chain")
	}
}

// TestOrder: inherited handlers start before local ones, and ends run in reverse.
func TestOrder(t *testing.T) {
	var log []string
	h := func(name string) callback.Handler {
		return &callback.Funcs{
			OnChainStart: func(context.Context, *callback.Info) { log = append(log, "+"+name) },
			OnChainEnd:   func(context.Context, *callback.Info, *callback.Result) { log = append(log, "-"+name) },
		}
	}
	ctx := callback.WithHandlers(t.Context(), h("a"), h("b"))
	chain(ctx, "x", func(context.Context) error { return nil }, h("local"))
	want := []string{"+a", "+b", "+local", "-local", "-b", "-a"}
	if !slices.Equal(log, want) {
		t.Errorf("order %v, want %v", log, want)
	}
}

type valueHandler struct{ rec *recorder }

func (v valueHandler) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	return v.rec.Start(ctx, i)
}

type uncomparable struct {
	rec *recorder
	_   []int
}

func (u uncomparable) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	return u.rec.Start(ctx, i)
}

// TestDeduplication (C13): the same handler given twice is told once, whether
// it is a pointer or a comparable value.
func TestDeduplication(t *testing.T) {
	rec := &recorder{}
	for _, tc := range []struct {
		name string
		h    callback.Handler
		want int
	}{
		{"pointer", rec, 1},
		{"comparable value", valueHandler{rec}, 1},
		{"value that cannot be compared", uncomparable{rec: rec}, 4},
	} {
		rec.log = nil
		ctx := callback.WithHandlers(callback.WithHandlers(t.Context(), tc.h), tc.h)
		chain(ctx, "x", func(context.Context) error { return nil }, tc.h, tc.h)
		if got := len(rec.log) / 2; got != tc.want {
			t.Errorf("%s: told %d times, want %d", tc.name, got, tc.want)
		}
	}
}

// TestCopyOnWrite: contexts derived from one context do not share what is added.
func TestCopyOnWrite(t *testing.T) {
	base := callback.WithTags(callback.WithHandlers(t.Context(), &recorder{}, &recorder{}), "shop")
	a, b := &recorder{}, &recorder{}
	ctxA := callback.WithTags(callback.WithHandlers(base, a), "a")
	ctxB := callback.WithTags(callback.WithHandlers(base, b), "b")
	chain(ctxA, "in a", func(context.Context) error { return nil })
	chain(ctxB, "in b", func(context.Context) error { return nil })
	if !slices.Equal(a.log, []string{"start in a", "end in a "}) || !slices.Equal(b.log, []string{"start in b", "end in b "}) {
		t.Errorf("a %v, b %v", a.log, b.log)
	}
	if !slices.Equal(a.info[0].Tags, []string{"shop", "a"}) || !slices.Equal(b.info[0].Tags, []string{"shop", "b"}) {
		t.Errorf("tags %v and %v", a.info[0].Tags, b.info[0].Tags)
	}
}

func TestLabels(t *testing.T) {
	rec := &recorder{}
	ctx := callback.WithHandlers(t.Context(), rec)
	ctx = callback.WithUser(callback.WithSession(ctx, "s-1"), "mei")
	ctx = callback.WithMetadata(callback.WithTags(ctx, "prod", "prod"), map[string]any{"shop": 1, "city": "Suzhou"})
	callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock", Tags: []string{"own", "prod"}, Metadata: map[string]any{"shop": 2}}, nil,
		func(ctx context.Context) (any, error) {
			return nil, chain(ctx, "below", func(context.Context) error { return nil })
		})
	tool, below := rec.info[0], rec.info[1]
	if !slices.Equal(tool.Tags, []string{"prod", "own"}) || !slices.Equal(below.Tags, []string{"prod"}) {
		t.Errorf("tags %v, below %v", tool.Tags, below.Tags)
	}
	if want := (map[string]any{"shop": 2, "city": "Suzhou"}); !reflect.DeepEqual(tool.Metadata, want) {
		t.Errorf("metadata %v, want %v", tool.Metadata, want)
	}
	if below.Metadata["shop"] != 1 || below.User != "mei" || below.Session != "s-1" {
		t.Errorf("below: %v, user %q, session %q", below.Metadata, below.User, below.Session)
	}
	callback.Do(t.Context(), &callback.Info{Tags: []string{"own", "more", "own"}}, []callback.Handler{rec},
		func(context.Context) (any, error) { return nil, nil })
	if got := rec.info[2].Tags; !slices.Equal(got, []string{"own", "more"}) {
		t.Errorf("tags where none are inherited: %v", got)
	}
}

// widening is a handler whose Start gives the run's children another context.
type widening func(ctx context.Context, info *callback.Info) context.Context

func (w *widening) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	return (*w)(ctx, info), nil
}

// TestStartWidens: what a handler's Start adds to the context holds for the runs
// below, as what the program adds does.
func TestStartWidens(t *testing.T) {
	usage := &llm.Usage{Input: 3, Output: 1}
	call := func(ctx context.Context) error {
		_, err := llm.Collect(callback.Model(says{texts: []string{"a"}, usage: usage}).Chat(ctx, question))
		return err
	}
	for _, where := range []string{"in the context", "of the component"} {
		t.Run(where, func(t *testing.T) {
			below := &recorder{}
			var count *callback.Count
			w := widening(func(ctx context.Context, info *callback.Info) context.Context {
				if info.Name != "tenant" {
					return ctx
				}
				ctx = callback.WithHandlers(ctx, below)
				ctx = callback.WithTags(ctx, "acme")
				ctx = callback.WithMetadata(ctx, map[string]any{"plan": "free"})
				ctx = callback.WithSession(callback.WithUser(ctx, "eva"), "s1")
				ctx, count = callback.WithCount(ctx)
				ctx, _ = callback.WithBudget(ctx, callback.Limit{Calls: 1})
				return ctx
			})
			ctx, all := callback.WithCount(callback.WithTags(t.Context(), "shop"))
			var local []callback.Handler
			if where == "in the context" {
				ctx = callback.WithHandlers(ctx, &w)
			} else {
				local = append(local, &w)
			}
			var first, second error
			chain(ctx, "tenant", func(ctx context.Context) error {
				first, second = call(ctx), call(ctx)
				return nil
			}, local...)
			chain(ctx, "beside", call)

			if first != nil || callback.ErrorType(second) != "budget_exceeded" {
				t.Errorf("calls below: %v, %v", first, second)
			}
			if len(below.info) != 2 {
				t.Fatalf("the handler that was added saw %q", below.log)
			}
			i := below.info[0]
			if got := fmt.Sprint(i.Name, i.Tags, i.Metadata, i.User, i.Session); got != "gpt-4o-mini[shop acme] map[plan:free]evas1" {
				t.Errorf("below: %s", got)
			}
			if got := count.Total(); got.Calls != 1 || got.Refused != 1 || got.Open != 0 || got.Usage.Total() != 4 {
				t.Errorf("counted below: %+v", got)
			}
			if got := all.Total(); got.Calls != 2 || got.Refused != 1 || got.Open != 0 {
				t.Errorf("counted in all: %+v", got)
			}
		})
	}
	stranger := callback.WithTags(t.Context(), "stranger")
	counted, _ := callback.WithCount(stranger)
	inside, other := callback.Start(counted, &callback.Info{Kind: callback.KindChain})
	defer other.End(nil)
	rec := &recorder{}
	w := widening(nil)
	all := callback.WithHandlers(t.Context(), rec, &w)
	told := callback.WithTags(all, "stranger")
	elsewhere, _ := callback.WithCount(told)
	here, _ := callback.WithCount(all)
	held, _ := callback.WithBudget(all, callback.Limit{Calls: 9})
	spans, others := &opener{recorder{name: "here"}}, &opener{recorder{name: "there"}}
	for name, tc := range map[string]struct{ ctx, stranger context.Context }{
		"another program's context":       {all, stranger},
		"the context of another run":      {all, inside},
		"a context before the counter":    {here, told},
		"a context of another counter":    {here, elsewhere},
		"a context before the budget":     {held, told},
		"a context of other handlers":     {all, callback.WithHandlers(t.Context(), &w, &recorder{})},
		"a context of another trace":      {callback.WithHandlers(all, spans), callback.WithHandlers(told, others)},
		"a context from before the trace": {callback.WithHandlers(all, spans), told},
	} {
		t.Run("not by "+name, func(t *testing.T) {
			w = func(context.Context, *callback.Info) context.Context { return tc.stranger }
			rec.info, rec.log = nil, nil
			chain(tc.ctx, "x", func(ctx context.Context) error {
				return chain(ctx, "y", func(context.Context) error { return nil })
			})
			if len(rec.info) != 2 || rec.info[1].Parent != rec.info[0].ID || len(rec.info[1].Tags) != 0 {
				t.Errorf("told %q", rec.log)
			}
		})
	}
}

// TestModelIsAnnouncedOnce: announcing an announced model only adds handlers.
func TestModelIsAnnouncedOnce(t *testing.T) {
	request, a, b := &recorder{}, &recorder{}, &recorder{}
	m := callback.Model(callback.Model(callback.Model(says{texts: []string{"pink"}}, a)), b)
	llm.Collect(m.Chat(callback.WithHandlers(t.Context(), request), question))
	for _, r := range []*recorder{request, a, b} {
		if len(r.ends) != 1 {
			t.Errorf("told of %d runs", len(r.ends))
		}
	}
}

type opener struct{ recorder }

func (o *opener) SpanIDs(context.Context) (string, string) { return "trace-of-" + o.name, "span" }

// TestOneSpanPerRun: the handler that opens spans comes first, the others see
// its ids, and a second one is left out.
func TestOneSpanPerRun(t *testing.T) {
	first, second, other := &opener{recorder{name: "first"}}, &opener{recorder{name: "second"}}, &recorder{}
	ctx := callback.WithHandlers(t.Context(), other, first, second)
	chain(ctx, "x", func(context.Context) error { return nil }, second)
	if len(first.log) != 2 || len(second.log) != 0 {
		t.Errorf("first was told %v, second %v", first.log, second.log)
	}
	if got := other.info[0].TraceID; got != "trace-of-first" {
		t.Errorf("trace id %q", got)
	}
}

// TestNilHandler: a handler that is nil, or holds a nil pointer or function, is
// left out. In particular it does not take the place of the one that opens spans.
func TestNilHandler(t *testing.T) {
	var (
		noOpener *opener
		noFunc   startFunc
	)
	panics := callback.Panics()
	for _, tc := range []struct {
		name  string
		ctx   []callback.Handler
		local []callback.Handler
	}{
		{"in the context", []callback.Handler{nil, noOpener, noFunc}, nil},
		{"at the component", nil, []callback.Handler{nil, noOpener, noFunc}},
	} {
		if callback.Enabled(callback.WithHandlers(t.Context(), tc.ctx...), tc.local...) {
			t.Errorf("%s: somebody listens", tc.name)
		}
		tracer := &opener{recorder{name: "real"}}
		ctx := callback.WithHandlers(t.Context(), tc.ctx...)
		if tc.ctx != nil {
			ctx = callback.WithHandlers(ctx, tracer)
		} else {
			tc.local = append(tc.local, tracer)
		}
		chain(ctx, "x", func(context.Context) error { return nil }, tc.local...)
		if len(tracer.log) != 2 {
			t.Errorf("%s: the tracer was told %v", tc.name, tracer.log)
		}
	}
	if n := callback.Panics() - panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

type startFunc func(*callback.Info)

func (f startFunc) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	f(i)
	return ctx, nil
}

func TestEnabled(t *testing.T) {
	ctx := t.Context()
	counted, _ := callback.WithCount(ctx)
	for _, tc := range []struct {
		name  string
		ctx   context.Context
		local []callback.Handler
		want  bool
	}{
		{"bare", ctx, nil, false},
		{"nil context", nil, nil, false},
		{"labels alone", callback.WithTags(ctx, "x"), nil, false},
		{"nil handler", callback.WithHandlers(ctx, nil), []callback.Handler{nil}, false},
		{"handler", callback.WithHandlers(ctx, &recorder{}), nil, true},
		{"local", ctx, []callback.Handler{&recorder{}}, true},
		{"counter", counted, nil, true},
	} {
		if got := callback.Enabled(tc.ctx, tc.local...); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// TestNilContext: a nil context is as good as an empty one, everywhere.
func TestNilContext(t *testing.T) {
	rec := &recorder{}
	var none context.Context
	ctx, run := callback.Start(none, &callback.Info{Name: "x"}, rec)
	run.End(nil)
	if ctx == nil || ctx.Err() != nil {
		t.Error("no usable context")
	}
	callback.WithHandlers(none, rec)
	callback.WithCount(none)
	callback.Emit(none, callback.Event{})
	if _, run := callback.Start(none, &callback.Info{}); run != nil {
		t.Error("a run that nobody sees")
	}
	for _, local := range [][]callback.Handler{nil, {rec}} {
		ctx, group := callback.Group(none, "x", local...)
		sent, call, err := callback.Open(none, &callback.Info{Kind: callback.KindLLM}, local...)
		if ctx == nil || sent == nil || err != nil {
			t.Errorf("group %v, call %v, %v", ctx, sent, err)
		}
		call.Reading()
		call.End(nil)
		group.End(nil)
		drain(t, nil, callback.Model(says{texts: []string{"a"}}, local...).Chat(none, question)) // it asks its context
		embedder := llm.EmbedderFunc(func(ctx context.Context, _ *llm.EmbedRequest) (*llm.EmbedResponse, error) {
			return &llm.EmbedResponse{Vectors: [][]float32{{1}}}, ctx.Err()
		})
		if _, err := callback.Embedder(embedder, local...).Embed(none, &llm.EmbedRequest{Inputs: []string{"a"}}); err != nil {
			t.Error(err)
		}
	}
}

func TestEmit(t *testing.T) {
	rec := &recorder{}
	ctx := callback.WithHandlers(t.Context(), rec)
	callback.Emit(ctx, callback.Event{Kind: callback.EventCustom}) // outside: nobody's
	chain(ctx, "x", func(ctx context.Context) error {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "formatted"})
		return nil
	})
	if want := []string{"start x", "event x text", "end x "}; !slices.Equal(rec.log, want) {
		t.Errorf("told %v, want %v", rec.log, want)
	}
}
