package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/callspan/callspan/llm/token"
)

// A typist is a model whose prompts have ten tokens. It streams an answer of n
// tokens, each a chunk of four bytes, or gives it in one piece, and reports its
// usage. gpt-4o-mini costs 0.15 USD per million tokens of input, 0.60 of output.
type typist struct {
	n     int
	made  *atomic.Int32       // calls that were made
	pause func(i int)         // before chunk i
	err   error               // instead of the finish reason
	usage func() *llm.Usage   // instead of the true one
	at    func() llm.Endpoint // instead of OpenAI
}

func (m typist) Endpoint() llm.Endpoint {
	if m.at != nil {
		return m.at()
	}
	return llm.Endpoint{Provider: "openai", Model: "gpt-4o-mini"}
}

func (typist) Meter() llm.Meter { return fourBytes{} }

func (m typist) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		if m.made != nil {
			m.made.Add(1)
		}
		whole := llm.Chunk{}
		for i := range m.n {
			if m.pause != nil {
				m.pause(i)
			}
			if err := ctx.Err(); err != nil {
				yield(llm.Chunk{}, err)
				return
			}
			if !req.Stream {
				whole.Text += "rose"
			} else if !yield(llm.Chunk{Text: "rose"}, nil) {
				return
			}
		}
		if m.err != nil {
			yield(llm.Chunk{}, m.err)
			return
		}
		whole.Finish, whole.Usage = "stop", &llm.Usage{Input: 10, Output: m.n}
		if m.usage != nil {
			whole.Usage = m.usage()
		}
		yield(whole, nil)
	}
}

// fourBytes is a meter for which a prompt has ten tokens and an answer one for
// four bytes.
type fourBytes struct{}

func (fourBytes) Estimate(_ *llm.Request, resp *llm.Response) (llm.Usage, bool) {
	return llm.Usage{Input: 10, Output: len(resp.Text()) / 4}, true
}
func (fourBytes) Split(*llm.Request) (m llm.Makeup, ok bool) {
	m[llm.SourceInput] = 10
	return m, true
}

// inOnePiece is question without streaming.
func inOnePiece(maxTokens int) *llm.Request {
	return &llm.Request{Messages: question.Messages, MaxTokens: maxTokens}
}

const (
	promptCost = 10 * 150_000 // of a typist, in pico-USD
	tokenCost  = 600_000
)

// over returns the budget's error in err, which must be there.
func over(t *testing.T, err error) *callback.BudgetError {
	t.Helper()
	var e *callback.BudgetError
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a *BudgetError", err, err)
	}
	return e
}

// A budget for some work: what does not fit is an error.
func ExampleWithBudget() {
	model := callback.Model(says{texts: []string{"Pink ", "roses."}, usage: &llm.Usage{Input: 12, Output: 3}})
	ctx, budget := callback.WithBudget(context.Background(), callback.Limit{Tokens: 10_000, Calls: 2})
	for range 3 {
		resp, err := llm.Collect(model.Chat(ctx, question))
		var over *callback.BudgetError
		if errors.As(err, &over) {
			fmt.Println(over.What, "of", over.Limit.Calls, "are spent:", over.Spent.Calls)
			fmt.Println(err)
			break
		}
		fmt.Println(resp.Text())
	}
	fmt.Println(budget.Spent().Tokens, "tokens for", budget.Spent().Cost.Human(), "and", budget.Left().Tokens, "tokens left")
	// Output:
	// Pink roses.
	// Pink roses.
	// calls of 2 are spent: 2
	// budget of calls exceeded: 2 of 2 were made
	// 30 tokens for $0.0000072 and 9970 tokens left
}

