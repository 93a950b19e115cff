package callback_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/golden"
	"github.com/callspan/callspan/llm"
)

// story runs a chain with a tool, a model and a failing model.
func story(ctx context.Context) {
	chain(ctx, "shop", func(ctx context.Context) error {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "1 + 2 = "})
		callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock"}, nil,
			func(context.Context) (any, error) { return 3, nil })
		llm.Collect(callback.Model(says{texts: []string{"pink ", "\x1b[31mroses"}, usage: &llm.Usage{Input: 20, Output: 2}}).Chat(ctx, question))
		_, err := llm.Collect(callback.Model(says{err: &llm.Error{Status: 404, Code: "model_not_found", Message: "no such model"}}).Chat(ctx, question))
		return err
	})
}

// TestPrintLines: where there is no terminal, each event is one line that
// begins with the id of its run.
func TestPrintLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		story(callback.WithHandlers(t.Context(), callback.Print(&b)))
		got := regexp.MustCompile(`(?m)^[0-9a-f]{8} `).ReplaceAllString(b.String(), "<id> ")
		want := `<id> > Entering new shop chain...
<id> text: 1 + 2 = 
<id> tool stock()
<id> tool stock -> 3 (0s)
<id> model gpt-4o-mini <- user: roses?
<id> token "pink "
<id> token "\x1b[31mroses"
<id> answer: pink ␛[31mroses
<id> model gpt-4o-mini: 0s, first token 0s, 20 tokens in, 2 out, $0.0000042
<id> model gpt-4o-mini <- user: roses?
<id> model gpt-4o-mini failed after 0s: 404: no such model
<id> chain shop failed after 0s: 404: no such model
`
		if got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	})
}

// TestPrintTour: every kind of run and event is one line.
func TestPrintTour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		tour(callback.WithHandlers(t.Context(), callback.Print(&b)))
		golden.Equal(t, "testdata/print.txtar", "lines", numbered(b.String()))
	})
}

// TestPrintAtOnce: an answer that does not stream is shown once.
func TestPrintAtOnce(t *testing.T) {
	var b bytes.Buffer
	llm.Collect(callback.Model(says{texts: []string{"pink"}}, callback.Print(&b)).Chat(t.Context(), &llm.Request{Messages: question.Messages}))
	if strings.Contains(b.String(), "token \"") || strings.Count(b.String(), "pink") != 1 {
		t.Errorf("printed\n%s", &b)
	}
}

// TestPrintShortens: what a tool returns may be long, and is cut between
// characters; answers are whole.
func TestPrintShortens(t *testing.T) {
	var b bytes.Buffer
	long := strings.Repeat("é", 1500)
	ctx := callback.WithHandlers(t.Context(), callback.Print(&b))
	callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "read"}, nil, func(context.Context) (any, error) { return "x" + long, nil })
	if want := " tool read -> x" + strings.Repeat("é", 999) + "… (3001 bytes) ("; !strings.Contains(b.String(), want) {
		t.Errorf("printed\n%s", &b)
	}
	llm.Collect(callback.Model(says{texts: []string{long}}).Chat(ctx, question))
	if !strings.Contains(b.String(), "answer: "+long+"\n") {
		t.Errorf("printed\n%s", &b)
	}
}

