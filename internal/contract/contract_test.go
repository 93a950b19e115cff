package contract_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// A rule is held by a test of its own here, by a test elsewhere, or not ported.
type rule struct {
	name   string
	test   func(*testing.T)
	held   string // a file and a text in it: the name of the test
	reason string // why it is not ported
}

var rules = []rule{
	{name: "C1 an end without a start does no harm", held: "callback/contract_test.go: C1 "},
	{name: "C2 chat models fall back to OnLLMStart", held: "callback/contract_test.go: C2 "},
	{name: "C3 custom events belong to the enclosing run", held: "callback/contract_test.go: C3 "},
	{name: "C4 errors come with what had arrived", held: "callback/contract_test.go: C4 "},
	{name: "C5 N prompts are N runs", held: "chain/contract_test.go: C5 "},
	{name: "C6 children inherit", held: "chain/contract_test.go: C6 "},
	{name: "C7 tokens are told before the consumer sees them", held: "callback/contract_test.go: C7 "},
	{name: "C8 a stream that fails keeps what had come", test: testC8},
	{name: "C9 waiting is an event inside the run", test: testC9},
	{name: "C10 memory is loaded and saved inside the run", held: "chain/contract_test.go: C10 "},
	{name: "C11 request handlers are inherited, constructor handlers are not", held: "chain/contract_test.go: C11 "},
	{name: "C12 order of handlers and tags", held: "chain/contract_test.go: C12 "},
	{name: "C13 the same handler is told once", held: "callback/contract_test.go: C13 "},
	{name: "C14 a repeated tag keeps its place", test: testC14},
	{name: "C15 verbose and debug", reason: "no switches beside the handlers: callback.WithHandlers(ctx, callback.Print(nil)) says what verbose=True does, in the place where it holds"},
	{name: "C16 handlers held in a context variable", test: testC16},
	{name: "C17 what is added joins what is inherited", held: "chain/contract_test.go: C17 "},
	{name: "C18 dispatch in order; handlers cannot fail what they observe", held: "callback/contract_test.go: C18 "},
	{name: "C19 asynchronous handlers under synchronous managers", reason: "Go has one kind of function; callback.NewAsync makes a slow handler asynchronous and keeps the order of each run"},
	{name: "C20 concurrent dispatch of asynchronous handlers", reason: "as C19: handlers are told one after the other, and a slow one is put behind callback.NewAsync"},
	{name: "C21 order of starts of several prompts", reason: "every prompt is a run of its own, whose handlers are told in order (C5, C23)"},
	{name: "C22 ends are told although the caller is cancelled", test: testC22},
	{name: "C23 order within a run", held: "callback/contract_test.go: C23 "},
	{name: "C24 groups", held: "callback/group_test.go: C24 "},
	{name: "C25 a run's record", test: testC25},
	{name: "C26 built-in tracers", reason: "the tracer is OpenTelemetry (package tracing); Print, File, Log and Events stand for the console, file, log stream and event stream tracers; Funcs for root listeners"},
	{name: "C27 what the console handler prints", held: "callback/contract_test.go: C27 "},
	{name: "C28 what the file handler writes", held: "callback/contract_test.go: C28 "},
	{name: "C29 tokens are printed as they come", held: "callback/contract_test.go: C29 "},
	{name: "C30 figures of get_openai_callback", held: "callback/contract_test.go: C30 "},
	{name: "C31 what a memory asks a model is below the memory's run", held: "memory: C31 "},
	{name: "C32 prompts of the memories", held: "memory: C32 "},
	{name: "C33 the conversation", test: nil, held: "chain/conversation_test.go: TestConversationPrompt"},
	{name: "C34 counting for pruning", held: "memory: C34 "},
}

// TestContract: every rule from C1 to C34 is held by a test or has a reason.
func TestContract(t *testing.T) {
	for i, r := range rules {
		if want := fmt.Sprintf("C%d ", i+1); !strings.HasPrefix(r.name, want) {
			t.Fatalf("rule %q where %sis due", r.name, want)
		}
		t.Run(r.name, func(t *testing.T) {
			switch {
			case r.test != nil:
				r.test(t)
			case r.reason != "":
				t.Log("not ported:", r.reason)
			default:
				place, name, _ := strings.Cut(r.held, ": ")
				if !stands(t, filepath.Join("..", "..", place), name) {
					t.Errorf("no test %q in %s", name, place)
				}
			}
		})
	}
	if len(rules) != 34 {
		t.Errorf("%d rules of 34", len(rules))
	}
}

// stands reports whether the test file, or one in the directory, has the text.
func stands(t *testing.T, place, text string) bool {
	t.Helper()
	files := []string{place}
	if filepath.Ext(place) == "" {
		var err error
		if files, err = filepath.Glob(filepath.Join(place, "*_test.go")); err != nil {
			t.Fatal(err)
		}
	}
	return slices.ContainsFunc(files, func(f string) bool {
		b, err := os.ReadFile(f)
		return err == nil && strings.Contains(string(b), text)
	})
}

// roses yields chunks, then err.
func roses(err error, chunks ...llm.Chunk) llm.Model {
	return callback.Model(llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			for _, c := range chunks {
				if !yield(c, nil) {
					return
				}
			}
			if err != nil {
				yield(llm.Chunk{}, err)
			}
		}
	}))
}