// TestBudgetRefuses (C18: the one way to abort a run from a callback): a call
// that does not fit is not made, and says why.
func TestBudgetRefuses(t *testing.T) {
	unlisted := func() llm.Endpoint { return llm.Endpoint{Provider: "openai", Model: "home-grown"} }
	for _, tc := range []struct {
		name  string
		limit callback.Limit
		first int // tokens that a call before this one answers with; 0 is no call
		model typist
		req   *llm.Request
		what  string // "" if the call is made
		need  callback.Spend
		text  string
	}{
		{name: "room for the prompt alone", limit: callback.Limit{Tokens: 10}, what: "tokens",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget of 10 tokens exceeded: 0 spent, and the call needs about 11"},
		{name: "room for one token", limit: callback.Limit{Tokens: 11}, model: typist{n: 1}},
		{name: "tokens are spent", limit: callback.Limit{Tokens: 25}, first: 5, what: "tokens",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget of 25 tokens exceeded: 15 spent, and the call needs about 11"},
		{name: "money for one token less", limit: callback.Limit{Cost: 2_000_000}, what: "cost",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget of $0.000002 exceeded: $0 spent, and the call needs about $0.0000021"},
		{name: "money for one token", limit: callback.Limit{Cost: promptCost + tokenCost}, model: typist{n: 1}},
		{name: "calls are spent", limit: callback.Limit{Calls: 1, Tokens: 1000}, first: 1, what: "calls",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget of calls exceeded: 1 of 1 were made"},
		{name: "an answer in one piece may come to more", limit: callback.Limit{Tokens: 109}, req: inOnePiece(100), what: "tokens",
			need: callback.Spend{Tokens: 110, Cost: promptCost + 100*tokenCost, Calls: 1},
			text: "budget of 109 tokens exceeded: 0 spent, and the call needs about 110"},
		{name: "an answer in one piece fits", limit: callback.Limit{Tokens: 110}, req: inOnePiece(100)},
		{name: "several answers in one piece", limit: callback.Limit{Tokens: 209}, what: "tokens",
			req:  &llm.Request{Messages: question.Messages, MaxTokens: 100, Choices: 2},
			need: callback.Spend{Tokens: 210, Cost: promptCost + 200*tokenCost, Calls: 1},
			text: "budget of 209 tokens exceeded: 0 spent, and the call needs about 210"},
		{name: "no bound for an answer in one piece", limit: callback.Limit{Tokens: 11}, req: inOnePiece(1 << 60)},
		{name: "no limit but a price unknown", limit: callback.Limit{Tokens: 11}, model: typist{at: unlisted}},
		{name: "price unknown", limit: callback.Limit{Cost: 1e12}, model: typist{at: unlisted}, what: "price",
			need: callback.Spend{Tokens: 11, Calls: 1},
			text: "budget of $1.00 refuses the call: the price of home-grown at openai is not known; add it to the model's price.Book or limit tokens instead"},
		{name: "a service tier without a price of its own", limit: callback.Limit{Cost: 1e12},
			req: &llm.Request{Messages: question.Messages, Stream: true, ServiceTier: "scale"}},
		{name: "a limit of nothing", what: "limit", need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget refuses every call: its Limit is empty; set Tokens, Cost or Calls"},
		{name: "negative tokens", limit: callback.Limit{Tokens: -1, Calls: 9}, what: "limit",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget refuses every call: its Limit has negative Tokens, -1"},
		{name: "negative cost", limit: callback.Limit{Cost: -1, Calls: 9}, what: "limit",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget refuses every call: its Limit has a negative Cost, -$0.000000000001"},
		{name: "negative calls", limit: callback.Limit{Calls: -1, Tokens: 99}, what: "limit",
			need: callback.Spend{Tokens: 11, Cost: promptCost + tokenCost, Calls: 1},
			text: "budget refuses every call: its Limit has negative Calls, -1"},
	} {
		t.Run("C18 "+tc.name, func(t *testing.T) {
			rec := &recorder{}
			ctx, count := callback.WithCount(t.Context())
			ctx, budget := callback.WithBudget(ctx, tc.limit)
			if tc.first > 0 {
				if _, err := llm.Collect(callback.Model(typist{n: tc.first}).Chat(ctx, question)); err != nil {
					t.Fatal(err)
				}
			}
			before, spent := count.Total(), budget.Spent()
			tc.model.made = new(atomic.Int32)
			req := tc.req
			if req == nil {
				req = question
			}
			_, err := llm.Collect(callback.Model(tc.model, rec).Chat(ctx, req))
			if tc.what == "" {
				if err != nil || tc.model.made.Load() != 1 {
					t.Errorf("%d calls, %v", tc.model.made.Load(), err)
				}
				return
			}
			e := over(t, err)
			if e.What != tc.what || e.Need != tc.need || e.Spent != spent || e.Limit != tc.limit || e.Error() != tc.text {
				t.Errorf("error %+v: %v\nwant %s, %+v: %s", *e, e, tc.what, tc.need, tc.text)
			}
			if !errors.Is(err, context.Canceled) || callback.ErrorType(err) != "budget_exceeded" {
				t.Errorf("error type %q", callback.ErrorType(err))
			}
			if n := tc.model.made.Load(); n != 0 {
				t.Errorf("%d calls were made", n)
			}
			if budget.Spent() != spent {
				t.Errorf("%+v spent, before %+v", budget.Spent(), spent)
			}
			// The run is there, and failed; the call is not, since it was not made.
			res, n := rec.last(t)
			if n != 1 || res.Err != err || res.Usage != nil || res.Stopped || res.Tokens != 0 {
				t.Errorf("%d ends, %+v", n, res)
			}
			after := count.Total()
			before.Refused++
			if after != before || res.Total.Refused != 1 || res.Total.Calls != 0 {
				t.Errorf("counted %+v, want %+v; the run %+v", after, before, res.Total)
			}
		})
	}
}

// TestBudgetKinds: every kind of call that is billed is refused, and no other.
func TestBudgetKinds(t *testing.T) {
	at := llm.Endpoint{Provider: "openai", Model: "text-embedding-3-small"}
	for _, tc := range []struct {
		name   string
		info   *callback.Info
		tokens int // what the refused call needs; -1 if it is not refused
	}{
		{"embedding", &callback.Info{Kind: callback.KindEmbedding, Endpoint: at, Input: &llm.EmbedRequest{Inputs: []string{"pink", "roses"}}}, 3},
		{"embedding with a meter", &callback.Info{Kind: callback.KindEmbedding, Endpoint: at, Meter: embedMetered{},
			Input: &llm.EmbedRequest{Inputs: []string{"pink", "roses"}}}, 2},
		{"embedding of nothing", &callback.Info{Kind: callback.KindEmbedding, Endpoint: at, Input: (*llm.EmbedRequest)(nil)}, 0},
		{"image", &callback.Info{Kind: callback.KindImage, Endpoint: llm.Endpoint{Provider: "openai", Model: "dall-e-3"}, Input: "a pink rose"}, 3},
		{"audio", &callback.Info{Kind: callback.KindAudio, Endpoint: llm.Endpoint{Provider: "openai", Model: "whisper-1"}, Input: 7}, 0},
		{"moderation", &callback.Info{Kind: callback.KindModeration, Input: "rose"}, 1},
		{"llm without a request", &callback.Info{Kind: callback.KindLLM, Input: (*llm.Request)(nil)}, 1},
		{"llm with tools and a format, and no meter", &callback.Info{Kind: callback.KindLLM, Input: &llm.Request{
			Messages: []llm.Message{{ToolCalls: []llm.ToolCall{{Name: "f", Arguments: "{}1"}}}, llm.User("rose")},
			Tools:    []llm.Tool{{Name: "f", Description: "abc", Parameters: []byte("{}{}")}},
			Format:   &llm.Format{Schema: []byte("{}{}{}{}")}}}, 7},
		{"llm with a broken meter", &callback.Info{Kind: callback.KindLLM, Meter: badMeter{}, Input: question}, 3},
		{"chain", &callback.Info{Kind: callback.KindChain}, -1},
		{"agent", &callback.Info{Kind: callback.KindAgent}, -1},
		{"tool", &callback.Info{Kind: callback.KindTool}, -1},
		{"retriever", &callback.Info{Kind: callback.KindRetriever}, -1},
		{"memory", &callback.Info{Kind: callback.KindMemory}, -1},
		{"prompt", &callback.Info{Kind: callback.KindPrompt}, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, budget := callback.WithBudget(t.Context(), callback.Limit{Calls: 1})
			llm.Collect(callback.Model(typist{n: 1}).Chat(ctx, question))
			made := false
			out, err := callback.Do(ctx, tc.info, nil, func(context.Context) (int, error) { made = true; return 7, nil })
			if tc.tokens < 0 {
				if !made || out != 7 || err != nil {
					t.Errorf("made %v: %v, %v", made, out, err)
				}
				return
			}
			if e := over(t, err); made || out != 0 || e.Need.Tokens != tc.tokens || e.Need.Calls != 1 || e.What != "calls" {
				t.Errorf("made %v: %v, %+v", made, out, e)
			}
			if got := budget.Spent().Calls; got != 1 {
				t.Errorf("%d calls spent", got)
			}
		})
	}
}

// TestBudgetCutsOff: a streamed answer ends after the chunk that goes over the
// limit, with what had come, as estimated usage, on its run.
func TestBudgetCutsOff(t *testing.T) {
	for _, tc := range []struct {
		name   string
		limit  callback.Limit
		n      int
		model  llm.Model // a typist of n if nil
		req    *llm.Request
		what   string // "" if it is not cut off
		chunks int    // that the caller gets
	}{
		{name: "over the tokens", limit: callback.Limit{Tokens: 13}, n: 9, what: "tokens", chunks: 4},
		{name: "over the cost", limit: callback.Limit{Cost: promptCost + 3*tokenCost}, n: 9, what: "cost", chunks: 4},
		{name: "just within the tokens", limit: callback.Limit{Tokens: 13}, n: 3, chunks: 4},
		{name: "just within the cost", limit: callback.Limit{Cost: promptCost + 3*tokenCost}, n: 3, chunks: 4},
		{name: "calls do not end an answer", limit: callback.Limit{Calls: 1}, n: 9, chunks: 10},
		{name: "an answer in one piece is not taken back", limit: callback.Limit{Tokens: 13}, n: 9, req: inOnePiece(0), chunks: 1},
		{name: "nor one without a finish reason", limit: callback.Limit{Tokens: 5}, n: 9, req: inOnePiece(0), chunks: 1,
			model: piece{llm.Chunk{Text: "rose rose rose rose rose rose", Usage: &llm.Usage{Output: 9}}}},
		{name: "nor a stream that is complete", limit: callback.Limit{Tokens: 5}, n: 9, chunks: 1,
			model: piece{llm.Chunk{Text: "rose rose rose rose rose rose", Finish: "stop", Usage: &llm.Usage{Output: 9}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			ctx, count := callback.WithCount(t.Context())
			ctx, budget := callback.WithBudget(ctx, tc.limit)
			if tc.req == nil {
				tc.req = question
			}
			if tc.model == nil {
				tc.model = typist{n: tc.n}
			}
			var got llm.Accumulator
			var last error
			chunks := 0
			for c, err := range callback.Model(tc.model, rec).Chat(ctx, tc.req) {
				if last = err; err == nil {
					got.Add(&c)
					chunks++
				}
			}
			res, ends := rec.last(t)
			if chunks != tc.chunks || ends != 1 || res.Err != last {
				t.Errorf("%d chunks, want %d; %d ends; run ended with %v, the caller got %v", chunks, tc.chunks, ends, res.Err, last)
			}
			if res.Response.Text() != got.Response().Text() {
				t.Errorf("run keeps %q, the caller got %q", res.Response.Text(), got.Response().Text())
			}
			total := count.Total()
			if s := budget.Spent(); s.Tokens != total.Usage.Total() || s.Cost != total.Cost || s.Calls != 1 {
				t.Errorf("spent %+v, counted %+v", s, total)
			}
			if tc.what == "" {
				if last != nil || total.Usage.Output != tc.n || total.Estimated != 0 {
					t.Errorf("%v, %+v", last, total)
				}
				return
			}
			if e := over(t, last); e.What != tc.what || e.Need != (callback.Spend{}) || e.Spent.Tokens != 14 {
				t.Errorf("error %+v: %v", *e, e)
			}
			if res.UsageSource != llm.UsageEstimated || *res.Usage != (llm.Usage{Input: 10, Output: 4}) || total.Estimated != 1 || total.Failed != 1 {
				t.Errorf("usage %+v, %q; counted %+v", res.Usage, res.UsageSource, total)
			}
		})
	}
	e := &callback.BudgetError{What: "tokens", Limit: callback.Limit{Tokens: 13}, Spent: callback.Spend{Tokens: 14}}
	if want := "budget of 13 tokens exceeded: the answer was cut off at about 14"; e.Error() != want {
		t.Errorf("error %q, want %q", e, want)
	}
}

// piece is a model that answers with one chunk.
type piece struct{ llm.Chunk }

func (p piece) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "gpt-4o-mini"}
}

func (p piece) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) { yield(p.Chunk, nil) }
}

// TestBudgetOtherUnits: a call that is not billed by tokens is held to the cost
// by what it came to.
func TestBudgetOtherUnits(t *testing.T) {
	book, err := price.Parse([]byte("[studio]\nbrush\n image=0.04"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, budget := callback.WithBudget(t.Context(), callback.Limit{Cost: 0.05e12})
	start := func() (context.Context, *callback.Active) {
		return callback.Start(ctx, &callback.Info{Kind: callback.KindImage, Input: "a pink rose",
			Endpoint: llm.Endpoint{Provider: "studio", Model: "brush"}, Prices: book})
	}
	_, run := start()
	run.End(&callback.Result{Usage: &llm.Usage{Images: 1}})
	if got := budget.Spent(); got != (callback.Spend{Cost: 0.04e12, Calls: 1}) {
		t.Errorf("spent %+v", got)
	}
	ctx2, run := start()
	if ctx2.Err() != nil {
		t.Error(context.Cause(ctx2))
	}
	run.End(&callback.Result{Usage: &llm.Usage{Images: 1}})
	ctx2, run = start()
	run.End(nil)
	if e := over(t, context.Cause(ctx2)); e.What != "cost" || budget.Spent().Cost != 0.08e12 {
		t.Errorf("%v; spent %+v", e, budget.Spent())
	}
}

// TestBudgetCutOffEndings: whatever the consumer does with the last chunk, the
// run has ended with the verdict, once.
func TestBudgetCutOffEndings(t *testing.T) {
	for name, leave := range map[string]func(){"break": nil, "panic": func() { panic("thorn") }} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{}
			ctx, budget := callback.WithBudget(t.Context(), callback.Limit{Tokens: 11})
			func() {
				defer func() { recover() }()
				n := 0
				for range callback.Model(typist{n: 9}, rec).Chat(ctx, question) {
					if n++; n < 2 {
						continue
					}
					if leave != nil {
						leave()
					}
					break
				}
			}()
			res, ends := rec.last(t)
			if e := over(t, res.Err); ends != 1 || res.Stopped || e.What != "tokens" || budget.Spent().Tokens != 12 {
				t.Errorf("%d ends, %+v; %+v", ends, res, budget.Spent())
			}
		})
	}
}

// TestBudgetSettles: what a call came to takes the place of what was set aside.
func TestBudgetSettles(t *testing.T) {
	lost := errors.New("connection lost")
	for _, tc := range []struct {
		name  string
		model llm.Model
		req   *llm.Request
		want  callback.Spend
	}{
		{"reported", typist{n: 5, usage: func() *llm.Usage { return &llm.Usage{Input: 8, CacheRead: 8, Output: 100} }}, question,
			callback.Spend{Tokens: 108, Cost: 8*75_000 + 100*tokenCost, Calls: 1}},
		{"less than was set aside", typist{n: 5}, inOnePiece(500), callback.Spend{Tokens: 15, Cost: promptCost + 5*tokenCost, Calls: 1}},
		{"failed before anything came", typist{err: lost}, question, callback.Spend{Calls: 1}},
		{"failed on the way", typist{n: 3, err: lost}, question, callback.Spend{Tokens: 13, Cost: promptCost + 3*tokenCost, Calls: 1}},
		{"nobody counts", says{texts: []string{"rose", "roses and tulips"}}, question,
			callback.Spend{Tokens: 2 + 5, Cost: 2*150_000 + 5*tokenCost, Calls: 1}},
		{"nobody counts what failed on the way", says{texts: []string{"rose"}, err: lost}, question,
			callback.Spend{Tokens: 2 + 1, Cost: 2*150_000 + tokenCost, Calls: 1}},
		{"a tier without a price", tiered{typist{n: 2}}, question, callback.Spend{Tokens: 12, Cost: promptCost + 2*tokenCost, Calls: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, budget := callback.WithBudget(t.Context(), callback.Limit{Tokens: 1000, Cost: 1e12})
			for range 2 { // the second sees what the first has left
				llm.Collect(callback.Model(tc.model).Chat(ctx, tc.req))
			}
			want := callback.Spend{Tokens: 2 * tc.want.Tokens, Cost: 2 * tc.want.Cost, Calls: 2}
			if got := budget.Spent(); got != want {
				t.Errorf("spent %+v, want %+v", got, want)
			}
			if got, want := budget.Left(), (callback.Spend{Tokens: 1000 - want.Tokens, Cost: 1e12 - want.Cost, Calls: math.MaxInt}); got != want {
				t.Errorf("left %+v, want %+v", got, want)
			}
		})
	}
}

// tiered is answered in a service tier that nobody has a price for.
type tiered struct{ typist }

func (m tiered) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		if !yield(llm.Chunk{Meta: &llm.Meta{ServiceTier: "scale"}}, nil) {
			return
		}
		m.typist.Chat(ctx, req)(yield)
	}
}

