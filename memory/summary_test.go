package memory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
	"github.com/callspan/callspan/memory"
)

func ExampleSummary() {
	ctx := context.Background()
	model := answers("The human's sister likes pink roses.")
	m := &memory.Summary{Model: model}
	memory.Save(ctx, m, llm.User("My sister likes pink roses."), llm.Assistant("A lovely choice."))
	fmt.Println(m)
	// Output:
	// System: Summary of the conversation so far: The human's sister likes pink roses.
}

func ExampleSummaryBuffer() {
	ctx := context.Background()
	words := func(text string) int { return len(strings.Fields(text)) }
	model := answers("She likes pink roses.")
	m := &memory.SummaryBuffer{Model: model, MaxTokens: 20, Count: words}
	memory.Save(ctx, m, llm.User("My sister likes pink roses more than all others."), llm.Assistant("A lovely choice."))
	memory.Save(ctx, m, llm.User("How do I keep them fresh?"), llm.Assistant("Cut the stems."))
	fmt.Println(m)
	// Output:
	// System: Summary of the conversation so far: She likes pink roses.
	// Human: How do I keep them fresh?
	// AI: Cut the stems.
}

// A scripted model answers what it is told to, in turn, and keeps what it was asked.
type scripted struct {
	mu       sync.Mutex
	replies  []func(context.Context) (llm.Chunk, error)
	requests []*llm.Request
}

func (m *scripted) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		m.mu.Lock()
		i := min(len(m.requests), len(m.replies)-1)
		m.requests = append(m.requests, req)
		m.mu.Unlock()
		yield(m.replies[i](ctx))
	}
}

// prompts returns what the model was asked, message after message.
func (m *scripted) prompts() (out []string) {
	for _, r := range m.requests {
		out = append(out, memory.Transcript(r.Messages))
	}
	return out
}

func answers(texts ...string) *scripted {
	m := &scripted{}
	for _, text := range texts {
		m.replies = append(m.replies, func(context.Context) (llm.Chunk, error) {
			return llm.Chunk{Text: text, Finish: "stop"}, nil
		})
	}
	return m
}

// fails makes the call with number n, from 0, fail.
func (m *scripted) fails(n int, c llm.Chunk, err error) *scripted {
	m.replies[n] = func(context.Context) (llm.Chunk, error) { return c, err }
	return m
}

var errModel = errors.New("model is gone")

