package tracing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TestAttributesOfProvider: openai.* is on the spans and figures of OpenAI's models
// alone, however alike another provider answers.
func TestAttributesOfProvider(t *testing.T) {
	for provider, want := range map[string][]string{
		"openai":          {"openai.api.type", "openai.request.service_tier", "openai.response.service_tier", "openai.response.system_fingerprint"},
		"azure.ai.openai": {"openai.api.type", "openai.request.service_tier", "openai.response.service_tier", "openai.response.system_fingerprint"},
		"groq":            nil,
		"":                nil,
	} {
		r := record()
		req := ask("roses")
		req.ServiceTier = "flex"
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{provider: provider, chunks: []llm.Chunk{
			{Text: "a", Meta: &llm.Meta{ServiceTier: "flex", SystemFingerprint: "fp"}}, done}}, req)
		var got []string
		for _, kv := range r.spans()[0].Attributes() {
			if strings.HasPrefix(string(kv.Key), "openai.") {
				got = append(got, string(kv.Key))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", provider, got, want)
		}
		if measured := strings.Contains(measured(t, r.reader), "openai.response.service_tier=flex"); measured != (want != nil) {
			t.Errorf("%q: service tier on its figures: %v", provider, measured)
		}
	}
}

// TestAttributesWhenDue: what the conventions want only where it says something is
// absent otherwise.
func TestAttributesWhenDue(t *testing.T) {
	answer := []llm.Chunk{{Text: "a"}, done}
	for _, tt := range []struct {
		name, key string
		req       llm.Request
		want      string // "" is absent
	}{
		{"one choice", "gen_ai.request.choice.count", llm.Request{Choices: 1}, ""},
		{"two choices", "gen_ai.request.choice.count", llm.Request{Choices: 2}, "2"},
		{"tier left to the API", "openai.request.service_tier", llm.Request{ServiceTier: "auto"}, ""},
		{"tier", "openai.request.service_tier", llm.Request{ServiceTier: "default"}, "default"},
		{"in one piece", "gen_ai.request.stream", llm.Request{}, ""},
		{"streamed", "gen_ai.request.stream", llm.Request{Stream: true}, "true"},
		{"first chunk of one piece", "gen_ai.response.time_to_first_chunk", llm.Request{}, ""},
		{"text", "gen_ai.output.type", llm.Request{}, ""},
		{"text that is asked for", "gen_ai.output.type", llm.Request{OutputType: "text"}, "text"},
		{"speech", "gen_ai.output.type", llm.Request{OutputType: "speech"}, "speech"},
		{"JSON, whatever else", "gen_ai.output.type", llm.Request{OutputType: "text", Format: &llm.Format{}}, "json"},
		{"any JSON", "gen_ai.output.type", llm.Request{Format: &llm.Format{}}, "json"},
		{"JSON of a schema", "gen_ai.output.type", llm.Request{Format: &llm.Format{Name: "a", Schema: []byte("{}")}}, "json"},
		{"no cache", "gen_ai.usage.cache_read.input_tokens", llm.Request{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record()
			tt.req.Messages = []llm.Message{llm.User("roses")}
			collect(callback.WithHandlers(t.Context(), r.tracer), scripted{provider: "openai", chunks: answer}, &tt.req)
			got := ""
			for _, kv := range r.spans()[0].Attributes() {
				if string(kv.Key) == tt.key {
					got = kv.Value.String()
				}
			}
			if got != tt.want {
				t.Errorf("%s = %q, want %q", tt.key, got, tt.want)
			}
			if m := measured(t, r.reader); strings.Contains(m, "time_to_first_chunk") != tt.req.Stream {
				t.Errorf("figures of a call with stream %v:\n%s", tt.req.Stream, m)
			}
		})
	}
}

// TestConversation: the program's session is the conversation; without one, what
// the request goes on with at the provider is.
func TestConversation(t *testing.T) {
	for session, want := range map[string]string{"visit-1": "visit-1", "": "conv_1"} {
		r := record()
		req := ask("roses")
		req.ConversationID = "conv_1"
		collect(callback.WithSession(callback.WithHandlers(t.Context(), r.tracer), session), scripted{chunks: []llm.Chunk{done}}, req)
		attrs := r.spans()[0].Attributes()
		if got := value(attrs, "gen_ai.conversation.id").AsString(); got != want || value(attrs, "session.id").AsString() != session {
			t.Errorf("session %q: %q, want %q", session, got, want)
		}
		n := 0
		for _, kv := range attrs {
			if kv.Key == "gen_ai.conversation.id" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("session %q: %d ids", session, n)
		}
	}
}

