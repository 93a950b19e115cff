package callback_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// note fills every function of f with one that appends its field's name to log.
func noteAll(f *callback.Funcs, log *[]string) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		v.Field(i).Set(reflect.MakeFunc(v.Field(i).Type(), func([]reflect.Value) []reflect.Value {
			*log = append(*log, name)
			return nil
		}))
	}
}

// TestFuncs: each kind of run and event calls the functions of LangChain's
// names, and every function can be reached.
func TestFuncs(t *testing.T) {
	boom := errors.New("no water")
	run := func(kind callback.Kind, err error) func(context.Context) {
		return func(ctx context.Context) {
			callback.Do(ctx, &callback.Info{Kind: kind}, nil, func(context.Context) (any, error) { return nil, err })
		}
	}
	complete := func(err error) func(context.Context) {
		return func(ctx context.Context) {
			info := &callback.Info{Kind: callback.KindLLM, Endpoint: llm.Endpoint{API: llm.APICompletions}, Input: question}
			callback.Do(ctx, info, nil, func(context.Context) (any, error) { return nil, err })
		}
	}
	event := func(kind callback.EventKind) func(context.Context) {
		return func(ctx context.Context) {
			chain(ctx, "x", func(ctx context.Context) error { callback.Emit(ctx, callback.Event{Kind: kind}); return nil })
		}
	}
	chat := func(m says) func(context.Context) {
		return func(ctx context.Context) { llm.Collect(callback.Model(m).Chat(ctx, question)) }
	}
	reached := map[string]bool{}
	for _, tc := range []struct {
		name string
		do   func(context.Context)
		want string
	}{
		{"chat model", chat(says{texts: []string{"a"}}), "OnChatModelStart OnLLMNewToken OnLLMNewToken OnLLMEnd"},
		{"failing chat model", chat(says{err: boom}), "OnChatModelStart OnLLMError"},
		{"completion model", complete(nil), "OnLLMStart OnLLMEnd"},
		{"failing completion model", complete(boom), "OnLLMStart OnLLMError"},
		{"chain", run(callback.KindChain, nil), "OnChainStart OnChainEnd"},
		{"failing chain", run(callback.KindChain, boom), "OnChainStart OnChainError"},
		{"tool", run(callback.KindTool, nil), "OnToolStart OnToolEnd"},
		{"failing tool", run(callback.KindTool, boom), "OnToolStart OnToolError"},
		{"retriever", run(callback.KindRetriever, nil), "OnRetrieverStart OnRetrieverEnd"},
		{"failing retriever", run(callback.KindRetriever, boom), "OnRetrieverStart OnRetrieverError"},
		{"memory", run(callback.KindMemory, nil), "OnOtherStart OnOtherEnd"},
		{"agent", run(callback.KindAgent, nil), "OnChainStart OnChainEnd"},
		{"embedding", run(callback.KindEmbedding, nil), "OnOtherStart OnOtherEnd"},
		{"prompt", run(callback.KindPrompt, boom), "OnOtherStart OnOtherError"},
		{"failing memory", run(callback.KindMemory, boom), "OnOtherStart OnOtherError"},
		{"text", event(callback.EventText), "OnChainStart OnText OnChainEnd"},
		{"retry", event(callback.EventRetry), "OnChainStart OnRetry OnChainEnd"},
		{"agent action", event(callback.EventAgentAction), "OnChainStart OnAgentAction OnChainEnd"},
		{"agent finish", event(callback.EventAgentFinish), "OnChainStart OnAgentFinish OnChainEnd"},
		{"custom", event("mine"), "OnChainStart OnCustomEvent OnChainEnd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var f callback.Funcs
			var log []string
			noteAll(&f, &log)
			tc.do(callback.WithHandlers(t.Context(), &f))
			if got := strings.Join(log, " "); got != tc.want {
				t.Errorf("called %s, want %s", got, tc.want)
			}
			for _, n := range log {
				reached[n] = true
			}
			tc.do(callback.WithHandlers(t.Context(), &callback.Funcs{})) // all nil: nothing to call
		})
	}
	for f := range reflect.TypeFor[callback.Funcs]().Fields() {
		if !reached[f.Name] {
			t.Errorf("%s is never called", f.Name)
		}
	}
}

// TestFuncsFallback (C2): OnLLMStart serves chat models too if there is nothing
// for them.
func TestFuncsFallback(t *testing.T) {
	var called []string
	f := &callback.Funcs{OnLLMStart: func(_ context.Context, info *callback.Info) { called = append(called, info.Name) }}
	llm.Collect(callback.Model(says{texts: []string{"a"}}, f).Chat(t.Context(), question))
	if !slices.Equal(called, []string{"gpt-4o-mini"}) {
		t.Errorf("called for %v", called)
	}
}
