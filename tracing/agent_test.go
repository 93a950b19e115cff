package tracing_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/memory"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/tools/txtar"
)

// turns is an HTTP client that answers each request with the next body, and
// all after the last with the last.
type turns struct {
	bodies [][]byte
	n      atomic.Int32
}

func (s *turns) Do(req *http.Request) (*http.Response, error) {
	return answer{http.StatusOK, s.bodies[min(int(s.n.Add(1)), len(s.bodies))-1]}.Do(req)
}

// flowers is what a model asks the tools about.
type flowers struct {
	Flower string `json:"flower"`
}

// An agentScenario is the section "scenario" of an archive in testdata/agent.
type agentScenario struct {
	About    string
	Content  bool // capture content
	Nested   bool // the agent is the tool of another
	MaxSteps int
}

// play has an agent with a tool that works, one that fails and one that panics
// do a task.
func (sc *agentScenario) play(ctx context.Context, tracer *tracing.Tracer, bodies [][]byte) {
	cfg := openai.DefaultConfig("sk-0123456789abcdef")
	cfg.HTTPClient = &turns{bodies: bodies}
	florist := &agent.Agent{
		Name: "florist", Description: "Knows the shop.", System: "You sell flowers.", MaxSteps: sc.MaxSteps, Memory: &memory.Buffer{},
		Model: callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Provider: "openai"}),
		Tools: tool.Set{
			tool.Must(tool.New("stock", "How many stems are in stock.", func(context.Context, flowers) (int, error) { return 12, nil })),
			tool.Must(tool.New("price", "What a stem costs.", func(context.Context, flowers) (float64, error) { return 0, errors.New("the till is closed") })),
			tool.Must(tool.New("thorn", "Pricks.", tool.NoArguments(func(context.Context) (string, error) { panic("ouch") }))),
		},
	}
	run := florist.Stream
	if sc.Nested {
		owner := &agent.Agent{Name: "owner", Model: florist.Model, Tools: tool.Set{tool.Must(florist.AsTool())}}
		florist.Memory, florist.Request.Stream = nil, true
		run = owner.Stream
	}
	ctx = callback.WithSession(callback.WithHandlers(ctx, tracer), "visit-1")
	for range run(ctx, "How many pink roses do you have?") {
	}
}

func agentScenarios(t *testing.T, play func(t *testing.T, path string, sc *agentScenario, bodies [][]byte)) {
	files, err := filepath.Glob("testdata/agent/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var sc agentScenario
			var bodies [][]byte
			for _, f := range archive.Files {
				switch {
				case f.Name == "scenario":
					if err := json.Unmarshal(f.Data, &sc); err != nil {
						t.Fatalf("scenario: %v", err)
					}
				case f.Name == "response "+strconv.Itoa(len(bodies)+1):
					bodies = append(bodies, f.Data)
				}
			}
			if len(bodies) == 0 {
				t.Fatal("no responses")
			}
			play(t, path, &sc, bodies)
		})
	}
}

// clock is a handler by which each run takes a moment before it does anything,
// so that only runs which start at the same time have the same start.
type clock struct{}

func (clock) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	time.Sleep(time.Millisecond)
	return ctx, nil
}

// TestAgentGolden: what an agent becomes as spans. Each archive in
// testdata/agent holds a scenario, the model's responses, and the tree that
// comes of them.
func TestAgentGolden(t *testing.T) {
	agentScenarios(t, func(t *testing.T, path string, sc *agentScenario, bodies [][]byte) {
		r := record(tracing.WithContent(captured(sc.Content)))
		synctest.Test(t, func(t *testing.T) { sc.play(callback.WithHandlers(t.Context(), clock{}), r.tracer, bodies) })
		spantree.Golden(t, path, "spans", spantree.FromSDK(r.spans()))
	})
}

// TestAgentConformance: the same, over the wire, keeps the conventions.
func TestAgentConformance(t *testing.T) {
	agentScenarios(t, func(t *testing.T, path string, sc *agentScenario, bodies [][]byte) {
		sink, err := otlpsink.Config{}.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+sink.Endpoint()), tracing.WithServiceName("florist"), tracing.WithContent(captured(sc.Content)))
		if err != nil {
			t.Fatal(err)
		}
		sc.play(t.Context(), tracer, bodies)
		if err := shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "export.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		data := sink.Data()
		w := otlpjson.NewWriter(f)
		if err := errors.Join(w.WriteTraces(data.Traces), w.WriteMetrics(data.Metrics), f.Close()); err != nil {
			t.Fatal(err)
		}
		conformance.Check(t, f.Name(), "--require-op", "chat", "--require-op", "invoke_agent", "--require-op", "execute_tool")
	})
}

