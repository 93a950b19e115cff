package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// Watch a program from outside, as LangChain's astream_events lets one do.
func ExampleEvents() {
	model := callback.Model(says{texts: []string{"Pink", " roses."}})
	work := func(ctx context.Context) error {
		return chain(ctx, "shop", func(ctx context.Context) error {
			_, err := llm.Collect(model.Chat(ctx, question))
			return err
		})
	}
	for e, err := range callback.Events(context.Background(), callback.EventFilter{}, work) {
		if err != nil {
			fmt.Println("failed:", err)
			break
		}
		switch e.Event {
		case "on_chat_model_stream":
			fmt.Printf("%s %q\n", e.Event, e.Chunk.Text)
		case "on_chat_model_end":
			fmt.Println(e.Event, e.Result.Response.Text())
		default:
			fmt.Println(e.Event, e.Name, len(e.Parents))
		}
	}
	// Output:
	// on_chain_start shop 0
	// on_chat_model_start gpt-4o-mini 1
	// on_chat_model_stream "Pink"
	// on_chat_model_stream " roses."
	// on_chat_model_stream ""
	// on_chat_model_end Pink roses.
	// on_chain_end shop 0
}

// line writes an event as "name run(parents)".
func line(e callback.StreamEvent) string {
	return fmt.Sprintf("%s %s(%d)", e.Event, e.Name, len(e.Parents))
}

// lines ranges over the events of work and returns them, and the last error.
func lines(t *testing.T, filter callback.EventFilter, work func(context.Context) error) (got []string, last error) {
	t.Helper()
	for e, err := range callback.Events(t.Context(), filter, work) {
		if last != nil {
			t.Error("an item after the error")
		}
		if last = err; err == nil {
			got = append(got, line(e))
		}
	}
	return got, last
}

// step runs fn as a run of the given kind, name and tags.
func step(ctx context.Context, kind callback.Kind, name string, fn func(context.Context) error, tags ...string) error {
	_, err := callback.Do(ctx, &callback.Info{Kind: kind, Name: name, Tags: tags}, nil,
		func(ctx context.Context) (any, error) { return nil, fn(ctx) })
	return err
}

func nothing(context.Context) error { return nil }

