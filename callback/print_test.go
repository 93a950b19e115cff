package callback_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/callback"
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
<id> tool stock
<id> tool stock: 0s
<id> model gpt-4o-mini
<id> answer: pink ␛[31mroses
<id> model gpt-4o-mini: 0s, first token 0s, 20 tokens in, 2 out, $0.0000042
<id> model gpt-4o-mini
<id> llm gpt-4o-mini failed after 0s: 404: no such model
<id> chain shop failed after 0s: 404: no such model
`
		if got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	})
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

// TestLogLevel: at the usual level only ends are logged, and starts cost nothing.
func TestLogLevel(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(slog.NewTextHandler(&b, nil))
	chain(t.Context(), "x", func(context.Context) error { return errors.New("no water") }, callback.Log(l))
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}
