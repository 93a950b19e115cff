package chain_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
	"github.com/callspan/callspan/memory"
)

// TestNegative: a number that says how much, where it is below zero, is an error
// that names the field and the value, before anything is done. No field of that
// sort is left out here.
func TestNegative(t *testing.T) {
	step := upper("up")
	model := plays("gpt")
	noTool := func(o tool.Options) error {
		_, err := tool.New("stock", "", func(context.Context, int) (int, error) { return 0, nil }, o)
		return err
	}
	limited := func(l callback.Limit) error {
		ctx, _ := callback.WithBudget(t.Context(), l)
		_, err := llm.Collect(callback.Model(model).Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("Roses?")}}))
		return err
	}
	searched := func(o retrieval.Options) error {
		s := &retrieval.Store{Options: o}
		_, err := s.Retrieve(t.Context(), "roses")
		k := &retrieval.Keywords{}
		if _, also := k.With(o).Retrieve(t.Context(), "roses"); also == nil || strings.Replace(also.Error(), "keywords", "store", 1) != err.Error() {
			t.Errorf("keywords: %v; a store: %v", also, err)
		}
		return err
	}
	retries := func(r *chain.Retry[string, string]) error { _, err := r.Run(t.Context(), "x"); return err }
	retriesModel := func(r *chain.RetryModel) error {
		_, err := llm.Collect(r.Chat(t.Context(), &llm.Request{Messages: []llm.Message{llm.User("Roses?")}}))
		return err
	}
	tested := map[string]bool{
		// What is less than nothing is nothing to these, since they have no error to
		// return, and a score may be negative.
		"retrieval.Splitter.Size": true, "retrieval.Splitter.Overlap": true, "retrieval.Options.MinScore": true,
	}
	for _, tc := range []struct {
		field string
		err   error
		want  string
	}{
		{"chain.Batch.Limit", second((&chain.Batch[string, string]{Step: step, Limit: -1}).Run(t.Context(), []string{"x"})), "batch has a negative Limit, -1"},
		{"chain.Parallel.Limit", second((&chain.Parallel[string, string]{Name: "all", Steps: []stringRunner{step}, Limit: -2}).Run(t.Context(), "x")), `parallel "all" has a negative Limit, -2`},
		{"chain.Retry.Attempts", retries(&chain.Retry[string, string]{Step: step, Attempts: -1}), "retry has negative Attempts, -1"},
		{"chain.Retry.Wait", retries(&chain.Retry[string, string]{Step: step, Wait: -1}), "retry has a negative Wait, -1ns"},
		{"chain.Retry.MaxWait", retries(&chain.Retry[string, string]{Step: step, MaxWait: -1}), "retry has a negative MaxWait, -1ns"},
		{"chain.RetryModel.Attempts", retriesModel(&chain.RetryModel{Model: model, Attempts: -1}), "retry has negative Attempts, -1"},
		{"chain.RetryModel.Wait", retriesModel(&chain.RetryModel{Model: model, Wait: -1}), "retry has a negative Wait, -1ns"},
		{"chain.RetryModel.MaxWait", retriesModel(&chain.RetryModel{Model: model, MaxWait: -1}), "retry has a negative MaxWait, -1ns"},
		{"agent.Agent.MaxSteps", second((&agent.Agent{Model: model, MaxSteps: -1}).Run(t.Context(), "x")), `agent "agent": it has a negative MaxSteps, -1`},
		{"tool.Options.MaxResult", noTool(tool.Options{MaxResult: -1}), `make tool "stock": it has a negative MaxResult, -1`},
		{"retrieval.Store.Batch", (&retrieval.Store{Batch: -1}).Add(t.Context(), llm.Document{Text: "roses"}), `add to "store": it has a negative Batch, -1`},
		{"retrieval.Options.Limit", searched(retrieval.Options{Limit: -1}), `retrieve from "store": it has a negative Limit, -1`},
		{"retrieval.Options.Diversity", searched(retrieval.Options{Diversity: -0.5}), `retrieve from "store": it has a negative Diversity, -0.5`},
		{"retrieval.Options.Diversity, too much", searched(retrieval.Options{Diversity: 1.5}), `retrieve from "store": it has a Diversity of 1.5, which goes up to 1`},
		{"retrieval.Options.Diversity, no number", searched(retrieval.Options{Diversity: math.NaN()}), `retrieve from "store": it has a Diversity of NaN, which goes up to 1`},
		{"retrieval.Options.MinScore, no number", searched(retrieval.Options{MinScore: math.NaN()}), `retrieve from "store": its MinScore is no number`},
		{"callback.Limit.Tokens", limited(callback.Limit{Tokens: -1}), "budget refuses every call: its Limit has negative Tokens, -1"},
		{"callback.Limit.Calls", limited(callback.Limit{Calls: -1}), "budget refuses every call: its Limit has negative Calls, -1"},
		{"callback.Limit.Cost", limited(callback.Limit{Cost: -1e12}), "budget refuses every call: its Limit has a negative Cost, -$1.00"},
		{"callback.AsyncOptions.Size", reported(t, func() {
			callback.NewAsync(&tree{}, callback.AsyncOptions{Size: -1}).Close(t.Context())
		}), `level=ERROR msg="callback: async handler has a negative Size; it holds as many calls as with 0" size=-1`},
		{"prompt.List.MaxTokens", listed(prompt.List[string]{Template: prompt.Must(prompt.New[string]("{x}", prompt.Named("x"))), MaxTokens: -1}),
			`prompt "all": variable all is a List with negative MaxTokens, -1`},
		{"memory.Window.Turns", remembered(t, &memory.Window{Turns: -1}), "window memory has negative Turns, -1"},
		{"memory.TokenWindow.MaxTokens", remembered(t, &memory.TokenWindow{MaxTokens: -2}), "token_window memory has negative MaxTokens, -2"},
		{"memory.Summary.MaxTokens", remembered(t, &memory.Summary{Model: model, MaxTokens: -1}), "summary memory has negative MaxTokens, -1"},
		{"memory.SummaryBuffer.MaxTokens", remembered(t, &memory.SummaryBuffer{Model: model, MaxTokens: -1}), "summary_buffer memory has negative MaxTokens, -1"},
		{"memory.SummaryBuffer.SummaryTokens", remembered(t, &memory.SummaryBuffer{Model: model, SummaryTokens: -3}), "summary_buffer memory has negative SummaryTokens, -3"},
	} {
		t.Run(tc.field, func(t *testing.T) {
			if fmt.Sprint(tc.err) != tc.want {
				t.Errorf("got  %v\nwant %s", tc.err, tc.want)
			}
			tested[tc.field] = true
		})
	}
	for _, v := range []any{chain.Batch[string, string]{}, chain.Branch[string, string]{}, chain.Conversation{}, chain.Fallback[string, string]{}, chain.FallbackModel{}, chain.LLM[string]{},
		chain.Parallel[string, string]{}, chain.Retry[string, string]{}, chain.RetryModel{}, chain.Router[string, string]{}, chain.Sequence[string, string]{}, chain.Step[string, string]{},
		chain.Structured[string, string]{}, agent.Agent{}, tool.Options{}, retrieval.Store{}, retrieval.Keywords{}, retrieval.Options{}, retrieval.Splitter{},
		callback.Limit{}, callback.AsyncOptions{}, callback.FileOptions{}, callback.EventFilter{}, prompt.List[string]{},
		&memory.Buffer{}, &memory.Window{}, &memory.TokenWindow{}, &memory.Summary{}, &memory.SummaryBuffer{}} {
		typ := reflect.Indirect(reflect.ValueOf(v)).Type()
		name, _, _ := strings.Cut(typ.String(), "[")
		for f := range typ.Fields() {
			if k := f.Type.Kind(); f.IsExported() && (k >= reflect.Int && k <= reflect.Int64 || k == reflect.Float64) && !tested[name+"."+f.Name] {
				t.Errorf("%s.%s is not tested", name, f.Name)
			}
		}
	}
	if len(model.requests) > 0 {
		t.Errorf("the model was asked %d times", len(model.requests))
	}
}

// remembered uses m in every way, and holds that it keeps nothing.
func remembered(t *testing.T, m memory.Memory) error {
	t.Helper()
	saved := m.Save(t.Context(), llm.User("Roses?"), llm.Assistant("Yes."))
	_, loaded := m.Load(t.Context(), llm.User("Pink?"))
	if n, _ := m.(memory.Sizer).Size(); n != 0 || fmt.Sprint(loaded) != fmt.Sprint(saved) {
		t.Errorf("%d messages, load: %v, save: %v", n, loaded, saved)
	}
	if err := m.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	return saved
}

func second[T any](_ T, err error) error { return err }

func listed(l prompt.List[string]) error {
	p, err := prompt.New[prompt.List[string]]("{all}", prompt.Named("all"))
	if err != nil {
		return err
	}
	_, err = p.Messages(l)
	return err
}

// reported returns what do says through slog.
func reported(t *testing.T, do func()) error {
	t.Helper()
	var said bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	defer slog.SetDefault(before)
	do()
	return fmt.Errorf("%s", strings.TrimSpace(said.String()))
}
