package callback_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// order is a step's own input.
type order struct {
	Flowers map[string]int
	Lines   []*bunch
	Next    *order
	Any     any
	Sum     *big.Int // hides its digits
	Site    *url.URL
	note    map[string]int
}

type bunch struct{ Tags []string }

// guarded has a lock of its own.
type guarded struct {
	sync.Mutex
	M map[string]int
}

// loops is a map that holds itself.
func loops() map[string]any {
	m := map[string]any{"a": []any{1, "x", nil, map[string]any{}}}
	m["self"] = m
	return m
}

// TestAsyncSnapshot: a handler behind an Async sees what a run was given and
// returned as it was, in its types, whatever the program does with it.
func TestAsyncSnapshot(t *testing.T) {
	digits, site := big.NewInt(7), &url.URL{Host: "shop"}
	full := func() *order {
		return &order{Flowers: map[string]int{"rose": 3}, Lines: []*bunch{{Tags: []string{"pink"}}, nil}, Any: []any{map[int][]string{1: {"a"}}, [2][]int{{1}, {2}}},
			Next: &order{Flowers: map[string]int{"lily": 1}}, Sum: digits, Site: site, note: map[string]int{}}
	}
	temperature := 0.5
	for _, tc := range []struct {
		name   string
		make   func() any
		change func(any)
	}{
		{"nothing", func() any { return nil }, func(any) {}},
		{"text", func() any { return "roses" }, func(any) {}},
		{"map", func() any { return map[string]int{"rose": 3} }, func(v any) { v.(map[string]int)["rose"] = 4; v.(map[string]int)["lily"] = 1 }},
		{"nil map", func() any { return map[string]int(nil) }, func(any) {}},
		{"map of anything", func() any { return map[string]any{"a": map[string]any{"b": []any{1.5, nil}}} }, func(v any) {
			inner := v.(map[string]any)["a"].(map[string]any)
			inner["b"].([]any)[0] = "changed"
			delete(inner, "b")
		}},
		{"list", func() any { return []string{"a", "b"} }, func(v any) { v.([]string)[1] = "changed" }},
		{"list of lists", func() any { return [][]byte{[]byte("ab"), nil} }, func(v any) { v.([][]byte)[0][0] = 'x'; v.([][]byte)[1] = []byte("c") }},
		{"array", func() any { return [1]map[string]int{{"a": 1}} }, func(v any) { v.([1]map[string]int)[0]["a"] = 2 }},
		{"struct", func() any { return *full() }, func(v any) {
			o := v.(order)
			o.Flowers["rose"] = 0
			o.Lines[0].Tags[0] = "changed"
			o.Next.Flowers["lily"] = 9
		}},
		{"pointer", func() any { return full() }, func(v any) {
			o := v.(*order)
			o.Flowers["rose"] = 0
			o.Any.([]any)[0].(map[int][]string)[1][0] = "changed"
			o.Any.([]any)[1] = nil
			o.Lines[0], o.Next = nil, nil
		}},
		{"pointer to plain data", func() any { return &bunch{Tags: []string{"a"}} }, func(v any) { v.(*bunch).Tags[0] = "changed"; v.(*bunch).Tags = nil }},
		{"pointer to a pointer", func() any { l := &bunch{Tags: []string{"a"}}; return &l }, func(v any) { (*v.(**bunch)).Tags[0] = "changed"; *v.(**bunch) = nil }},
		{"request", func() any {
			return &llm.Request{Messages: []llm.Message{llm.User("roses?"), {Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{Name: "stock"}}}}, Temperature: &temperature,
				Tools: []llm.Tool{{Name: "stock"}}, Stop: []string{"."}, Format: &llm.Format{Name: "answer"}, Seed: new(int)}
		}, func(v any) {
			r := v.(*llm.Request)
			r.Messages[0].Parts[0].Text = "changed"
			r.Messages[1].ToolCalls[0].Name = "changed"
			r.Tools[0].Name, r.Stop[0], r.Format.Name, *r.Temperature, *r.Seed = "changed", "changed", "changed", 1, 1
			r.Messages = append(r.Messages[:0], llm.User("changed"))
			temperature = 0.5
		}},
		{"nil request", func() any { return (*llm.Request)(nil) }, func(any) {}},
		{"messages", func() any { return []llm.Message{llm.User("a"), {}} }, func(v any) { v.([]llm.Message)[0].Parts[0].Text = "changed" }},
		{"embedding", func() any { return &llm.EmbedRequest{Inputs: []string{"a"}} }, func(v any) { v.(*llm.EmbedRequest).Inputs[0] = "changed" }},
		{"documents", func() any { return []llm.Document{{ID: "a", Metadata: map[string]string{"k": "v"}}, {ID: "b"}} }, func(v any) {
			v.([]llm.Document)[0].Metadata["k"] = "changed"
			v.([]llm.Document)[1].ID = "changed"
		}},
		{"tool call", func() any { return &callback.ToolCall{ID: "1", Arguments: map[string]any{"a": 1}} }, func(v any) {
			v.(*callback.ToolCall).Arguments.(map[string]any)["a"] = 2
			v.(*callback.ToolCall).ID = "changed"
		}},
		{"nil tool call", func() any { return (*callback.ToolCall)(nil) }, func(any) {}},
		{"search", func() any { return &callback.Search{Query: "a"} }, func(v any) { v.(*callback.Search).Query = "changed" }},
		{"memory", func() any { return &callback.MemoryChange{Store: "a"} }, func(v any) { v.(*callback.MemoryChange).Store = "changed" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			given, returned, told, noted := tc.make(), tc.make(), tc.make(), tc.make()
			gate := make(chan struct{})
			var got []any
			see := func(v any) { <-gate; got = append(got, v) }
			a := callback.NewAsync(&callback.Funcs{
				OnChainStart:  func(_ context.Context, i *callback.Info) { see(i.Input); see(i.Metadata["k"]) },
				OnCustomEvent: func(_ context.Context, _ *callback.Info, e callback.Event) { see(e.Data) },
				OnChainEnd:    func(_ context.Context, _ *callback.Info, r *callback.Result) { see(r.Output) },
			}, callback.AsyncOptions{})
			ctx := callback.WithMetadata(callback.WithHandlers(t.Context(), a), map[string]any{"k": noted, "n": 1})
			callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Input: given}, nil, func(ctx context.Context) (any, error) {
				callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Data: told})
				return returned, nil
			})
			for _, v := range []any{given, returned, told, noted} {
				tc.change(v)
			}
			close(gate)
			if err := a.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i, what := range []string{"input", "metadata", "data", "output"} {
				if want := tc.make(); i >= len(got) || !reflect.DeepEqual(got[i], want) {
					t.Errorf("%s: got %#v\nwant %#v", what, got[i], want)
				}
			}
		})
	}
}