var ask = &llm.Request{Messages: []llm.Message{llm.User("roses?")}, Stream: true}

// ends returns a context whose model runs put their results into the slice.
func ends(ctx context.Context) (context.Context, *[]*callback.Result) {
	var all []*callback.Result
	note := func(_ context.Context, _ *callback.Info, res *callback.Result) { all = append(all, res) }
	return callback.WithHandlers(ctx, &callback.Funcs{OnLLMEnd: note, OnLLMError: note}), &all
}

// testC8: an error and an early end keep what had come, nothing at all is an
// error; breaking off is no error here, where LangChain makes it one.
func testC8(t *testing.T) {
	lost := errors.New("connection lost")
	pink := llm.Chunk{Text: "Pink"}
	ctx, all := ends(t.Context())
	llm.Collect(roses(lost, pink).Chat(ctx, ask))
	for range roses(nil, pink, pink).Chat(ctx, ask) {
		break
	}
	llm.Collect(roses(nil).Chat(ctx, ask))
	llm.Collect(roses(nil, pink, llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: 3, Output: 1}}).Chat(ctx, ask))
	failed, stopped, empty, whole := (*all)[0], (*all)[1], (*all)[2], (*all)[3]
	if failed.Err != lost || failed.Response.Text() != "Pink" {
		t.Errorf("failed: %v with %q", failed.Err, failed.Response.Text())
	}
	if stopped.Err != nil || !stopped.Stopped || stopped.Response.Text() != "Pink" {
		t.Errorf("stopped: %v, %v with %q", stopped.Err, stopped.Stopped, stopped.Response.Text())
	}
	if !errors.Is(empty.Err, llm.ErrEmpty) {
		t.Errorf("empty: %v", empty.Err)
	}
	if whole.Usage == nil || whole.Usage.Total() != 4 {
		t.Errorf("whole: usage %+v", whole.Usage)
	}
}

// testC9: what a run waits for is told as an event with the time.
func testC9(t *testing.T) {
	var waits []callback.Attempt
	ctx := callback.WithHandlers(t.Context(), &callback.Funcs{OnRetry: func(_ context.Context, _ *callback.Info, e callback.Event) {
		waits = append(waits, e.Data.(callback.Attempt))
	}})
	ctx, run := callback.Start(ctx, &callback.Info{Kind: callback.KindChain, Name: "retry"})
	defer run.End(nil)
	callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: 1, Wait: 5, Err: llm.ErrEmpty}})
	if len(waits) != 1 || waits[0].Wait != 5 || waits[0].Number != 1 {
		t.Errorf("%+v", waits)
	}
}

// testC14: LangChain moves a repeated tag to the end and makes it local; here it
// stays where it is, and inherited.
func testC14(t *testing.T) {
	var tags [][]string
	ctx := callback.WithHandlers(t.Context(), &callback.Funcs{OnChainStart: func(_ context.Context, i *callback.Info) { tags = append(tags, i.Tags) }})
	ctx = callback.WithTags(ctx, "shop", "berlin")
	ctx, outer := callback.Start(ctx, &callback.Info{Kind: callback.KindChain, Tags: []string{"shop", "own"}})
	defer outer.End(nil)
	_, inner := callback.Start(ctx, &callback.Info{Kind: callback.KindChain})
	defer inner.End(nil)
	if want := "[[shop berlin own] [shop berlin]]"; fmt.Sprint(tags) != want {
		t.Errorf("%v, want %s", tags, want)
	}
}

// testC16: the context holds handlers and counters; both ends of a scope are
// the context's, so nothing leaks out of it.
func testC16(t *testing.T) {
	pink := llm.Chunk{Text: "Pink", Finish: "stop", Usage: &llm.Usage{Input: 3, Output: 1}}
	outer, all := callback.WithCount(t.Context())
	inner, some := callback.WithCount(outer)
	llm.Collect(roses(nil, pink).Chat(inner, ask))
	llm.Collect(roses(nil, pink).Chat(outer, ask)) // after an inner scope the outer one counts on
	if all.Total().Calls != 2 || some.Total().Calls != 1 {
		t.Errorf("outer %d calls, inner %d", all.Total().Calls, some.Total().Calls)
	}
}

// testC22: a run whose caller is cancelled ends all the same, and is told.
func testC22(t *testing.T) {
	ctx, all := ends(t.Context())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range roses(nil, llm.Chunk{Text: "Pink"}, llm.Chunk{Text: " roses"}).Chat(ctx, ask) {
		cancel()
		break
	}
	llm.Collect(roses(ctx.Err()).Chat(ctx, ask))
	if len(*all) != 2 {
		t.Errorf("%d ends of 2", len(*all))
	}
}

// testC25: starts, tokens and ends come in order, with the ids that make a tree
// of them.
func testC25(t *testing.T) {
	var got []string
	for e, err := range callback.Events(t.Context(), callback.EventFilter{}, func(ctx context.Context) error {
		ctx, group := callback.Group(ctx, "order")
		defer group.End(nil)
		_, err := llm.Collect(roses(nil, llm.Chunk{Text: "Pink", Finish: "stop"}).Chat(ctx, ask))
		return err
	}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d", e.Event, len(e.Parents)))
	}
	want := []string{"on_chain_start 0", "on_chat_model_start 1", "on_chat_model_stream 1", "on_chat_model_end 1", "on_chain_end 0"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q", got)
	}
}
