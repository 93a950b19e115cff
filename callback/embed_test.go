package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// embeds is an embedder that gives each input a vector of its length, or fails
// after some.
type embeds struct {
	usage *llm.Usage
	err   error
	after int // vectors before err
	do    func(context.Context)
}

func (e embeds) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "text-embedding-3-small"}
}

func (e embeds) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if e.do != nil {
		e.do(ctx)
	}
	resp := &llm.EmbedResponse{Meta: llm.Meta{Model: "text-embedding-3-small"}, Usage: e.usage}
	for i, s := range req.Inputs {
		if e.err != nil && i == e.after {
			break
		}
		resp.Vectors = append(resp.Vectors, []float32{float32(len(s)), 1})
	}
	if e.err != nil && e.after == 0 {
		return nil, e.err
	}
	return resp, e.err
}

// embedMetered is an embedder with a meter that counts a token for each input.
type embedMetered struct {
	embeds
	metered
}

func (e embedMetered) Endpoint() llm.Endpoint { return e.embeds.Endpoint() }
func (e embedMetered) Meter() llm.Meter       { return e }
func (embedMetered) EstimateEmbed(req *llm.EmbedRequest) (llm.Usage, bool) {
	return llm.Usage{Input: len(req.Inputs)}, true
}

var texts = &llm.EmbedRequest{Inputs: []string{"rose", "tulip", "oak"}}

func ExampleEmbedder() {
	ctx, count := callback.WithCount(context.Background())
	e := callback.Embedder(embeds{usage: &llm.Usage{Input: 1000}})
	resp, err := e.Embed(ctx, &llm.EmbedRequest{Inputs: []string{"rose", "tulip"}})
	fmt.Println(resp.Vectors, err)
	fmt.Println(count.Total().Usage.Input, "tokens,", count.Total().Cost.Human())
	// Output:
	// [[4 1] [5 1]] <nil>
	// 1000 tokens, $0.00002
}

// TestEmbedEndings: what an embedding call comes to, and what it says of usage
// and cost.
func TestEmbedEndings(t *testing.T) {
	lost := errors.New("connection lost")
	reported := &llm.Usage{Input: 9}
	for _, tc := range []struct {
		name    string
		e       llm.Embedder
		vectors int // that the caller gets; -1 for no response
		err     error
		errType string
		usage   *llm.Usage
		source  llm.UsageSource
	}{
		{"reported", embeds{usage: reported}, 3, nil, "", reported, llm.UsageReported},
		{"reported although there is a meter", embedMetered{embeds: embeds{usage: reported}}, 3, nil, "", reported, llm.UsageReported},
		{"counted", embedMetered{}, 3, nil, "", &llm.Usage{Input: 3}, llm.UsageEstimated},
		{"no meter", embeds{}, 3, nil, "", nil, ""},
		{"failed", embedMetered{embeds: embeds{err: lost}}, -1, lost, "_OTHER", nil, ""},
		{"failed after two, counted", embedMetered{embeds: embeds{err: lost, after: 2}}, 2, lost, "_OTHER", &llm.Usage{Input: 2}, llm.UsageEstimated},
		{"failed after two, reported", embeds{err: lost, after: 2, usage: reported}, 2, lost, "_OTHER", reported, llm.UsageReported},
		{"refused by the API", embeds{err: &llm.Error{Code: "model_not_found", Status: 404}}, -1, &llm.Error{}, "model_not_found", nil, ""},
		{"nil embedder", nil, -1, errors.New("embedder is nil"), "invalid_request", nil, ""},
		{"typed nil", llm.EmbedderFunc(nil), -1, errors.New("embedder is nil"), "invalid_request", nil, ""},
		{"neither answer nor error", llm.EmbedderFunc(func(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) { return nil, nil }),
			-1, nil, "empty_response", nil, ""},
		{"no vectors", llm.EmbedderFunc(func(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) {
			return &llm.EmbedResponse{}, nil
		}), 0, nil, "empty_response", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			ctx, count := callback.WithCount(t.Context())
			resp, err := callback.Embedder(tc.e, rec).Embed(ctx, texts)
			if (err == nil) != (tc.err == nil) || tc.err == lost && err != lost || tc.e == nil && err.Error() != tc.err.Error() {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if got := vectors(resp); got != tc.vectors {
				t.Errorf("%d vectors, want %d", got, tc.vectors)
			}
			res, n := rec.last(t)
			if n != 1 || callback.ErrorType(res.Err) != tc.errType {
				t.Errorf("%d ends, the last with %q (%v), want %q", n, callback.ErrorType(res.Err), res.Err, tc.errType)
			}
			if !reflect.DeepEqual(res.Usage, tc.usage) || res.UsageSource != tc.source {
				t.Errorf("usage %+v from %q, want %+v from %q", res.Usage, res.UsageSource, tc.usage, tc.source)
			}
			if tc.usage != nil && (!res.Priced || res.Cost.String() != fmt.Sprintf("0.%08d", 2*tc.usage.Input)) {
				t.Errorf("cost %v, priced %v", res.Cost, res.Priced)
			}
			if got := count.Total(); got.Calls != 1 || tc.usage != nil && got.Usage != *tc.usage || got.Open != 0 {
				t.Errorf("count %+v", got)
			}
			if out, ok := res.Output.(*llm.EmbedResponse); tc.vectors > 0 && (!ok || len(out.Vectors) != tc.vectors) {
				t.Errorf("output %+v", res.Output)
			} else if tc.vectors <= 0 && res.Output != nil {
				t.Errorf("output %#v, want none", res.Output)
			}
		})
	}
}

