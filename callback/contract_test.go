package callback_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// Rules of LangChain's callbacks, by their numbers, as they hold here for
// handlers. Where the rule here is another one, the name says so.

func TestContractEvents(t *testing.T) {
	t.Run("C1 an end whose start nobody was told of does no harm", func(t *testing.T) {
		var told []string
		f := &callback.Funcs{OnLLMEnd: func(_ context.Context, info *callback.Info, _ *callback.Result) { told = append(told, info.Name) }}
		llm.Collect(callback.Model(says{texts: []string{"a"}}, f).Chat(t.Context(), question))
		if !slices.Equal(told, []string{"gpt-4o-mini"}) {
			t.Errorf("told %v", told)
		}
	})
	t.Run("C1 what comes after the end, or of no run, is not told", func(t *testing.T) {
		rec := &recorder{}
		_, run := callback.Start(t.Context(), &callback.Info{Kind: callback.KindLLM, Name: "x"}, rec)
		run.End(nil)
		var none *callback.Active
		for _, r := range []*callback.Active{run, none} {
			r.Token(llm.Chunk{Text: "late"})
			r.Event(callback.Event{Kind: callback.EventText})
			r.End(&callback.Result{Err: io.EOF})
		}
		if !slices.Equal(rec.log, []string{"start x", "end x "}) {
			t.Errorf("told %q", rec.log)
		}
	})
	completion := &callback.Info{Kind: callback.KindLLM, Name: "davinci-002", Endpoint: llm.Endpoint{API: llm.APICompletions}, Input: question}
	for _, tc := range []struct {
		name       string
		completion bool
		chat       bool // OnChatModelStart is there
		want       string
	}{
		{"C2 a chat model calls OnChatModelStart", false, true, "OnChatModelStart roses?"},
		{"C2 without it, OnLLMStart, which finds the messages in Info", false, false, "OnLLMStart roses?"},
		{"C2 a text completion calls OnLLMStart", true, true, "OnLLMStart roses?"},
		{"C2 a text completion calls OnLLMStart alone", true, false, "OnLLMStart roses?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var told []string
			note := func(name string) func(context.Context, *callback.Info) {
				return func(_ context.Context, info *callback.Info) {
					told = append(told, name+" "+info.Input.(*llm.Request).Messages[0].Text())
				}
			}
			f := &callback.Funcs{OnLLMStart: note("OnLLMStart")}
			if tc.chat {
				f.OnChatModelStart = note("OnChatModelStart")
			}
			if tc.completion {
				info := *completion
				_, run := callback.Start(t.Context(), &info, f)
				run.End(nil)
			} else {
				llm.Collect(callback.Model(says{texts: []string{"a"}}, f).Chat(t.Context(), question))
			}
			if got := strings.Join(told, ", "); got != tc.want {
				t.Errorf("called %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("C3 a custom event belongs to the run around it; outside of runs it is nobody's, not an error", func(t *testing.T) {
		var told []string
		f := &callback.Funcs{OnCustomEvent: func(_ context.Context, info *callback.Info, e callback.Event) {
			told = append(told, fmt.Sprint(info.Name, " ", e.Name, " ", e.Data, " ", len(info.Tags)))
		}}
		ctx := callback.WithTags(callback.WithHandlers(t.Context(), f), "prod")
		callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "outside"})
		chain(ctx, "outer", func(ctx context.Context) error {
			chain(ctx, "inner", func(ctx context.Context) error {
				callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "stock", Data: 24})
				return nil
			})
			return nil
		})
		if !slices.Equal(told, []string{"inner stock 24 1"}) {
			t.Errorf("told %v", told)
		}
	})
	t.Run("C4 an error comes with what had arrived", func(t *testing.T) {
		lost := errors.New("connection lost")
		var got string
		f := &callback.Funcs{OnLLMError: func(_ context.Context, _ *callback.Info, res *callback.Result) {
			got = fmt.Sprint(res.Response.Text(), " ", res.Usage.Output, " ", res.Err == lost, " ", res.UsageSource)
		}}
		llm.Collect(callback.Model(metered{says{texts: []string{"pink", " ro"}, err: lost}}, f).Chat(t.Context(), question))
		if got != "pink ro 7 true estimated" {
			t.Errorf("told %q", got)
		}
	})
	t.Run("C7 a token is told before the consumer has it, and chunks without text too", func(t *testing.T) {
		var log []string
		f := &callback.Funcs{OnLLMNewToken: func(_ context.Context, _ *callback.Info, c llm.Chunk) { log = append(log, "told "+c.Text) }}
		m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
			return func(yield func(llm.Chunk, error) bool) {
				_ = yield(llm.Chunk{}, nil) && yield(llm.Chunk{Text: "pink"}, nil) && yield(llm.Chunk{Finish: "stop"}, nil)
			}
		})
		for c := range callback.Model(m, f).Chat(t.Context(), question) {
			log = append(log, "got "+c.Text)
		}
		if want := []string{"told ", "got ", "told pink", "got pink", "told ", "got "}; !slices.Equal(log, want) {
			t.Errorf("order %q, want %q", log, want)
		}
	})
	t.Run("C7 the first token is the first chunk with content", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, first := range []llm.Chunk{{Text: "pink"}, {Reasoning: "hm"}, {Tool: &llm.ToolDelta{Name: "buy"}}} {
				m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
					return func(yield func(llm.Chunk, error) bool) {
						yield(llm.Chunk{}, nil)
						time.Sleep(time.Second)
						yield(first, nil)
					}
				})
				rec := &recorder{}
				llm.Collect(callback.Model(m, rec).Chat(t.Context(), question))
				if res, _ := rec.last(t); res.FirstToken != time.Second {
					t.Errorf("%+v: first token after %v", first, res.FirstToken)
				}
			}
		})
	})
}