// TestLog: each line carries the run's id and the span's, content never.
func TestLog(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx := callback.WithHandlers(t.Context(), callback.Log(l), &opener{recorder{name: "x"}})
	story(callback.WithSession(ctx, "s-1"))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 9 {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, line := range lines {
		if !strings.Contains(line, "trace_id=trace-of-x span_id=span") || !strings.Contains(line, "session=s-1") {
			t.Errorf("no span or session: %s", line)
		}
		if strings.Contains(line, "roses") {
			t.Errorf("content: %s", line)
		}
	}
	for _, want := range []string{
		`level=INFO msg="llm end"`, "input_tokens=20 output_tokens=2 usage=reported cost_usd=0.0000042",
		`level=ERROR msg="llm error"`, "error_type=model_not_found", "total_calls=2",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

// TestLogTour: retries are warnings, failures errors, ends infos; tokens appear
// only far below debug. Model ends say who answered, at which price.
func TestLogTour(t *testing.T) {
	for _, tc := range []struct {
		level slog.Level
		want  map[slog.Level]int
	}{
		{slog.LevelDebug - 4, map[slog.Level]int{slog.LevelDebug - 4: 10, slog.LevelDebug: 16, slog.LevelInfo: 10, slog.LevelWarn: 1, slog.LevelError: 2}},
		{slog.LevelDebug, map[slog.Level]int{slog.LevelDebug: 16, slog.LevelInfo: 10, slog.LevelWarn: 1, slog.LevelError: 2}},
		{slog.LevelWarn, map[slog.Level]int{slog.LevelWarn: 1, slog.LevelError: 2}},
		{slog.LevelError + 1, map[slog.Level]int{}},
	} {
		var b bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: tc.level}))
			tour(callback.WithHandlers(t.Context(), callback.Log(l)))
		})
		got := map[slog.Level]int{}
		for line := range strings.Lines(b.String()) {
			var level slog.Level
			if err := level.UnmarshalText([]byte(strings.TrimPrefix(strings.Fields(line)[1], "level="))); err != nil {
				t.Fatal(err)
			}
			got[level]++
		}
		if !maps.Equal(got, tc.want) {
			t.Errorf("at %v: %v, want %v\n%s", tc.level, got, tc.want, b.String())
		}
		if tc.level > slog.LevelDebug {
			continue
		}
		for _, want := range []string{
			`msg="tool retry" name=stock`, `attempt=1 wait=2s error_type=_OTHER error="no connection"`,
			"provider=openai model=gpt-4o-mini-2024-07-18 first_token=500ms chunks=8", `finish_reasons="[tool_calls stop]"`,
			"cached_tokens=8 reasoning_tokens=4 cost_usd=0.0000096", "stopped=true", "event=custom event_name=stock",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %s in\n%s", want, b.String())
			}
		}
	}
}

// TestLogLevel: at the usual level only ends are logged, and starts cost nothing.
func TestLogLevel(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(slog.NewTextHandler(&b, nil))
	chain(t.Context(), "x", func(context.Context) error { return errors.New("no water") }, callback.Log(l))
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

// TestMemorySize: of a memory that does not tell its size, or part of it, no
// figure is made up, and how many messages were saved or loaded is in the file.
func TestMemorySize(t *testing.T) {
	for _, tc := range []struct {
		name        string
		after       callback.MemoryChange
		shown, file string
	}{
		{"both", callback.MemoryChange{Messages: 2, Tokens: 9}, ": 0s, 2 messages, 9 tokens", `"messages":2,"tokens":9}`},
		{"messages", callback.MemoryChange{Messages: 1, Tokens: -1, Records: 1}, ": 0s, 1 message", `"messages":1,"tokens":-1,"records":1}`},
		{"tokens", callback.MemoryChange{Messages: -1, Tokens: 1}, ": 0s, 1 token", `"messages":-1,"tokens":1}`},
		{"nothing", callback.MemoryChange{Messages: -1, Tokens: -1, Records: 3}, ": 0s", `"messages":-1,"tokens":-1,"records":3}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			var shown, file bytes.Buffer
			ctx := callback.WithHandlers(t.Context(), callback.Print(&shown), callback.NewFileWriter(&file, callback.FileOptions{Content: true}))
			callback.Do(ctx, &callback.Info{Kind: callback.KindMemory, Name: "redis", Input: &callback.MemoryChange{Operation: "load"}}, nil,
				func(context.Context) (*callback.MemoryChange, error) { return &tc.after, nil })
			if got := shown.String(); !strings.HasSuffix(got, " memory redis"+tc.shown+"\n") {
				t.Errorf("%s: printed\n%s", tc.name, got)
			}
			if got := file.String(); !strings.Contains(got, tc.file) {
				t.Errorf("%s: written\n%s", tc.name, got)
			}
		})
	}
}