func vectors(r *llm.EmbedResponse) int {
	if r == nil {
		return -1
	}
	return len(r.Vectors)
}

// TestEmbedContext: the run says how the context ended, also where the library
// returns the cause alone; a panic and an exit end the run and go on.
func TestEmbedContext(t *testing.T) {
	cause := errors.New("the shop closes")
	ctx, cancel := context.WithCancelCause(t.Context())
	rec := &recorder{}
	stopped := embeds{do: func(context.Context) { cancel(cause) }, err: cause}
	if _, err := callback.Embedder(stopped, rec).Embed(ctx, texts); err != cause {
		t.Errorf("error %v, want the cause", err)
	}
	if res, _ := rec.last(t); callback.ErrorType(res.Err) != "canceled" || !errors.Is(res.Err, cause) {
		t.Errorf("run says %v", res.Err)
	}
	func() {
		defer func() {
			if p := recover(); p != "thorn" {
				t.Errorf("recovered %v", p)
			}
		}()
		callback.Embedder(embeds{do: func(context.Context) { panic("thorn") }}, rec).Embed(t.Context(), texts)
	}()
	if res, n := rec.last(t); n != 2 || callback.ErrorType(res.Err) != "panic" {
		t.Errorf("%d ends, the last with %v", n, res.Err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		callback.Embedder(embeds{do: func(context.Context) { runtime.Goexit() }}, rec).Embed(t.Context(), texts)
	}()
	<-done
	if res, n := rec.last(t); n != 3 || callback.ErrorType(res.Err) != "goexit" {
		t.Errorf("%d ends, the last with %v", n, res.Err)
	}
}

// TestEmbedderIsAnnouncedOnce: announcing an announced embedder adds handlers
// and no run; what handlers keep is not the caller's.
func TestEmbedderIsAnnouncedOnce(t *testing.T) {
	a, b := &recorder{}, &recorder{}
	e := callback.Embedder(callback.Embedder(callback.Embedder(embeds{usage: &llm.Usage{Input: 9}}, a)), b)
	req := &llm.EmbedRequest{Model: "text-embedding-3-large", Inputs: texts.Inputs}
	resp, err := e.Embed(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Vectors[0], resp.Usage.Input = nil, 0
	for _, rec := range []*recorder{a, b} {
		res, n := rec.last(t)
		if out := res.Output.(*llm.EmbedResponse); n != 1 || len(out.Vectors[0]) != 2 || res.Usage.Input != 9 {
			t.Errorf("%d ends with %+v, usage %+v", n, out, res.Usage)
		}
		info := rec.info[0]
		if info.Kind != callback.KindEmbedding || info.Name != "text-embedding-3-large" || info.Input != any(req) || info.Endpoint.Provider != "openai" {
			t.Errorf("info %+v", info)
		}
	}
}

// TestEmbedMeterPanics: a faulty meter costs the estimate alone.
func TestEmbedMeterPanics(t *testing.T) {
	rec := &recorder{}
	if resp, err := callback.Embedder(badEmbedMeter{}, rec).Embed(t.Context(), texts); err != nil || len(resp.Vectors) != 3 {
		t.Errorf("got %+v, %v", resp, err)
	}
	if res, n := rec.last(t); n != 1 || res.Err != nil || res.Usage != nil {
		t.Errorf("%d ends, %v, usage %+v", n, res.Err, res.Usage)
	}
}

type badEmbedMeter struct{ embeds }

func (b badEmbedMeter) Meter() llm.Meter                                     { return b }
func (badEmbedMeter) Estimate(*llm.Request, *llm.Response) (llm.Usage, bool) { panic("faulty") }
func (badEmbedMeter) Split(*llm.Request) (llm.Makeup, bool)                  { panic("faulty") }
func (badEmbedMeter) EstimateEmbed(*llm.EmbedRequest) (llm.Usage, bool)      { panic("faulty") }

// TestEmbedAllocations: nobody listens, nothing is allocated.
func TestEmbedAllocations(t *testing.T) {
	resp := &llm.EmbedResponse{Vectors: [][]float32{{1}}}
	e := callback.Embedder(llm.EmbedderFunc(func(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) { return resp, nil }))
	ctx := t.Context()
	if got := testing.AllocsPerRun(100, func() { e.Embed(ctx, texts) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
	seen := callback.WithHandlers(ctx, blind{})
	if got := testing.AllocsPerRun(100, func() { e.Embed(seen, texts) }); got > 12 {
		t.Errorf("%v allocations with a handler, want at most 12", got)
	}
}

// TestModelThatEmbeds: a model that embeds its prompt, or has it checked, before
// it calls a provider has used what the provider reports, for the counter, its
// own result and the budget alike.
func TestModelThatEmbeds(t *testing.T) {
	embedder := callback.Embedder(llm.EmbedderFunc(func(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) {
		return &llm.EmbedResponse{Vectors: [][]float32{{1}}, Usage: &llm.Usage{Input: 5}}, nil
	}))
	m := callback.Model(llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			embedder.Embed(ctx, &llm.EmbedRequest{Inputs: []string{"roses"}})
			yield(llm.Chunk{Text: "pink", Finish: "stop", Usage: &llm.Usage{Input: 100, Output: 10}}, nil)
		}
	}))
	rec := &recorder{}
	ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), rec))
	ctx, budget := callback.WithBudget(ctx, callback.Limit{Tokens: 1000})
	if _, err := llm.Collect(m.Chat(ctx, question)); err != nil {
		t.Fatal(err)
	}
	res, _ := rec.last(t)
	if res.Usage == nil || res.Usage.Total() != 110 {
		t.Errorf("the model's run used %v", res.Usage)
	}
	if got := count.Total(); got.Usage.Total() != 115 || got.Calls != 2 || got != res.Total {
		t.Errorf("counted %+v, of the run %+v", got, res.Total)
	}
	if got := budget.Spent(); got.Tokens != 115 || got.Calls != 2 {
		t.Errorf("spent %+v", got)
	}
}