// seeing is a sampler that notes what it sees of each span by its name.
type seeing map[string][]attribute.KeyValue

func (s seeing) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	s[p.Name] = slices.Clone(p.Attributes)
	return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
}

func (seeing) Description() string { return "seeing" }

// TestSamplerSees: what a sampler may decide by is there when the span is created.
func TestSamplerSees(t *testing.T) {
	seen := seeing{}
	tracer := tracing.New(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(seen))))
	ctx := callback.WithHandlers(t.Context(), tracer)
	callback.Do(ctx, &callback.Info{Kind: callback.KindAgent, Name: "florist"}, nil, func(ctx context.Context) (any, error) {
		collect(ctx, scripted{provider: "openai", chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
		return callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock"}, nil, func(context.Context) (any, error) { return nil, nil })
	})
	for span, want := range map[string]map[string]string{
		"chat gpt-4o-mini": {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
			"server.address": "api.openai.com", "server.port": "443"},
		"invoke_agent florist": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "florist"},
		"execute_tool stock":   {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "stock", "gen_ai.tool.type": "function"},
	} {
		for key, want := range want {
			if got := value(seen[span], key).String(); got != want {
				t.Errorf("%s: the sampler sees %s = %q, want %q", span, key, got, want)
			}
		}
	}
}

// TestSchemaURL: spans and figures say which conventions their names are of.
func TestSchemaURL(t *testing.T) {
	const want = "https://opentelemetry.io/schemas/1.41.0"
	r := record()
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	if got := r.spans()[0].InstrumentationScope().SchemaURL; got != want {
		t.Errorf("spans: %q, want %q", got, want)
	}
	var rm metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	for _, s := range rm.ScopeMetrics {
		if s.Scope.SchemaURL != want {
			t.Errorf("figures: %q, want %q", s.Scope.SchemaURL, want)
		}
	}
}

// TestRateWithoutThinking: tokens that were thought and not streamed are not part
// of the rate at which the answer came; those that were streamed are.
func TestRateWithoutThinking(t *testing.T) {
	for _, shown := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			first := llm.Chunk{Text: "a"}
			want := 10.0 // (13-10-1 tokens) in 0.2 s
			if shown {
				first = llm.Chunk{Reasoning: "hm"}
				want = 60
			}
			r := record()
			m := scripted{pause: 100 * time.Millisecond, chunks: []llm.Chunk{first, {Text: "b"}, {Text: "c"},
				{Finish: "stop", Usage: &llm.Usage{Input: 20, Output: 13, Reasoning: 10}}}}
			collect(callback.WithHandlers(t.Context(), r.tracer), m, ask("roses"))
			if got := value(r.spans()[0].Attributes(), "callspan.output.tokens_per_second").AsFloat64(); got != want {
				t.Errorf("shown %v: %v tokens per second, want %v", shown, got, want)
			}
		})
	}
}

// TestFinishReasonsOfMessages: a message of an answer has a finish reason, which
// is "error" only where one was due and never came.
func TestFinishReasonsOfMessages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		chunks []llm.Chunk
		err    error
		want   string
	}{
		{"given", []llm.Chunk{{Text: "a"}, {Finish: "length"}}, nil, "length"},
		{"never given", []llm.Chunk{{Text: "a"}}, nil, "stop"},
		{"never given, with a tool call", []llm.Chunk{{Tool: &llm.ToolDelta{ID: "c1", Name: "stock", Arguments: "{}"}}}, nil, "tool_call"},
		{"broken", []llm.Chunk{{Text: "a"}}, errors.New("gone"), "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(tracing.WithContent(tracing.ContentBoth))
			collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: tt.chunks, err: tt.err}, ask("roses"))
			got := value(r.spans()[0].Attributes(), "gen_ai.output.messages").AsString()
			if want := `"finish_reason":"` + tt.want + `"}]`; !strings.HasSuffix(got, want) {
				t.Errorf("messages %s, want %s at the end", got, want)
			}
		})
	}
}

// named is an error that says what its type and its text are.
type named struct{ kind, text string }

func (e named) Error() string     { return e.text }
func (e named) ErrorType() string { return e.kind }