func TestBudgetLeft(t *testing.T) {
	for _, tc := range []struct {
		limit callback.Limit
		want  callback.Spend
	}{
		{callback.Limit{Tokens: 20}, callback.Spend{Tokens: 0, Cost: math.MaxInt64, Calls: math.MaxInt}},
		{callback.Limit{Tokens: 50, Calls: 3}, callback.Spend{Tokens: 25, Cost: math.MaxInt64, Calls: 2}},
		{callback.Limit{Cost: 1e8}, callback.Spend{Tokens: math.MaxInt, Cost: 1e8 - promptCost - 15*tokenCost, Calls: math.MaxInt}},
		{callback.Limit{}, callback.Spend{}},
		{callback.Limit{Tokens: 50, Calls: -3}, callback.Spend{}},
	} {
		ctx, budget := callback.WithBudget(t.Context(), tc.limit)
		llm.Collect(callback.Model(typist{n: 15}).Chat(ctx, inOnePiece(0)))
		if got := budget.Left(); got != tc.want {
			t.Errorf("of %+v there is left %+v, want %+v", tc.limit, got, tc.want)
		}
	}
	var zero callback.Budget
	if zero.Spent() != (callback.Spend{}) || zero.Left() != (callback.Spend{}) {
		t.Error("the zero Budget has something")
	}
}

