package chain_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // tools panic here on purpose
	goleak.VerifyTestMain(m)
}

// florist repeats how many messages it was sent, and keeps the requests.
type florist struct {
	requests []*llm.Request
	err      error
	silent   bool
}

func (f *florist) Chat(_ context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		f.requests = append(f.requests, req)
		if f.silent {
			return
		}
		for _, text := range []string{"You said ", fmt.Sprint(len(req.Messages)), " things."} {
			if !yield(llm.Chunk{Text: text}, nil) {
				return
			}
		}
		if f.err != nil {
			yield(llm.Chunk{}, f.err)
			return
		}
		yield(llm.Chunk{Finish: "stop"}, nil)
	}
}

// names is a handler that notes how runs nest.
type names struct{ log []string }

func (n *names) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	n.log = append(n.log, "+"+string(i.Kind)+" "+i.Name)
	return ctx, &named{n, i}
}

type named struct {
	n *names
	i *callback.Info
}

func (r *named) End(res *callback.Result) {
	line := "-" + string(r.i.Kind) + " " + r.i.Name
	if res.Err != nil {
		line += " " + callback.ErrorType(res.Err)
	}
	if res.Stopped {
		line += " stopped"
	}
	r.n.log = append(r.n.log, line)
}

func ExampleConversation() {
	ctx := context.Background()
	talk := &chain.Conversation{Model: &florist{}}
	for _, input := range []string{"My sister's birthday is tomorrow.", "She likes pink roses."} {
		answer, err := talk.Run(ctx, input)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer)
	}
	fmt.Println(talk.Memories())
	// Output:
	// You said 2 things.
	// You said 4 things.
	// Human: My sister's birthday is tomorrow.
	// AI: You said 2 things.
	// Human: She likes pink roses.
	// AI: You said 4 things.
}

func ExampleStep() {
	square := &chain.Step[int, int]{Name: "square", Do: func(_ context.Context, n int) (int, error) { return n * n, nil }}
	result, err := square.Run(context.Background(), 7)
	fmt.Println("The result is:", result, err)
	// Output: The result is: 49 <nil>
}

func TestConversationRuns(t *testing.T) {
	for _, stream := range []bool{false, true} {
		rec := &names{}
		local := &names{}
		talk := &chain.Conversation{Model: &florist{}, Handlers: []callback.Handler{local}}
		ctx := callback.WithHandlers(t.Context(), rec)
		text := ""
		if stream {
			resp, err := llm.Collect(talk.Stream(ctx, "roses?"))
			if err != nil {
				t.Fatal(err)
			}
			text = resp.Text()
		} else {
			var err error
			if text, err = talk.Run(ctx, "roses?"); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"+chain conversation", "+memory buffer", "-memory buffer", "+llm ", "-llm ",
			"+memory buffer", "-memory buffer", "-chain conversation"}
		if !slices.Equal(rec.log, want) {
			t.Errorf("stream %v: runs %q, want %q", stream, rec.log, want)
		}
		if want := []string{"+chain conversation", "-chain conversation"}; !slices.Equal(local.log, want) {
			t.Errorf("constructor handler was told %q", local.log)
		}
		if text != "You said 2 things." {
			t.Errorf("answer %q", text)
		}
	}
}

// TestConversationPrompt: system, history and input are sent in this order,
// each with its source, and settings are kept.
func TestConversationPrompt(t *testing.T) {
	m := &florist{}
	talk := &chain.Conversation{Model: m, System: "Sell flowers.", Request: llm.Request{Model: "m", MaxTokens: 100}}
	talk.Run(t.Context(), "a")
	talk.Run(t.Context(), "b")
	req := m.requests[1]
	var got []string
	for i, msg := range req.Messages {
		got = append(got, fmt.Sprintf("%s:%s:%s", msg.Role, req.SourceOf(i, msg.Parts[0]), msg.Text()))
	}
	want := []string{"system:system:Sell flowers.", "user:history:a", "assistant:history:You said 2 things.", "user:input:b"}
	if !slices.Equal(got, want) {
		t.Errorf("prompt %q, want %q", got, want)
	}
	if req.MaxTokens != 100 || req.Model != "m" || req.Stream {
		t.Errorf("settings %+v", req)
	}
	if want := "System: Sell flowers.\n\n{history}\nHuman: {input}\nAI:"; talk.Template() != want {
		t.Errorf("template %q", talk.Template())
	}
}

