package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

// TestSteps: what the model does, what it is told then, and what the caller
// gets.
func TestSteps(t *testing.T) {
	const again = "; call the tool again with arguments that fit its schema"
	lost := errors.New("connection lost")
	thorn := tool.Must(tool.New("thorn", "", tool.NoArguments(func(context.Context) (string, error) { panic("ouch") })))
	fails := tool.Must(tool.New("fails", "", tool.NoArguments(func(context.Context) (string, error) { return "", lost })))
	tools := tool.Set{stock(), price(), thorn, fails}
	for _, tc := range []struct {
		name    string
		model   *script
		told    string // the last request's messages after the task
		answer  string
		err     string
		errType string
		asked   int
	}{
		{"answers at once", says(text("stop", "Good ", "day.")), "", "Good day.", "", "", 1},
		{"uses a tool", says(calls(`call_1 stock {"flower":"rose"}`), text("stop", "Twelve.")),
			`assistant [call_1 stock {"flower":"rose"}]` + "\ntool call_1: 12", "Twelve.", "", "", 2},
		{"uses two at once, then one", says(calls(`a stock {"flower":"rose"}`, `b price {"flower":"rose"}`), calls(`c stock {"flower":"lily"}`), text("stop", "Done.")),
			`assistant [a stock {"flower":"rose"}] [b price {"flower":"rose"}]` + "\ntool a: 12\ntool b: 2.50\n" + `assistant [c stock {"flower":"lily"}]` + "\ntool c: 12", "Done.", "", "", 3},
		{"speaks and calls", says(append([]llm.Chunk{{Text: "Let me see."}}, calls(`a stock {"flower":"rose"}`)...), text("stop", "Twelve.")),
			`assistant: Let me see. [a stock {"flower":"rose"}]` + "\ntool a: 12", "Twelve.", "", "", 2},
		{"fragments of parallel calls come mixed", says([]llm.Chunk{
			{Tool: &llm.ToolDelta{Index: 0, ID: "a", Name: "stock"}}, {Tool: &llm.ToolDelta{Index: 1, ID: "b", Name: "price"}},
			{Tool: &llm.ToolDelta{Index: 1, Arguments: `{"flower":`}}, {Tool: &llm.ToolDelta{Index: 0, Arguments: `{"flower":"ro`}},
			{Tool: &llm.ToolDelta{Index: 0, Arguments: `se"}`}}, {Tool: &llm.ToolDelta{Index: 1, Arguments: `"lily"}`}}, {Finish: "tool_calls"}}, text("stop", "Done.")),
			`assistant [a stock {"flower":"rose"}] [b price {"flower":"lily"}]` + "\ntool a: 12\ntool b: 2.50", "Done.", "", "", 2},
		{"calls with another finish reason", says([]llm.Chunk{{Tool: &llm.ToolDelta{ID: "a", Name: "stock", Arguments: `{"flower":"rose"}`}, Finish: "stop"}}, text("stop", "Twelve.")),
			`assistant [a stock {"flower":"rose"}]` + "\ntool a: 12", "Twelve.", "", "", 2},
		{"calls without a finish reason", says([]llm.Chunk{{Tool: &llm.ToolDelta{ID: "a", Name: "stock", Arguments: `{"flower":"rose"}`}}}, text("", "Twelve.")),
			`assistant [a stock {"flower":"rose"}]` + "\ntool a: 12", "Twelve.", "", "", 2},
		{"calls without ids", says(calls(` stock {"flower":"rose"}`, ` price {"flower":"rose"}`), text("stop", "Done.")),
			`assistant [call00001 stock {"flower":"rose"}] [call00002 price {"flower":"rose"}]` + "\ntool call00001: 12\ntool call00002: 2.50", "Done.", "", "", 2},
		{"calls with one id", says(calls(`call00001 stock {"flower":"rose"}`, `call00001 price {"flower":"rose"}`, ` stock {"flower":"lily"}`), text("stop", "Done.")),
			`assistant [call00001 stock {"flower":"rose"}] [call00002 price {"flower":"rose"}] [call00003 stock {"flower":"lily"}]` + "\ntool call00001: 12\ntool call00002: 2.50\ntool call00003: 12", "Done.", "", "", 2},
		{"a call without an id before one that has it", says(calls(` stock {"flower":"rose"}`, `call00001 price {"flower":"rose"}`), text("stop", "Done.")),
			`assistant [call00002 stock {"flower":"rose"}] [call00001 price {"flower":"rose"}]` + "\ntool call00002: 12\ntool call00001: 2.50", "Done.", "", "", 2},
		{"the same id in every step", says(calls(`a stock {"flower":"rose"}`), calls(`a stock {"flower":"rose"}`), text("stop", "Twelve.")),
			`assistant [a stock {"flower":"rose"}]` + "\ntool a: 12\n" + `assistant [a stock {"flower":"rose"}]` + "\ntool a: 12", "Twelve.", "", "", 3},
		{"several answers", says([]llm.Chunk{{Choice: 1, Text: "No."}, {Text: "Yes."}, {Choice: 1, Tool: &llm.ToolDelta{ID: "a", Name: "stock"}}, {Finish: "stop"}, {Choice: 1, Finish: "tool_calls"}}),
			"", "Yes.", "", "", 1},

		{"unknown tool", says(calls(`a florist {}`), text("stop", "Sorry.")), "assistant [a florist {}]\n" + `tool a: error: there is no tool "florist"; the tools are fails, price, stock, thorn`, "Sorry.", "", "", 2},
		{"broken JSON", says(calls(`a stock {"flower`), text("stop", "Sorry.")), "assistant [a stock {\"flower]\ntool a: error: invalid arguments: not JSON: unexpected end of JSON input at byte 8" + again, "Sorry.", "", "", 2},
		{"tool fails", says(calls(`a fails {}`), text("stop", "Sorry.")), "assistant [a fails {}]\ntool a: error: connection lost", "Sorry.", "", "", 2},
		{"tool panics beside another", says(calls(`a thorn {}`, `b stock {"flower":"rose"}`), text("stop", "Sorry.")),
			`assistant [a thorn {}] [b stock {"flower":"rose"}]` + "\ntool a: error: the tool broke down and gave no result\ntool b: 12", "Sorry.", "", "", 2},

		{"cut inside a call", says([]llm.Chunk{{Tool: &llm.ToolDelta{Index: 0, ID: "a", Name: "stock", Arguments: `{"flower":"rose"}`}}, {Tool: &llm.ToolDelta{Index: 1, ID: "b", Name: "stock", Arguments: `{"flo`}}, {Finish: "length"}}, text("stop", "Sorry.")),
			`assistant [a stock {"flower":"rose"}] [b stock {"flo]` + "\ntool a: 12\n" + `tool b: error: the answer was cut off (finish reason "length") before this call was complete, so it was not made`, "Sorry.", "", "", 2},
		{"cut before the arguments", says([]llm.Chunk{{Tool: &llm.ToolDelta{ID: "a", Name: "thorn"}}, {Finish: "length"}}, text("stop", "Sorry.")),
			"assistant [a thorn ]\n" + `tool a: error: the answer was cut off (finish reason "length") before this call was complete, so it was not made`, "Sorry.", "", "", 2},
		{"cut after a call", says([]llm.Chunk{{Tool: &llm.ToolDelta{ID: "a", Name: "stock", Arguments: `{"flower":"rose"}`}}, {Finish: "length"}}, text("stop", "Twelve.")),
			`assistant [a stock {"flower":"rose"}]` + "\ntool a: 12", "Twelve.", "", "", 2},
		{"cut inside the answer", says(text("length", "Twel")), "", "Twel", "", "", 1},
		{"cut before the answer", says([]llm.Chunk{{Reasoning: "hm"}, {Finish: "length"}}), "", "", `agent "florist": response without content (finish reason "length")`, "empty_response", 1},
		{"filtered", says(text("content_filter")), "", "", `agent "florist": response without content (finish reason "content_filter")`, "empty_response", 1},
		{"nothing to say", says(calls(`a stock {"flower":"rose"}`), text("stop")), `assistant [a stock {"flower":"rose"}]` + "\ntool a: 12", "", "", "", 2},
		{"calls that never came", says(text("tool_calls")), "", "", `agent "florist": response without content (finish reason "tool_calls")`, "empty_response", 1},
		{"no answer at all", says(nil), "", "", "response without content", "empty_response", 1},
		{"refuses", says([]llm.Chunk{{Refusal: "I do not "}, {Refusal: "sell weapons."}, {Finish: "stop"}}), "", "", `agent "florist": the model refused the task`, "refusal", 1},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, ", stream ", stream), func(t *testing.T) {
				l := &log{}
				m := says(tc.model.answers...)
				a := &agent.Agent{Name: "florist", Model: m, Tools: tools}
				ctx := callback.WithHandlers(t.Context(), l)
				var answer string
				var err error
				if stream {
					for _, e := range a.Stream(ctx, "Roses?") {
						err = e
					}
				} else {
					answer, err = a.Run(ctx, "Roses?")
					if answer != tc.answer {
						t.Errorf("answer %q, want %q", answer, tc.answer)
					}
					if out := l.out["florist"]; out != tc.answer {
						t.Errorf("the run's output is %q", out)
					}
				}
				if got := fmt.Sprint(err); tc.err == "" && err != nil || tc.err != "" && got != tc.err || callback.ErrorType(err) != tc.errType {
					t.Errorf("error %q of type %q, want %q", got, callback.ErrorType(err), tc.err)
				}
				if res := l.last[callback.KindAgent]; res.Err != err || res.Stopped {
					t.Errorf("the run ended with %v", res.Err)
				}
				if len(m.requests) != tc.asked {
					t.Fatalf("the model was asked %d times, want %d", len(m.requests), tc.asked)
				}
				last := m.requests[len(m.requests)-1]
				if got := showAll(last.Messages[1:]); got != tc.told {
					t.Errorf("the model was told\n%s\nwant\n%s", got, tc.told)
				}
				if got := show(last.Messages[0]); got != "user: Roses?" || last.SourceOf(0, last.Messages[0].Parts[0]) != llm.SourceInput {
					t.Errorf("the task is %s", got)
				}
				if last.Stream != stream || len(last.Tools) != 4 {
					t.Errorf("request %+v", last)
				}
				l.check(t)
			})
		}
	}
}

