package tracing_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
)

// A censor is a handler around a Tracer that leaves out some of the chunks, and
// ends the span when it sees the last word.
type censor struct {
	*tracing.Tracer
	hides string
	last  string
}

func (h *censor) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	ctx, run := h.Tracer.Start(ctx, info)
	return ctx, &censored{Run: run, by: h}
}

type censored struct {
	callback.Run
	by    *censor
	ended bool
}

func (r *censored) Token(c llm.Chunk) {
	if run, ok := r.Run.(callback.TokenRun); ok && !strings.Contains(r.by.hides, c.Text) {
		run.Token(c)
	}
	if r.by.last == c.Text {
		r.ended = true
		r.Run.End(new(callback.Result))
	}
}

func (r *censored) End(res *callback.Result) {
	if !r.ended {
		r.Run.End(res)
	}
}

// said returns the texts of the span's token events, in their order.
func said(r *recording) (all []string) {
	for _, e := range r.spans()[0].Events() {
		text := "-"
		for _, a := range e.Attributes {
			if a.Key == "callspan.token.text" {
				text = a.Value.AsString()
			}
		}
		all = append(all, text)
	}
	return all
}

// TestChunksLeftOut: where a handler around the tracer leaves chunks out, the
// span has their times, and each text at its own.
func TestChunksLeftOut(t *testing.T) {
	for hides, want := range map[string]string{
		"":         "[a b c d]",
		"a":        "[- b c d]",
		"b c":      "[a - - d]",
		"d":        "[a b c -]",
		"a b c d":  "[- - - -]",
		"a c":      "[- b - d]",
		"anything": "[- b c d]",
	} {
		r := record(tracing.WithContent(tracing.ContentBoth))
		chunks := []llm.Chunk{{Text: "a"}, {Text: "b"}, {Text: "c"}, {Text: "d"}, done}
		before := callback.Panics()
		collect(callback.WithHandlers(t.Context(), &censor{Tracer: r.tracer, hides: hides}), scripted{chunks: chunks}, ask("roses"))
		if got := fmt.Sprint(said(r)); got != want || callback.Panics() != before {
			t.Errorf("without %q: %s, want %s; %d panics", hides, got, want, callback.Panics()-before)
		}
	}
}

// TestEndedEarly: a run that goes on after a handler around the tracer has ended
// its span leaves no traces on the spans of others.
func TestEndedEarly(t *testing.T) {
	for range 50 {
		early := record(tracing.WithContent(tracing.ContentBoth))
		_, run := callback.Start(t.Context(), &callback.Info{Kind: callback.KindLLM, Input: ask("roses")}, &censor{Tracer: early.tracer, last: "b"})
		run.Token(llm.Chunk{Text: "a"})
		run.Token(llm.Chunk{Text: "b"})
		r := record(tracing.WithContent(tracing.ContentBoth))
		_, other := callback.Start(t.Context(), &callback.Info{Kind: callback.KindLLM, Input: ask("lilies")}, r.tracer)
		other.Token(llm.Chunk{Text: "x"})
		run.Token(llm.Chunk{Text: "c"})
		other.Token(llm.Chunk{Text: "y"})
		run.End(nil)
		other.End(&callback.Result{})
		if got := fmt.Sprint(said(early), said(r)); got != "[a b] [x y]" {
			t.Fatal(got)
		}
	}
}

// TestShutdownConcurrentSafe: a shutdown may come while runs start, hear tokens
// and end.
func TestShutdownConcurrentSafe(t *testing.T) {
	for _, content := range []tracing.Content{tracing.ContentOff, tracing.ContentBoth} {
		for range 20 {
			r := record(tracing.WithContent(content))
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 5 {
						_, run := callback.Start(context.Background(), &callback.Info{Kind: callback.KindLLM, Input: ask("roses")}, r.tracer)
						for range 3 {
							run.Token(llm.Chunk{Text: "a"})
						}
						run.End(nil)
					}
				})
			}
			wg.Go(func() { r.tracer.Shutdown(t.Context()) })
			wg.Wait()
			for _, s := range r.spans() {
				if n := len(s.Events()); n > 4 {
					t.Fatalf("%d events", n)
				}
			}
		}
	}
}