// TestSummary: each save is one call that is given the summary and the turn.
func TestSummary(t *testing.T) {
	model := answers("Her sister has a birthday.", "Her sister, who likes roses, has a birthday.")
	m := &memory.Summary{Model: model, MaxTokens: 100, Count: length, Request: llm.Request{Model: "small"}}
	for _, s := range []string{"u:birthday a:congratulations", "u:roses a:lovely"} {
		if err := m.Save(t.Context(), says(s)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Save(t.Context()); err != nil || len(model.requests) != 2 {
		t.Errorf("an empty save: %v, %d calls", err, len(model.requests))
	}
	req := model.requests[1]
	if req.Model != "small" || req.MaxTokens != 100 || len(req.Messages) != 2 {
		t.Errorf("request %+v", req)
	}
	want := "Human: Notes so far: Her sister has a birthday.\nNew lines:\nHuman: roses\nAI: lovely\nNew notes:"
	if got := model.prompts()[1]; !strings.HasSuffix(got, want) || !strings.Contains(got, "at most 60 words") {
		t.Errorf("prompt\n%s\nwant the end\n%s", got, want)
	}
	sources := map[llm.Source]bool{}
	for i, msg := range req.Messages {
		for _, p := range msg.Parts {
			sources[req.SourceOf(i, p)] = true
		}
	}
	for _, s := range []llm.Source{llm.SourceSystem, llm.SourceSummary, llm.SourceHistory} {
		if !sources[s] {
			t.Errorf("no part of the prompt is %v: %v", s, sources)
		}
	}
	got, err := m.Load(t.Context(), llm.User("?"))
	if err != nil || len(got) != 1 || got[0].Role != llm.RoleSystem || got[0].Parts[0].Source != llm.SourceSummary {
		t.Errorf("loaded %+v, %v", got, err)
	}
	text := "Summary of the conversation so far: Her sister, who likes roses, has a birthday."
	if got[0].Text() != text {
		t.Errorf("loaded %q", got[0].Text())
	}
	if n, tokens := m.Size(); n != 1 || tokens != len(text) {
		t.Errorf("size %d, %d", n, tokens)
	}
	m.Clear(t.Context())
	if n, tokens := m.Size(); n != 0 || tokens != 0 {
		t.Errorf("after clear: %d, %d", n, tokens)
	}
}

// TestSummaryLanguage: the prompt follows the option, else the conversation.
func TestSummaryLanguage(t *testing.T) {
	chinese := llm.User("\u6211\u59d0\u59d0\u660e\u5929\u8fc7\u751f\u65e5\uff0cOK\uff1f")
	own := prompt.Must(prompt.NewChat[memory.Fold](prompt.User("Shorten to {words}: {summary} {lines}")))
	const english, inChinese = "You keep the notes", "\u8bf7\u53ea\u56de\u7b54"
	for _, tc := range []struct {
		name string
		m    *memory.Summary
		said llm.Message
		want string
	}{
		{"English", &memory.Summary{}, llm.User("My sister has her birthday."), english},
		{"Chinese", &memory.Summary{MaxTokens: 100}, chinese, "\u4e0d\u8d85\u8fc780\u5b57"},
		{"Japanese", &memory.Summary{}, llm.User("\u59c9\u306e\u8a95\u751f\u65e5"), english},
		{"no letters", &memory.Summary{}, llm.User("3 + 4"), english},
		{"English by option", &memory.Summary{Language: "en"}, chinese, english},
		{"Chinese by option", &memory.Summary{Language: "zh"}, llm.User("Hello"), inChinese},
		{"a prompt of one's own", &memory.Summary{Prompt: own, Language: "fr", MaxTokens: 50}, llm.User("Bonjour"), "Human: Shorten to 30:  Human: Bonjour"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			model := answers("\u8bb0\u5f55\u3002")
			tc.m.Model = model
			if err := tc.m.Save(t.Context(), tc.said); err != nil {
				t.Fatal(err)
			}
			if got := model.prompts()[0]; !strings.Contains(got, tc.want) {
				t.Errorf("prompt\n%s\nwithout %s", got, tc.want)
			}
			if got, _ := tc.m.Load(t.Context(), llm.User("?")); !strings.HasPrefix(got[0].Text(), "\u6b64\u524d\u5bf9\u8bdd\u7684\u6458\u8981") {
				t.Errorf("loaded %q", got[0].Text())
			}
		})
	}
}

// TestSummaryBuffer: what is kept, what is folded, and that the limit holds for
// both. A character is a token; the summary's heading alone is 36.
func TestSummaryBuffer(t *testing.T) {
	const head = "s:Summary of the conversation so far: "
	long := strings.Repeat("x", 30)
	for _, tc := range []struct {
		name    string
		replies []string
		saves   []string
		want    string
		calls   int
		last    string // what the last call is given
	}{
		{"all fits", []string{"never"}, []string{"u:abc a:def", "u:" + long + long + " a:" + long}, "u:abc a:def u:" + long + long + " a:" + long, 0, ""},
		{"the oldest turn goes", []string{"abc."}, []string{"u:abc a:def", "u:" + long + " a:" + long, "u:" + long + " a:ghijk"},
			head + "abc. u:" + long + " a:ghijk", 1, "Human: abc\nAI: def\nHuman: " + long + "\nAI: " + long},
		{"with the summary it fits exactly", []string{"abc.", "never"}, []string{"u:" + long + " a:" + long, "u:" + long + long, "u:" + long + long},
			head + "abc. u:" + long + long, 1, "Human: " + long + "\nAI: " + long + "\nHuman: " + long + long},
		{"the summary counts", []string{"abc.", "abc, ghi."}, []string{"u:" + long + " a:" + long, "u:" + long + long, "u:" + long + long + "y"},
			head + "abc, ghi.", 2, "Human: " + long + long + "y"},
		{"a turn that is too long by itself", []string{"xxx."}, []string{"u:abc a:def", "u:" + long + long + " a:" + long + long},
			head + "xxx.", 1, "Human: abc\nAI: def\nHuman: " + long + long + "\nAI: " + long + long},
	} {
		t.Run(tc.name, func(t *testing.T) {
			model := answers(tc.replies...)
			m := &memory.SummaryBuffer{Model: model, MaxTokens: 100, Count: length}
			for _, s := range tc.saves {
				if err := m.Save(t.Context(), says(s)...); err != nil {
					t.Fatal(err)
				}
				if _, tokens := m.Size(); tokens > 100 {
					t.Errorf("%d tokens are kept", tokens)
				}
			}
			got, _ := m.Load(t.Context(), llm.User("?"))
			if said(got) != tc.want || len(model.requests) != tc.calls {
				t.Errorf("kept %q after %d calls, want %q after %d", said(got), len(model.requests), tc.want, tc.calls)
			}
			if tc.calls > 0 && !strings.Contains(model.prompts()[tc.calls-1], "New lines:\n"+tc.last+"\nNew notes:") {
				t.Errorf("prompt\n%s\nwithout\n%s", model.prompts()[tc.calls-1], tc.last)
			}
			if n, _ := m.Size(); n != len(got) {
				t.Errorf("size %d messages", n)
			}
		})
	}
}

// TestSummaryFails: a call that fails is an error once and loses nothing.
func TestSummaryFails(t *testing.T) {
	for _, tc := range []struct {
		name  string
		chunk llm.Chunk
		err   error
		want  string
	}{
		{"error", llm.Chunk{}, errModel, "model is gone"},
		{"refusal", llm.Chunk{Refusal: "no", Finish: "stop"}, nil, "the model declined"},
		{"blank", llm.Chunk{Text: " \n", Finish: "stop"}, nil, "the model answered without text"},
		{"all spent on reasoning", llm.Chunk{Reasoning: "hm", Finish: "length"}, nil, "raise Request.MaxTokens"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			model := answers("", "Both.").fails(0, tc.chunk, tc.err)
			m := &memory.Summary{Model: model}
			err := m.Save(t.Context(), says("u:abc a:def")...)
			if err == nil || !strings.Contains(err.Error(), "summarize for summary memory: ") || !strings.Contains(err.Error(), tc.want) ||
				tc.err != nil && !errors.Is(err, tc.err) {
				t.Errorf("error %v", err)
			}
			if got, _ := m.Load(t.Context(), llm.User("?")); said(got) != "u:abc a:def" {
				t.Errorf("after the failure: %q", said(got))
			}
			if err := m.Save(t.Context(), says("u:ghi a:jkl")...); err != nil {
				t.Fatal(err)
			}
			if got := model.prompts()[1]; !strings.Contains(got, "Human: abc\nAI: def\nHuman: ghi\nAI: jkl\n") {
				t.Errorf("the next call is given\n%s", got)
			}
			if got, _ := m.Load(t.Context(), llm.User("?")); said(got) != "s:Summary of the conversation so far: Both." {
				t.Errorf("after the next save: %q", said(got))
			}
		})
	}
}

