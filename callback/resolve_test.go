package callback_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// counts is a model that says one chunk, with the meter of metered.
type counts struct {
	metered
	chunk llm.Chunk
}

func (m counts) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) { yield(m.chunk, nil) }
}

// lost is a model whose meter cannot tell.
type lost struct{ counts }

func (lost) Meter() llm.Meter { return lost{} }
func (lost) Estimate(*llm.Request, *llm.Response) (u llm.Usage, ok bool) {
	return u, false
}
func (lost) Split(*llm.Request) (m llm.Makeup, ok bool) { return m, false }

// TestUsageInPart: the meter counts what the provider leaves out, and nothing is
// counted that nobody has seen.
func TestUsageInPart(t *testing.T) {
	text := func(u llm.Usage) llm.Chunk { return llm.Chunk{Text: "ab", Finish: "stop", Usage: &u} }
	for _, tc := range []struct {
		name            string
		chunk           llm.Chunk
		metered, unsure string // with the meter, and with one that cannot tell
		bare            string // without one
	}{
		{"all", text(llm.Usage{Input: 20, Output: 5}), "20/5 reported 20", "20/5 reported 0", "20/5 reported 0"},
		{"no prompt", text(llm.Usage{Output: 5}), "9/5 estimated 9", "none", "0/5 reported 0"},
		{"no answer", text(llm.Usage{Input: 20}), "20/2 estimated 20", "none", "20/0 reported 0"},
		{"neither", text(llm.Usage{}), "9/2 estimated 9", "none", "0/0 reported 0"},
		{"parts beyond our count", text(llm.Usage{CacheRead: 8, CacheWrite: 4, Reasoning: 6}), "12/6 estimated 12", "none", "0/0 reported 0"},
		{"no answer, and none came", llm.Chunk{Finish: "content_filter", Usage: &llm.Usage{Input: 20}}, "20/0 reported 20", "20/0 reported 0", "20/0 reported 0"},
		{"nothing reported", llm.Chunk{Text: "ab", Finish: "stop"}, "9/2 estimated 9", "none", "none"},
		{"nothing reported, nothing to count", llm.Chunk{Finish: "stop"}, "none", "none", "none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := counts{chunk: tc.chunk}
			for i, want := range []string{tc.metered, tc.unsure, tc.bare} {
				if got := usageOf(t, []llm.Model{m, lost{m}, llm.ModelFunc(m.Chat)}[i]); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
}

func usageOf(t *testing.T, m llm.Model) string {
	rec := &recorder{}
	ctx, count := callback.WithCount(t.Context())
	resp, _ := llm.Collect(callback.Model(m, rec).Chat(ctx, question))
	res, _ := rec.last(t)
	if res.Usage == nil {
		return "none"
	}
	if resp.Usage != nil && res.UsageSource == llm.UsageEstimated && *resp.Usage == *res.Usage {
		t.Error("what the caller has was changed")
	}
	if (count.Total().Estimated == 1) != (res.UsageSource == llm.UsageEstimated) {
		t.Errorf("%s, but %d estimated", res.UsageSource, count.Total().Estimated)
	}
	return fmt.Sprintf("%d/%d %s %d", res.Usage.Input, res.Usage.Output, res.UsageSource, res.Makeup.Total())
}
