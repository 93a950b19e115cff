package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
)

// shop is an API whose model looks at the stock and the price before it
// answers, and what it answers with.
func shop(t *testing.T, ids ...string) (*standin.API, llm.Model) {
	t.Helper()
	api := &standin.API{Reply: func(_ context.Context, r *standin.Request) (standin.Reply, error) {
		last := r.Messages[len(r.Messages)-1]
		switch {
		case strings.Contains(r.LastUser(), "closed"):
			return standin.Reply{}, &standin.Failure{Status: 429, Type: "requests", Code: "rate_limit_exceeded", Message: "Rate limit reached for requests"}
		case last.Role != "tool":
			return standin.Reply{Choices: []standin.Choice{{Text: "Let me see.", ToolCalls: []standin.ToolCall{
				{ID: ids[0], Name: "stock", Arguments: `{"flower": "pink rose"}`},
				{ID: ids[1], Name: "price", Arguments: `{"flower": "pink rose"}`},
				{ID: ids[2], Name: "thorn", Arguments: `{}`}}}}}, nil
		}
		return standin.Text("Twelve, at 2.50 each."), nil
	}}
	s, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	cfg := openai.DefaultConfig("sk-0123456789abcdef")
	cfg.BaseURL = s.URL
	return api, callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Provider: "openai"})
}

// TestOpenAI: over HTTP, the API gets its own message back as it came, with the
// results after it.
func TestOpenAI(t *testing.T) {
	thorn := tool.Must(tool.New("thorn", "", tool.NoArguments(func(context.Context) (string, error) { panic("ouch") })))
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprint("stream ", stream), func(t *testing.T) {
			api, model := shop(t, "call_a", "call_b", "call_c")
			a := &agent.Agent{Name: "florist", Model: model, System: "You sell flowers.", Tools: tool.Set{stock(), price(), thorn}}
			ctx, count := callback.WithCount(t.Context())
			var answer string
			var err error
			if stream {
				var resp *llm.Response
				resp, err = llm.Collect(a.Stream(ctx, "How many pink roses do you have?"))
				answer = strings.TrimPrefix(resp.Text(), "Let me see.")
			} else {
				answer, err = a.Run(ctx, "How many pink roses do you have?")
			}
			if err != nil || answer != "Twelve, at 2.50 each." {
				t.Fatalf("got %q, %v", answer, err)
			}
			sent := api.Requests()
			if len(sent) != 2 {
				t.Fatalf("%d requests", len(sent))
			}
			var tools []struct {
				Type     string
				Function struct {
					Name       string
					Parameters json.RawMessage
				}
			}
			if err := json.Unmarshal(sent[0].Tools, &tools); err != nil || len(tools) != 3 || tools[0].Type != "function" || tools[0].Function.Name != "stock" ||
				string(tools[2].Function.Parameters) != `{"type":"object","properties":{},"additionalProperties":false}` {
				t.Errorf("tools %s, %v", sent[0].Tools, err)
			}
			var got []string
			for _, m := range sent[1].Messages[2:] {
				got = append(got, fmt.Sprint(m.Role, " ", m.ToolCallID, " ", m.Text, " ", m.ToolCalls))
			}
			want := []string{
				`assistant  Let me see. [{call_a stock {"flower": "pink rose"}} {call_b price {"flower": "pink rose"}} {call_c thorn {}}]`,
				"tool call_a 12 []", "tool call_b 2.50 []", "tool call_c error: the tool broke down and gave no result []",
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			u, reported := count.Total().Usage, api.Reported()
			if u.Input != reported.Prompt || u.Output != reported.Completion || count.Total().Calls != 2 {
				t.Errorf("counted %+v, the API reported %+v", u, reported)
			}
		})
	}
}

// TestConformance: what agents export, through Setup and over the wire, with
// content, keeps OpenTelemetry's conventions; and the totals of an agent are
// those of its calls.
func TestConformance(t *testing.T) {
	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+sink.Endpoint()),
		tracing.WithServiceName("agents"), tracing.WithContent(tracing.ContentBoth))
	if err != nil {
		t.Fatal(err)
	}
	ctx := callback.WithSession(callback.WithHandlers(t.Context(), tracer), "visit-1")
	fails := tool.Must(tool.New("price", "What a stem costs.", func(context.Context, query) (int, error) { return 0, errors.New("no price") }))
	thorn := tool.Must(tool.New("thorn", "Pricks.", tool.NoArguments(func(context.Context) (string, error) { panic("ouch") })))
	api, model := shop(t, "call_a", "call_b", "call_c")
	buyer := &agent.Agent{Name: "buyer", Model: model, Tools: tool.Set{stock(), fails, thorn}}
	florist := &agent.Agent{Name: "florist", Model: model, Tools: tool.Set{tool.Must(buyer.AsTool())}, System: "You sell flowers.",
		Request: llm.Request{ToolChoice: "buyer"}}
	for _, task := range []string{"How many pink roses do you have?", "Are you closed?", ""} {
		buyer.Run(ctx, task)
		for range florist.Stream(ctx, task) {
		}
		for c := range florist.Stream(ctx, task) {
			if c.HasContent() {
				break
			}
		}
	}
	ctxEnd, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctxEnd); err != nil {
		t.Fatal(err)
	}
	data := sink.Data()
	f, err := os.Create(filepath.Join(t.TempDir(), "export.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w := otlpjson.NewWriter(f)
	if err := errors.Join(w.WriteTraces(data.Traces), w.WriteMetrics(data.Metrics), f.Close()); err != nil {
		t.Fatal(err)
	}
	conformance.Check(t, f.Name(), "--require-op", "chat", "--require-op", "invoke_agent", "--require-op", "execute_tool")
	if len(api.Requests()) == 0 {
		t.Error("the API was not asked")
	}
}