// TestBudgetNests: a call has to fit into every budget around it, takes from
// all or none, and a budget holds its own scope alone.
func TestBudgetNests(t *testing.T) {
	model := callback.Model(typist{n: 5})
	call := func(ctx context.Context) error {
		_, err := llm.Collect(model.Chat(ctx, question))
		return err
	}
	outCtx, outer := callback.WithBudget(t.Context(), callback.Limit{Tokens: 40})
	err := chain(outCtx, "step", func(ctx context.Context) error {
		inCtx, inner := callback.WithBudget(ctx, callback.Limit{Calls: 1})
		if err := call(inCtx); err != nil {
			t.Error(err)
		}
		if e := over(t, call(inCtx)); e.What != "calls" || e.Limit.Calls != 1 {
			t.Errorf("inner: %v", e)
		}
		if outer.Spent() != inner.Spent() || outer.Spent().Calls != 1 {
			t.Errorf("outer %+v, inner %+v", outer.Spent(), inner.Spent())
		}
		return call(ctx) // beside the inner one
	})
	if err != nil {
		t.Error(err)
	}
	wideCtx, wide := callback.WithBudget(outCtx, callback.Limit{Tokens: 1000, Calls: 9})
	if e := over(t, call(wideCtx)); e.What != "tokens" || e.Limit.Tokens != 40 || e.Spent.Tokens != 30 {
		t.Errorf("outer: %v", e)
	}
	if wide.Spent() != (callback.Spend{}) || outer.Spent().Tokens != 30 {
		t.Errorf("wide %+v, outer %+v", wide.Spent(), outer.Spent())
	}
	if err := call(t.Context()); err != nil {
		t.Errorf("outside: %v", err)
	}
}

