package callbacktest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// scenarios returns the checks. They use nothing twice, so that a handler that
// changes what it is shown spoils one of them alone.
func scenarios() []scenario {
	return []scenario{
		{name: "runs of every kind", run: everyKind},
		{name: "an answer of every sort of chunk", run: everyChunk},
		{name: "events of every kind", run: everyEvent},
		{name: "runs that say little", run: sparse},
		{name: "failures", run: failures},
		{name: "consumers that leave", run: leaving},
		{name: "contexts that end", run: ending},
		{name: "a consumer that takes its time", run: waiting},
		{name: "thousands of tokens, hundreds of runs", run: many},
		{name: "runs side by side", run: sideBySide},
		{name: "deep nesting", run: deep},
		{name: "runs side by side that nobody else watches", run: unordered, alone: true},
	}
}

var errDrought = errors.New("drought")

// everyKind runs a step of every kind inside a chain, with what is usual.
func everyKind(k *kit, ctx context.Context) {
	k.do(ctx, callback.Info{Kind: callback.KindChain, Name: "tagged", Tags: tags()}, nil, func(context.Context) {})
	ctx = callback.WithMetadata(callback.WithTags(ctx, "test"), map[string]any{"shop": 7, "open": true})
	ctx = callback.WithSession(callback.WithUser(ctx, "mei"), "s-1")
	k.do(ctx, callback.Info{Kind: callback.KindChain, Name: "shop", Input: "roses?", Tags: tags(), Metadata: map[string]any{"shop": 8}}, "answer", func(ctx context.Context) {
		for _, step := range []struct {
			kind    callback.Kind
			in, out any
		}{
			{callback.KindTool, &callback.ToolCall{ID: "call_1", Arguments: map[string]any{"flower": "rose"}}, 24},
			{callback.KindAgent, "buy roses", "bought"},
			{callback.KindRetriever, &callback.Search{Query: "rose", Limit: 2}, []llm.Document{{ID: "r1", Text: "Pink roses.", Score: 0.9, Metadata: map[string]string{"page": "3"}}}},
			{callback.KindMemory, &callback.MemoryChange{Operation: "load", Store: "buffer", Tokens: -1}, &callback.MemoryChange{Operation: "load", Store: "buffer", Messages: 2, Tokens: 9}},
			{callback.KindPrompt, map[string]string{"flower": "rose"}, []llm.Message{llm.System("Be brief."), llm.User("A rose?")}},
			{callback.KindEmbedding, &llm.EmbedRequest{Model: "embed", Inputs: []string{"rose"}}, &llm.EmbedResponse{Vectors: [][]float32{{1, 2}}, Usage: &llm.Usage{Input: 1}}},
			{callback.KindImage, "a rose", []string{"rose.png"}},
			{callback.KindAudio, []byte{1, 2}, "la"},
			{callback.KindModeration, "a rose", true},
			{"watering", struct{ Litres int }{3}, nil},
		} {
			k.do(ctx, callback.Info{Kind: step.kind, Name: string(step.kind), Description: "does a step", Input: step.in}, step.out, func(context.Context) {})
		}
		k.chat(ctx, answer{chunks: says("pink roses")}, nil)
	})
}

// everyChunk streams several choices with text, reasoning, refusals, tool calls,
// usage, and chunks without content.
func everyChunk(k *kit, ctx context.Context) {
	usage := &llm.Usage{Input: 20, Output: 9, CacheRead: 8, Reasoning: 3}
	k.chat(ctx, answer{chunks: []llm.Chunk{
		{Meta: &llm.Meta{ID: "r-1", Model: "rose-2"}}, {},
		{Reasoning: "Which color?"}, {Text: "pink "}, {Choice: 1, Text: "white "}, {Text: "roses\n\n"}, {Choice: 7, Text: "蔷薇"},
		{Choice: 1, Refusal: "No."}, {Text: "\x00\x1b[31m\xff"},
		{Tool: &llm.ToolDelta{ID: "call_1", Name: "buy"}}, {Tool: &llm.ToolDelta{Arguments: `{"n":3}`}}, {Tool: &llm.ToolDelta{Index: 2, Name: "sell"}},
		{Choice: -1, Text: "nowhere"}, {Choice: 1 << 20, Text: "far"},
		{Finish: "tool_calls"}, {Choice: 1, Finish: "content_filter"},
		{Hidden: true, Usage: usage},
	}}, nil)
	k.chat(ctx, answer{chunks: []llm.Chunk{{Text: "all at once", Finish: "stop", Usage: usage}}}, nil)
}