func TestContractDispatch(t *testing.T) {
	t.Run("C13 the same handler given twice is told once", func(t *testing.T) {
		rec := &recorder{}
		ctx := callback.WithHandlers(callback.WithHandlers(t.Context(), rec), rec)
		chain(ctx, "x", func(context.Context) error { return nil }, rec, rec)
		if !slices.Equal(rec.log, []string{"start x", "end x "}) {
			t.Errorf("told %q", rec.log)
		}
	})
	t.Run("C13 built-in handlers are the same only if they are the same", func(t *testing.T) {
		var a, b bytes.Buffer
		p, f := callback.Print(&a), callback.NewFileWriter(&b, callback.FileOptions{})
		ctx := callback.WithHandlers(t.Context(), p, f, p, f, callback.Print(&a))
		chain(ctx, "x", func(context.Context) error { return nil }, p, f)
		if n, m := strings.Count(a.String(), "\n"), strings.Count(b.String(), "\n"); n != 4 || m != 2 {
			t.Errorf("%d and %d lines:\n%s%s", n, m, &a, &b)
		}
	})
	t.Run("C13 inherited handlers come first, in the order of their adding, then the component's", func(t *testing.T) {
		var log []string
		h := func(name string) callback.Handler {
			return &callback.Funcs{OnChainStart: func(context.Context, *callback.Info) { log = append(log, name) }}
		}
		ctx := callback.WithHandlers(callback.WithHandlers(t.Context(), h("a")), h("b"), h("c"))
		chain(ctx, "x", func(context.Context) error { return nil }, h("own"))
		if got := strings.Join(log, " "); got != "a b c own" {
			t.Errorf("order %s", got)
		}
	})
	t.Run("C18 an event has reached all handlers when it returns", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rec := &recorder{}
			slow := &callback.Funcs{OnText: func(context.Context, *callback.Info, callback.Event) { time.Sleep(time.Second) }}
			chain(callback.WithHandlers(t.Context(), slow, rec), "x", func(ctx context.Context) error {
				begin := time.Now()
				callback.Emit(ctx, callback.Event{Kind: callback.EventText})
				if took := time.Since(begin); took != time.Second || len(rec.log) != 2 {
					t.Errorf("returned after %v, when %q was told", took, rec.log)
				}
				return nil
			})
		})
	})
	t.Run("C18 a handler's panic is reported and the next handler is told", func(t *testing.T) {
		said, rec := reports(t), &recorder{}
		bad := &callback.Funcs{OnToolStart: func(context.Context, *callback.Info) { panic(t.Name()) }}
		out, err := callback.Do(callback.WithHandlers(t.Context(), bad, rec), &callback.Info{Kind: callback.KindTool, Name: "x"}, nil,
			func(context.Context) (int, error) { return 7, nil })
		if out != 7 || err != nil || len(rec.log) != 2 {
			t.Errorf("got %d, %v; told %q", out, err, rec.log)
		}
		_ = said // each fault is reported once per process, perhaps by another test
	})
	t.Run("C18 handlers cannot fail what they observe; budgets can", func(t *testing.T) {
		ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Calls: 1})
		m := callback.Model(says{texts: []string{"a"}})
		llm.Collect(m.Chat(ctx, question))
		_, err := llm.Collect(m.Chat(ctx, question))
		var over *callback.BudgetError
		if !errors.As(err, &over) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("C23 each run is told in order, whatever runs beside it", func(t *testing.T) {
		rec := &recorder{}
		ctx := callback.WithHandlers(t.Context(), rec)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				chain(ctx, fmt.Sprint(i), func(ctx context.Context) error {
					callback.Emit(ctx, callback.Event{Kind: callback.EventText})
					return nil
				})
			})
		}
		wg.Wait()
		for i := range 64 {
			var of []string
			for _, l := range rec.log {
				if strings.Fields(l)[1] == fmt.Sprint(i) {
					of = append(of, l)
				}
			}
			if want := []string{fmt.Sprintf("start %d", i), fmt.Sprintf("event %d text", i), fmt.Sprintf("end %d ", i)}; !slices.Equal(of, want) {
				t.Fatalf("told %q, want %q", of, want)
			}
		}
	})
}

