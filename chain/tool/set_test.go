package tool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
)

// does makes a tool without arguments of that name.
func does(name string, fn func(context.Context) (string, error), options ...tool.Options) *tool.Tool {
	return tool.Must(tool.New(name, "", tool.NoArguments(fn), options...))
}

type shopError struct{ code string }

func (e *shopError) Error() string     { return "the shop says " + e.code }
func (e *shopError) ErrorType() string { return e.code }

type mute struct{}

func (*mute) Error() string { panic("no text") }

type closed struct{}

func (*closed) Error() string { return "closed" }

// TestOutcomes: whatever a tool does, the model is told, the run ends once with
// the truth, and the program goes on.
func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name    string
		do      func(context.Context) (string, error)
		want    string
		errType string
	}{
		{"result", func(context.Context) (string, error) { return "three", nil }, "three", ""},
		{"empty result", func(context.Context) (string, error) { return "", nil }, "", ""},
		{"error", func(context.Context) (string, error) { return "half", errors.New("no roses") }, "error: no roses", "_OTHER"},
		{"error with a type", func(context.Context) (string, error) { return "", fmt.Errorf("ask: %w", &shopError{"closed"}) }, "error: ask: the shop says closed", "closed"},
		{"error without text", func(context.Context) (string, error) { return "", (*mute)(nil) }, "error: the tool broke down and gave no result", "_OTHER"},
		{"its own deadline", func(ctx context.Context) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-ctx.Done()
			return "", ctx.Err()
		}, "error: context deadline exceeded", "timeout"},
		{"its own cancellation", func(context.Context) (string, error) { return "", context.Canceled }, "error: context canceled", "canceled"},
		{"panic", func(context.Context) (string, error) { panic("thorn") }, "error: the tool broke down and gave no result", "panic"},
		{"panic with nil", func(context.Context) (string, error) { panic(nil) }, "error: the tool broke down and gave no result", "panic"},
		{"end of the goroutine", func(context.Context) (string, error) { runtime.Goexit(); return "", nil }, "error: the tool broke down and gave no result", "goexit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				tl := does("stock", tc.do)
				if got := call(t, tl, "", rec); got != tc.want {
					t.Errorf("the model is told %q, want %q", got, tc.want)
				}
				if got := call(t, tl, ""); got != tc.want {
					t.Errorf("without a handler, the model is told %q", got)
				}
				run := rec.run(t, "call_1")
				if got := callback.ErrorType(run.res.Err); got != tc.errType {
					t.Errorf("the run ended with %v, type %q, want %q", run.res.Err, got, tc.errType)
				}
				var p *callback.PanicError
				if errors.As(run.res.Err, &p) != (tc.errType == "panic") || p != nil && !strings.Contains(string(p.Stack), "set_test.go") {
					t.Errorf("the run ended with %v", run.res.Err)
				}
				if strings.Contains(tc.want, "thorn") {
					t.Error("the model is told what the panic says")
				}
			})
		})
	}
}