// TestEventsNames: every kind of run and event has LangChain's name.
func TestEventsNames(t *testing.T) {
	lost := errors.New("lost")
	for _, tc := range []struct {
		kind callback.Kind
		want []string
	}{
		{callback.KindChain, []string{"on_chain_start", "on_chain_end", "on_chain_start", "on_chain_error"}},
		{callback.KindAgent, []string{"on_chain_start", "on_chain_end", "on_chain_start", "on_chain_error"}},
		{"", []string{"on_chain_start", "on_chain_end", "on_chain_start", "on_chain_error"}},
		{callback.KindTool, []string{"on_tool_start", "on_tool_end", "on_tool_start", "on_tool_error"}},
		{callback.KindRetriever, []string{"on_retriever_start", "on_retriever_end", "on_retriever_start", "on_retriever_error"}},
		{callback.KindPrompt, []string{"on_prompt_start", "on_prompt_end", "on_prompt_start", "on_prompt_error"}},
		{callback.KindMemory, []string{"on_memory_start", "on_memory_end", "on_memory_start", "on_memory_error"}},
		{callback.KindEmbedding, []string{"on_embedding_start", "on_embedding_end", "on_embedding_start", "on_embedding_error"}},
		{callback.KindLLM, []string{"on_chat_model_start", "on_chat_model_end", "on_chat_model_start", "on_chat_model_error"}},
	} {
		var got []string
		for e, err := range callback.Events(t.Context(), callback.EventFilter{}, func(ctx context.Context) error {
			step(ctx, tc.kind, "x", nothing)
			return step(ctx, tc.kind, "x", func(context.Context) error { return lost })
		}) {
			if err != nil {
				if err != lost {
					t.Errorf("%s: error %v", tc.kind, err)
				}
				continue
			}
			got = append(got, e.Event)
			if e.Info.Kind != tc.kind || (e.Result != nil) == strings.HasSuffix(e.Event, "_start") ||
				e.Result != nil && (e.Result.Err != nil) != strings.HasSuffix(e.Event, "_error") {
				t.Errorf("%s: %+v", tc.kind, e)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.kind, got, tc.want)
		}
	}

	completion := func(ctx context.Context) error {
		_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindLLM, Name: "m", Endpoint: llm.Endpoint{API: llm.APICompletions}})
		run.Token(llm.Chunk{Text: "a"})
		run.End(nil)
		return nil
	}
	if got, _ := lines(t, callback.EventFilter{}, completion); !slices.Equal(got, []string{"on_llm_start m(0)", "on_llm_stream m(0)", "on_llm_end m(0)"}) {
		t.Errorf("text completion: %v", got)
	}
	emit := func(ctx context.Context) error {
		return chain(ctx, "x", func(ctx context.Context) error {
			for _, k := range []callback.EventKind{callback.EventText, callback.EventRetry, callback.EventAgentAction, callback.EventAgentFinish, callback.EventCustom, "other"} {
				callback.Emit(ctx, callback.Event{Kind: k, Name: "own", Data: 7})
			}
			return nil
		})
	}
	want := []string{"on_chain_start x(0)", "on_text x(0)", "on_retry x(0)", "on_agent_action x(0)", "on_agent_finish x(0)",
		"on_custom_event own(0)", "on_custom_event own(0)", "on_chain_end x(0)"}
	if got, _ := lines(t, callback.EventFilter{}, emit); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// TestEventsParents: the parents are the runs below Events, outermost first,
// whether they are told of or not.
func TestEventsParents(t *testing.T) {
	outside := callback.WithHandlers(t.Context(), &recorder{})
	chain(outside, "outside", func(ctx context.Context) error {
		ids := map[string]callback.ID{}
		work := func(ctx context.Context) error {
			return chain(ctx, "a", func(ctx context.Context) error {
				return chain(ctx, "b", func(ctx context.Context) error {
					return chain(ctx, "c", func(ctx context.Context) error {
						chain(ctx, "d", func(ctx context.Context) error { return chain(ctx, "e", nothing) })
						return chain(ctx, "f", func(ctx context.Context) error { return chain(ctx, "g", nothing) })
					})
				})
			})
		}
		var kept []callback.StreamEvent
		for e, err := range callback.Events(ctx, callback.EventFilter{}, work) {
			if err != nil {
				t.Fatal(err)
			}
			ids[e.Name] = e.Info.ID
			kept = append(kept, e)
		}
		want := map[string]string{"a": "", "b": "a", "c": "ab", "d": "abc", "e": "abcd", "f": "abc", "g": "abcf"}
		for _, e := range kept {
			var path []callback.ID
			for _, name := range want[e.Name] {
				path = append(path, ids[string(name)])
			}
			if !slices.Equal(e.Parents, path) {
				t.Errorf("%s of %s has parents %v, want %v", e.Event, e.Name, e.Parents, path)
			}
			if e.Info.Parent.IsZero() {
				t.Errorf("%s is cut off from what is outside", e.Name)
			}
		}
		got, _ := lines(t, callback.EventFilter{Names: []string{"c"}}, work)
		if !slices.Equal(got, []string{"on_chain_start c(2)", "on_chain_end c(2)"}) {
			t.Errorf("c alone: %v", got)
		}
		return nil
	})
}