func everyEvent(k *kit, ctx context.Context) {
	events := func(ctx context.Context) {
		for _, e := range []callback.Event{
			{Kind: callback.EventText, Data: "1 + 2 = "},
			{Kind: callback.EventRetry, Data: callback.Attempt{Number: 1, Wait: time.Second, Err: errDrought}},
			{Kind: callback.EventAgentAction, Data: llm.ToolCall{ID: "call_1", Name: "stock", Arguments: "{}"}},
			{Kind: callback.EventAgentFinish, Data: "done"},
			{Kind: callback.EventCustom, Name: "stock", Data: map[string]any{"pink": 24, "white": []int{1, 2}}},
			{}, {Kind: callback.EventRetry}, {Kind: callback.EventText}, {Kind: callback.EventRetry, Data: (*callback.Attempt)(nil)},
			{Kind: callback.EventAgentAction, Data: 7}, {Kind: "home-grown", Name: "x", Data: func() {}},
		} {
			callback.Emit(ctx, e)
		}
	}
	k.do(ctx, callback.Info{Kind: callback.KindAgent, Name: "florist"}, nil, func(ctx context.Context) {
		events(ctx)
		k.do(ctx, callback.Info{Kind: callback.KindTool, Name: "stock"}, nil, events)
		k.goes(8, func(int) { events(ctx) })
	})
	k.chat(ctx, answer{chunks: says("roses"), begin: events}, nil)
}

// sparse leaves out what can be left out.
func sparse(k *kit, ctx context.Context) {
	for _, kind := range []callback.Kind{"", callback.KindChain, callback.KindLLM, callback.KindTool, callback.KindAgent, callback.KindRetriever,
		callback.KindEmbedding, callback.KindMemory, callback.KindPrompt, callback.KindImage, "home\ngrown"} {
		for _, in := range []any{nil, (*llm.Request)(nil), &llm.Request{}, (*callback.ToolCall)(nil), (*callback.Search)(nil),
			(*callback.MemoryChange)(nil), (*llm.EmbedRequest)(nil), 7, func() {}} {
			_, run := callback.Start(ctx, &callback.Info{Kind: kind, Input: in})
			run.Event(callback.Event{})
			run.Token(llm.Chunk{})
			run.End(nil)
		}
		for _, out := range []any{(*llm.EmbedResponse)(nil), (*callback.MemoryChange)(nil), []llm.Document{}, []llm.Message{{}}, error(nil)} {
			_, run := callback.Start(ctx, &callback.Info{Kind: kind, Metadata: map[string]any{"nothing": nil}, Tags: []string{""}})
			run.End(&callback.Result{Output: out})
		}
		for _, res := range []*callback.Result{{Response: &llm.Response{}}, {Response: &llm.Response{Choices: []llm.Choice{{}}}},
			{Usage: &llm.Usage{}}, {Stopped: true}} {
			_, run := callback.Start(ctx, &callback.Info{Kind: kind})
			run.End(res)
		}
	}
	_, run := callback.Start(ctx, nil)
	run.End(nil)
}

// failures ends runs by errors, panics and Goexit.
func failures(k *kit, ctx context.Context) {
	api := &llm.Error{Code: "model_not_found", Status: 404, Message: "no such model"}
	k.chat(expect(ctx, "model_not_found"), answer{err: api}, api)
	k.chat(expect(ctx, "_OTHER"), answer{chunks: says("pink"), err: errDrought}, errDrought)
	k.chat(expect(ctx, "stream_truncated"), answer{chunks: says("pink"), err: llm.ErrTruncated}, llm.ErrTruncated)
	k.chat(expect(ctx, "empty_response"), answer{}, nil)

	step := func(errorType string, fn func(context.Context) (any, error)) {
		callback.Do(expect(ctx, errorType), &callback.Info{Kind: callback.KindTool, Name: "stock"}, nil, fn)
	}
	step("_OTHER", func(context.Context) (any, error) { return nil, fmt.Errorf("look: %w", errDrought) })
	k.panics("thorn", func() { step("panic", func(context.Context) (any, error) { panic("thorn") }) })
	k.panics(errDrought, func() {
		for range callback.Model(answer{chunks: says("pink")}).Chat(expect(ctx, "panic"), ask()) {
			panic(errDrought)
		}
	})
	k.goes(1, func(int) { step("goexit", func(context.Context) (any, error) { runtime.Goexit(); return nil, nil }) })
}