// TestModelFails: the model's error ends the agent unchanged, with what had
// arrived.
func TestModelFails(t *testing.T) {
	lost := &llm.Error{Code: "overloaded", Message: "later"}
	m := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			_ = yield(llm.Chunk{Text: "Twel"}, nil) && yield(llm.Chunk{}, lost)
		}
	})
	l := &log{}
	a := &agent.Agent{Model: m}
	answer, err := a.Run(callback.WithHandlers(t.Context(), l), "Roses?")
	if answer != "Twel" || err != lost {
		t.Errorf("got %q, %v", answer, err)
	}
	if want := "+agent agent\n  +llm\n  -llm overloaded\n-agent agent overloaded"; l.String() != want {
		t.Errorf("runs\n%s\nwant\n%s", l, want)
	}
}

// TestLimit: an agent that never stops is stopped, and the tools that it asked
// for last are not run.
func TestLimit(t *testing.T) {
	for limit, want := range map[int]int{0: 10, 1: 1, 3: 3} {
		ran := 0
		count := tool.Must(tool.New("count", "", tool.NoArguments(func(context.Context) (int, error) { ran++; return ran, nil })))
		m := says(append([]llm.Chunk{{Text: "One more."}}, calls("a count {}")...))
		l := &log{}
		a := &agent.Agent{Name: "florist", Model: m, Tools: tool.Set{count}, MaxSteps: limit}
		answer, err := a.Run(callback.WithHandlers(t.Context(), l), "Count.")
		if answer != "One more." {
			t.Errorf("limit %d: the last message had %q", limit, answer)
		}
		var steps *agent.StepsError
		if !errors.As(err, &steps) || *steps != (agent.StepsError{Agent: "florist", Limit: want}) || callback.ErrorType(err) != "max_steps" {
			t.Errorf("limit %d: %v", limit, err)
		}
		if text := fmt.Sprintf(`agent "florist" has no answer after %d steps; raise MaxSteps if the task needs more`, want); err.Error() != text {
			t.Errorf("limit %d: %v", limit, err)
		}
		if len(m.requests) != want || ran != want-1 {
			t.Errorf("limit %d: %d model calls, %d tool calls", limit, len(m.requests), ran)
		}
		l.check(t)
	}
}