func TestEventsFilter(t *testing.T) {
	work := func(ctx context.Context) error {
		return step(ctx, callback.KindChain, "shop", func(ctx context.Context) error {
			callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "progress"})
			step(ctx, callback.KindTool, "stock", func(ctx context.Context) error {
				callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "lookup"})
				callback.Emit(ctx, callback.Event{Kind: callback.EventText, Name: "lookup"})
				return nil
			}, "own")
			_, err := llm.Collect(callback.Model(says{texts: []string{"a"}, silent: true}).Chat(callback.WithTags(ctx, "answer"), question))
			return err
		})
	}
	const (
		shop     = "on_chain_start shop(0)"
		progress = "on_custom_event progress(0)"
		stock    = "on_tool_start stock(1)"
		lookup   = "on_custom_event lookup(1)"
		text     = "on_text stock(1)"
		stocked  = "on_tool_end stock(1)"
		model    = "on_chat_model_start gpt-4o-mini(1)"
		chunk    = "on_chat_model_stream gpt-4o-mini(1)"
		answer   = "on_chat_model_end gpt-4o-mini(1)"
		shopped  = "on_chain_end shop(0)"
	)
	for _, tc := range []struct {
		name   string
		filter callback.EventFilter
		want   []string
	}{
		{"all", callback.EventFilter{}, []string{shop, progress, stock, lookup, text, stocked, model, chunk, answer, shopped}},
		{"name", callback.EventFilter{Names: []string{"stock", "none"}}, []string{stock, lookup, text, stocked}},
		{"kind", callback.EventFilter{Kinds: []callback.Kind{callback.KindLLM}}, []string{model, chunk, answer}},
		{"own tag", callback.EventFilter{Tags: []string{"own"}}, []string{stock, lookup, text, stocked}},
		{"inherited tag", callback.EventFilter{Tags: []string{"answer"}}, []string{model, chunk, answer}},
		{"one of them is enough", callback.EventFilter{Names: []string{"stock"}, Tags: []string{"answer"}, Kinds: []callback.Kind{callback.KindMemory}},
			[]string{stock, lookup, text, stocked, model, chunk, answer}},
		{"a custom event's own name", callback.EventFilter{Names: []string{"lookup"}}, []string{lookup}},
		{"without a name", callback.EventFilter{ExcludeNames: []string{"stock"}}, []string{shop, progress, model, chunk, answer, shopped}},
		{"without a kind", callback.EventFilter{ExcludeKinds: []callback.Kind{callback.KindChain, callback.KindTool}}, []string{model, chunk, answer}},
		{"without a tag", callback.EventFilter{ExcludeTags: []string{"own", "answer"}}, []string{shop, progress, shopped}},
		{"without a custom event", callback.EventFilter{ExcludeNames: []string{"lookup"}}, []string{shop, progress, stock, text, stocked, model, chunk, answer, shopped}},
		{"both", callback.EventFilter{Kinds: []callback.Kind{callback.KindTool, callback.KindLLM}, ExcludeTags: []string{"answer"}}, []string{stock, lookup, text, stocked}},
		{"nothing", callback.EventFilter{Names: []string{"none"}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := lines(t, tc.filter, work)
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%v\ngot  %q\nwant %q", err, got, tc.want)
			}
		})
	}
}

// TestEventsAddUp: the chunks of a model run add up to its response, whatever
// they are.
func TestEventsAddUp(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		work := func(ctx context.Context) error {
			var wg sync.WaitGroup
			defer wg.Wait()
			for range 1 + rng.IntN(3) {
				m := scripted(rng)
				wg.Go(func() {
					for range callback.Model(m).Chat(ctx, question) {
					}
				})
			}
			return nil
		}
		sums := map[callback.ID]*llm.Accumulator{}
		ends := 0
		for e, err := range callback.Events(t.Context(), callback.EventFilter{}, work) {
			switch {
			case err != nil:
				t.Fatal(err)
			case e.Event == "on_chat_model_start":
				sums[e.Info.ID] = new(llm.Accumulator)
			case e.Event == "on_chat_model_stream":
				sums[e.Info.ID].Add(&e.Chunk)
			default:
				ends++
				if got := sums[e.Info.ID].Response(); !reflect.DeepEqual(got, e.Result.Response) {
					t.Fatalf("seed %d: chunks add up to %+v, the response is %+v", seed, got, e.Result.Response)
				}
			}
		}
		if ends != len(sums) {
			t.Fatalf("seed %d: %d runs, %d ends", seed, len(sums), ends)
		}
	}
}

