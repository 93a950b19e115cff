package chain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/callspan/callspan/memory"
)

// trials is a step that fails with errs one after the other, then succeeds.
func trials(errs ...error) *chain.Step[string, string] {
	return &chain.Step[string, string]{Name: "try", Do: func(context.Context, string) (string, error) {
		if len(errs) == 0 {
			return "ok", nil
		}
		err := errs[0]
		errs = errs[1:]
		return "", err
	}}
}

func retryAfter(d time.Duration) error { return &llm.Error{Status: 429, RetryAfter: d} }

// TestRetry: how often a step is tried, how long is waited, and what comes of
// it. Waits are at random between half of the longest and the longest.
func TestRetry(t *testing.T) {
	type retry = chain.Retry[string, string]
	for _, tc := range []struct {
		name    string
		retry   *retry
		timeout time.Duration
		out     string
		longest time.Duration
		exact   bool
		tree    string
	}{
		{"succeeds at once", &retry{Step: trials()}, 0, "ok <nil>", 0, true, `
			chain retry
			  chain try`},
		{"succeeds at last", &retry{Name: "ask", Step: trials(overloaded, errLost)}, 0, "ok <nil>", 1500 * time.Millisecond, false, `
			chain ask
			  [retry: try 1 failed, 503]
			  [retry: try 2 failed, _OTHER]
			  chain try - 503
			  chain try - _OTHER
			  chain try`},
		{"an answer without room", &retry{Step: trials(&chain.AnswerError{Reason: "length"}, nil)}, 0, fmt.Sprint(" ", &chain.AnswerError{Reason: "length"}), 0, true, `
			chain retry - length
			  chain try - length`},
		{"a refused answer", &retry{Step: trials(&chain.AnswerError{Reason: "refusal"}, nil)}, 0, " <nil>", 500 * time.Millisecond, false, `
			chain retry
			  [retry: try 1 failed, refusal]
			  chain try - refusal
			  chain try`},
		{"three tries", &retry{Name: "ask", Step: trials(errLost, errLost, overloaded)}, 0, ` retry "ask": 3 tries failed, at last: 503: overloaded`, 1500 * time.Millisecond, false, `
			chain ask - 503
			  [retry: try 1 failed, _OTHER]
			  [retry: try 2 failed, _OTHER]
			  chain try - _OTHER
			  chain try - _OTHER
			  chain try - 503`},
		{"one try", &retry{Step: trials(errLost), Attempts: 1}, 0, " connection lost", 0, true, `
			chain retry - _OTHER
			  chain try - _OTHER`},
		{"waits double up to the longest", &retry{Step: trials(errLost, errLost, errLost, errLost), Attempts: 5, Wait: time.Second, MaxWait: 3 * time.Second}, 0,
			"ok <nil>", (1 + 2 + 3 + 3) * time.Second, false, `
			chain retry
			  [retry: try 1 failed, _OTHER]
			  [retry: try 2 failed, _OTHER]
			  [retry: try 3 failed, _OTHER]
			  [retry: try 4 failed, _OTHER]
			  chain try - _OTHER
			  chain try - _OTHER
			  chain try - _OTHER
			  chain try - _OTHER
			  chain try`},
		{"as long as the provider asks", &retry{Step: trials(retryAfter(20 * time.Second))}, 0, "ok <nil>", 20 * time.Second, true, `
			chain retry
			  [retry: try 1 failed, 429]
			  chain try - 429
			  chain try`},
		{"longer than MaxWait", &retry{Step: trials(retryAfter(time.Hour))}, 0,
			" retry: the provider asks to wait 1h0m0s, which is longer than MaxWait, 1m0s: 429", 0, true, `
			chain retry - 429
			  chain try - 429`},
		{"a long first wait", &retry{Step: trials(errLost), Wait: time.Hour}, 0, "ok <nil>", time.Hour, false, `
			chain retry
			  [retry: try 1 failed, _OTHER]
			  chain try - _OTHER
			  chain try`},
		{"not beyond the deadline", &retry{Step: trials(errLost, retryAfter(5*time.Second)), Wait: time.Second}, 5 * time.Second,
			" retry: no time is left for try 3, which would have to wait 5s: 429", time.Second, false, `
			chain retry - 429
			  [retry: try 1 failed, _OTHER]
			  chain try - _OTHER
			  chain try - 429`},
		{"not if it may not", &retry{Step: trials(overloaded, errLost), If: func(err error) bool { return err != errLost }, Wait: time.Second}, 0,
			" connection lost", time.Second, false, `
			chain retry - _OTHER
			  [retry: try 1 failed, 503]
			  chain try - 503
			  chain try - _OTHER`},
		{"no step", &retry{Name: "ask"}, 0, ` retry "ask" has no Step`, 0, true, "chain ask - invalid_request"},
		{"negative attempts", &retry{Name: "ask", Step: trials(), Attempts: -1}, 0, ` retry "ask" has negative Attempts, -1`, 0, true, "chain ask - invalid_request"},
		{"negative wait", &retry{Step: trials(), Wait: -time.Second}, 0, " retry has a negative Wait, -1s", 0, true, "chain retry - invalid_request"},
		{"negative longest wait", &retry{Step: trials(), MaxWait: -time.Second}, 0, " retry has a negative MaxWait, -1s", 0, true, "chain retry - invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := &tree{}
				ctx := callback.WithHandlers(t.Context(), runs)
				if tc.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.timeout)
					defer cancel()
				}
				start := time.Now()
				out, err := tc.retry.Run(ctx, "x")
				if got := fmt.Sprintf("%s %v", out, err); got != tc.out {
					t.Errorf("got %q, want %q", got, tc.out)
				}
				took := time.Since(start)
				if took > tc.longest || took < tc.longest/2 || tc.exact && took != tc.longest {
					t.Errorf("waited %v of at most %v", took, tc.longest)
				}
				same(t, "runs", runs, tc.tree)
			})
		})
	}
}