// TestAsyncShares: what is made to be shared, or cannot be copied, is handed on.
func TestAsyncShares(t *testing.T) {
	m := &guarded{M: map[string]int{}}
	lost := errors.New("lost")
	deep := any(0)
	for range 2000 {
		deep = []any{deep}
	}
	for _, tc := range []struct {
		name  string
		v     any
		check func(got any) bool
	}{
		{"a lock", m, func(got any) bool { return got == m }},
		{"a list of locks", make([]guarded, 1), func(got any) bool { return len(got.([]guarded)) == 1 }},
		{"unexported fields", &bytes.Buffer{}, func(got any) bool { return got.(*bytes.Buffer) != nil }},
		{"an error", lost, func(got any) bool { return got == lost }},
		{"an error in a map", map[string]error{"a": lost}, func(got any) bool { return got.(map[string]error)["a"] == lost }},
		{"a channel", make(chan int), func(got any) bool { return got.(chan int) != nil }},
		{"a loop", loops(), func(got any) bool {
			m := got.(map[string]any)
			self := m["self"].(map[string]any)
			return len(m) == 2 && reflect.ValueOf(self).Pointer() == reflect.ValueOf(m).Pointer() && fmt.Sprint(m["a"]) == "[1 x <nil> map[]]"
		}},
		{"very deep", deep, func(got any) bool { return got != nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got any
			a := callback.NewAsync(&callback.Funcs{OnChainStart: func(_ context.Context, i *callback.Info) { got = i.Input }}, callback.AsyncOptions{})
			panics := callback.Panics()
			_, run := callback.Start(t.Context(), &callback.Info{Kind: callback.KindChain, Input: tc.v}, a)
			run.End(nil)
			if err := a.Close(t.Context()); err != nil || callback.Panics() != panics {
				t.Fatalf("%v, %d panics", err, callback.Panics()-panics)
			}
			if !tc.check(got) {
				t.Errorf("got %#v", got)
			}
		})
	}
}

// TestAsyncFileConcurrentSafe: a File with content, behind an Async, and a program
// that goes on changing what it gave.
func TestAsyncFileConcurrentSafe(t *testing.T) {
	var b bytes.Buffer
	a := callback.NewAsync(callback.NewFileWriter(&b, callback.FileOptions{Content: true}), callback.AsyncOptions{Block: true})
	ctx := callback.WithHandlers(t.Context(), a)
	stock := map[string]int{"n": -1}
	req := &llm.Request{Messages: []llm.Message{llm.User("roses?")}}
	for i := range 200 {
		stock["n"] = i
		for j := range 20 {
			stock[fmt.Sprint(j)] = i
		}
		callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Input: stock}, nil, func(ctx context.Context) (any, error) {
			req.Messages = append(req.Messages[:i%20], llm.User("more"))
			llm.Collect(callback.Model(says{texts: []string{"a"}}).Chat(ctx, req))
			return stock, nil
		})
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if n := strings.Count(b.String(), fmt.Sprintf(`"n":%d}`, i)); n != 2 {
			t.Fatalf("%d of 2 lines have the stock of round %d", n, i)
		}
	}
}

// BenchmarkAsyncSnapshot: what a start costs that an Async takes a snapshot of.
func BenchmarkAsyncSnapshot(b *testing.B) {
	long := &llm.Request{}
	for range 30 {
		long.Messages = append(long.Messages, llm.User("Which roses smell?"))
	}
	rows := make([]any, 100)
	for i := range rows {
		rows[i] = map[string]any{"name": "rose", "price": 2.5, "stems": i}
	}
	for _, bc := range []struct {
		name string
		v    any
	}{
		{"text", "roses"}, {"request of 30 messages", long}, {"map of 3 values", rows[0]}, {"100 maps of 3 values", rows},
		{"struct", &order{Flowers: map[string]int{"rose": 3}, Lines: []*bunch{{Tags: []string{"pink"}}}}}, {"1000 numbers", make([]float64, 1000)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			gate := make(chan struct{})
			a := callback.NewAsync(&callback.Funcs{OnChainStart: func(context.Context, *callback.Info) { <-gate }}, callback.AsyncOptions{Size: 1})
			defer a.Close(context.Background())
			defer close(gate)
			info := &callback.Info{Kind: callback.KindChain, Input: bc.v}
			ctx := b.Context()
			a.Start(ctx, info)
			b.ReportAllocs()
			for b.Loop() {
				a.Start(ctx, info)
			}
		})
	}
}