// scripted is a model that answers with random chunks, and may fail then.
func scripted(rng *rand.Rand) llm.Model {
	var script []llm.Chunk
	for range rng.IntN(12) {
		c := llm.Chunk{Choice: rng.IntN(2), Hidden: rng.IntN(6) == 0}
		switch rng.IntN(6) {
		case 0:
			c.Reasoning = "hm"
		case 1:
			c.Tool = &llm.ToolDelta{Index: rng.IntN(2), ID: "1", Arguments: "{"}
		case 2:
			c.Usage = &llm.Usage{Input: 3, Output: rng.IntN(9)}
		case 3:
			c.Meta = &llm.Meta{ID: "r", Model: "m"}
		case 4:
			c.Finish = "stop"
		default:
			c.Text = "rose"
		}
		script = append(script, c)
	}
	var lost error
	if rng.IntN(3) == 0 {
		lost = errors.New("lost")
	}
	return llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			for _, c := range script {
				if !yield(c, nil) {
					return
				}
			}
			if lost != nil {
				yield(llm.Chunk{}, lost)
			}
		}
	})
}

// TestEventsOrder (C23): of one run the events come in order, each once,
// however many runs go on.
func TestEventsOrderConcurrentSafe(t *testing.T) {
	t.Run("C23 order within a run", func(t *testing.T) {
		work := func(ctx context.Context) error {
			var wg sync.WaitGroup
			defer wg.Wait()
			for i := range 32 {
				wg.Go(func() {
					chain(ctx, "step", func(ctx context.Context) error {
						_, err := llm.Collect(callback.Model(typist{n: i}).Chat(ctx, question))
						return err
					})
				})
			}
			return nil
		}
		seen := map[callback.ID][]string{}
		for e, err := range callback.Events(t.Context(), callback.EventFilter{}, work) {
			if err != nil {
				t.Fatal(err)
			}
			seen[e.Info.ID] = append(seen[e.Info.ID], e.Event)
			if e.Event == "on_chat_model_end" {
				want := append([]string{"on_chat_model_start"}, slices.Repeat([]string{"on_chat_model_stream"}, e.Result.Tokens+1)...)
				if !slices.Equal(seen[e.Info.ID], append(want, "on_chat_model_end")) {
					t.Errorf("a run of %d tokens: %q", e.Result.Tokens, seen[e.Info.ID])
				}
			}
			for _, p := range e.Parents {
				if got := seen[p]; len(got) != 1 {
					t.Errorf("%s while its parent had %q", e.Event, got)
				}
			}
		}
		if len(seen) != 64 {
			t.Errorf("%d runs", len(seen))
		}
	})
}

// TestEventsEndings: what becomes of work is the last item, and nothing stays
// behind.
func TestEventsEndings(t *testing.T) {
	lost := errors.New("lost")
	ask := func(ctx context.Context) error {
		_, err := llm.Collect(callback.Model(says{texts: []string{"a", "b"}}).Chat(ctx, question))
		return err
	}
	for _, tc := range []struct {
		name    string
		work    func(context.Context) error
		items   int
		errType string
		is      error
	}{
		{"success", ask, 5, "", nil},
		{"nothing happens", nothing, 0, "", nil},
		{"error", func(ctx context.Context) error { return errors.Join(ask(ctx), lost) }, 5, "_OTHER", lost},
		{"panic", func(ctx context.Context) error { ask(ctx); panic(lost) }, 5, "panic", lost},
		{"panic within a run", func(ctx context.Context) error {
			return chain(ctx, "x", func(context.Context) error { panic("thorn") })
		}, 2, "panic", nil},
		{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }, 0, "goexit", callback.ErrGoexit},
		{"no work", nil, 0, "_OTHER", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := lines(t, callback.EventFilter{}, tc.work)
			if len(got) != tc.items || callback.ErrorType(err) != tc.errType || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%q, then %v", got, err)
			}
		})
	}
	var none context.Context
	for _, err := range callback.Events(none, callback.EventFilter{}, ask) {
		if err != nil {
			t.Errorf("without a context: %v", err)
		}
	}
	seq := callback.Events(t.Context(), callback.EventFilter{}, ask)
	for range seq {
	}
	for _, err := range seq {
		if err != llm.ErrConsumed {
			t.Errorf("second range: %v", err)
		}
	}
}

