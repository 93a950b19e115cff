package chain_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// TestLLM: what a model step returns, streams and shows, however it ends.
func TestLLM(t *testing.T) {
	for _, tc := range []struct {
		name     string
		model    *script
		input    string
		text     string // of Run
		err      string
		streamed string
		tree     string
	}{
		{"answers", plays("gpt", says("Pink ", "roses.")), "Which?", "Pink roses.", "<nil>", "|Pink |roses.||", `
			chain ask
			  [text: Which?]
			  prompt question
			  llm gpt`},
		{"fails at once", plays("gpt", reply{silent: true, err: overloaded}), "Which?", "", "503: overloaded", "error: 503: overloaded", `
			chain ask - 503
			  [text: Which?]
			  prompt question
			  llm gpt - 503`},
		{"fails on the way", plays("gpt", reply{texts: []string{"Pink "}, err: errLost}), "Which?", "Pink ", "connection lost", "|Pink |error: connection lost", `
			chain ask - _OTHER
			  [text: Which?]
			  prompt question
			  llm gpt - _OTHER`},
		{"brings nothing", plays("gpt", reply{silent: true}), "Which?", "", "response without content", "error: response without content", `
			chain ask - empty_response
			  [text: Which?]
			  prompt question
			  llm gpt - empty_response`},
		{"is refused", plays("gpt", reply{refusal: "I must not."}), "Which?", "", `llm "ask": the model declined to answer`,
			`|I must not.||error: llm "ask": the model declined to answer`, `
			chain ask - refusal
			  [text: Which?]
			  prompt question
			  llm gpt`},
		{"has no room for text", plays("gpt", reply{finish: "length"}), "Which?", "",
			`llm "ask": the answer was cut off at the limit of its tokens; raise Request.MaxTokens`,
			`||error: llm "ask": the answer was cut off at the limit of its tokens; raise Request.MaxTokens`, `
			chain ask - length
			  [text: Which?]
			  prompt question
			  llm gpt`},
		{"is filtered", plays("gpt", reply{finish: "content_filter"}), "Which?", "",
			`llm "ask": the answer was cut off by the provider's content filter`,
			`||error: llm "ask": the answer was cut off by the provider's content filter`, `
			chain ask - content_filter
			  [text: Which?]
			  prompt question
			  llm gpt`},
		{"is cut off", plays("gpt", reply{texts: []string{"Pink"}, finish: "length"}), "Which?", "Pink", "<nil>", "|Pink||", `
			chain ask
			  [text: Which?]
			  prompt question
			  llm gpt`},
		{"blank prompt", plays("gpt", says("")), " \n", "", `llm "ask": prompt "question": empty prompt`, `error: llm "ask": prompt "question": empty prompt`, `
			chain ask - empty_prompt
			  prompt question - empty_prompt`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, form := range []string{"run", "stream"} {
				tc.model.requests = nil
				runs := &tree{}
				ctx := callback.WithHandlers(t.Context(), runs)
				if form == "run" {
					text, err := question(tc.model).Run(ctx, tc.input)
					if text != tc.text || fmt.Sprint(err) != tc.err {
						t.Errorf("got %q, %v; want %q, %s", text, err, tc.text, tc.err)
					}
				} else if got := streamed(question(tc.model).Stream(ctx, tc.input)); got != tc.streamed {
					t.Errorf("streamed %q, want %q", got, tc.streamed)
				}
				same(t, form, runs, tc.tree)
				for _, r := range tc.model.requests {
					if r.Stream != (form == "stream") {
						t.Errorf("%s asked with Stream %v", form, r.Stream)
					}
				}
			}
		})
	}
}