// TestRetryWaits: the event tells the wait that follows, and waits differ.
func TestRetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 20 {
			var at []time.Time
			var waits []time.Duration
			h := &callback.Funcs{OnRetry: func(_ context.Context, _ *callback.Info, e callback.Event) {
				at, waits = append(at, time.Now()), append(waits, e.Data.(callback.Attempt).Wait)
			}}
			r := &chain.Retry[string, string]{Step: trials(errLost, errLost), Handlers: []callback.Handler{h}}
			r.Run(t.Context(), "x")
			at = append(at, time.Now())
			for i, w := range waits {
				if at[i+1].Sub(at[i]) != w {
					t.Fatalf("waited %v, said %v", at[i+1].Sub(at[i]), w)
				}
			}
			if len(waits) != 2 || waits[1] < 500*time.Millisecond || waits[1] > time.Second {
				t.Fatalf("waits %v", waits)
			}
			seen[waits[0]] = true
		}
		if len(seen) < 10 {
			t.Errorf("20 waits have %d lengths", len(seen))
		}
	})
}

// TestRetryCanceled: the end of the context ends a wait at once.
func TestRetryCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &tree{}
		ctx, cancel := context.WithCancel(callback.WithHandlers(t.Context(), runs))
		start := time.Now()
		time.AfterFunc(time.Second, cancel)
		_, err := (&chain.Retry[string, string]{Name: "ask", Step: trials(retryAfter(30 * time.Second))}).Run(ctx, "x")
		if fmt.Sprint(err) != `retry "ask": context canceled while waiting for try 2` || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if time.Since(start) != time.Second {
			t.Errorf("took %v", time.Since(start))
		}
		same(t, "runs", runs, `
			chain ask - canceled
			  [retry: try 1 failed, 429]
			  chain try - 429`)
	})
}