// TestBudgetSiblings: a call that is cut off leaves the others alone.
func TestBudgetSiblings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := func(int) { time.Sleep(time.Second) }
		ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Tokens: 1000})
		var small, large error
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, _ := callback.WithBudget(ctx, callback.Limit{Tokens: 12})
			_, small = llm.Collect(callback.Model(typist{n: 9, pause: second}).Chat(ctx, question))
		})
		wg.Go(func() { _, large = llm.Collect(callback.Model(typist{n: 9, pause: second}).Chat(ctx, question)) })
		start := time.Now()
		wg.Wait()
		if e := over(t, small); e.Limit.Tokens != 12 || large != nil || time.Since(start) != 9*time.Second {
			t.Errorf("%v and %v after %v", small, large, time.Since(start))
		}
	})
}

// TestBudgetStartTogether: calls that start at once cannot take the same room.
func TestBudgetStartTogether(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit callback.Limit
		req   *llm.Request
		made  int32
		most  int // tokens that may be spent in the end
	}{
		{"calls", callback.Limit{Calls: 20}, question, 20, 20 * 30},
		{"answers in one piece", callback.Limit{Tokens: 300}, inOnePiece(20), 10, 300},
		{"streams", callback.Limit{Tokens: 300}, question, 27, 300 + 27},
		{"money", callback.Limit{Cost: 5 * (promptCost + 20*tokenCost)}, inOnePiece(20), 5, 150},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := make(chan struct{})
				made := new(atomic.Int32)
				model := callback.Model(typist{n: 20, made: made, pause: func(i int) {
					if i == 0 {
						<-gate
					}
				}})
				ctx, budget := callback.WithBudget(t.Context(), tc.limit)
				ctx, count := callback.WithCount(ctx)
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() { llm.Collect(model.Chat(ctx, tc.req)) })
				}
				synctest.Wait() // all have started, none has an answer
				if got := made.Load(); got != tc.made {
					t.Errorf("%d calls made, want %d", got, tc.made)
				}
				close(gate)
				wg.Wait()
				total, spent := count.Total(), budget.Spent()
				if spent.Tokens > tc.most || spent.Tokens != total.Usage.Total() || spent.Cost != total.Cost || spent.Calls != int(tc.made) {
					t.Errorf("spent %+v, want at most %d tokens; counted %+v", spent, tc.most, total)
				}
				if total.Calls != int(tc.made) || total.Refused != 64-int(tc.made) {
					t.Errorf("counted %+v", total)
				}
			})
		})
	}
}