func TestContractBuiltIn(t *testing.T) {
	printed := func(name string, do func(ctx context.Context)) string {
		var b bytes.Buffer
		ctx := callback.WithHandlers(t.Context(), callback.Print(&b))
		chain(ctx, name, func(ctx context.Context) error { do(ctx); return nil })
		var lines []string
		for l := range strings.Lines(b.String()) {
			lines = append(lines, l[9:]) // after the id
		}
		return strings.Join(lines, "")
	}
	t.Run("C27 Print prints what StdOutCallbackHandler prints", func(t *testing.T) {
		got := printed("shop", func(ctx context.Context) {
			callback.Emit(ctx, callback.Event{Kind: callback.EventAgentAction, Data: "I look at the stock."})
			callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "1 + 2 = "})
			callback.Emit(ctx, callback.Event{Kind: callback.EventAgentFinish, Data: "three"})
		})
		want := "> Entering new shop chain...\nagent action: I look at the stock.\ntext: 1 + 2 = \nagent finish: three\n> Finished chain.\n"
		if got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("C27 a chain without a name is <unknown>", func(t *testing.T) {
		if got := printed("", func(context.Context) {}); !strings.HasPrefix(got, "> Entering new <unknown> chain...\n") {
			t.Errorf("printed %s", got)
		}
	})
	t.Run("C27 and also model starts, tokens, ends and errors", func(t *testing.T) {
		got := printed("shop", func(ctx context.Context) {
			llm.Collect(callback.Model(says{texts: []string{"pink"}}).Chat(ctx, question))
			llm.Collect(callback.Model(says{err: errors.New("lost")}).Chat(ctx, question))
		})
		for _, want := range []string{"model gpt-4o-mini <- user: roses?\n", "token \"pink\"\n", "answer: pink\n", "model gpt-4o-mini failed after ", ": lost\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	})
	t.Run("C28 a File is continued, and what comes after Close reaches nobody", func(t *testing.T) {
		reports(t)
		path := filepath.Join(t.TempDir(), "output.log")
		for range 2 {
			f, err := callback.NewFile(path, callback.FileOptions{Format: callback.FileText})
			if err != nil {
				t.Fatal(err)
			}
			chain(t.Context(), "x", func(context.Context) error { return nil }, f)
			f.Close()
			if err := chain(t.Context(), "late", func(context.Context) error { return nil }, f); err != nil || f.Err() == nil {
				t.Errorf("the caller got %v, the file says %v", err, f.Err())
			}
		}
		text, _ := os.ReadFile(path)
		if strings.Count(string(text), "event=on_chain_start") != 2 || strings.Count(string(text), "event=on_chain_end") != 2 ||
			strings.Contains(string(text), "late") || strings.Contains(string(text), "\x1b") {
			t.Errorf("file:\n%s", text)
		}
	})
	t.Run("C29 a token is written when it comes", func(t *testing.T) {
		var b bytes.Buffer
		for c := range callback.Model(says{texts: []string{"pink", "roses"}}, callback.Print(&b)).Chat(t.Context(), question) {
			if c.Text != "" && !strings.HasSuffix(b.String(), fmt.Sprintf(" token %q\n", c.Text)) {
				t.Errorf("at %q: printed\n%s", c.Text, &b)
			}
		}
	})
	t.Run("C30 WithCount has the figures of get_openai_callback, failed calls apart", func(t *testing.T) {
		ctx, count := callback.WithCount(t.Context())
		usage := &llm.Usage{Input: 1000, CacheRead: 400, Output: 100, Reasoning: 60}
		llm.Collect(callback.Model(says{texts: []string{"a"}, usage: usage}).Chat(ctx, question))
		llm.Collect(callback.Model(says{err: errors.New("lost")}).Chat(ctx, question))
		tot := count.Total()
		for _, f := range []struct {
			name      string
			got, want int
		}{
			{"total_tokens", tot.Usage.Total(), 1100}, {"prompt_tokens", tot.Usage.Input, 1000}, {"prompt_tokens_cached", tot.Usage.CacheRead, 400},
			{"completion_tokens", tot.Usage.Output, 100}, {"reasoning_tokens", tot.Usage.Reasoning, 60},
			{"successful_requests", tot.Calls - tot.Failed, 1}, {"failed", tot.Failed, 1},
		} {
			if f.got != f.want {
				t.Errorf("%s is %d, want %d", f.name, f.got, f.want)
			}
		}
		if got := tot.Cost.String(); got != "0.00018" { // 600 at 0.15, 400 at 0.075, 100 at 0.60 USD per million
			t.Errorf("total_cost is %s", got)
		}
	})
	t.Run("C30 what was counted inside counts outside, also after a failure", func(t *testing.T) {
		ctx, outer := callback.WithCount(t.Context())
		m := callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 3}})
		func() {
			defer func() { recover() }()
			ctx, _ := callback.WithCount(ctx)
			llm.Collect(m.Chat(ctx, question))
			panic("thorn")
		}()
		llm.Collect(m.Chat(ctx, question))
		if got := outer.Total(); got.Calls != 2 || got.Usage.Input != 6 {
			t.Errorf("counted %v", got)
		}
	})
}