// TestBadInput: each is an error that names the thing, and the run says so.
func TestBadInput(t *testing.T) {
	var noModel llm.ModelFunc
	fine := says(text("stop", "Yes."))
	for _, tc := range []struct {
		name  string
		agent *agent.Agent
		task  string
		want  string
	}{
		{"zero value", &agent.Agent{}, "Roses?", `agent "agent": it has no Model`},
		{"no model", &agent.Agent{Name: "florist"}, "Roses?", `agent "florist": it has no Model`},
		{"model that is nil", &agent.Agent{Model: noModel}, "Roses?", `agent "agent": it has no Model`},
		{"memory that is nil", &agent.Agent{Model: fine, Memory: (*faulty)(nil)}, "Roses?", `agent "agent": it has a nil *agent_test.faulty as its Memory`},
		{"empty task", &agent.Agent{Name: "florist", Model: fine}, " \n", `agent "florist": it got an empty task`},
		{"nil tool", &agent.Agent{Name: "florist", Model: fine, Tools: tool.Set{stock(), nil}}, "Roses?", `agent "florist": tool 2 of 2 is nil`},
		{"tool that is none", &agent.Agent{Name: "florist", Model: fine, Tools: tool.Set{{}}}, "Roses?", `agent "florist": tool 1 of 1 was not made by tool.New or tool.Raw`},
		{"duplicate names", &agent.Agent{Name: "florist", Model: fine, Tools: tool.Set{stock(), stock()}}, "Roses?", `agent "florist": two tools have the name "stock"`},
		{"negative limit", &agent.Agent{Name: "florist", Model: fine, MaxSteps: -1}, "Roses?", `agent "florist": it has a negative MaxSteps, -1`},
		{"several answers asked for", &agent.Agent{Name: "florist", Model: fine, Request: llm.Request{Choices: 3}}, "Roses?", `agent "florist": Request.Choices is 3, but an agent follows one answer`},
		{"tools at the wrong place", &agent.Agent{Name: "florist", Model: fine, Request: llm.Request{Tools: []llm.Tool{{}}}}, "Roses?", `agent "florist": tools belong into Tools, not into Request.Tools`},
		{"memory cannot load", &agent.Agent{Model: fine, Memory: &faulty{load: errors.New("disk is gone")}}, "Roses?", "disk is gone"},
		{"memory cannot save", &agent.Agent{Model: fine, Memory: &faulty{save: errors.New("disk is full")}}, "Roses?", "disk is full"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := &log{}
			_, err := tc.agent.Run(callback.WithHandlers(t.Context(), l), tc.task)
			if err == nil || err.Error() != tc.want || tc.agent.Memory == nil && callback.ErrorType(err) != "invalid_request" {
				t.Errorf("got %v of type %q, want %s", err, callback.ErrorType(err), tc.want)
			}
			if res := l.last[callback.KindAgent]; res == nil || res.Err != err {
				t.Errorf("the run does not say so: %s", l)
			}
			var last error
			for _, e := range tc.agent.Stream(t.Context(), tc.task) {
				last = e
			}
			if last == nil || last.Error() != tc.want {
				t.Errorf("stream: %v", last)
			}
			l.check(t)
		})
	}
	var none context.Context
	if got, err := (&agent.Agent{Model: fine}).Run(none, "Roses?"); got != "Yes." || err != nil {
		t.Errorf("nil context: %q, %v", got, err)
	}
}