// TestPermanent: what cannot succeed is not tried again.
func TestPermanent(t *testing.T) {
	budget := func() error {
		ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Cost: price.Money(1)})
		_, err := question(plays("gpt", says("ok"))).Run(ctx, "x")
		return err
	}()
	var nobody *chain.LLM[string]
	_, incomplete := chain.Pipe("", upper("a"), nobody).Run(t.Context(), "x")
	_, blank := question(plays("gpt", says("ok"))).Run(t.Context(), "")
	_, allRefused := (&chain.Fallback[string, string]{Steps: []stringRunner{failing("a", refused), failing("b", refused)}}).Run(t.Context(), "x")
	_, oneRefused := (&chain.Fallback[string, string]{Steps: []stringRunner{failing("a", refused), failing("b", overloaded)}}).Run(t.Context(), "x")
	batch := func(errs ...error) error {
		return &chain.BatchError{Errors: errs}
	}
	for _, tc := range []struct {
		name string
		err  error
		want bool
	}{
		{"400", refused, true},
		{"401", &llm.Error{Status: 401}, true},
		{"404", fmt.Errorf("ask: %w", &llm.Error{Status: 404}), true},
		{"408", &llm.Error{Status: 408}, false},
		{"409", &llm.Error{Status: 409}, false},
		{"429", &llm.Error{Status: 429}, false},
		{"no quota", &llm.Error{Status: 429, Code: "insufficient_quota"}, true},
		{"500", &llm.Error{Status: 500}, false},
		{"529", &llm.Error{Status: 529}, false},
		{"in the stream", &llm.Error{Type: "server_error"}, false},
		{"refused in the stream", &llm.Error{Type: "invalid_request_error"}, true},
		{"network", &net.OpError{Op: "dial", Err: errLost}, false},
		{"truncated", llm.ErrTruncated, false},
		{"empty", llm.ErrEmpty, false},
		{"malformed", llm.ErrMalformed, false},
		{"no messages", fmt.Errorf("ask: %w", llm.ErrNoMessages), true},
		{"consumed", llm.ErrConsumed, true},
		{"canceled", context.Canceled, true},
		{"deadline of the try", context.DeadlineExceeded, false},
		{"panic", fmt.Errorf("tool: %w", &callback.PanicError{Value: "boom"}), true},
		{"goexit", callback.ErrGoexit, true},
		{"budget", budget, true},
		{"incomplete", incomplete, true},
		{"blank prompt", blank, true},
		{"refusal", &chain.AnswerError{Reason: "refusal"}, false},
		{"tools", fmt.Errorf("ask: %w", &chain.AnswerError{Reason: "tool_calls"}), true},
		{"steps of an agent", fmt.Errorf("ask: %w", &agent.StepsError{Agent: "florist", Limit: 3}), true},
		{"all of a fallback", allRefused, true},
		{"one of a fallback", oneRefused, false},
		{"all of a batch", batch(refused, nil, refused), true},
		{"the first of a batch", batch(refused, overloaded), true},
		{"the last of a batch", batch(nil, overloaded, refused), true},
		{"none of a batch", batch(overloaded, nil, errLost), false},
		{"a fallback in a batch", fmt.Errorf("all: %w", batch(oneRefused, allRefused)), true},
		{"a fallback in a batch, and nothing worse", batch(oneRefused, overloaded), false},
		{"anything else", errLost, false},
	} {
		if tc.err == nil {
			t.Fatalf("%s: no error", tc.name)
		}
		tries := 0
		step := chain.Func[int, int](func(context.Context, int) (int, error) { tries++; return 0, tc.err })
		_, err := (&chain.Retry[int, int]{Step: step, Attempts: 2, Wait: 1}).Run(t.Context(), 1)
		if tries != 2-btoi(tc.want) || !errors.Is(err, tc.err) {
			t.Errorf("%s: %d tries, %v", tc.name, tries, err)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestRetryKeptTurn: a turn that its memory has kept is not made again because
// the memory's own call has failed. It would be there twice.
func TestRetryKeptTurn(t *testing.T) {
	memories := map[string]func(notes llm.Model) memory.Memory{
		"summary":        func(notes llm.Model) memory.Memory { return &memory.Summary{Model: notes} },
		"summary buffer": func(notes llm.Model) memory.Memory { return &memory.SummaryBuffer{Model: notes, MaxTokens: 1} },
	}
	for name, again := range map[string]func(talk stringRunner) stringRunner{
		"retry": func(talk stringRunner) stringRunner { return &chain.Retry[string, string]{Step: talk, Wait: 1} },
		"fallback": func(talk stringRunner) stringRunner {
			return &chain.Fallback[string, string]{Steps: []stringRunner{talk, talk}}
		},
	} {
		for kind, build := range memories {
			model, m := plays("gpt", says("Hi.")), build(plays("notes", fails(overloaded), says("Notes.")))
			answer, err := again(&chain.Conversation{Model: model, Memory: m}).Run(t.Context(), "Hello.")
			if answer != "Hi." || !errors.Is(err, overloaded) || callback.ErrorType(err) != "503" || len(model.requests) != 1 {
				t.Errorf("%s, %s: got %q, %v after %d calls", name, kind, answer, err, len(model.requests))
			}
			kept, _ := m.Load(t.Context(), llm.User("?"))
			if got := memory.Transcript(kept); got != "Human: Hello.\nAI: Hi." {
				t.Errorf("%s, %s: memory\n%s", name, kind, got)
			}
		}
	}
}

// TestRetryPanic: a panic is not tried again.
func TestRetryPanic(t *testing.T) {
	runs := &tree{}
	defer func() {
		if p := recover(); p != "boom" {
			t.Errorf("panic %v", p)
		}
		same(t, "runs", runs, `
			chain retry - panic
			  chain try - panic`)
	}()
	step := &chain.Step[string, string]{Name: "try", Do: func(context.Context, string) (string, error) { panic("boom") }}
	(&chain.Retry[string, string]{Step: step}).Run(callback.WithHandlers(t.Context(), runs), "x")
}

// TestRetryStream: a stream is tried again while nothing has been handed out.
func TestRetryStream(t *testing.T) {
	for _, tc := range []struct {
		name  string
		model *script
		want  string
		tree  string
	}{
		{"before the first chunk", plays("gpt", reply{silent: true, err: overloaded}, says("Pink ", "roses.")), "|Pink |roses.||", `
			chain retry
			  [retry: try 1 failed, 503]
			  llm gpt - 503
			  llm gpt`},
		{"before the first content", plays("gpt", fails(overloaded), says("Pink ", "roses.")), "|Pink |roses.||", `
			chain retry
			  [retry: try 1 failed, 503]
			  llm gpt - 503
			  llm gpt`},
		{"nothing came", plays("gpt", reply{silent: true}, says("Pink.")), "|Pink.||", `
			chain retry
			  [retry: try 1 failed, empty_response]
			  llm gpt - empty_response
			  llm gpt`},
		{"after content", plays("gpt", reply{texts: []string{"Pink "}, err: overloaded}, says("Pink ", "roses.")), "|Pink |error: 503: overloaded", `
			chain retry - 503
			  llm gpt - 503`},
		{"after a refusal", plays("gpt", reply{refusal: "No.", err: overloaded}, says("Pink.")), "|No.|error: 503: overloaded", `
			chain retry - 503
			  llm gpt - 503`},
		{"an empty answer is an answer", plays("gpt", says()), "||", `
			chain retry
			  llm gpt`},
		{"never", plays("gpt", fails(overloaded)), "error: retry: 3 tries failed, at last: 503: overloaded", `
			chain retry - 503
			  [retry: try 1 failed, 503]
			  [retry: try 2 failed, 503]
			  llm gpt - 503
			  llm gpt - 503
			  llm gpt - 503`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := &tree{}
				model := &chain.RetryModel{Model: tc.model}
				req := &llm.Request{Messages: []llm.Message{llm.User("Which?")}, Stream: true}
				if got := streamed(model.Chat(callback.WithHandlers(t.Context(), runs), req)); got != tc.want {
					t.Errorf("model streamed %q, want %q", got, tc.want)
				}
				same(t, "runs", runs, tc.tree)
				for _, r := range tc.model.requests {
					if r != req {
						t.Error("the request was changed")
					}
				}
			})
		})
	}
}