// TestConversationEndings: a turn that fails or is broken off is not
// remembered, and its runs say why.
func TestConversationEndings(t *testing.T) {
	lost := errors.New("connection lost")
	for _, tc := range []struct {
		name    string
		talk    *chain.Conversation
		input   string
		brk     bool
		want    string
		outcome string
	}{
		{"model fails", &chain.Conversation{Model: &florist{err: lost}}, "roses?", false, "connection lost", "-chain conversation _OTHER"},
		{"model yields nothing", &chain.Conversation{Model: &florist{silent: true}}, "roses?", false, "response without content", "-chain conversation empty_response"},
		{"no model", &chain.Conversation{}, "roses?", false, "conversation has no Model", "-chain conversation invalid_request"},
		{"nothing but a cut", &chain.Conversation{Model: plays("gpt", reply{finish: "length"})}, "roses?", false,
			"conversation: the answer was cut off at the limit of its tokens; raise Request.MaxTokens", "-chain conversation length"},
		{"filtered", &chain.Conversation{Model: plays("gpt", reply{finish: "content_filter"})}, "roses?", false,
			"conversation: the answer was cut off by the provider's content filter", "-chain conversation content_filter"},
		{"nothing but tools", &chain.Conversation{Model: plays("gpt", reply{calls: true, finish: "tool_calls"})}, "roses?", false,
			"conversation: the model asks for tools, which nobody runs here; use an agent.Agent", "-chain conversation tool_calls"},
		{"model declines", &chain.Conversation{Model: plays("gpt", reply{refusal: "No."})}, "roses?", false, "conversation: the model declined to answer", "-chain conversation refusal"},
		{"empty input", &chain.Conversation{Model: &florist{}}, " \n", false, "conversation got an empty input", "-chain conversation invalid_request"},
		{"broken off", &chain.Conversation{Model: &florist{}}, "roses?", true, "<nil>", "-chain conversation stopped"},
		{"nil memory", &chain.Conversation{Model: &florist{}, Memory: (*faultyMemory)(nil)}, "roses?", false, "conversation has a nil *chain_test.faultyMemory as its Memory", "-chain conversation invalid_request"},
		{"memory cannot load", &chain.Conversation{Model: &florist{}, Memory: &faultyMemory{load: lost}}, "roses?", false, "connection lost", "-chain conversation _OTHER"},
		{"memory cannot save", &chain.Conversation{Model: &florist{}, Memory: &faultyMemory{save: lost}}, "roses?", false, "connection lost", "-chain conversation _OTHER"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := &names{}
			var err error
			for _, e := range tc.talk.Stream(callback.WithHandlers(t.Context(), rec), tc.input) {
				if err = e; tc.brk {
					break
				}
			}
			if fmt.Sprint(err) != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
			if got := rec.log[len(rec.log)-1]; got != tc.outcome {
				t.Errorf("run ended %q, want %q", got, tc.outcome)
			}
			if tc.name == "nil memory" {
				return
			}
			if n, _ := tc.talk.Memories().(memory.Sizer).Size(); n != 0 {
				t.Errorf("%d messages remembered", n)
			}
			starts := 0
			for _, l := range rec.log {
				if strings.HasPrefix(l, "+") {
					starts++
				}
			}
			if starts*2 != len(rec.log) {
				t.Errorf("starts and ends do not match: %q", rec.log)
			}
		})
	}
}

// TestConversationTools: what is said beside calls of tools is remembered, and the
// calls are not: an API refuses those that nothing answers.
func TestConversationTools(t *testing.T) {
	m := plays("gpt", reply{texts: []string{"Let me see."}, calls: true, finish: "tool_calls"}, says("Pink."))
	talk := &chain.Conversation{Model: m}
	for _, in := range []string{"Roses?", "Well?"} {
		if _, err := talk.Run(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for _, said := range m.requests[1].Messages {
		if len(said.ToolCalls) > 0 {
			t.Errorf("sent again: %+v", said)
		}
	}
	if got := m.requests[1].Messages[2].Text(); got != "Let me see." {
		t.Errorf("remembered %q", got)
	}
}

type faultyMemory struct {
	memory.Buffer
	load, save error
}

func (m *faultyMemory) Load(ctx context.Context, in llm.Message) ([]llm.Message, error) {
	return nil, m.load
}
func (m *faultyMemory) Save(ctx context.Context, turn ...llm.Message) error { return m.save }
