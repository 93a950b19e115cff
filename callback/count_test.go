package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestCount: counters nest, and count failed and stopped calls too.
func TestCount(t *testing.T) {
	ctx, outer := callback.WithCount(t.Context())
	ok := callback.Model(says{texts: []string{"pink"}, usage: &llm.Usage{Input: 1_000_000, Output: 100_000, CacheRead: 400_000}})
	llm.Collect(ok.Chat(ctx, question))
	inCtx, inner := callback.WithCount(ctx)
	llm.Collect(ok.Chat(inCtx, question))
	llm.Collect(callback.Model(says{err: errors.New("lost")}).Chat(inCtx, question))

	in, out := inner.Total(), outer.Total()
	if in.Calls != 2 || in.Failed != 1 || out.Calls != 3 || out.Failed != 1 {
		t.Errorf("inner %+v\nouter %+v", in, out)
	}
	// gpt-4o-mini: 0.15, 0.075 cached, 0.60 USD per million.
	if got := in.Cost.USD(); got != 0.6*0.15+0.4*0.075+0.1*0.60 {
		t.Errorf("inner cost %v", got)
	}
	if out.Cost != in.Cost*2 || out.Usage.CacheRead != 800_000 {
		t.Errorf("outer %+v", out)
	}
	models := outer.Models()
	if m := models[callback.ModelName{Provider: "openai", Model: "gpt-4o-mini"}]; len(models) != 1 || m.Calls != 3 {
		t.Errorf("models %+v", models)
	}
}

// TestNestedModel: a model that is made of models uses nothing itself.
func TestNestedModel(t *testing.T) {
	rec := &recorder{}
	leaf := callback.Model(says{texts: []string{"pink"}, usage: &llm.Usage{Input: 10, Output: 5}})
	router := callback.Model(llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return leaf.Chat(ctx, req)
	}), rec)
	ctx, count := callback.WithCount(t.Context())
	llm.Collect(router.Chat(ctx, question))
	if got := count.Total(); got.Usage.Total() != 15 || got.Calls != 1 {
		t.Errorf("counted %+v", got)
	}
	if res, _ := rec.last(t); res.Usage != nil || res.Priced || res.Total.Usage.Total() != 15 {
		t.Errorf("router says usage %v, total %+v", res.Usage, res.Total)
	}
}

// TestOpen: a run that outlives its parent is counted by the ancestors when it
// ends, and until then they say that something is open.
func TestOpen(t *testing.T) {
	rec := &recorder{}
	ctx, count := callback.WithCount(t.Context())
	proceed, done := make(chan struct{}), make(chan struct{})
	chain(ctx, "parent", func(ctx context.Context) error {
		started := make(chan struct{})
		go func() {
			defer close(done)
			for range callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 7}}).Chat(ctx, question) {
				select {
				case <-started:
				default:
					close(started)
					<-proceed
				}
			}
		}()
		<-started
		return nil
	}, rec)
	if res, _ := rec.last(t); res.Total.Open != 1 || res.Total.Calls != 0 {
		t.Errorf("parent ended with %+v", res.Total)
	}
	close(proceed)
	<-done
	if got := count.Total(); got.Open != 0 || got.Usage.Input != 7 {
		t.Errorf("count %+v", got)
	}
}

// TestEstimate: without a usage from the provider the meter counts; a call that
// failed before anything came back is not billed.
func TestEstimate(t *testing.T) {
	for _, tc := range []struct {
		name  string
		model says
		want  *llm.Usage
		total int
	}{
		{"reported", says{texts: []string{"a", "b"}, usage: &llm.Usage{Input: 20, Output: 2}}, &llm.Usage{Input: 20, Output: 2}, 20},
		{"absent", says{texts: []string{"a", "b"}}, &llm.Usage{Input: 9, Output: 2}, 9},
		{"cut after two", says{texts: []string{"a", "b"}, err: llm.ErrTruncated}, &llm.Usage{Input: 9, Output: 2}, 9},
		{"refused", says{err: &llm.Error{Status: 401}}, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			ctx, count := callback.WithCount(t.Context())
			llm.Collect(callback.Model(metered{tc.model}, rec).Chat(ctx, question))
			res, _ := rec.last(t)
			if (res.Usage == nil) != (tc.want == nil) || tc.want != nil && *res.Usage != *tc.want {
				t.Errorf("usage %+v, want %+v", res.Usage, tc.want)
			}
			estimated := 0
			if tc.model.usage == nil && tc.want != nil {
				estimated = 1
			}
			if got := count.Total(); got.Estimated != estimated || (res.UsageSource == llm.UsageEstimated) != (estimated == 1) {
				t.Errorf("estimated %d, source %q", got.Estimated, res.UsageSource)
			}
			if got := res.Makeup.Total(); got != tc.total {
				t.Errorf("make-up %v adds up to %d, want %d", res.Makeup, got, tc.total)
			}
		})
	}
}