// TestBudgetConcurrentSafe: whatever the order, no limit is exceeded by more
// than a token for each call that is running.
func TestBudgetConcurrentSafe(t *testing.T) {
	ctx, budget := callback.WithBudget(t.Context(), callback.Limit{Tokens: 5000, Cost: 1e12, Calls: 200})
	ctx, count := callback.WithCount(ctx)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			ctx, own := callback.WithBudget(ctx, callback.Limit{Tokens: 100})
			for j := range 8 {
				req := question
				if j%2 == 0 {
					req = inOnePiece(i)
				}
				llm.Collect(callback.Model(typist{n: i}).Chat(ctx, req))
				budget.Left()
			}
			if got := own.Spent().Tokens; got > 101 {
				t.Errorf("goroutine %d spent %d", i, got)
			}
		})
	}
	wg.Wait()
	total, spent := count.Total(), budget.Spent()
	if spent.Tokens > 5000+64 || spent.Calls > 200 || spent.Tokens != total.Usage.Total() || spent.Cost != total.Cost {
		t.Errorf("spent %+v, counted %+v", spent, total)
	}
}

// TestBudgetAgrees: over random trees, what a budget says is spent is what a
// counter counted, apart from the calls that were not made.
func TestBudgetAgrees(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		ctx, count := callback.WithCount(t.Context())
		ctx, budget := callback.WithBudget(ctx, callback.Limit{Tokens: rng.IntN(500) + 1, Calls: rng.IntN(20) + 1})
		made := new(atomic.Int32)
		var tree func(ctx context.Context, rng *rand.Rand, depth int)
		tree = func(ctx context.Context, rng *rand.Rand, depth int) {
			var wg sync.WaitGroup
			defer wg.Wait()
			for range rng.IntN(4) {
				sub := rand.New(rand.NewPCG(rng.Uint64(), 4))
				wg.Go(func() {
					if depth > 0 && sub.IntN(2) == 0 {
						ctx := ctx
						if sub.IntN(2) == 0 {
							ctx, _ = callback.WithBudget(ctx, callback.Limit{Tokens: sub.IntN(100)})
						}
						chain(ctx, "step", func(ctx context.Context) error { tree(ctx, sub, depth-1); return nil })
						return
					}
					m := callback.Model(typist{n: sub.IntN(30), made: made})
					if sub.IntN(3) == 0 {
						m = decorated(m)
					}
					req := question
					if sub.IntN(2) == 0 {
						req = inOnePiece(sub.IntN(60))
					}
					for range m.Chat(ctx, req) {
						if sub.IntN(30) == 0 {
							break
						}
					}
				})
			}
		}
		tree(ctx, rng, 3)
		total, spent := count.Total(), budget.Spent()
		if spent.Tokens != total.Usage.Total() || spent.Cost != total.Cost || spent.Calls != int(made.Load()) {
			t.Fatalf("seed %d: spent %+v, %d calls made, counted %+v", seed, spent, made.Load(), total)
		}
	}
}