// a placed model says where its calls go: to a text completion at an address.
type placed struct{ *script }

func (placed) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "rose-1", Address: "models.example", Port: 8080, API: llm.APICompletions}
}

// TestEndpoint: an agent says whom it asks and no more, so that nobody takes it
// for a call that goes there.
func TestEndpoint(t *testing.T) {
	for _, tc := range []struct {
		name, request string
		model         llm.Model
		want          llm.Endpoint
	}{
		{"the model's", "", placed{says(text("stop", "Yes."))}, llm.Endpoint{Provider: "openai", Model: "rose-1"}},
		{"that of the request", "rose-2", placed{says(text("stop", "Yes."))}, llm.Endpoint{Provider: "openai", Model: "rose-2"}},
		{"not told", "", says(text("stop", "Yes.")), llm.Endpoint{}},
		{"nil", "", (*chain.FallbackModel)(nil), llm.Endpoint{}},
		{"nil that says where", "", (*placed)(nil), llm.Endpoint{}},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, ", stream ", stream), func(t *testing.T) {
				var got []string
				var logged bytes.Buffer
				a := &agent.Agent{Name: "florist", Model: tc.model, Request: llm.Request{Model: tc.request}}
				ctx := callback.WithHandlers(t.Context(), callback.Log(slog.New(slog.NewTextHandler(&logged, nil))), &callback.Funcs{
					OnChainStart: func(_ context.Context, i *callback.Info) {
						if i.Endpoint != tc.want {
							t.Errorf("got %+v, want %+v", i.Endpoint, tc.want)
						}
						got = append(got, "chain")
					},
					OnLLMStart: func(context.Context, *callback.Info) { got = append(got, "llm") },
				})
				ctx, count := callback.WithCount(ctx)
				if stream {
					for range a.Stream(ctx, "Roses?") {
					}
				} else {
					a.Run(ctx, "Roses?")
				}
				models := len(count.Models())
				if got[0] != "chain" || len(got) != 1+models {
					t.Errorf("runs %q, %d models counted", got, models)
				}
				for line := range strings.Lines(logged.String()) {
					if strings.Contains(line, "agent") && (strings.Contains(line, "provider=") || strings.Contains(line, "model=")) {
						t.Errorf("the agent is logged as a call: %s", line)
					}
				}
			})
		}
	}
}