// metered is a model with a meter that knows an input of 6 and an overhead of 3.
type metered struct{ says }

func (metered) Meter() llm.Meter { return metered{} }
func (metered) Estimate(_ *llm.Request, resp *llm.Response) (llm.Usage, bool) {
	return llm.Usage{Input: 9, Output: len(resp.Text())}, true
}
func (metered) Split(*llm.Request) (m llm.Makeup, ok bool) {
	m[llm.SourceInput], m[llm.SourceOverhead] = 6, 3
	return m, true
}

func TestUnpriced(t *testing.T) {
	rec := &recorder{}
	m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return says{texts: []string{"a"}, usage: &llm.Usage{Input: 3}}.Chat(context.Background(), question)
	})
	ctx, count := callback.WithCount(t.Context())
	llm.Collect(callback.Model(m, rec).Chat(ctx, &llm.Request{Model: "home-grown", Messages: question.Messages}))
	if res, _ := rec.last(t); res.Priced || res.Cost != 0 || count.Total().Unpriced != 1 {
		t.Errorf("priced %v at %v, %d unpriced", res.Priced, res.Cost, count.Total().Unpriced)
	}
}

// TestProviderCost: what the provider says it cost is what it cost.
func TestProviderCost(t *testing.T) {
	rec := &recorder{}
	m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			yield(llm.Chunk{Text: "a", Finish: "stop", Usage: &llm.Usage{Input: 3}, Meta: &llm.Meta{Cost: "0.0125"}}, nil)
		}
	})
	drain(t, nil, callback.Model(m, rec).Chat(t.Context(), question))
	if res, _ := rec.last(t); !res.CostReported || res.Cost.USD() != 0.0125 {
		t.Errorf("cost %v, reported %v", res.Cost, res.CostReported)
	}
}

// TestTotalsAgree (invariant 2): over random trees of steps and models, some of
// them failing, stopped or concurrent, the leaves add up to the root and to the
// counter, and every run ends once.
func TestTotalsAgree(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		rec := &recorder{}
		ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), rec))
		var want atomic.Int64
		var calls atomic.Int64
		chain(ctx, "root", func(ctx context.Context) error {
			grow(ctx, rng, 4, &want, &calls)
			return nil
		})
		root, ends := rec.last(t)
		if got := int64(root.Total.Usage.Total()); got != want.Load() || int64(root.Total.Calls) != calls.Load() {
			t.Fatalf("seed %d: root has %d tokens in %d calls, want %d in %d", seed, got, root.Total.Calls, want.Load(), calls.Load())
		}
		if got := count.Total(); got.Usage != root.Total.Usage || got.Cost != root.Total.Cost || got.Open != 0 || got.Failed != root.Total.Failed {
			t.Fatalf("seed %d: count %+v, root %+v", seed, got, root.Total)
		}
		if ends != len(rec.info) {
			t.Fatalf("seed %d: %d starts, %d ends", seed, len(rec.info), ends)
		}
	}
}

// grow runs a random tree below ctx.
func grow(ctx context.Context, rng *rand.Rand, depth int, want, calls *atomic.Int64) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range rng.IntN(4) {
		sub := rand.New(rand.NewPCG(rng.Uint64(), 2))
		do := func() {
			if depth > 0 && sub.IntN(2) == 0 {
				ctx := ctx
				if sub.IntN(4) == 0 {
					ctx, _ = callback.WithCount(ctx)
				}
				defer func() { recover() }()
				chain(ctx, "step", func(ctx context.Context) error {
					grow(ctx, sub, depth-1, want, calls)
					if sub.IntN(5) == 0 {
						panic("step")
					}
					return nil
				})
				return
			}
			calls.Add(1)
			u := &llm.Usage{Input: sub.IntN(1000), Output: sub.IntN(100)}
			m := says{texts: []string{"a", "b"}, usage: u}
			switch sub.IntN(3) {
			case 0:
				m.err = errors.New("lost") // before the usage
			case 1:
				for range callback.Model(m).Chat(ctx, question) {
					return // before the usage
				}
			default:
				want.Add(int64(u.Total()))
			}
			llm.Collect(callback.Model(m).Chat(ctx, question))
		}
		if sub.IntN(2) == 0 {
			wg.Go(do)
		} else {
			do()
		}
	}
}