// TestEventsLeave: whoever leaves the loop cancels the work and has waited for
// it.
func TestEventsLeave(t *testing.T) {
	for _, tc := range []struct {
		name string
		loop func(iter.Seq2[callback.StreamEvent, error])
	}{
		{"break", func(seq iter.Seq2[callback.StreamEvent, error]) {
			for range seq {
				break
			}
		}},
		{"panic", func(seq iter.Seq2[callback.StreamEvent, error]) {
			defer func() {
				if p := recover(); p != "thorn" {
					t.Errorf("panic %v did not reach the caller", p)
				}
			}()
			for range seq {
				panic("thorn")
			}
		}},
		{"Goexit", func(seq iter.Seq2[callback.StreamEvent, error]) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range seq {
					runtime.Goexit()
				}
			}()
			<-done
		}},
		{"pull stopped", func(seq iter.Seq2[callback.StreamEvent, error]) {
			next, stop := iter.Pull2(seq)
			next()
			stop()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				ended := errors.New("did not return")
				tc.loop(callback.Events(callback.WithHandlers(t.Context(), rec), callback.EventFilter{}, func(ctx context.Context) error {
					_, ended = llm.Collect(callback.Model(typist{n: 1000, pause: func(int) { time.Sleep(time.Second) }}).Chat(ctx, question))
					return ended
				}))
				if ended != context.Canceled {
					t.Errorf("work ended with %v", ended)
				}
				if res, n := rec.last(t); n != 1 || callback.ErrorType(res.Err) != "canceled" {
					t.Errorf("%d ends, %v", n, res.Err)
				}
			})
		})
	}
}

// TestEventsBackPressure: work waits for the loop, so that nothing is kept.
func TestEventsBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var made time.Duration
		for e, err := range callback.Events(t.Context(), callback.EventFilter{}, func(ctx context.Context) error {
			_, err := llm.Collect(callback.Model(typist{n: 10}).Chat(ctx, question))
			made = time.Since(begin)
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
			_ = e
			time.Sleep(time.Second)
		}
		// Start, ten tokens, usage and end: all but the last have been waited for.
		if made != 12*time.Second || time.Since(begin) != 13*time.Second {
			t.Errorf("work took %v, the loop %v", made, time.Since(begin))
		}
	})
}

// TestEventsOutlived: what runs on after work is not told of, and goes on.
func TestEventsOutlived(t *testing.T) {
	proceed, done := make(chan struct{}), make(chan struct{})
	got, err := lines(t, callback.EventFilter{}, func(ctx context.Context) error {
		started := make(chan struct{})
		go func() {
			defer close(done)
			chain(ctx, "background", func(ctx context.Context) error {
				close(started)
				<-proceed
				callback.Emit(ctx, callback.Event{Kind: callback.EventText})
				return chain(ctx, "below", nothing)
			})
		}()
		<-started
		return nil
	})
	close(proceed)
	<-done
	if err != nil || !slices.Equal(got, []string{"on_chain_start background(0)"}) {
		t.Errorf("%q, %v", got, err)
	}
}