// decorated is a model made of another one, announced itself.
func decorated(m llm.Model) llm.Model {
	return callback.Model(llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return m.Chat(ctx, req)
	}))
}

// TestBudgetNestedModel: a model that is made of models takes nothing itself,
// and is not refused for want of a price.
func TestBudgetNestedModel(t *testing.T) {
	limit := callback.Limit{Tokens: 13, Cost: promptCost + 3*tokenCost, Calls: 1}
	ctx, budget := callback.WithBudget(t.Context(), limit)
	if _, err := llm.Collect(decorated(decorated(callback.Model(typist{n: 3}))).Chat(ctx, question)); err != nil {
		t.Error(err)
	}
	if got := budget.Spent(); got != callback.Spend(limit) {
		t.Errorf("spent %+v", got)
	}
	// Cut off below, the error is the same further out.
	rec := &recorder{}
	ctx, _ = callback.WithBudget(callback.WithHandlers(t.Context(), rec), limit)
	_, err := llm.Collect(decorated(callback.Model(typist{n: 9})).Chat(ctx, question))
	over(t, err)
	if len(rec.ends) != 2 || rec.ends[0].Err != err || rec.ends[1].Err != err || rec.ends[1].Usage != nil {
		t.Errorf("ends %+v, caller got %v", rec.ends, err)
	}
	// It is let through, but what it uses itself has no price.
	ctx, budget = callback.WithBudget(t.Context(), callback.Limit{Cost: 1e12})
	nowhere := callback.Model(typist{n: 3, at: func() llm.Endpoint { return llm.Endpoint{} }})
	if _, err := llm.Collect(nowhere.Chat(ctx, question)); err != nil || budget.Spent() != (callback.Spend{Tokens: 13, Calls: 1}) {
		t.Errorf("%v, spent %+v", err, budget.Spent())
	}
	_, err = llm.Collect(callback.Model(typist{n: 3}).Chat(ctx, question))
	want := "budget of $1.00 refuses the call: the price of a model without a name (called before) is not known; add it to the model's price.Book or limit tokens instead"
	if e := over(t, err); e.What != "price" || e.Error() != want {
		t.Errorf("%+v: %v", e, e)
	}
}

// TestBudgetByHand: who starts a run with Start is told by its context, and the
// run ends with the verdict even if the network says no more than "canceled",
// as HTTP/2 does.
func TestBudgetByHand(t *testing.T) {
	rec := &recorder{}
	ctx, budget := callback.WithBudget(callback.WithHandlers(t.Context(), rec), callback.Limit{Tokens: 12})
	start := func() (context.Context, *callback.Active) {
		return callback.Start(ctx, &callback.Info{Kind: callback.KindLLM, Input: question, Meter: fourBytes{},
			Endpoint: llm.Endpoint{Provider: "openai", Model: "gpt-4o-mini"}})
	}
	callCtx, run := start()
	child := callback.WithTags(callCtx, "below")
	for i := range 3 {
		if callCtx.Err() != nil {
			t.Errorf("ended before token %d", i)
		}
		run.Token(llm.Chunk{Text: "rose"})
	}
	e := over(t, context.Cause(callCtx))
	if e.Spent.Tokens != 13 || child.Err() != context.Canceled || ctx.Err() != nil {
		t.Errorf("%v; below %v, above %v", e, child.Err(), ctx.Err())
	}
	run.Token(llm.Chunk{Text: "rose"}) // on its way already
	run.End(&callback.Result{Err: fmt.Errorf("read: %w", context.Canceled)})
	if res, _ := rec.last(t); res.Err != error(e) || budget.Spent().Tokens != 14 { // without a response, what was streamed counts
		t.Errorf("run ended with %v, spent %+v", res.Err, budget.Spent())
	}

	callCtx, run = start()
	if e := over(t, context.Cause(callCtx)); e.What != "tokens" || e.Need.Tokens != 11 {
		t.Errorf("refused with %v", e)
	}
	other := errors.New("asked all the same")
	run.End(&callback.Result{Err: other})
	if res, _ := rec.last(t); res.Err != other || budget.Spent().Tokens != 14 {
		t.Errorf("run ended with %v, spent %+v", res.Err, budget.Spent())
	}

	ctx, _ = callback.WithBudget(t.Context(), callback.Limit{Calls: 1})
	callCtx, run = start()
	run.End(nil)
	if callCtx.Err() != context.Canceled || context.Cause(callCtx) != context.Canceled {
		t.Errorf("the context of a call that has ended: %v, because of %v", callCtx.Err(), context.Cause(callCtx))
	}
}