// TestSummaryMisuse: what a user can set wrong is named, and no turn is lost.
func TestSummaryMisuse(t *testing.T) {
	for _, tc := range []struct {
		name string
		m    memory.Memory
		want string
	}{
		{"no model", &memory.Summary{}, "it has no Model"},
		{"nil model", &memory.SummaryBuffer{Model: llm.ModelFunc(nil), MaxTokens: 1}, "it has no Model"},
		{"nil prompt", &memory.Summary{Model: answers("x"), Prompt: (*noPrompt)(nil)}, "its Prompt is a nil *memory_test.noPrompt"},
		{"language", &memory.Summary{Model: answers("x"), Language: "fr"}, `no prompt in the language "fr"; use en or zh, or set Prompt`},
		{"no room", &memory.Summary{Model: answers("x"), MaxTokens: 3}, "3 tokens have no room for a summary; raise MaxTokens"},
		{"buffer without room", &memory.SummaryBuffer{Model: answers("x"), MaxTokens: 1}, "summary_buffer memory: 0 tokens have no room"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.m.Save(t.Context(), says("u:abcd a:efgh")...)
			if err == nil || !strings.Contains(err.Error(), tc.want) || callback.ErrorType(err) != "invalid_request" {
				t.Errorf("error %v of type %s, want %s", err, callback.ErrorType(err), tc.want)
			}
			if got, _ := tc.m.Load(t.Context(), llm.User("?")); said(got) != "u:abcd a:efgh" {
				t.Errorf("kept %q", said(got))
			}
		})
	}
}

type noPrompt struct{ prompt.Template[memory.Fold] }

// TestSummaryLength: no summary is longer than the limit, whatever the model says.
func TestSummaryLength(t *testing.T) {
	const head = "Summary of the conversation so far: "
	for _, tc := range []struct {
		name, text, finish, want string
	}{
		{"fits", "One. Two. Thr", "stop", "One. Two. Thr"},
		{"ended at the limit", "One. Two. Thr", "length", "One. Two."},
		{"a figure is no end", "Take 3.50 and", "length", "Take 3.50 and"},
		{"too long", "One two three. Four five six.", "stop", "One two three."},
		{"no sentence", strings.Repeat("x", 40), "stop", strings.Repeat("x", 24)},
		{"runes stay whole", strings.Repeat("\u00e9", 40), "stop", strings.Repeat("\u00e9", 12)},
	} {
		model := answers("").fails(0, llm.Chunk{Text: tc.text, Finish: tc.finish}, nil)
		m := &memory.Summary{Model: model, MaxTokens: 60, Count: length}
		if err := m.Save(t.Context(), says("u:abc")...); err != nil {
			t.Fatal(err)
		}
		got, _ := m.Load(t.Context(), llm.User("?"))
		if got[0].Text() != head+tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got[0].Text(), tc.want)
		}
	}
}