// a partial model has a method of a model that is not there.
type partial struct {
	*placed
	llm.Model
}

func (p partial) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return p.Model.Chat(ctx, req)
}

// TestEndpointUnasked: where nobody listens, nobody asks where calls go.
func TestEndpointUnasked(t *testing.T) {
	a := &agent.Agent{Model: partial{Model: says(text("stop", "Yes."))}}
	if got, err := a.Run(t.Context(), "Roses?"); got != "Yes." || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

type faulty struct {
	memory.Buffer
	load, save error
}

func (m *faulty) Load(context.Context, llm.Message) ([]llm.Message, error) { return nil, m.load }
func (m *faulty) Save(context.Context, ...llm.Message) error               { return m.save }

// TestRuns: how runs nest, with the agent's events between them.
func TestRuns(t *testing.T) {
	all, own := &log{}, &log{}
	a := &agent.Agent{Name: "florist", Tools: tool.Set{stock()}, Memory: &memory.Buffer{}, Handlers: []callback.Handler{own},
		Model: says(calls(`a stock {"flower":"rose"}`), text("stop", "Twelve."))}
	if _, err := a.Run(callback.WithHandlers(t.Context(), all), "Roses?"); err != nil {
		t.Fatal(err)
	}
	want := `+agent florist
  +memory buffer
  -memory buffer
  +llm
  -llm
  *agent_action a stock
  +tool stock a
  -tool stock
  +llm
  -llm
  *agent_finish Twelve.
  +memory buffer
  -memory buffer
-agent florist`
	if all.String() != want {
		t.Errorf("runs\n%s\nwant\n%s", all, want)
	}
	if want := "+agent florist\n  *agent_action a stock\n  *agent_finish Twelve.\n-agent florist"; own.String() != want {
		t.Errorf("the agent's own handler was told\n%s", own)
	}
	if total := all.last[callback.KindAgent].Total; total.Calls != 2 || total.Usage.Input != 30 || total.Usage.Output != 6 || total.Open != 0 {
		t.Errorf("totals %+v", total)
	}
}

// TestSettings: instructions, fixed messages, history and task in this order;
// the settings stay as they are, except that no call is forced twice.
func TestSettings(t *testing.T) {
	for _, choice := range []string{"", "auto", "none", "required", "stock"} {
		m := says(calls(`a stock {"flower":"rose"}`), text("stop", "Twelve."))
		a := &agent.Agent{Name: "florist", Model: m, Tools: tool.Set{stock()}, System: "You sell flowers.", Memory: &memory.Buffer{},
			Request: llm.Request{Model: "m", MaxTokens: 100, ToolChoice: choice, Messages: []llm.Message{llm.User("Hello."), llm.Assistant("Good day.")}}}
		memory.Save(t.Context(), a.Memory, llm.User("Do you have lilies?"), llm.Assistant("No."))
		before := a.Request
		if _, err := a.Run(t.Context(), "Roses?"); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a.Request, before) {
			t.Errorf("the settings were changed to %+v", a.Request)
		}
		want := "system: You sell flowers.\nuser: Hello.\nassistant: Good day.\nuser: Do you have lilies?\nassistant: No.\nuser: Roses?"
		if got := showAll(m.requests[0].Messages); got != want {
			t.Errorf("first request\n%s\nwant\n%s", got, want)
		}
		second := choice
		if choice == "required" || choice == "stock" {
			second = ""
		}
		if r := m.requests; r[0].ToolChoice != choice || r[1].ToolChoice != second || r[1].MaxTokens != 100 || r[1].Model != "m" || len(r[1].Messages) != 8 {
			t.Errorf("tool choice %q, then %q; second request %+v", r[0].ToolChoice, r[1].ToolChoice, r[1])
		}
	}
}