// TestCountConcurrentSafe (C30): many goroutines, one counter, an exact sum,
// and a sum of its own for each.
func TestCountConcurrentSafe(t *testing.T) {
	ctx, all := callback.WithCount(t.Context())
	m := callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 3, Output: 1}})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			ctx, own := callback.WithCount(ctx)
			for range i {
				llm.Collect(m.Chat(ctx, question))
			}
			if got := own.Total().Usage.Total(); got != 4*i {
				t.Errorf("goroutine %d counted %d tokens, want %d", i, got, 4*i)
			}
		})
	}
	wg.Wait()
	if got := all.Total(); got.Usage.Total() != 4*63*64/2 || got.Calls != 63*64/2 {
		t.Errorf("counted %+v", got)
	}
}

// TestCountString: the figures of get_openai_callback, and what they leave out.
func TestCountString(t *testing.T) {
	ctx, count := callback.WithCount(t.Context())
	wantCount(t, count, "Tokens Used: 0\n\tPrompt Tokens: 0\n\t\tPrompt Tokens Cached: 0\n\tCompletion Tokens: 0\n"+
		"\t\tReasoning Tokens: 0\nSuccessful Requests: 0\nFailed Requests: 0\nTotal Cost (USD): $0")
	llm.Collect(callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 1000, Output: 100, CacheRead: 400, Reasoning: 30}}).Chat(ctx, question))
	llm.Collect(callback.Model(says{err: errors.New("lost")}).Chat(ctx, question))
	llm.Collect(callback.Model(metered{says{texts: []string{"a"}}}).Chat(ctx, question))
	odd := &llm.Request{Model: "home-grown", Messages: question.Messages}
	llm.Collect(callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 7}}).Chat(ctx, odd))
	_, run := callback.Start(ctx, &callback.Info{})
	wantCount(t, count, `Tokens Used: 1117
	Prompt Tokens: 1016
		Prompt Tokens Cached: 400
	Completion Tokens: 101
		Reasoning Tokens: 30
Successful Requests: 3
Failed Requests: 1
Total Cost (USD): $0.000182 (1 counted here, 1 without a known price, 1 not ended)
openai/gpt-4o-mini: 3 calls (1 failed), 1009 tokens in (400 cached), 101 out (30 reasoning), $0.000182, 1 counted here
openai/home-grown: 1 call, 7 tokens in, 0 out, $0, 1 without a known price`)
	run.End(nil)
	if got := (callback.Total{Calls: 2, Failed: 2}).String(); got != "2 calls (2 failed)" {
		t.Errorf("total %s", got)
	}
	if got := (callback.Total{Calls: 2, Failed: 1, Refused: 3, Open: 1}).String(); got != "2 calls (1 failed), 3 refused, 1 not ended" {
		t.Errorf("total %s", got)
	}
	if got := (callback.ModelName{}).String(); got != "<unknown>" {
		t.Errorf("model %s", got)
	}
}

func wantCount(t *testing.T, c *callback.Count, want string) {
	t.Helper()
	if got := c.String(); got != want {
		t.Errorf("count prints\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkWithCount: what a counted call costs that 64 goroutines make at once.
// The sum is exact.
func BenchmarkWithCount(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", n), func(b *testing.B) {
			ctx, count := callback.WithCount(context.Background())
			m := callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 3, Output: 1}})
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() {
					ctx, own := callback.WithCount(ctx)
					calls := b.N / n
					if i == 0 {
						calls += b.N % n
					}
					for range calls {
						for range m.Chat(ctx, question) {
						}
					}
					if got := own.Total(); got.Calls != calls || got.Usage.Total() != 4*calls {
						b.Errorf("one of %d goroutines counted %v, want %d calls", n, got, calls)
					}
				})
			}
			wg.Wait()
			if got := count.Total(); got.Calls != b.N || got.Usage.Input != 3*b.N || got.Usage.Output != b.N || got.Open != 0 {
				b.Errorf("counted %v, want %d calls", got, b.N)
			}
		})
	}
}

// TestOpenStepBelowModel: a model that leaves a step open has used what it has
// used; only calls below it stand for it.
func TestOpenStepBelowModel(t *testing.T) {
	ctx, count := callback.WithCount(t.Context())
	proceed, done := make(chan struct{}), make(chan struct{})
	m := llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		started := make(chan struct{})
		go func() {
			defer close(done)
			chain(ctx, "background", func(context.Context) error { close(started); <-proceed; return nil })
		}()
		<-started
		return says{texts: []string{"a"}, usage: &llm.Usage{Input: 10, Output: 5}}.Chat(ctx, req)
	})
	llm.Collect(callback.Model(m).Chat(ctx, question))
	if got := count.Total(); got.Calls != 1 || got.Usage.Total() != 15 {
		t.Errorf("counted %+v", got)
	}
	close(proceed)
	<-done
}