// TestBudgetCause: where a budget's error has ended the context, the caller
// gets it whatever the network makes of it.
func TestBudgetCause(t *testing.T) {
	cause := fmt.Errorf("sibling: %w", &callback.BudgetError{What: "calls"})
	for _, tc := range []struct {
		name string
		err  error // what the model says
		want error
	}{
		{"HTTP/1", cause, cause},
		{"HTTP/2", context.Canceled, cause},
		{"a stream that breaks", llm.ErrTruncated, cause},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &recorder{}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
				return func(yield func(llm.Chunk, error) bool) {
					cancel(cause)
					yield(llm.Chunk{}, tc.err)
				}
			})
			_, err := llm.Collect(callback.Model(m, rec).Chat(ctx, question))
			if res, _ := rec.last(t); err != tc.want || res.Err != tc.want {
				t.Errorf("caller got %v, run %v", err, res.Err)
			}
		})
	}
	t.Run("embedding", func(t *testing.T) {
		rec := &recorder{}
		ctx, cancel := context.WithCancelCause(t.Context())
		e := callback.Embedder(embeds{do: func(context.Context) { cancel(cause) }, err: context.Canceled}, rec)
		_, err := e.Embed(ctx, texts)
		if res, _ := rec.last(t); err != cause || res.Err != cause {
			t.Errorf("caller got %v, run %v", err, res.Err)
		}
	})
	t.Run("while the consumer holds a chunk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rec := &recorder{}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var last error
			for _, err := range callback.Model(says{texts: []string{"a", "b"}}, rec).Chat(ctx, question) {
				if last = err; err == nil {
					cancel(cause)
					synctest.Wait()
				}
			}
			if res, n := rec.last(t); n != 1 || res.Err != cause || last != cause {
				t.Errorf("%d ends, caller got %v, run %v", n, last, res.Err)
			}
		})
	})
}

// TestBudgetEstimate: without a tokenizer the estimate of what streams is near
// the truth, both for providers that send single tokens and for those that
// send lines.
func TestBudgetEstimate(t *testing.T) {
	enc, err := token.ForModel("gpt-4o")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "zh"} {
		turns, err := dialogue.FlowerShop(lang, 30)
		if err != nil {
			t.Fatal(err)
		}
		tokens, single, lines := 0, 0, 0
		for _, turn := range turns {
			var pieces []string
			at := 0
			for n := range enc.Lengths(turn.Reply) {
				pieces = append(pieces, turn.Reply[at:at+n])
				at += n
			}
			tokens += len(pieces)
			single += spentOn(t, says{texts: pieces})
			lines += spentOn(t, says{texts: []string{turn.Reply}})
		}
		t.Logf("%s: %d tokens, estimated %d as tokens, %d as lines", lang, tokens, single, lines)
		for _, got := range []int{single, lines} {
			if got < tokens*9/10 || got > tokens*11/10 {
				t.Errorf("%s: estimated %d for %d tokens", lang, got, tokens)
			}
		}
	}
}

// spentOn returns the tokens that an answer is estimated at.
func spentOn(t *testing.T, m llm.Model) int {
	ctx, budget := callback.WithBudget(t.Context(), callback.Limit{Calls: 1})
	llm.Collect(callback.Model(m).Chat(ctx, &llm.Request{Stream: true}))
	return budget.Spent().Tokens
}

// TestBudgetAllocations: a token costs no allocation under budgets.
func TestBudgetAllocations(t *testing.T) {
	ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Tokens: 1 << 40})
	ctx, _ = callback.WithBudget(ctx, callback.Limit{Tokens: 1 << 40, Cost: math.MaxInt64})
	_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindLLM, Input: question})
	defer run.End(nil)
	if got := testing.AllocsPerRun(1000, func() { run.Token(llm.Chunk{Text: "rose"}) }); got != 0 {
		t.Errorf("%v allocations per token", got)
	}
}

func BenchmarkBudget(b *testing.B) {
	ctx, _ := callback.WithBudget(context.Background(), callback.Limit{Tokens: math.MaxInt, Cost: math.MaxInt64})
	info := func() *callback.Info {
		return &callback.Info{Kind: callback.KindLLM, Input: question, Endpoint: llm.Endpoint{Provider: "openai", Model: "gpt-4o-mini"}}
	}
	price.Default()
	b.Run("call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, run := callback.Start(ctx, info())
			run.End(nil)
		}
	})
	b.Run("token", func(b *testing.B) {
		_, run := callback.Start(ctx, info())
		defer run.End(nil)
		b.ReportAllocs()
		for b.Loop() {
			run.Token(llm.Chunk{Text: "rose"})
		}
	})
}
