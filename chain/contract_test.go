package chain_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

// TestContract holds the rules of LangChain's callbacks that show in chains,
// under their numbers in the list that this project ports.
func TestContract(t *testing.T) {
	t.Run("C5 N inputs are N runs, each with its own input and result", func(t *testing.T) {
		runs := &tree{}
		m := llm.ModelFunc(func(_ context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
			return func(yield func(llm.Chunk, error) bool) {
				yield(llm.Chunk{Text: "re: " + req.Messages[0].Text(), Finish: "stop", Usage: &llm.Usage{Input: 10}}, nil)
			}
		})
		batch := &chain.Batch[string, string]{Step: question(m), Limit: 1}
		batch.Run(callback.WithHandlers(t.Context(), runs), []string{"a", "b"})
		same(t, "runs", runs, `
			chain batch
			  chain ask
			    [text: a]
			    prompt question
			    llm
			  chain ask
			    [text: b]
			    prompt question
			    llm`)
		var got []string
		ids := map[callback.ID]bool{}
		for _, n := range runs.nodes {
			ids[n.info.ID] = true
			if n.info.Kind == callback.KindLLM {
				got = append(got, fmt.Sprint(len(n.info.Input.(*llm.Request).Messages), " message, ", n.res.Response.Text(), ", ", n.res.Usage.Input))
			}
		}
		if want := []string{"1 message, re: a, 10", "1 message, re: b, 10"}; !slices.Equal(got, want) {
			t.Errorf("model runs %q", got)
		}
		if len(ids) != 7 || runs.root().Total.Usage.Input != 20 || runs.root().Total.Calls != 2 {
			t.Errorf("%d ids, total %+v", len(ids), runs.root().Total)
		}
	})

	t.Run("C6 a child has its parent's id, and inherits handlers, tags and metadata", func(t *testing.T) {
		runs := &tree{}
		ctx := callback.WithTags(callback.WithHandlers(t.Context(), runs), "shop")
		ctx = callback.WithMetadata(ctx, map[string]any{"city": "Suzhou"})
		chain.Pipe("outer", upper("up"), question(plays("gpt", says("ok")))).Run(ctx, "x")
		byName := map[string]*callback.Info{}
		for _, n := range runs.nodes {
			byName[n.info.Name] = n.info
			if fmt.Sprint(n.info.Tags, n.info.Metadata) != "[shop] map[city:Suzhou]" {
				t.Errorf("%s has %v %v", n.info.Name, n.info.Tags, n.info.Metadata)
			}
		}
		for child, parent := range map[string]string{"up": "outer", "ask": "outer", "question": "ask", "gpt": "ask"} {
			if byName[child].Parent != byName[parent].ID {
				t.Errorf("%s is not below %s", child, parent)
			}
		}
		if !byName["outer"].Parent.IsZero() {
			t.Error("the root has a parent")
		}
	})

	// There, a memory is loaded before the run begins, so that what loading costs
	// is outside of it. Here it is inside.
	t.Run("C10 memory is loaded and saved inside the run, which has the input alone and the output alone", func(t *testing.T) {
		runs := &tree{}
		talk := &chain.Conversation{Model: plays("gpt", says("ok")), Memory: &memory.Buffer{}}
		ctx := callback.WithHandlers(t.Context(), runs)
		talk.Run(ctx, "a")
		talk.Run(ctx, "b")
		turn := `
			chain conversation
			  memory buffer
			  llm gpt
			  memory buffer`
		same(t, "runs", runs, turn+turn)
		var operations []string
		for _, n := range runs.nodes {
			if c, ok := n.info.Input.(*callback.MemoryChange); ok {
				operations = append(operations, c.Operation)
			}
			if n.info.Kind == callback.KindChain && (len(n.info.Input.(string)) != 1 || n.res.Output != "ok") {
				t.Errorf("run from %v to %v", n.info.Input, n.res.Output)
			}
		}
		if got := strings.Join(operations, " "); got != "load save load save" {
			t.Errorf("memory: %s", got)
		}
	})

	// Every kind of composition, each with a handler and a tag of its own.
	compositions := map[string]func(hs []callback.Handler, tags []string) stringRunner{
		"step": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Step[string, string]{Name: "top", Do: upper("up").Run, Handlers: hs, Tags: tags}
		},
		"llm": func(hs []callback.Handler, tags []string) stringRunner {
			l := question(plays("gpt", says("ok")))
			l.Name, l.Handlers, l.Tags = "top", hs, tags
			return l
		},
		"conversation": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Conversation{Name: "top", Model: plays("gpt", says("ok")), Handlers: hs, Tags: tags}
		},
		"sequence": func(hs []callback.Handler, tags []string) stringRunner {
			s := chain.Pipe("top", upper("a"), upper("b"))
			s.Handlers, s.Tags = hs, tags
			return s
		},
		"parallel": func(hs []callback.Handler, tags []string) stringRunner {
			return anyOutput(&chain.Parallel[string, string]{Name: "top", Steps: []stringRunner{upper("a")}, Handlers: hs, Tags: tags})
		},
		"gather": func(hs []callback.Handler, tags []string) stringRunner {
			s := chain.Gather("top", chain.Into(upper("a"), func(out *string, s string) { *out = s }))
			s.Handlers, s.Tags = hs, tags
			return s
		},
		"branch": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Branch[string, string]{Name: "top", Cases: []chain.Case[string, string]{{has("x"), upper("a")}}, Handlers: hs, Tags: tags}
		},
		"router": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Router[string, string]{Name: "top", Route: upper("a"), Routes: map[string]stringRunner{"X": upper("b")}, Handlers: hs, Tags: tags}
		},
		"retry": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Retry[string, string]{Name: "top", Step: upper("a"), Handlers: hs, Tags: tags}
		},
		"fallback": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Fallback[string, string]{Name: "top", Steps: []stringRunner{upper("a")}, Handlers: hs, Tags: tags}
		},
		"batch": func(hs []callback.Handler, tags []string) stringRunner {
			b := &chain.Batch[string, string]{Name: "top", Step: upper("a"), Handlers: hs, Tags: tags}
			return chain.Func[string, string](func(ctx context.Context, in string) (string, error) {
				_, err := b.Run(ctx, []string{in})
				return "", err
			})
		},
		"structured": func(hs []callback.Handler, tags []string) stringRunner {
			s := structured[Order](plays("gpt", says(`{"flower":"rose","count":1}`)))
			s.Name, s.Handlers, s.Tags = "top", hs, tags
			return anyOutput(s)
		},
		"retry model": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Conversation{Model: &chain.RetryModel{Name: "top", Model: plays("gpt", says("ok")), Handlers: hs, Tags: tags}}
		},
		"fallback model": func(hs []callback.Handler, tags []string) stringRunner {
			return &chain.Conversation{Model: &chain.FallbackModel{Name: "top", Models: []llm.Model{plays("gpt", says("ok"))}, Handlers: hs, Tags: tags}}
		},
	}
	t.Run("C11 request handlers see all below, constructor handlers and tags are of one run alone", func(t *testing.T) {
		for kind, build := range compositions {
			request, local := &tree{}, &tree{}
			if _, err := build([]callback.Handler{local}, []string{"own"}).Run(callback.WithHandlers(t.Context(), request), "x"); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if len(local.nodes) != 1 || local.nodes[0].info.Name != "top" || local.nodes[0].ends != 1 {
				t.Errorf("%s: constructor handler saw\n%s", kind, local)
			}
			if len(request.nodes) < 2 {
				t.Errorf("%s: request handler saw\n%s", kind, request)
			}
			for _, n := range request.nodes {
				if (n.info.Name == "top") != slices.Contains(n.info.Tags, "own") {
					t.Errorf("%s: %s has the tags %v", kind, n.info.Name, n.info.Tags)
				}
			}
		}
	})
	t.Run("C12 inherited handlers come first, then local ones; inherited tags likewise", func(t *testing.T) {
		for kind, build := range compositions {
			var log []string
			note := func(name string) callback.Handler {
				return &callback.Funcs{OnChainStart: func(_ context.Context, i *callback.Info) {
					if i.Name == "top" {
						log = append(log, name+fmt.Sprint(i.Tags))
					}
				}}
			}
			both := note("both")
			ctx := callback.WithTags(callback.WithHandlers(t.Context(), note("request"), both), "shop", "own")
			build([]callback.Handler{note("local"), both}, []string{"step", "own"}).Run(ctx, "x")
			const tags = "[shop own step]"
			if want := []string{"request" + tags, "both" + tags, "local" + tags}; !slices.Equal(log, want) {
				t.Errorf("%s: %q", kind, log)
			}
		}
	})
	t.Run("C17 what is added on the way down joins what is inherited", func(t *testing.T) {
		outer, inner := &tree{}, &tree{}
		ctx := callback.WithHandlers(t.Context(), outer)
		ctx = callback.WithMetadata(callback.WithTags(ctx, "a"), map[string]any{"x": 1, "y": 1})
		deeper := chain.Func[string, string](func(ctx context.Context, s string) (string, error) {
			ctx = callback.WithHandlers(ctx, inner, outer)
			ctx = callback.WithMetadata(callback.WithTags(ctx, "b", "a"), map[string]any{"y": 2})
			return upper("up").Run(ctx, s)
		})
		chain.Pipe("outer", deeper, upper("beside")).Run(ctx, "x")
		same(t, "outer handler", outer, `
			chain outer
			  chain up
			  chain beside`)
		got := ""
		for _, n := range outer.nodes {
			got += fmt.Sprintln(n.info.Name, n.info.Tags, n.info.Metadata)
		}
		same(t, "labels", strings.TrimSpace(got), `
			outer [a] map[x:1 y:1]
			up [a b] map[x:1 y:2]
			beside [a] map[x:1 y:1]`)
		if len(inner.nodes) != 1 || inner.nodes[0].info.Name != "up" {
			t.Errorf("inner handler saw\n%s", inner)
		}
	})
}

// anyOutput makes a Runner of text of one whose output does not matter.
func anyOutput[O any](r chain.Runner[string, O]) stringRunner {
	return chain.Func[string, string](func(ctx context.Context, in string) (string, error) {
		_, err := r.Run(ctx, in)
		return "", err
	})
}