// TestMemory: the task and the answer are remembered, what lies between is not,
// and neither is a turn that failed.
func TestMemory(t *testing.T) {
	m := says(calls(`a stock {"flower":"rose"}`), text("stop", "Twelve."), calls(`a florist {}`))
	mem := &memory.Buffer{}
	a := &agent.Agent{Model: m, Tools: tool.Set{stock()}, Memory: mem, MaxSteps: 3}
	a.Run(t.Context(), "Roses?")
	a.Run(t.Context(), "And lilies?")
	for range a.Stream(t.Context(), "Tulips?") {
		break
	}
	if want := "Human: Roses?\nAI: Twelve."; mem.String() != want {
		t.Errorf("memory\n%s\nwant\n%s", mem, want)
	}
}

// TestStream: the chunks of every step pass unchanged, as they arrive; the run's
// output is the answer alone.
func TestStream(t *testing.T) {
	first := append([]llm.Chunk{{Text: "Let me "}, {Text: "see."}}, calls(` stock {"flower":"rose"}`)...)
	second := text("stop", "Twelve ", "stems.")
	m := says(first, second)
	a := &agent.Agent{Model: m, Tools: tool.Set{stock()}}
	l := &log{}
	var got []llm.Chunk
	for c, err := range a.Stream(callback.WithHandlers(t.Context(), l), "Roses?") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
		if len(got) <= len(first) && len(m.requests) != 1 {
			t.Error("chunks are held back")
		}
	}
	if out := l.out["agent"]; out != "Twelve stems." {
		t.Errorf("the run's output is %q", out)
	}
	if want := append(first, second...); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := showAll(m.requests[1].Messages[1:]); got != `assistant: Let me see. [call00001 stock {"flower":"rose"}]`+"\ntool call00001: 12" {
		t.Errorf("the model was told\n%s", got)
	}
	seq := a.Stream(t.Context(), "Roses?")
	for range seq {
	}
	for _, err := range seq {
		if err != llm.ErrConsumed {
			t.Errorf("a second range yields %v", err)
		}
	}
}

// TestNested: an agent that is another's tool is a run below that tool's.
func TestNested(t *testing.T) {
	buyer := &agent.Agent{Name: "buyer", Description: "Knows what the market has.", Model: says(calls(`b price {"flower":"rose"}`), text("stop", "They cost 2.50.")), Tools: tool.Set{price()}}
	ask, err := buyer.AsTool()
	if err != nil {
		t.Fatal(err)
	}
	d := ask.Definition()
	if want := `{"type":"object","properties":{"task":{"type":"string","description":"what to do, with everything that one has to know to do it"}},"required":["task"],"additionalProperties":false}`; d.Name != "buyer" || d.Description != "Knows what the market has." || string(d.Parameters) != want {
		t.Errorf("definition %+v", d)
	}
	l := &log{}
	m := says(calls(`a buyer {"task":"What do roses cost?"}`), text("stop", "2.50 each."))
	florist := &agent.Agent{Name: "florist", Model: m, Tools: tool.Set{ask}}
	answer, err := florist.Run(callback.WithHandlers(t.Context(), l), "Price of roses?")
	if err != nil || answer != "2.50 each." {
		t.Errorf("got %q, %v", answer, err)
	}
	want := `+agent florist
  +llm
  -llm
  *agent_action a buyer
  +tool buyer a
    +agent buyer
      +llm
      -llm
      *agent_action b price
      +tool price b
      -tool price
      +llm
      -llm
      *agent_finish They cost 2.50.
    -agent buyer
  -tool buyer
  +llm
  -llm
  *agent_finish 2.50 each.
-agent florist`
	if l.String() != want {
		t.Errorf("runs\n%s\nwant\n%s", l, want)
	}
	if total := l.last[callback.KindAgent].Total; total.Calls != 4 || total.Usage.Input != 60 {
		t.Errorf("totals %+v", total)
	}
	if got := show(m.requests[1].Messages[2]); got != "tool a: They cost 2.50." {
		t.Errorf("the model was told %s", got)
	}
	buyer.Name = "the buyer"
	if _, err := buyer.AsTool(); err == nil || !strings.HasPrefix(err.Error(), `make tool "the buyer": a name has`) {
		t.Errorf("a name that is no tool's: %v", err)
	}
}