// TestRetryStep: a step that streams is tried again by the same rule, and ends
// when its consumer stops.
func TestRetryStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := plays("gpt", fails(overloaded), says("a", "b", "c"))
		runs := &tree{}
		retry := &chain.Retry[string, string]{Step: question(model)}
		for c, err := range retry.Stream(callback.WithHandlers(t.Context(), runs), "Which?") {
			if err != nil {
				t.Fatal(err)
			}
			if c.Text == "b" {
				break
			}
		}
		same(t, "runs", runs, `
			chain retry - stopped
			  [retry: try 1 failed, 503]
			  chain ask - 503
			    [text: Which?]
			    prompt question
			    llm gpt - 503
			  chain ask - stopped
			    [text: Which?]
			    prompt question
			    llm gpt - stopped`)
		if got := streamed((&chain.Retry[string, string]{Step: upper("a")}).Stream(t.Context(), "x")); got != "X|" {
			t.Errorf("streamed %q", got)
		}
		silent := &chain.Step[string, string]{Do: func(context.Context, string) (string, error) { return "", nil }}
		if got := streamed((&chain.Retry[string, string]{Step: silent}).Stream(t.Context(), "x")); got != "|" {
			t.Errorf("an empty text streamed %q", got)
		}
	})
}

// TestRetryCounts: what failed tries used is counted.
func TestRetryCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, count := callback.WithCount(t.Context())
		runs := &tree{}
		half := llm.ModelFunc(plays("gpt", fails(overloaded), says("ok")).Chat)
		used := &usesTokens{half}
		talk := &chain.Conversation{Model: &chain.RetryModel{Name: "ask", Model: used}}
		if _, err := talk.Run(callback.WithHandlers(ctx, runs), "Which?"); err != nil {
			t.Fatal(err)
		}
		same(t, "runs", runs, `
			chain conversation
			  memory buffer
			  chain ask
			    [retry: try 1 failed, 503]
			    llm - 503
			    llm
			  memory buffer`)
		got := count.Total()
		if got.Calls != 2 || got.Failed != 1 || got.Usage.Input != 17 || runs.root().Total.Usage != got.Usage {
			t.Errorf("counted %+v, root has %+v", got, runs.root().Total)
		}
	})
}

