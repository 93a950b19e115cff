package callback_test

import (
	"context"
	"errors"
	"iter"
	"regexp"
	"strconv"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// tour runs a step of every kind, with every event and ending, for the handlers
// of ctx to show. In a synctest bubble it always takes the same time.
func tour(ctx context.Context) {
	ctx = callback.WithMetadata(callback.WithTags(ctx, "prod"), map[string]any{"shop": 7, "city": "苏州", "open": func() {}, "signs": []string{"<&>"}})
	ctx = callback.WithSession(callback.WithUser(ctx, "mei"), "s-1")
	chain(ctx, "shop", func(ctx context.Context) error {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "1 + 2 =\nthree"})
		run(ctx, callback.KindMemory, "buffer", &callback.MemoryChange{Operation: "load", Store: "buffer"},
			&callback.MemoryChange{Operation: "load", Store: "buffer", Messages: 4, Tokens: 120})
		run(ctx, callback.KindPrompt, "ask", map[string]string{"flower": "rose"}, []llm.Message{llm.System("Be brief."), llm.User("A rose?")})
		run(ctx, callback.KindEmbedding, "embed", &llm.EmbedRequest{Model: "text-embedding-3-small", Inputs: []string{"rose"}},
			&llm.EmbedResponse{Vectors: [][]float32{{1, 2, 3}}})
		run(ctx, callback.KindRetriever, "flowers", &callback.Search{Query: "rose", Limit: 2},
			[]llm.Document{{ID: "r1", Score: 0.92, Text: "Pink roses\nlast."}, {ID: "r2", Score: 0.5, Text: "Lilies."}})
		callback.Do(ctx, &callback.Info{Kind: callback.KindAgent, Name: "florist", Input: "buy"}, nil, agent)
		llm.Collect(callback.Model(talks{}).Chat(ctx, question))
		for range callback.Model(says{texts: []string{"never", " ending"}}).Chat(ctx, question) {
			break
		}
		complete(ctx)
		_, err := llm.Collect(callback.Model(says{texts: []string{"pink"}, err: &llm.Error{Status: 404, Code: "model_not_found", Message: "no such model"}}).Chat(ctx, question))
		return err
	})
	run(ctx, "", "", nil, nil)
}

func run(ctx context.Context, kind callback.Kind, name string, in, out any) {
	callback.Do(ctx, &callback.Info{Kind: kind, Name: name, Input: in}, nil, func(context.Context) (any, error) {
		time.Sleep(30 * time.Millisecond)
		return out, nil
	})
}

func agent(ctx context.Context) (any, error) {
	call := llm.ToolCall{ID: "call_1", Name: "stock", Arguments: `{"flower":"rose"}`}
	callback.Emit(ctx, callback.Event{Kind: callback.EventAgentAction, Data: call})
	info := &callback.Info{Kind: callback.KindTool, Name: "stock", Input: &callback.ToolCall{ID: "call_1", Arguments: map[string]string{"flower": "rose"}}}
	callback.Do(ctx, info, nil, func(ctx context.Context) (any, error) {
		callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: 1, Wait: 2 * time.Second, Err: errors.New("no connection")}})
		return map[string]int{"pink": 24}, nil
	})
	callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "stock", Data: 24})
	callback.Emit(ctx, callback.Event{Kind: callback.EventAgentFinish, Data: "Take the pink ones."})
	return "Take the pink ones.", nil
}

// complete is a text completion.
func complete(ctx context.Context) {
	info := &callback.Info{Kind: callback.KindLLM, Name: "davinci-002", Input: question,
		Endpoint: llm.Endpoint{Provider: "openai", Model: "davinci-002", API: llm.APICompletions}}
	_, run := callback.Start(ctx, info)
	res := &callback.Result{Response: &llm.Response{Choices: []llm.Choice{{Text: "a rose"}}}, Usage: &llm.Usage{Input: 4, Output: 2}}
	defer run.End(res)
}

// talks is a model that reasons, answers twice, and calls a tool.
type talks struct{}

func (talks) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "gpt-4o-mini", API: llm.APIChat}
}

func (talks) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
	chunks := []llm.Chunk{
		{Meta: &llm.Meta{Model: "gpt-4o-mini-2024-07-18"}},
		{Reasoning: "Which "}, {Reasoning: "color?"},
		{Text: "pink "}, {Choice: 1, Text: "white"}, {Text: "roses\n\n"}, {Text: "\x1b[31mor 白"},
		{Tool: &llm.ToolDelta{ID: "call_2", Name: "buy"}}, {Tool: &llm.ToolDelta{Arguments: `{"n":3}`}},
		{Finish: "tool_calls"}, {Choice: 1, Finish: "stop"},
		{Usage: &llm.Usage{Input: 20, CacheRead: 8, Output: 12, Reasoning: 4}},
	}
	return func(yield func(llm.Chunk, error) bool) {
		for _, c := range chunks {
			time.Sleep(time.Second / 4)
			if !yield(c, nil) {
				return
			}
		}
	}
}

// numbered replaces the ids of runs, whole or shortened, with numbers in the
// order of their appearance.
func numbered(s string) string {
	seen := map[string]string{}
	return regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|(?m:^[0-9a-f]{8}\b)|\[[0-9a-f]{4}\]`).ReplaceAllStringFunc(s, func(id string) string {
		if seen[id] == "" {
			seen[id] = "<run " + strconv.Itoa(len(seen)+1) + ">"
		}
		return seen[id]
	})
}