// TestSummaryRuns: the call is a run below the save that needed it, and is
// counted (C31).
func TestSummaryRuns(t *testing.T) {
	for name, m := range kinds(answers("Notes.")) {
		t.Run(name, func(t *testing.T) {
			w := &watcher{}
			ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), w))
			memory.Load(ctx, m, llm.User("?"))
			memory.Save(ctx, m, llm.User(strings.Repeat("a question ", 40)), llm.Assistant("an answer"))
			calls, want := 0, "load "+name+", save "+name
			if strings.HasPrefix(name, "summary") {
				calls, want = 1, want+", llm <unnamed> in save "+name
			}
			var runs []string
			seen := map[callback.ID]string{}
			for _, info := range w.infos {
				run := string(info.Kind) + " <unnamed>"
				if c, ok := info.Input.(*callback.MemoryChange); ok {
					run = c.Operation + " " + info.Name
				}
				seen[info.ID] = run
				if p := seen[info.Parent]; p != "" {
					run += " in " + p
				}
				runs = append(runs, run)
			}
			if got := strings.Join(runs, ", "); got != want || count.Total().Calls != calls {
				t.Errorf("runs %s with %d calls, want %s with %d", got, count.Total().Calls, want, calls)
			}
		})
	}
}

// TestSummaryMeanwhile: while the model writes, loading goes on, a second save
// waits its turn or gives up with its context, and clearing wins.
func TestSummaryMeanwhile(t *testing.T) {
	type stalled struct {
		*memory.Summary
		model *scripted
		go_   chan struct{}
		saved chan error
	}
	start := func(t *testing.T) stalled {
		s := stalled{model: answers("", "Second."), go_: make(chan struct{}), saved: make(chan error, 1)}
		s.model.replies[0] = func(context.Context) (llm.Chunk, error) {
			<-s.go_
			return llm.Chunk{Text: "First.", Finish: "stop"}, nil
		}
		s.Summary = &memory.Summary{Model: s.model}
		go func() { s.saved <- s.Save(t.Context(), says("u:a a:b")...) }()
		synctest.Wait()
		if got, _ := s.Load(t.Context(), llm.User("?")); said(got) != "u:a a:b" {
			t.Errorf("while the model writes: %q", said(got))
		}
		return s
	}
	loaded := func(m memory.Memory) string {
		got, _ := m.Load(t.Context(), llm.User("?"))
		return strings.ReplaceAll(said(got), "Summary of the conversation so far: ", "")
	}
	t.Run("second save", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t)
			second := make(chan error, 1)
			var none context.Context // as good as one without an end
			go func() { second <- s.Save(none, says("a:c u:d")...) }()
			synctest.Wait()
			close(s.go_)
			if err := errors.Join(<-s.saved, <-second); err != nil || loaded(s) != "s:Second." {
				t.Errorf("%v, %q", err, loaded(s))
			}
			if got := s.model.prompts()[1]; !strings.Contains(got, "so far: First.\nNew lines:\nAI: c\nHuman: d\n") {
				t.Errorf("the second call is given\n%s", got)
			}
		})
	})
	t.Run("second save cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t)
			ctx, cancel := context.WithCancel(t.Context())
			second := make(chan error, 1)
			go func() { second <- s.Save(ctx, says("u:c a:d")...) }()
			synctest.Wait()
			cancel()
			if err := <-second; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			close(s.go_)
			if err := <-s.saved; err != nil || loaded(s) != "s:First. u:c a:d" {
				t.Errorf("%v, %q", err, loaded(s))
			}
		})
	})
	t.Run("clear", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t)
			s.Clear(t.Context())
			s.go_ <- struct{}{}
			if err := <-s.saved; err != nil || loaded(s) != "" {
				t.Errorf("%v, %q", err, loaded(s))
			}
		})
	})
	t.Run("panic", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			model := answers("", "Both.")
			model.replies[0] = func(context.Context) (llm.Chunk, error) { panic("boom") }
			m := &memory.Summary{Model: model}
			func() {
				defer func() { recover() }()
				m.Save(t.Context(), says("u:a a:b")...)
			}()
			if err := m.Save(t.Context(), says("u:c")...); err != nil || loaded(m) != "s:Both." {
				t.Errorf("%v, %q", err, loaded(m))
			}
		})
	})
}