// usesTokens reports seven tokens with the first chunk of each call.
type usesTokens struct{ model llm.Model }

func (u *usesTokens) Chat(ctx context.Context, req *llm.Request) (seq seqOfChunks) {
	return func(yield func(llm.Chunk, error) bool) {
		if !yield(llm.Chunk{Usage: &llm.Usage{Input: 7}}, nil) {
			return
		}
		u.model.Chat(ctx, req)(yield)
	}
}

// TestModelMistakes: a decorated model that is not complete says so.
func TestModelMistakes(t *testing.T) {
	for _, tc := range []struct {
		model llm.Model
		want  string
	}{
		{&chain.RetryModel{Name: "ask"}, `error: retry "ask" has no Model`},
		{&chain.RetryModel{Model: (*script)(nil)}, `error: retry has no Model`},
		{&chain.RetryModel{Model: plays("gpt"), Attempts: -3}, `error: retry has negative Attempts, -3`},
		{&chain.FallbackModel{Name: "ask"}, `error: fallback "ask" has no Models`},
		{&chain.FallbackModel{Models: []llm.Model{plays("gpt"), nil}}, `error: fallback has nil in Models[1]`},
	} {
		if got := streamed(tc.model.Chat(t.Context(), nil)); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

// TestModelHandlers: handlers given to a decorated model see its own run, and
// join those that it has.
func TestModelHandlers(t *testing.T) {
	own := &tree{}
	for name, m := range map[string]llm.Model{
		"retry":    &chain.RetryModel{Model: plays("gpt", says("ok")), Handlers: []callback.Handler{own}},
		"fallback": &chain.FallbackModel{Models: []llm.Model{plays("gpt", says("ok"))}, Handlers: []callback.Handler{own}},
	} {
		local := &tree{}
		own.nodes = nil
		if _, err := llm.Collect(callback.Model(m, local).Chat(t.Context(), &llm.Request{Messages: []llm.Message{llm.User("x")}})); err != nil {
			t.Fatal(err)
		}
		same(t, name, local, "chain "+name)
		same(t, name+", its own handler", own, "chain "+name)
		if in := own.nodes[0].info.Input; in != nil {
			t.Errorf("%s has the input %v, which is its model runs'", name, in)
		}
		if callback.Model(m) != m {
			t.Errorf("%s is announced twice", name)
		}
	}
}

// TestModelEndpoint: a model made of models says where their calls go, as far as
// they agree.
func TestModelEndpoint(t *testing.T) {
	at := func(e llm.Endpoint) llm.Model { return elsewhere{e} }
	rose := llm.Endpoint{Provider: "openai", Model: "rose-1", Address: "models.example", Port: 443, API: llm.APIChat}
	other := func(change func(*llm.Endpoint)) llm.Model {
		e := rose
		change(&e)
		return at(e)
	}
	one := func(m llm.Model) llm.Model { return &chain.RetryModel{Model: m} }
	all := func(ms ...llm.Model) llm.Model { return &chain.FallbackModel{Models: ms} }
	for _, tc := range []struct {
		name  string
		model llm.Model
		want  llm.Endpoint
	}{
		{"tried again", one(at(rose)), rose},
		{"tried again twice", one(one(at(rose))), rose},
		{"alike", all(at(rose), at(rose)), rose},
		{"one", all(at(rose)), rose},
		{"another model", all(at(rose), other(func(e *llm.Endpoint) { e.Model = "rose-2" }), at(rose)), llm.Endpoint{Provider: "openai", Address: "models.example", Port: 443, API: llm.APIChat}},
		{"another provider", all(at(rose), other(func(e *llm.Endpoint) { e.Provider = "groq" })), llm.Endpoint{Model: "rose-1", Address: "models.example", Port: 443, API: llm.APIChat}},
		{"another address", all(at(rose), other(func(e *llm.Endpoint) { e.Address = "eu.models.example" })), llm.Endpoint{Provider: "openai", Model: "rose-1", API: llm.APIChat}},
		{"another port", all(at(rose), other(func(e *llm.Endpoint) { e.Port = 80 })), llm.Endpoint{Provider: "openai", Model: "rose-1", API: llm.APIChat}},
		{"another API", all(at(rose), other(func(e *llm.Endpoint) { e.API = llm.APICompletions })), llm.Endpoint{Provider: "openai", Model: "rose-1", Address: "models.example", Port: 443}},
		{"one that does not tell", all(at(rose), llm.ModelFunc(at(rose).Chat)), llm.Endpoint{}},
		{"one that does not tell, first", all(llm.ModelFunc(at(rose).Chat), at(rose)), llm.Endpoint{}},
		{"none", one(nil), llm.Endpoint{}},
		{"nil", one((*elsewhere)(nil)), llm.Endpoint{}},
		{"no models", all(), llm.Endpoint{}},
		{"nil among them", all(at(rose), (*chain.RetryModel)(nil)), llm.Endpoint{}},
	} {
		if got := tc.model.(interface{ Endpoint() llm.Endpoint }).Endpoint(); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// elsewhere is a model whose calls go to an endpoint.
type elsewhere struct{ at llm.Endpoint }

func (e elsewhere) Endpoint() llm.Endpoint { return e.at }

func (elsewhere) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] { return nil }