func TestResults(t *testing.T) {
	type flower struct {
		Name  string `json:"name"`
		Price float64
	}
	result := func(v any) *tool.Tool {
		return tool.Must(tool.New("t", "", tool.NoArguments(func(context.Context) (any, error) { return v, nil })))
	}
	for _, tc := range []struct {
		name string
		tool *tool.Tool
		want string
	}{
		{"string", result("three < four & \"five\"\n"), "three < four & \"five\"\n"},
		{"number", result(12), "12"},
		{"struct", result(flower{"rose <3", 2.5}), `{"name":"rose <3","Price":2.5}`},
		{"list", result([]string{"a", "b"}), `["a","b"]`},
		{"nothing", result(nil), "null"},
		{"no fields", result(struct{}{}), "{}"},
		{"JSON", result([]byte(nil)), "null"},
		{"no JSON", result(func() {}), "error: the tool's result cannot be shown"},
		{"cut", does("t", func(context.Context) (string, error) { return "玫瑰 and lilies", nil }, tool.Options{MaxResult: 7}), "玫瑰 \n[cut: these are the first 7 of 17 bytes]"},
		{"cut inside a rune", does("t", func(context.Context) (string, error) { return "玫瑰 and lilies", nil }, tool.Options{MaxResult: 5}), "玫\n[cut: these are the first 3 of 17 bytes]"},
		{"not cut", does("t", func(context.Context) (string, error) { return "玫瑰", nil }, tool.Options{MaxResult: 6}), "玫瑰"},
		{"error cut", does("t", func(context.Context) (string, error) { return "", errors.New("no roses") }, tool.Options{MaxResult: 9}), "error: no\n[cut: these are the first 9 of 15 bytes]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := call(t, tc.tool, ""); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	rec := &recorder{}
	call(t, does("t", func(context.Context) (string, error) { return "roses", nil }, tool.Options{MaxResult: 2}), "", rec)
	if got := rec.run(t, "call_1").res.Output; got != "ro\n[cut: these are the first 2 of 5 bytes]" {
		t.Errorf("the run's output is %q", got)
	}
	rec = &recorder{}
	call(t, result(func() {}), "", rec)
	if err := rec.run(t, "call_1").res.Err; callback.ErrorType(err) != "invalid_result" || err.Error() != "encode result: func() has no form in JSON" {
		t.Errorf("run ended with %v", err)
	}
}

// TestConcurrent: calls of an answer run at the same time, 16 at most, and are
// answered in order.
func TestConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		s := tool.Set{tool.Must(tool.New("wait", "", func(_ context.Context, seconds int) (int, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Duration(seconds) * time.Second)
			return seconds, nil
		}))}
		var calls []llm.ToolCall
		for i := range 40 {
			calls = append(calls, llm.ToolCall{ID: fmt.Sprint("call_", i), Name: "wait", Arguments: fmt.Sprintf(`{"input":%d}`, 40-i)})
		}
		rec := &recorder{}
		began := time.Now()
		answers, err := s.Call(callback.WithHandlers(t.Context(), rec), calls...)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range answers {
			if m.ToolCallID != calls[i].ID || m.Text() != fmt.Sprint(40-i) {
				t.Errorf("answer %d is %q to %s", i, m.Text(), m.ToolCallID)
			}
			rec.run(t, calls[i].ID)
		}
		if took := time.Since(began); most.Load() != 16 || took > 80*time.Second || len(answers) != 40 {
			t.Errorf("%d answers, %d calls at once, %s", len(answers), most.Load(), took)
		}
	})
}

// TestContextEnds: that is the caller's error, after all tools have returned,
// and calls that were not begun are not made.
func TestContextEnds(t *testing.T) {
	closed := errors.New("shop closes")
	for _, tc := range []struct {
		name    string
		end     func(context.Context) (context.Context, context.CancelFunc)
		is      error
		errType string
		text    string
	}{
		{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled, "canceled", "context canceled"},
		{"cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(closed) })
			return ctx, func() { cancel(nil) }
		}, closed, "canceled", "context canceled: shop closes"},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded, "timeout", "context deadline exceeded"},
		{"ended before", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, context.Canceled, "canceled", "context canceled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var began, ended atomic.Int32
				s := tool.Set{does("wait", func(ctx context.Context) (string, error) {
					began.Add(1)
					defer ended.Add(1)
					<-ctx.Done()
					time.Sleep(time.Second) // to clean up
					return "late", nil
				})}
				rec := &recorder{}
				ctx, cancel := tc.end(callback.WithHandlers(t.Context(), rec))
				defer cancel()
				answers, err := s.Call(ctx, make([]llm.ToolCall, 0)...)
				if (err != nil) != (tc.name == "ended before") || len(answers) != 0 {
					t.Errorf("no calls: %v, %v", answers, err)
				}
				var calls []llm.ToolCall
				for range 20 {
					calls = append(calls, llm.ToolCall{Name: "wait"})
				}
				answers, err = s.Call(ctx, calls...)
				if answers != nil || !errors.Is(err, tc.is) || err.Error() != tc.text || callback.ErrorType(err) != tc.errType {
					t.Errorf("got %v, %v of type %s", answers, err, callback.ErrorType(err))
				}
				want := int32(16)
				if tc.name == "ended before" {
					want = 0
				}
				if began.Load() != want || ended.Load() != want || len(rec.runs) != int(want) {
					t.Errorf("%d tools began, %d returned, %d runs; want %d", began.Load(), ended.Load(), len(rec.runs), want)
				}
			})
		})
	}
}

