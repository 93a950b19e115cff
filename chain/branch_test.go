package chain_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
)

func has(word string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, word) }
}

// TestChoice: branches and routers run one way, and stream it.
func TestChoice(t *testing.T) {
	type cases = []chain.Case[string, string]
	type routes = map[string]stringRunner
	model := question(plays("gpt", says("ok")))
	to := func(name string) *chain.Step[string, string] {
		return &chain.Step[string, string]{Name: "classify", Do: func(context.Context, string) (string, error) { return name, nil }}
	}
	var absent *chain.Step[string, string]
	for _, tc := range []struct {
		name     string
		choice   chain.Streamer[string]
		out      string
		streamed string
		tree     string
	}{
		{"first case that holds", &chain.Branch[string, string]{Cases: cases{{has("tulip"), upper("a")}, {has("rose"), upper("b")}, {has("o"), upper("c")}}},
			"ROSES <nil>", "ROSES|", `
			chain branch
			  chain b`},
		{"default", &chain.Branch[string, string]{Name: "desk", Cases: cases{{has("tulip"), upper("a")}}, Default: upper("b")},
			"ROSES <nil>", "ROSES|", `
			chain desk
			  chain b`},
		{"a case that streams", &chain.Branch[string, string]{Name: "desk", Cases: cases{{has("rose"), model}}},
			"ok <nil>", "|ok||", `
			chain desk
			  chain ask
			    [text: roses]
			    prompt question
			    llm gpt`},
		{"a case that fails", &chain.Branch[string, string]{Cases: cases{{has("rose"), failing("a", errLost)}}, Default: upper("b")},
			" connection lost", "error: connection lost", `
			chain branch - _OTHER
			  chain a - _OTHER`},
		{"no case holds", &chain.Branch[string, string]{Name: "desk", Cases: cases{{has("tulip"), upper("a")}}},
			` branch "desk" has no case for the input and no Default`, `error: branch "desk" has no case for the input and no Default`, "chain desk - invalid_request"},
		{"no cases", &chain.Branch[string, string]{Name: "desk", Default: upper("a")},
			` branch "desk" has no Cases`, `error: branch "desk" has no Cases`, "chain desk - invalid_request"},
		{"no condition", &chain.Branch[string, string]{Cases: cases{{has("rose"), upper("a")}, {nil, upper("b")}}},
			` branch has Cases[1] without If`, `error: branch has Cases[1] without If`, "chain branch - invalid_request"},
		{"nothing to run", &chain.Branch[string, string]{Cases: cases{{If: has("rose")}}},
			` branch has Cases[0] without Then`, `error: branch has Cases[0] without Then`, "chain branch - invalid_request"},

		{"route", &chain.Router[string, string]{Route: to("order"), Routes: routes{"order": upper("a"), "care": upper("b")}},
			"ROSES <nil>", "ROSES|", `
			chain router
			  [text: route: order]
			  chain classify
			  chain a`},
		{"a model routes, and another streams", &chain.Router[string, string]{Name: "desk", Route: question(plays("small", says(" or", "der\n"))), Routes: routes{"order": model}},
			"ok <nil>", "|ok||", `
			chain desk
			  [text: route: order]
			  chain ask
			    [text: roses]
			    prompt question
			    llm small
			  chain ask
			    [text: roses]
			    prompt question
			    llm gpt`},
		{"default route", &chain.Router[string, string]{Route: to("sing"), Routes: routes{"order": upper("a")}, Default: upper("b")},
			"ROSES <nil>", "ROSES|", `
			chain router
			  [text: route: sing]
			  chain classify
			  chain b`},
		{"unknown route", &chain.Router[string, string]{Name: "desk", Route: to("sing"), Routes: routes{"order": upper("a"), "care": upper("b")}},
			` router "desk": unknown route "sing"; there are care, order`, `error: router "desk": unknown route "sing"; there are care, order`, `
			chain desk - unknown_route
			  [text: route: sing]
			  chain classify`},
		{"a model that talks", &chain.Router[string, string]{Route: to(strings.Repeat("Well, ", 10)), Routes: routes{"order": upper("a")}},
			` router: unknown route "Well, Well, Well, Well, Well, Well, Well…"; there are order`, `error: router: unknown route "Well, Well, Well, Well, Well, Well, Well…"; there are order`, `
			chain router - unknown_route
			  [text: route: Well, Well, Well, Well, Well, Well, Well, Well, Well, Well,]
			  chain classify`},
		{"the route fails", &chain.Router[string, string]{Route: failing("classify", errLost), Routes: routes{"order": upper("a")}, Default: upper("b")},
			" connection lost", "error: connection lost", `
			chain router - _OTHER
			  chain classify - _OTHER`},
		{"no routes", &chain.Router[string, string]{Name: "desk", Route: to("x"), Default: upper("b")},
			` router "desk" has no Routes`, `error: router "desk" has no Routes`, "chain desk - invalid_request"},
		{"nobody routes", &chain.Router[string, string]{Routes: routes{"order": upper("a")}},
			` router has no Route`, `error: router has no Route`, "chain router - invalid_request"},
		{"nil route", &chain.Router[string, string]{Route: to("order"), Routes: routes{"order": upper("a"), "care": absent}},
			` router has nil in Routes["care"]`, `error: router has nil in Routes["care"]`, "chain router - invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runs := &tree{}
			out, err := tc.choice.Run(callback.WithHandlers(t.Context(), runs), "roses")
			if got := fmt.Sprintf("%s %v", out, err); got != tc.out {
				t.Errorf("got %q, want %q", got, tc.out)
			}
			same(t, "runs", runs, tc.tree)

			runs = &tree{}
			if got := streamed(tc.choice.Stream(callback.WithHandlers(t.Context(), runs), "roses")); got != tc.streamed {
				t.Errorf("streamed %q, want %q", got, tc.streamed)
			}
			same(t, "streamed runs", runs, tc.tree)
		})
	}
}

// TestCondition: a condition that panics ends the branch's run.
func TestCondition(t *testing.T) {
	runs := &tree{}
	defer func() {
		if p := recover(); p != "boom" {
			t.Errorf("panic %v", p)
		}
		same(t, "runs", runs, "chain branch - panic")
	}()
	b := &chain.Branch[string, string]{Cases: []chain.Case[string, string]{{func(string) bool { panic("boom") }, upper("a")}}}
	b.Run(callback.WithHandlers(t.Context(), runs), "roses")
}
