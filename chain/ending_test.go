package chain_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
)

// TestEndings: however the consumer of a stream leaves it, every run ends once,
// and all that were at work say why.
func TestEndings(t *testing.T) {
	type streams = func(ctx context.Context, in string) iter.Seq2[llm.Chunk, error]
	ask := func() *chain.LLM[string] { return question(plays("gpt", says("a", "b", "c", "d"))) }
	model := func() llm.Model { return plays("gpt", says("a", "b", "c", "d")) }
	name := chain.Func[string, string](func(context.Context, string) (string, error) { return "ask", nil })
	kinds := map[string]struct {
		stream streams
		depth  int // runs that are at work while the model answers
	}{
		"conversation": {(&chain.Conversation{Model: model()}).Stream, 2},
		"llm":          {ask().Stream, 2},
		"sequence":     {chain.Pipe("", upper("up"), ask()).Stream, 3},
		"branch":       {(&chain.Branch[string, string]{Cases: []chain.Case[string, string]{{has("x"), ask()}}}).Stream, 3},
		"router":       {(&chain.Router[string, string]{Route: name, Routes: map[string]stringRunner{"ask": ask()}}).Stream, 3},
		"retry":        {(&chain.Retry[string, string]{Step: ask()}).Stream, 3},
		"fallback":     {(&chain.Fallback[string, string]{Steps: []stringRunner{failing("a", errLost), ask()}}).Stream, 3},
		"retry model":  {(&chain.Conversation{Model: &chain.RetryModel{Model: model()}}).Stream, 3},
		"fallback model": {(&chain.Conversation{Model: &chain.FallbackModel{Models: []llm.Model{
			plays("a", fails(errLost)), model()}}}).Stream, 3},
		"all of them": {chain.Pipe("", upper("up"), &chain.Retry[string, string]{Step: &chain.Fallback[string, string]{
			Steps: []stringRunner{&chain.Branch[string, string]{Cases: []chain.Case[string, string]{{has("X"), ask()}}}}}}).Stream, 6},
	}
	endings := map[string]struct {
		leave func(seq iter.Seq2[llm.Chunk, error], cancel func())
		want  string
	}{
		"broken off": {func(seq iter.Seq2[llm.Chunk, error], _ func()) {
			for c := range seq {
				if c.Text == "b" {
					break
				}
			}
		}, "stopped"},
		"pull stopped": {func(seq iter.Seq2[llm.Chunk, error], _ func()) {
			next, stop := iter.Pull2(seq)
			defer stop()
			for c, _, ok := next(); ok && c.Text != "b"; c, _, ok = next() {
			}
		}, "stopped"},
		"canceled": {func(seq iter.Seq2[llm.Chunk, error], cancel func()) {
			for c := range seq {
				if c.Text == "b" {
					cancel()
				}
			}
		}, "canceled"},
		"panic": {func(seq iter.Seq2[llm.Chunk, error], _ func()) {
			defer func() {
				if p := recover(); p != "boom" {
					panic(p)
				}
			}()
			for c := range seq {
				if c.Text == "b" {
					panic("boom")
				}
			}
		}, "panic"},
		"whole": {func(seq iter.Seq2[llm.Chunk, error], _ func()) {
			for range seq {
			}
		}, "whole"},
	}
	for kind, k := range kinds {
		for ending, e := range endings {
			t.Run(kind+" "+ending, func(t *testing.T) {
				runs := &tree{}
				ctx, cancel := context.WithCancel(callback.WithHandlers(t.Context(), runs))
				defer cancel()
				e.leave(k.stream(ctx, "x"), cancel)
				got := 0
				for _, n := range runs.nodes {
					outcome := "whole"
					switch {
					case n.ends != 1:
						outcome = fmt.Sprint("ended ", n.ends, " times")
					case n.res.Stopped:
						outcome = "stopped"
					case n.res.Err != nil:
						outcome = callback.ErrorType(n.res.Err)
					}
					if outcome == e.want {
						got++
					}
				}
				want := k.depth
				if e.want == "whole" {
					want = 0 // of those that did not succeed
					got = 0
					for _, n := range runs.nodes {
						if n.ends != 1 || n.res.Err != nil && n.res.Err != errLost || n.res.Stopped {
							got++
						}
					}
				}
				if got != want {
					t.Errorf("%d runs ended so, want %d:\n%s", got, want, runs)
				}
			})
		}
	}
}