// TestErrorTypeAndText: every failure has an error type that is one of few, and
// a text that is not the type again.
func TestErrorTypeAndText(t *testing.T) {
	for _, tt := range []struct {
		name                string
		err                 error
		wantType, wantAbout string
	}{
		{"a code", named{"rate_limit_exceeded", "slow down"}, "rate_limit_exceeded", "slow down"},
		{"a code with figures", named{"336003", "slow down"}, "336003", "slow down"},
		{"no type", named{"", "gone"}, "_OTHER", "gone"},
		{"the id of a request", named{"550e8400-e29b-41d4-a716-446655440000", "gone"}, "_OTHER", "gone"},
		{"a time", named{"2026-11-22T07:30:33Z", "gone"}, "_OTHER", "gone"},
		{"a key", named{"sk-abcdefghijklmnopqrst", "gone"}, "_OTHER", "gone"},
		{"no text", named{"quota", ""}, "quota", "tracing_test.named without a text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record()
			collect(callback.WithHandlers(t.Context(), r.tracer), scripted{err: tt.err}, ask("roses"))
			s := r.spans()[0]
			if got := value(s.Attributes(), "error.type").AsString(); got != tt.wantType {
				t.Errorf("error.type = %q, want %q", got, tt.wantType)
			}
			if got := s.Status().Description; got != tt.wantAbout {
				t.Errorf("description %q, want %q", got, tt.wantAbout)
			}
			if got := value(s.Events()[0].Attributes, "exception.type").AsString(); got != tt.wantType {
				t.Errorf("exception.type = %q, want %q", got, tt.wantType)
			}
			if m := measured(t, r.reader); !strings.Contains(m, "error.type="+tt.wantType) {
				t.Errorf("figures have another error type:\n%s", m)
			}
		})
	}
}