// TestUnknown: the model is told which tools there are.
func TestUnknown(t *testing.T) {
	stock, price := does("stock", nothing), does("price", nothing)
	long := strings.Repeat("玫", 40)
	for _, tc := range []struct {
		name string
		set  tool.Set
		asks string
		want string
		run  string
	}{
		{"other name", tool.Set{stock, price}, "florist", `error: there is no tool "florist"; the tools are price, stock`, "florist"},
		{"no name", tool.Set{stock}, "", `error: there is no tool ""; the tools are stock`, ""},
		{"no tools", nil, "stock", `error: there is no tool "stock"; there are no tools`, "stock"},
		{"tools that are none", tool.Set{nil, {}, stock}, "price", `error: there is no tool "price"; the tools are stock`, "price"},
		{"long name", tool.Set{stock}, long, `error: there is no tool "` + long[:63] + `"; the tools are stock`, long[:63]},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			answers, err := tc.set.Call(callback.WithHandlers(t.Context(), rec), llm.ToolCall{ID: "call_1", Name: tc.asks, Arguments: "{}"})
			if err != nil || len(answers) != 1 || answers[0].Text() != tc.want || answers[0].ToolCallID != "call_1" {
				t.Errorf("got %+v, %v; want %q", answers, err, tc.want)
			}
			if run := rec.run(t, "call_1"); callback.ErrorType(run.res.Err) != "unknown_tool" || run.info.Name != tc.run || run.info.Kind != callback.KindTool {
				t.Errorf("run %q ended with %v", run.info.Name, run.res.Err)
			}
		})
	}
}

// TestManyUnknown: calls of tools that do not exist are not in the way of others.
func TestManyUnknown(t *testing.T) {
	var calls []llm.ToolCall
	for i := range 60 {
		calls = append(calls, llm.ToolCall{ID: fmt.Sprint(i), Name: []string{"florist", "stock"}[i/30]})
	}
	answers, err := tool.Set{does("stock", nothing)}.Call(t.Context(), calls...)
	if err != nil || len(answers) != 60 || answers[29].Text() == "" || answers[30].Text() != "" {
		t.Errorf("got %v, %v", answers, err)
	}
}

func nothing(context.Context) (string, error) { return "", nil }

// TestRuns: a call is a run that tells what the model asked for; the tool's own
// handlers see it and nothing below, and what is below is a child.
func TestRuns(t *testing.T) {
	own, inherited := &recorder{}, &recorder{}
	price := tool.Must(tool.New("price", "What a flower costs.", func(context.Context, stockQuery) (float64, error) { return 2.5, nil }))
	ask := tool.Must(tool.New("ask", "", func(ctx context.Context, q stockQuery) (string, error) {
		m, err := price.Call(ctx, llm.ToolCall{ID: "below", Arguments: `{"flower":"rose"}`})
		return m.Text(), err
	}, tool.Options{Handlers: []callback.Handler{own}, Tags: []string{"own"}}))
	if got := call(t, ask, `{"flower":"rose"}`, inherited); got != "2.5" {
		t.Errorf("got %q", got)
	}
	above, below := inherited.run(t, "call_1"), inherited.run(t, "below")
	if below.info.Parent != above.info.ID || below.info.Name != "price" || below.info.Kind != callback.KindTool || below.res.Output != "2.5" {
		t.Errorf("the call below is %+v", below.info)
	}
	if in := below.info.Input.(*callback.ToolCall); *in != (callback.ToolCall{ID: "below", Arguments: `{"flower":"rose"}`}) || below.info.Description != "What a flower costs." {
		t.Errorf("input %+v of what is described as %q", in, below.info.Description)
	}
	if len(own.runs) != 1 || own.run(t, "call_1").info != above.info {
		t.Errorf("the tool's own handler saw %d runs", len(own.runs))
	}
	if got := fmt.Sprint(above.info.Tags, below.info.Tags); got != "[own] []" {
		t.Errorf("tags %s of the call and the one below", got)
	}
}