// TestUsageIsCopied: what a consumer does to its chunk does not change the count.
func TestUsageIsCopied(t *testing.T) {
	ctx, count := callback.WithCount(t.Context())
	for c := range callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 10, Output: 5}}).Chat(ctx, question) {
		if c.Usage != nil {
			c.Usage.Input = 99999
		}
	}
	if got := count.Total().Usage.Input; got != 10 && got != 99999 {
		t.Errorf("counted %d", got)
	}
}

// TestEmitConcurrentSafe: parallel branches of a step may tell of events.
func TestEmitConcurrentSafe(t *testing.T) {
	rec := &recorder{}
	ctx := callback.WithHandlers(t.Context(), rec, &faulty{"Event"})
	chain(ctx, "step", func(ctx context.Context) error {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { callback.Emit(ctx, callback.Event{Kind: callback.EventCustom}) })
		}
		wg.Wait()
		return nil
	})
	if len(rec.log) != 18 {
		t.Errorf("told %d times", len(rec.log))
	}
}

// TestRefused: a call that a budget refuses is no call that failed, in whatever
// tells of totals.
func TestRefused(t *testing.T) {
	var file, printed, logged strings.Builder
	f := callback.NewFileWriter(&file, callback.FileOptions{Format: callback.FileText})
	log := callback.Log(slog.New(slog.NewTextHandler(&logged, nil)))
	ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), f, callback.Print(&printed), log))
	ctx, _ = callback.WithBudget(ctx, callback.Limit{Calls: 1})
	model := callback.Model(says{texts: []string{"a"}, usage: &llm.Usage{Input: 10, Output: 1}})
	root, group := callback.Group(ctx, "shop")
	llm.Collect(model.Chat(root, question))
	llm.Collect(model.Chat(root, &llm.Request{Model: "gpt-4o", Messages: question.Messages}))
	alone, inner := callback.Group(root, "desk")
	llm.Collect(model.Chat(alone, question))
	inner.Close(nil)
	group.Close(nil)

	total := count.Total()
	if total.Calls != 1 || total.Failed != 0 || total.Refused != 2 {
		t.Errorf("counted %+v", total)
	}
	wantCount(t, count, `Tokens Used: 11
	Prompt Tokens: 10
		Prompt Tokens Cached: 0
	Completion Tokens: 1
		Reasoning Tokens: 0
Successful Requests: 1
Failed Requests: 0
Refused Requests: 2
Total Cost (USD): $0.0000021
openai/gpt-4o: 0 calls, 1 refused
openai/gpt-4o-mini: 1 call, 1 refused, 10 tokens in, 1 out, $0.0000021`)
	for what, text := range map[string]string{"file": file.String(), "log": logged.String()} {
		for _, want := range []string{"total_calls=1 total_failed=0 total_refused=2 total_input_tokens=10", "total_calls=0 total_failed=0 total_refused=1\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s:\n%s", what, want, text)
			}
		}
	}
	for _, want := range []string{", 1 call, 2 refused, 10 tokens in", ", 0 calls, 1 refused)", "budget of calls exceeded: 1 of 1 were made"} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("print lacks %s:\n%s", want, printed.String())
		}
	}
}

// TestRefusedAndMade: a call that was made all the same is a call, and so is
// one that says that it succeeded.
func TestRefusedAndMade(t *testing.T) {
	for _, tc := range []struct {
		name string
		res  callback.Result
		want callback.Total
	}{
		{"not made", callback.Result{Err: context.Canceled}, callback.Total{Refused: 1}},
		{"made, with usage", callback.Result{Usage: &llm.Usage{Input: 3}, Err: context.Canceled}, callback.Total{Calls: 1, Failed: 1, Usage: llm.Usage{Input: 3}, Unpriced: 1}},
		{"made, without an error", callback.Result{}, callback.Total{Calls: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, count := callback.WithCount(t.Context())
			ctx, _ = callback.WithBudget(ctx, callback.Limit{})
			_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindLLM, Input: question})
			run.End(&tc.res)
			if got := count.Total(); got != tc.want {
				t.Errorf("counted %+v, want %+v", got, tc.want)
			}
		})
	}
}