// leaving breaks off answers, by break and by iter.Pull.
func leaving(k *kit, ctx context.Context) {
	for c := range callback.Model(answer{chunks: says("pink roses are lovely")}).Chat(ctx, ask()) {
		if c.Text == " roses" {
			break
		}
	}
	next, stop := iter.Pull2(callback.Model(answer{chunks: says("pink roses")}).Chat(ctx, ask()))
	next()
	stop()
}

// ending cancels before the start, while reading, and while the consumer holds
// a chunk.
func ending(k *kit, ctx context.Context) {
	canceled := func() (context.Context, context.CancelFunc) { return context.WithCancel(expect(ctx, "canceled")) }
	c1, cancel := canceled()
	cancel()
	k.chat(c1, answer{err: context.Canceled}, context.Canceled)
	callback.Do(c1, &callback.Info{Kind: callback.KindChain, Name: "late"}, nil, func(ctx context.Context) (any, error) { return nil, ctx.Err() })

	c2, cancel := canceled()
	for range callback.Model(answer{chunks: says("pink roses"), until: c2}).Chat(c2, ask()) {
		cancel()
	}

	c3, cancel := canceled()
	next, stop := iter.Pull2(callback.Model(answer{chunks: says("pink roses")}).Chat(c3, ask()))
	next()
	cancel()
	k.witness.idle()
	next()
	stop()
}

// waiting holds chunks for a while, in which nothing may happen to the run.
func waiting(k *kit, ctx context.Context) {
	k.do(ctx, callback.Info{Kind: callback.KindChain, Name: "slow"}, nil, func(ctx context.Context) {
		for range callback.Model(answer{chunks: says("pink roses are lovely in spring")}).Chat(ctx, ask()) {
			time.Sleep(2 * time.Millisecond)
		}
	})
}

// many measures what calls cost.
func many(k *kit, ctx context.Context) {
	k.mu.Lock()
	k.times = make(map[string][]time.Duration)
	k.mu.Unlock()
	for range 100 {
		k.do(ctx, callback.Info{Kind: callback.KindChain, Name: "step"}, nil, func(ctx context.Context) {
			callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "text"})
		})
	}
	k.chat(ctx, answer{chunks: says(strings.Repeat("rose ", 5000))}, nil)
}

func sideBySide(k *kit, ctx context.Context) {
	ctx = callback.WithTags(ctx, "shared")
	k.goes(8, func(i int) {
		for range 4 {
			k.do(ctx, callback.Info{Kind: callback.KindChain, Name: fmt.Sprint("branch ", i), Tags: tags()}, nil, func(ctx context.Context) {
				k.goes(2, func(int) {
					callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "text"})
					k.do(ctx, callback.Info{Kind: callback.KindTool, Name: "stock", Input: "rose"}, 24, func(context.Context) {})
					k.chat(ctx, answer{chunks: says("pink roses are lovely")}, nil)
				})
			})
		}
	})
}

// unordered runs branches that have nothing in common but the handler and so
// come in no order that the race detector knows of. They take turns, since
// buffers that one answer leaves to the next would order those two.
func unordered(k *kit, ctx context.Context) {
	k.goes(8, func(i int) {
		for range 4 {
			k.do(ctx, callback.Info{Kind: callback.KindChain, Name: fmt.Sprint("branch ", i)}, nil, func(ctx context.Context) {
				callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "text"})
				k.do(ctx, callback.Info{Kind: callback.KindTool, Name: "stock", Input: "rose"}, 24, func(context.Context) { runtime.Gosched() })
				k.chat(ctx, answer{chunks: says(strings.Repeat("rose ", 50)), polite: true}, nil)
			})
		}
	})
}

func deep(k *kit, ctx context.Context) {
	var down func(ctx context.Context, n int)
	down = func(ctx context.Context, n int) {
		if n > 0 {
			k.do(ctx, callback.Info{Kind: callback.KindChain, Name: fmt.Sprint("level ", n)}, n, func(ctx context.Context) { down(ctx, n-1) })
		}
	}
	down(ctx, 100)
}