// TestLLMTools: calls of tools are lost, and an error, but for who takes the
// chunks. Text beside them is the answer.
func TestLLMTools(t *testing.T) {
	calls := reply{calls: true, finish: "tool_calls"}
	text, err := question(plays("gpt", calls)).Run(t.Context(), "Which?")
	if want := `llm "ask": the model asks for tools, which nobody runs here; use an agent.Agent`; text != "" || fmt.Sprint(err) != want || callback.ErrorType(err) != "tool_calls" {
		t.Errorf("%q, %v, want %s", text, err, want)
	}
	var seen []llm.ToolDelta
	for c, err := range question(plays("gpt", calls)).Stream(t.Context(), "Which?") {
		if err != nil {
			t.Error(err)
		}
		if c.Tool != nil {
			seen = append(seen, *c.Tool)
		}
	}
	if len(seen) != 1 || seen[0].Name != "stock" {
		t.Errorf("streamed %+v", seen)
	}
	calls.texts = []string{"Let me see."}
	if text, err := question(plays("gpt", calls)).Run(t.Context(), "Which?"); text != "Let me see." || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestLLMRequest: settings are kept, and their messages come first.
func TestLLMRequest(t *testing.T) {
	m := plays("gpt", says("ok"))
	step := question(m)
	before := append(make([]llm.Message, 0, 8), llm.System("Be brief."))
	step.Request = llm.Request{Model: "m", MaxTokens: 7, Stream: true, Messages: before}
	for _, input := range []string{"a", "b"} {
		step.Run(t.Context(), input)
	}
	for i, r := range m.requests {
		same(t, "messages", m.asked(i), "system (system): Be brief.\nuser (input): "+string("ab"[i]))
		if r.Model != "m" || r.MaxTokens != 7 || !r.Stream {
			t.Errorf("settings %+v", r)
		}
	}
	if len(step.Request.Messages) != 1 {
		t.Errorf("the step's own messages are %v", step.Request.Messages)
	}
}

// TestLLMEvents: the prompt's run has the variables and the messages, and the
// formatted prompt is an event that a handler of the step itself sees.
func TestLLMEvents(t *testing.T) {
	chat := &chain.LLM[string]{
		Prompt: prompt.Must(prompt.NewChat[string](prompt.System("You sell flowers."), prompt.User("{question}"))),
		Model:  plays("gpt", says("ok")),
	}
	local, runs := &tree{}, &tree{}
	chat.Handlers = []callback.Handler{local}
	chat.Tags = []string{"shop"}
	chat.Run(callback.WithHandlers(t.Context(), runs), "Roses?")
	same(t, "local handler", local, `
		chain llm
		  [text: You sell flowers. /  / Human: Roses? / AI:]`)
	p := runs.nodes[1]
	if p.info.Input != "Roses?" || len(p.res.Output.([]llm.Message)) != 2 {
		t.Errorf("prompt run from %v to %v", p.info.Input, p.res.Output)
	}
	if runs.root().Output != "ok" || runs.nodes[0].info.Input != "Roses?" {
		t.Errorf("run from %v to %v", runs.nodes[0].info.Input, runs.root().Output)
	}
	if fmt.Sprint(runs.nodes[0].info.Tags, runs.nodes[2].info.Tags) != "[shop] []" {
		t.Errorf("tags %v of the step and %v of its model", runs.nodes[0].info.Tags, runs.nodes[2].info.Tags)
	}
}

type noMessages struct{ prompt.Template[string] }

func (noMessages) Messages(string) ([]llm.Message, error) { return nil, nil }
func (noMessages) Name() string                           { return "none" }

// TestLLMMistakes: a step that is not complete says what it lacks, and starts
// no other run.
func TestLLMMistakes(t *testing.T) {
	var absent *prompt.Text[string]
	for _, tc := range []struct {
		name string
		step *chain.LLM[string]
		want string
		kind string
	}{
		{"zero", &chain.LLM[string]{}, "llm has no Prompt", "invalid_request"},
		{"nil prompt", &chain.LLM[string]{Name: "ask", Prompt: absent, Model: plays("")}, `llm "ask" has no Prompt`, "invalid_request"},
		{"no model", &chain.LLM[string]{Name: "ask", Prompt: question(nil).Prompt}, `llm "ask" has no Model`, "invalid_request"},
		{"nil model", &chain.LLM[string]{Name: "ask", Prompt: question(nil).Prompt, Model: (*script)(nil)}, `llm "ask" has no Model`, "invalid_request"},
		{"no messages", &chain.LLM[string]{Name: "ask", Prompt: noMessages{}, Model: plays("", says("ok"))}, `llm "ask": empty prompt`, "_OTHER"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.step.Run(t.Context(), "Roses?")
			if fmt.Sprint(err) != tc.want || callback.ErrorType(err) != tc.kind {
				t.Errorf("error %v (%s), want %s (%s)", err, callback.ErrorType(err), tc.want, tc.kind)
			}
			if got := streamed(tc.step.Stream(t.Context(), "Roses?")); got != "error: "+tc.want {
				t.Errorf("streamed %q", got)
			}
		})
	}
}

// TestStreamTwice: a sequence is ranged over once.
func TestStreamTwice(t *testing.T) {
	seq := question(plays("gpt", says("ok"))).Stream(t.Context(), "Roses?")
	streamed(seq)
	if _, err := llm.Collect(seq); !errors.Is(err, llm.ErrConsumed) {
		t.Errorf("error %v", err)
	}
}