// TestMedia: where a medium lies is told, its bytes never are.
func TestMedia(t *testing.T) {
	for _, tt := range []struct {
		name  string
		media llm.Media
		want  string
	}{
		{"address", llm.Media{Kind: "image", URL: "https://shop.example/rose.png"}, `{"type":"uri","modality":"image","uri":"https://shop.example/rose.png"}`},
		{"in a bucket", llm.Media{Kind: "image", URL: "gs://shop/rose.png"}, `{"type":"uri","modality":"image","uri":"gs://shop/rose.png"}`},
		{"path", llm.Media{Kind: "image", URL: "roses/pink.png"}, `{"type":"uri","modality":"image","uri":"roses/pink.png"}`},
		{"uploaded file", llm.Media{Kind: "file", URL: "file-6F2ksmvXxt4VdoqmHRw6kL"}, `{"type":"file","modality":"file","file_id":"file-6F2ksmvXxt4VdoqmHRw6kL"}`},
		{"data address", llm.Media{Kind: "image", URL: "data:image/png;base64,iVBORw0KGgo="}, `{"type":"blob","content":"","modality":"image","mime_type":"image/png"}`},
		{"data address in capitals", llm.Media{Kind: "image", URL: "Data:image/png;base64,iVBORw0KGgo="}, `{"type":"blob","content":"","modality":"image","mime_type":"image/png"}`},
		{"bytes", llm.Media{Kind: "audio", Data: []byte("RIFF"), MIMEType: "audio/wav"}, `{"type":"blob","content":"","modality":"audio","mime_type":"audio/wav"}`},
		{"base64 in place of an address", llm.Media{Kind: "file", URL: strings.Repeat("JVBERi0xLjQK", 100)}, `{"type":"blob","content":"","modality":"file"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(tracing.WithContent(tracing.ContentBoth))
			req := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{{Media: &tt.media}}}}}
			collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, req)
			got := value(r.spans()[0].Attributes(), "gen_ai.input.messages").AsString()
			if want := `[{"role":"user","parts":[` + tt.want + `]}]`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestMemoryOperations: a memory operation has the name of what the caller asks
// for, and counts the records that it is about.
func TestMemoryOperations(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after callback.MemoryChange
		err           error
		want          string // the span's name
		records       int64  // 0 is absent
	}{
		{"load of some", callback.MemoryChange{Operation: "load", Store: "buffer", Messages: 4}, callback.MemoryChange{Messages: 4, Records: 3}, nil, "search_memory", 3},
		{"load of none", callback.MemoryChange{Operation: "load", Store: "buffer", Messages: 4}, callback.MemoryChange{Messages: 4}, nil, "search_memory", 0},
		{"load that fails", callback.MemoryChange{Operation: "load", Store: "buffer", Messages: 4}, callback.MemoryChange{}, errors.New("gone"), "search_memory", 0},
		{"save, of which nobody says how many", callback.MemoryChange{Operation: "save", Store: "window", Messages: 2}, callback.MemoryChange{Messages: 2}, nil, "create_memory", 0},
		{"save", callback.MemoryChange{Operation: "save", Store: "window", Messages: 2, Records: 2}, callback.MemoryChange{Messages: 2, Records: 2}, nil, "create_memory", 2},
		{"save that fails", callback.MemoryChange{Operation: "save", Store: "window", Messages: 2, Records: 2}, callback.MemoryChange{}, errors.New("gone"), "create_memory", 2},
		{"save into a summary", callback.MemoryChange{Operation: "save", Store: "summary", Messages: 1, Records: 2}, callback.MemoryChange{Messages: 1, Records: 2}, nil, "upsert_memory", 2},
		{"save into a summary and a buffer", callback.MemoryChange{Operation: "save", Store: "summary_buffer", Messages: 1}, callback.MemoryChange{Messages: 3}, nil, "upsert_memory", 0},
		{"clear", callback.MemoryChange{Operation: "clear", Store: "buffer", Messages: 4}, callback.MemoryChange{}, nil, "delete_memory", 4},
		{"clear that fails", callback.MemoryChange{Operation: "clear", Store: "buffer", Messages: 4}, callback.MemoryChange{}, errors.New("gone"), "delete_memory", 4},
		{"clear of what does not tell its size", callback.MemoryChange{Operation: "clear", Store: "redis", Messages: -1}, callback.MemoryChange{Messages: -1}, nil, "delete_memory", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record()
			callback.Do(callback.WithHandlers(t.Context(), r.tracer), &callback.Info{Kind: callback.KindMemory, Name: tt.before.Store, Input: &tt.before}, nil,
				func(context.Context) (*callback.MemoryChange, error) {
					if tt.err != nil {
						return nil, tt.err
					}
					return &tt.after, nil
				})
			s := r.spans()[0]
			op := value(s.Attributes(), "gen_ai.operation.name").AsString()
			if s.Name() != tt.want || op != tt.want {
				t.Errorf("span %q with the operation %q, want %q", s.Name(), op, tt.want)
			}
			if got := value(s.Attributes(), "gen_ai.memory.record.count").AsInt64(); got != tt.records {
				t.Errorf("%d records, want %d", got, tt.records)
			}
			for key, told := range map[string]bool{"callspan.memory.messages_before": tt.before.Messages >= 0, "callspan.memory.messages_after": tt.err == nil && tt.after.Messages >= 0} {
				if got := value(s.Attributes(), key).Type() == attribute.INT64; got != told {
					t.Errorf("%s is told: %v, want %v", key, got, told)
				}
			}
		})
	}
}

// elsewhere is a service in another process.
var elsewhere = llm.Endpoint{Provider: "aws.bedrock", Address: "agents.example", Port: 443}

// TestServices: an agent, a search or a memory that a service in another process
// does is a client's call of that service.
func TestServices(t *testing.T) {
	for _, tt := range []struct {
		kind callback.Kind
		at   llm.Endpoint
		want string // span kind, provider, address, port
	}{
		{callback.KindAgent, elsewhere, "client aws.bedrock agents.example 443"},
		{callback.KindAgent, llm.Endpoint{Address: "agents.example", Port: 8080}, "client _OTHER agents.example 8080"},
		{callback.KindAgent, llm.Endpoint{Provider: "aws.bedrock"}, "internal aws.bedrock  "},
		{callback.KindAgent, llm.Endpoint{}, "internal   "},
		{callback.KindRetriever, elsewhere, "client aws.bedrock agents.example 443"},
		{callback.KindRetriever, llm.Endpoint{}, "client   "},
		{callback.KindMemory, elsewhere, "client aws.bedrock agents.example 443"},
		{callback.KindMemory, llm.Endpoint{}, "internal   "},
		{callback.KindTool, elsewhere, "internal   "},
		{callback.KindChain, elsewhere, "internal   "},
	} {
		t.Run(string(tt.kind)+" "+tt.want, func(t *testing.T) {
			seen := seeing{}
			r := record(tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(seen))))
			var kind string
			ctx := callback.WithHandlers(t.Context(), r.tracer)
			callback.Do(ctx, &callback.Info{Kind: tt.kind, Name: "florist", Endpoint: tt.at}, nil, func(ctx context.Context) (any, error) {
				kind = trace.SpanFromContext(ctx).(sdktrace.ReadOnlySpan).SpanKind().String()
				return nil, nil
			})
			for _, attributes := range seen { // of the one span, when it is created
				got := kind
				for _, key := range []string{"gen_ai.provider.name", "server.address", "server.port"} {
					got += " " + value(attributes, key).String()
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// TestAgentSaysItsModel: an agent has the provider of the models that it asks, and
// the model if it is one.
func TestAgentSaysItsModel(t *testing.T) {
	model := func(ctx context.Context, name string) {
		req := ask("roses")
		req.Model = name
		collect(ctx, scripted{provider: "openai", chunks: []llm.Chunk{{Text: "a"}, done}}, req)
	}
	untold := func(ctx context.Context) {
		collect(ctx, llm.ModelFunc(scripted{chunks: []llm.Chunk{{Text: "a"}, done}}.Chat), &llm.Request{Messages: ask("roses").Messages})
	}
	inside := func(ctx context.Context, kind callback.Kind, do func(context.Context)) {
		callback.Do(ctx, &callback.Info{Kind: kind, Name: "inner"}, nil, func(ctx context.Context) (any, error) { do(ctx); return nil, nil })
	}
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context)
		want string // provider and model
	}{
		{"none", func(context.Context) {}, " "},
		{"one", func(ctx context.Context) { model(ctx, "gpt-5"); model(ctx, "gpt-5") }, "openai gpt-5"},
		{"two", func(ctx context.Context) { model(ctx, "gpt-5"); model(ctx, "gpt-5-mini"); model(ctx, "gpt-5") }, "openai "},
		{"one that is not told and another", func(ctx context.Context) { untold(ctx); model(ctx, "gpt-5") }, "openai "},
		{"another and one that is not told", func(ctx context.Context) { model(ctx, "gpt-5"); untold(ctx) }, "openai "},
		{"in a step", func(ctx context.Context) {
			inside(ctx, callback.KindChain, func(ctx context.Context) { model(ctx, "gpt-5") })
		}, "openai gpt-5"},
		{"of another agent", func(ctx context.Context) {
			inside(ctx, callback.KindAgent, func(ctx context.Context) { model(ctx, "gpt-5") })
		}, " "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record()
			callback.Do(callback.WithHandlers(t.Context(), r.tracer), &callback.Info{Kind: callback.KindAgent, Name: "florist"}, nil,
				func(ctx context.Context) (any, error) { tt.do(ctx); return nil, nil })
			for _, s := range r.spans() {
				if s.Name() != "invoke_agent florist" {
					continue
				}
				got := value(s.Attributes(), "gen_ai.provider.name").AsString() + " " + value(s.Attributes(), "gen_ai.request.model").AsString()
				if got != tt.want {
					t.Errorf("provider and model %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// TestRedactorLeavesStructure: a redactor that leaves no text leaves what the
// conventions name.
func TestRedactorLeavesStructure(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(func(string) string { return "[gone]" }))
	req := &llm.Request{Messages: []llm.Message{llm.System("sell"), {Role: llm.RoleDeveloper, Parts: []llm.Part{{Text: "sell"}}},
		{Role: "mallory", Parts: []llm.Part{{Media: &llm.Media{Kind: "image", Data: []byte("GIF")}}}}}}
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, {Choice: 1, Text: "b"}, {Finish: "length"}, {Choice: 1, Finish: "mallory"}}}, req)
	for key, want := range map[string]string{
		"gen_ai.input.messages": `[{"role":"system","parts":[{"type":"text","content":"[gone]"}]},{"role":"developer","parts":[{"type":"text","content":"[gone]"}]},` +
			`{"role":"[gone]","parts":[{"type":"blob","content":"","modality":"image"}]}]`,
		"gen_ai.output.messages": `[{"role":"assistant","parts":[{"type":"text","content":"[gone]"}],"finish_reason":"length"},` +
			`{"role":"assistant","parts":[{"type":"text","content":"[gone]"}],"finish_reason":"[gone]"}]`,
	} {
		if got := value(r.spans()[0].Attributes(), key).AsString(); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", key, got, want)
		}
	}
}