// TestBudget: a budget that is spent ends the agent, also from an agent below.
func TestBudget(t *testing.T) {
	buyer := &agent.Agent{Name: "buyer", Model: says(calls(`b price {"flower":"rose"}`)), Tools: tool.Set{price()}}
	florist := &agent.Agent{Name: "florist", Model: says(calls(`a buyer {"task":"What do roses cost?"}`)), Tools: tool.Set{tool.Must(buyer.AsTool())}}
	for calls := range 5 {
		l := &log{}
		ctx, budget := callback.WithBudget(callback.WithHandlers(t.Context(), l), callback.Limit{Calls: calls + 1})
		_, err := florist.Run(ctx, "Price of roses?")
		var over *callback.BudgetError
		if !errors.As(err, &over) || callback.ErrorType(err) != "budget_exceeded" || budget.Spent().Calls != calls+1 {
			t.Errorf("%d calls: got %v, spent %+v", calls+1, err, budget.Spent())
		}
		if res := l.last[callback.KindAgent]; callback.ErrorType(res.Err) != "budget_exceeded" {
			t.Errorf("%d calls: the run ended with %v", calls+1, res.Err)
		}
		l.check(t)
	}
}

// TestItself: agents that have each other as tools share their limits, so that
// they end.
func TestItself(t *testing.T) {
	m := says(append([]llm.Chunk{{Text: "One more."}}, calls(`a a {"task":"Again."}`, `b b {"task":"Again."}`)...))
	a := &agent.Agent{Name: "a", Model: m, MaxSteps: 5}
	b := &agent.Agent{Name: "b", Model: m, MaxSteps: 4}
	tools := tool.Set{tool.Must(a.AsTool()), tool.Must(b.AsTool())}
	a.Tools, b.Tools = tools, tools
	l := &log{}
	answer, err := a.Run(callback.WithHandlers(t.Context(), l), "Begin.")
	var steps *agent.StepsError
	if !errors.As(err, &steps) || steps.Agent != "a" || steps.Limit != 5 || answer != "One more." {
		t.Errorf("got %q, %v", answer, err)
	}
	// Runs of b that are not below each other have a limit of their own.
	if n := len(m.requests); n < 5 || n > 5+5*4 {
		t.Errorf("%d model calls", n)
	}
	l.check(t)
}

// TestAgentConcurrentSafe: one agent without memory, many goroutines.
func TestAgentConcurrentSafe(t *testing.T) {
	m := llm.ModelFunc(func(_ context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			cs := text("stop", "Twelve.")
			if len(req.Messages) < 6 {
				cs = calls(`a stock {"flower":"rose"}`, `b price {"flower":"rose"}`)
			}
			for _, c := range cs {
				if !yield(c, nil) {
					return
				}
			}
		}
	})
	a := &agent.Agent{Model: m, Tools: tool.Set{stock(), price()}}
	l := &log{}
	ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), l))
	done := make(chan error)
	for range 16 {
		go func() {
			_, err := a.Run(ctx, "Roses?")
			done <- err
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if total := count.Total(); total.Calls != 48 || total.Usage.Input != 16*50 || total.Open != 0 {
		t.Errorf("totals %+v", total)
	}
	l.check(t)
}

// TestTags: an agent's tags are those of its own run, streamed or not.
func TestTags(t *testing.T) {
	a := &agent.Agent{Tools: tool.Set{stock()}, Tags: []string{"florist"}, Model: says(calls(`a stock {"flower":"rose"}`), text("stop", "Twelve."))}
	for _, stream := range []bool{false, true} {
		var got []string
		tell := func(_ context.Context, i *callback.Info) { got = append(got, fmt.Sprintf("%s %v", i.Kind, i.Tags)) }
		ctx := callback.WithTags(callback.WithHandlers(t.Context(), &callback.Funcs{OnChainStart: tell, OnToolStart: tell}), "shop")
		var err error
		if stream {
			_, err = llm.Collect(a.Stream(ctx, "Roses?"))
		} else {
			_, err = a.Run(ctx, "Roses?")
		}
		want := "agent [shop florist] tool [shop]"
		if a.Model = says(text("stop", "Twelve.")); stream {
			want = "agent [shop florist]"
		}
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("stream %t: runs %q, %v", stream, got, err)
		}
	}
}