// TestDescriptions: of an agent and of a tool the sampler sees what they are good
// for, without keys and in bounds.
func TestDescriptions(t *testing.T) {
	const key = "sk-proj-4f9aK2mQx81LzP0wR7tY3uVb"
	for _, tt := range []struct {
		kind callback.Kind
		key  string
	}{{callback.KindAgent, "gen_ai.agent.description"}, {callback.KindTool, "gen_ai.tool.description"}} {
		for _, description := range []struct{ name, given, want string }{
			{"none", "", ""},
			{"a sentence", "Knows the shop.", "Knows the shop."},
			{"with a key", "Knows " + key + ".", "Knows [key]."},
			{"longer than a name", strings.Repeat("rose ", 1000), strings.Repeat("rose ", 1000)},
		} {
			seen := seeing{}
			tracer := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(seen))))
			callback.Do(callback.WithHandlers(t.Context(), tracer), &callback.Info{Kind: tt.kind, Name: "florist", Description: description.given}, nil,
				func(context.Context) (any, error) { return nil, nil })
			for _, attributes := range seen {
				if got := value(attributes, tt.key).AsString(); got != description.want {
					t.Errorf("%s, %s: %.100q, want %.100q", tt.key, description.name, got, description.want)
				}
			}
		}
	}
}

// placed is a model that says where its calls go.
type placed struct {
	scripted
	at llm.Endpoint
}

func (m placed) Endpoint() llm.Endpoint { return m.at }

// TestAgentSaysItsModelAtTheStart: whom an agent asks is there for the sampler,
// through whatever stands before its model, and nothing says that the agent is
// elsewhere.
func TestAgentSaysItsModelAtTheStart(t *testing.T) {
	at := func(provider, model string) llm.Model {
		return placed{scripted{chunks: []llm.Chunk{{Text: "Twelve."}, done}}, llm.Endpoint{Provider: provider, Model: model, Address: "models.example", Port: 443, API: llm.APIChat}}
	}
	mini, large, other := at("openai", "gpt-5-mini"), at("openai", "gpt-5"), at("mistral_ai", "mistral-small")
	none := llm.ModelFunc(mini.Chat)
	for _, tt := range []struct {
		name    string
		model   llm.Model
		request string // Request.Model
		want    string // provider and model at the start
		end     string // and at the end
	}{
		{"a model", mini, "", "openai gpt-5-mini", "openai gpt-5-mini"},
		{"a request that names another", mini, "gpt-5", "openai gpt-5", "openai gpt-5"},
		{"announced", callback.Model(mini), "", "openai gpt-5-mini", "openai gpt-5-mini"},
		{"a model that does not tell", none, "", " ", " "},
		{"tried again", &chain.RetryModel{Model: mini}, "", "openai gpt-5-mini", "openai gpt-5-mini"},
		{"one after the other, alike", &chain.FallbackModel{Models: []llm.Model{mini, &chain.RetryModel{Model: mini}}}, "", "openai gpt-5-mini", "openai gpt-5-mini"},
		{"of one provider", &chain.FallbackModel{Models: []llm.Model{mini, large}}, "", "openai ", "openai gpt-5-mini"},
		{"of two providers", &chain.FallbackModel{Models: []llm.Model{mini, other}}, "", " ", "openai gpt-5-mini"},
		{"one that does not tell among them", &chain.FallbackModel{Models: []llm.Model{mini, none}}, "", " ", "openai gpt-5-mini"},
		{"tried again and one after the other", &chain.RetryModel{Model: &chain.FallbackModel{Models: []llm.Model{mini, large}}}, "", "openai ", "openai gpt-5-mini"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := seeing{}
			r := record()
			ctx := callback.WithHandlers(t.Context(), r.tracer)
			sampled := callback.WithHandlers(t.Context(), tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(seen)))))
			florist := &agent.Agent{Name: "florist", Model: tt.model, Request: llm.Request{Model: tt.request}}
			for _, ctx := range []context.Context{ctx, sampled} {
				if _, err := florist.Run(ctx, "Roses?"); err != nil {
					t.Fatal(err)
				}
			}
			said := func(as []attribute.KeyValue) string {
				return value(as, "gen_ai.provider.name").AsString() + " " + value(as, "gen_ai.request.model").AsString()
			}
			if got := said(seen["invoke_agent florist"]); got != tt.want {
				t.Errorf("the sampler sees %q, want %q", got, tt.want)
			}
			for _, s := range r.spans() {
				if s.Name() != "invoke_agent florist" {
					continue
				}
				if got := said(s.Attributes()); got != tt.end {
					t.Errorf("in the end %q, want %q", got, tt.end)
				}
				if s.SpanKind() != trace.SpanKindInternal || value(s.Attributes(), "server.address").AsString() != "" {
					t.Errorf("a span of kind %v at %q", s.SpanKind(), value(s.Attributes(), "server.address").AsString())
				}
			}
		})
	}
}
