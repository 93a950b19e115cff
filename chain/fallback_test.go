package chain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
)

func TestFallback(t *testing.T) {
	good := func(name string) *chain.LLM[string] { return question(plays(name, says("Pink ", "roses."))) }
	bad := func(name string) *chain.LLM[string] { return question(plays(name, fails(overloaded))) }
	half := question(plays("half", reply{texts: []string{"Pink "}, err: overloaded}))
	type fallback = chain.Fallback[string, string]
	for _, tc := range []struct {
		name     string
		fallback *fallback
		out      string
		streamed string
		tree     string
	}{
		{"the first", &fallback{Steps: []stringRunner{good("a"), good("b")}}, "Pink roses. <nil>", "|Pink |roses.||", `
			chain fallback
			  chain ask
			    [text: Which?]
			    prompt question
			    llm a`},
		{"the second", &fallback{Name: "shop", Steps: []stringRunner{bad("a"), good("b")}}, "Pink roses. <nil>", "|Pink |roses.||", `
			chain shop
			  [retry: try 1 failed, 503]
			  chain ask - 503
			    [text: Which?]
			    prompt question
			    llm a - 503
			  chain ask
			    [text: Which?]
			    prompt question
			    llm b`},
		{"a finish reason is no content", &fallback{Steps: []stringRunner{question(plays("a", reply{finish: "content_filter"})), good("b")}}, "Pink roses. <nil>", "|Pink |roses.||", `
			chain fallback
			  [retry: try 1 failed, content_filter]
			  chain ask - content_filter
			    [text: Which?]
			    prompt question
			    llm a
			  chain ask
			    [text: Which?]
			    prompt question
			    llm b`},
		{"an answer without text", &fallback{Steps: []stringRunner{question(plays("a", says())), good("b")}}, " <nil>", "||", `
			chain fallback
			  chain ask
			    [text: Which?]
			    prompt question
			    llm a`},
		{"what does not stream", &fallback{Steps: []stringRunner{failing("a", refused), upper("b")}}, "WHICH? <nil>", "WHICH?|", `
			chain fallback
			  [retry: try 1 failed, bad_request]
			  chain a - bad_request
			  chain b`},
		{"none", &fallback{Name: "shop", Steps: []stringRunner{failing("a", overloaded), chain.Func[string, string](failing("", errLost).Do)}},
			` fallback "shop": all have failed: Steps[0] "a": 503: overloaded; Steps[1]: connection lost`,
			`error: fallback "shop": all have failed: Steps[0] "a": 503: overloaded; Steps[1]: connection lost`, `
			chain shop - 503
			  [retry: try 1 failed, 503]
			  chain a - 503`},
		{"no steps", &fallback{Name: "shop"}, ` fallback "shop" has no Steps`, `error: fallback "shop" has no Steps`, "chain shop - invalid_request"},
		{"nil step", &fallback{Steps: []stringRunner{nil}}, ` fallback has nil in Steps[0]`, `error: fallback has nil in Steps[0]`, "chain fallback - invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runs := &tree{}
			out, err := tc.fallback.Run(callback.WithHandlers(t.Context(), runs), "Which?")
			if got := fmt.Sprintf("%s %v", out, err); got != tc.out {
				t.Errorf("got %q, want %q", got, tc.out)
			}
			same(t, "runs", runs, tc.tree)
			runs = &tree{}
			if got := streamed(tc.fallback.Stream(callback.WithHandlers(t.Context(), runs), "Which?")); got != tc.streamed {
				t.Errorf("streamed %q, want %q", got, tc.streamed)
			}
			same(t, "streamed runs", runs, tc.tree)
		})
	}
	if got := streamed((&fallback{Steps: []stringRunner{half, good("b")}}).Stream(t.Context(), "Which?")); got != "|Pink |error: 503: overloaded" {
		t.Errorf("after content: streamed %q", got)
	}
}

// TestFallbackErrors: the error of all is each member's.
func TestFallbackErrors(t *testing.T) {
	_, err := (&chain.Fallback[string, string]{Steps: []stringRunner{failing("a", errLost), failing("b", refused)}}).Run(t.Context(), "x")
	var api *llm.Error
	if !errors.Is(err, errLost) || !errors.Is(err, refused) || !errors.As(err, &api) || api.Status != 400 {
		t.Errorf("error %v", err)
	}
}

// TestFallbackEnded: once the context has ended nobody else is asked.
func TestFallbackEnded(t *testing.T) {
	runs := &tree{}
	ctx, cancel := context.WithCancel(callback.WithHandlers(t.Context(), runs))
	stop := &chain.Step[string, string]{Name: "stop", Do: func(ctx context.Context, _ string) (string, error) { cancel(); return "", ctx.Err() }}
	_, err := (&chain.Fallback[string, string]{Steps: []stringRunner{failing("a", errLost), stop, upper("b")}}).Run(ctx, "x")
	if err != context.Canceled {
		t.Errorf("error %v", err)
	}
	same(t, "runs", runs, `
		chain fallback - canceled
		  [retry: try 1 failed, _OTHER]
		  chain a - _OTHER
		  chain stop - canceled`)
}

// TestFallbackModel: a model that fails before it has brought anything is
// followed by the next, in a conversation as elsewhere.
func TestFallbackModel(t *testing.T) {
	for _, tc := range []struct {
		name   string
		models []llm.Model
		want   string
		tree   string
	}{
		{"the second", []llm.Model{plays("a", fails(overloaded)), plays("b", says("ok"))}, "|ok||", `
			chain conversation
			  memory buffer
			  chain fallback
			    [retry: try 1 failed, 503]
			    llm a - 503
			    llm b
			  memory buffer`},
		{"after nothing", []llm.Model{plays("a", reply{silent: true}), plays("b", says("ok"))}, "|ok||", `
			chain conversation
			  memory buffer
			  chain fallback
			    [retry: try 1 failed, empty_response]
			    llm a - empty_response
			    llm b
			  memory buffer`},
		{"not after an answer without text", []llm.Model{plays("a", says()), plays("b", says("ok"))}, "||", `
			chain conversation
			  memory buffer
			  chain fallback
			    llm a
			  memory buffer`},
		{"too late", []llm.Model{plays("a", reply{texts: []string{"half "}, err: errLost}), plays("b", says("ok"))}, "|half |error: connection lost", `
			chain conversation - _OTHER
			  memory buffer
			  chain fallback - _OTHER
			    llm a - _OTHER`},
		{"none", []llm.Model{plays("a", fails(overloaded)), plays("", fails(errLost))},
			`error: fallback: all have failed: Models[0] "a": 503: overloaded; Models[1]: connection lost`, `
			chain conversation - 503
			  memory buffer
			  chain fallback - 503
			    [retry: try 1 failed, 503]
			    llm a - 503
			    llm - _OTHER`},
		{"each with its own tries", []llm.Model{&chain.RetryModel{Model: plays("a", fails(overloaded)), Attempts: 2, Wait: 1}, plays("b", says("ok"))}, "|ok||", `
			chain conversation
			  memory buffer
			  chain fallback
			    [retry: try 1 failed, 503]
			    chain retry - 503
			      [retry: try 1 failed, 503]
			      llm a - 503
			      llm a - 503
			    llm b
			  memory buffer`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runs := &tree{}
			talk := &chain.Conversation{Model: &chain.FallbackModel{Models: tc.models}}
			if got := streamed(talk.Stream(callback.WithHandlers(t.Context(), runs), "Which?")); got != tc.want {
				t.Errorf("streamed %q, want %q", got, tc.want)
			}
			same(t, "runs", runs, tc.tree)
		})
	}
}