// TestRefuse: the tool is not run, the model and the handlers are told why.
func TestRefuse(t *testing.T) {
	rec, own := &recorder{}, &recorder{}
	s := tool.Set{does("order", func(context.Context) (string, error) { panic("run") }, tool.Options{Handlers: []callback.Handler{own}})}
	ctx := callback.WithHandlers(t.Context(), rec)
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"order", &shopError{"declined"}, "error: the shop says declined"},
		{"nothing", nil, "error: the call was refused"},
		{"a nil pointer", (*shopError)(nil), "error: the call was refused"},
		{"a nil pointer that has a text", (*closed)(nil), "error: closed"},
	} {
		m := s.Refuse(ctx, llm.ToolCall{ID: tc.name, Name: tc.name}, tc.err)
		run := rec.run(t, tc.name)
		if m.Text() != tc.want || m.ToolCallID != tc.name || m.Role != llm.RoleTool || "error: "+run.res.Err.Error() != tc.want || run.info.Name != tc.name {
			t.Errorf("%s: told %q, run ended with %v", tc.name, m.Text(), run.res.Err)
		}
	}
	if len(own.runs) != 1 {
		t.Errorf("the tool's handler saw %d runs", len(own.runs))
	}
}

func TestCheck(t *testing.T) {
	stock, price := does("stock", nothing), does("price", nothing)
	for want, s := range map[string]tool.Set{
		"":                   {stock, price},
		"tool 2 of 2 is nil": {stock, nil},
		"tool 1 of 1 was not made by tool.New or tool.Raw": {{}},
		`two tools have the name "stock"`:                  {stock, price, does("stock", nothing)},
	} {
		got := ""
		if err := s.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := tool.Set(nil).Check(); err != nil {
		t.Errorf("no tools: %v", err)
	}
	if ds := (tool.Set{nil, stock, price}).Definitions(); len(ds) != 2 || ds[0].Name != "stock" || ds[1].Name != "price" {
		t.Errorf("definitions %+v", ds)
	}
}

// TestBadUse: a tool that is none is an error, and so nothing panics.
func TestBadUse(t *testing.T) {
	for _, tl := range []*tool.Tool{nil, {}} {
		if _, err := tl.Call(t.Context(), llm.ToolCall{}); err == nil || err.Error() != "call tool: it was not made by tool.New or tool.Raw" {
			t.Errorf("got %v", err)
		}
	}
	var none context.Context
	if m, err := does("stock", nothing).Call(none, llm.ToolCall{}); err != nil || m.Text() != "" {
		t.Errorf("nil context: %v, %v", m, err)
	}
	if m := (tool.Set{}).Refuse(none, llm.ToolCall{}, nil); m.Text() != "error: the call was refused" {
		t.Errorf("nil context: %v", m)
	}
}

// TestToolConcurrentSafe: one tool, many goroutines.
func TestToolConcurrentSafe(t *testing.T) {
	var sum atomic.Int64
	tl := tool.Must(tool.New("add", "", func(_ context.Context, n int) (int, error) { return int(sum.Add(int64(n))), nil }))
	s := tool.Set{tl, does("thorn", func(context.Context) (string, error) { runtime.Goexit(); return "", nil })}
	rec := &recorder{}
	ctx := callback.WithHandlers(t.Context(), rec)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				answers, err := s.Call(ctx, llm.ToolCall{Name: "add", Arguments: `{"input":1}`}, llm.ToolCall{Name: "thorn"}, llm.ToolCall{Name: "add", Arguments: `{"input":2}`})
				if err != nil || len(answers) != 3 {
					t.Errorf("got %v, %v", answers, err)
				}
			}
		})
	}
	wg.Wait()
	if sum.Load() != 16*20*3 || len(rec.runs) != 16*20*3 {
		t.Errorf("sum %d, %d runs", sum.Load(), len(rec.runs))
	}
	for _, r := range rec.runs {
		if r.ends != 1 {
			t.Fatalf("a run ended %d times", r.ends)
		}
	}
}
