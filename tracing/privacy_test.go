package tracing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// captured returns the content of a test that captures all or nothing.
func captured(all bool) tracing.Content {
	if all {
		return tracing.ContentBoth
	}
	return tracing.ContentOff
}

// everywhere runs one run of each kind that carries content, with text in each
// place that content has. The answer comes in pieces of a few bytes, of which
// those of two tool calls come in turns.
func everywhere(ctx context.Context, text string) {
	quoted, _ := json.Marshal(text)
	args := `{"note":` + string(quoted) + `}`
	req := &llm.Request{Model: "gpt-4o-mini", Stream: true,
		Messages: []llm.Message{{Role: llm.RoleSystem, Parts: []llm.Part{{Text: "Instructions: " + text}}, Apart: true}, llm.System("Rules: " + text), {Role: llm.RoleUser, Name: text, Parts: []llm.Part{{Text: "See " + text + " please"},
			{Media: &llm.Media{Kind: "image", URL: "https://example.com/?q=" + text}}, {Media: &llm.Media{Kind: "image", URL: "data:text/plain," + text}},
			{Media: &llm.Media{Kind: "file", Data: []byte(text), MIMEType: "text/plain"}}}},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "call_1", Name: "stock", Arguments: args}}},
			{Role: llm.RoleTool, ToolCallID: "call_1", Parts: []llm.Part{{Text: text}}}, llm.User(text)},
		Tools: []llm.Tool{{Name: "stock", Description: "Finds " + text, Parameters: []byte(`{"type":"object","description":` + string(quoted) + `}`)}}}

	var chunks []llm.Chunk
	in := func(s string, chunk func(string) llm.Chunk) {
		for len(s) > 0 {
			n := min(len(s), 3)
			for n < len(s) && !utf8.RuneStart(s[n]) {
				n++
			}
			chunks = append(chunks, chunk(s[:n]))
			s = s[n:]
		}
	}
	in("I think of "+text+" .", func(s string) llm.Chunk { return llm.Chunk{Reasoning: s} })
	in("Here: "+text+" .", func(s string) llm.Chunk { return llm.Chunk{Text: s} })
	in("No "+text+" .", func(s string) llm.Chunk { return llm.Chunk{Refusal: s} })
	for i := 0; i < len(args); i += 3 {
		for call := range 2 {
			end := min(len(args), i+3)
			chunks = append(chunks, llm.Chunk{Tool: &llm.ToolDelta{Index: call, ID: fmt.Sprint("call_", call), Name: map[bool]string{true: "stock"}[i == 0], Arguments: args[i:end]}})
		}
	}
	chunks = append(chunks, llm.Chunk{Finish: "tool_calls", Usage: &llm.Usage{Input: 20, Output: 30},
		Meta: &llm.Meta{ID: "chatcmpl-1", Model: "gpt-4o-mini"}})

	failure := &llm.Error{Status: 400, Code: "invalid_prompt", Message: "the prompt " + text + " is refused: " + args}
	callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: "shop", Input: text}, nil, func(ctx context.Context) (string, error) {
		for _, kind := range []callback.EventKind{callback.EventText, callback.EventAgentFinish, callback.EventCustom} {
			callback.Emit(ctx, callback.Event{Kind: kind, Name: "note", Data: text})
		}
		callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: 1, Err: failure}})
		callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Data: struct{ Note string }{text}})
		m := scripted{provider: "openai", chunks: chunks}
		collect(ctx, m, req)
		m.chunks, m.err = m.chunks[:5], failure
		collect(ctx, m, req)
		callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock", Input: &callback.ToolCall{ID: "call_1", Arguments: json.RawMessage(args)}}, nil,
			func(context.Context) (map[string]string, error) { return map[string]string{"found": text}, nil })
		callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock", Input: &callback.ToolCall{ID: "call_2", Arguments: text}}, nil,
			func(context.Context) (string, error) { return text, errors.New(text) })
		callback.Do(ctx, &callback.Info{Kind: callback.KindRetriever, Name: "catalogue", Input: &callback.Search{Query: "where is " + text, Limit: 3}}, nil,
			func(context.Context) ([]llm.Document, error) {
				return []llm.Document{{ID: "roses.md", Text: text, Score: 0.5}}, nil
			})
		callback.Do(ctx, &callback.Info{Kind: callback.KindAgent, Name: "florist", Input: text}, nil, func(context.Context) (string, error) { return text, nil })
		return text, nil
	})
}

var allRedactors = tracing.WithRedactor(tracing.RedactEmails, tracing.RedactPhones, tracing.RedactCards, tracing.RedactIBANs, tracing.RedactIPs)

// setups are the ways to capture content.
var setups = []struct {
	name string
	opts []tracing.Option
}{
	{"off", nil},
	{"input", []tracing.Option{tracing.WithContent(tracing.ContentInput)}},
	{"output", []tracing.Option{tracing.WithContent(tracing.ContentOutput)}},
	{"both", []tracing.Option{tracing.WithContent(tracing.ContentBoth)}},
	{"redacted", []tracing.Option{tracing.WithContent(tracing.ContentBoth), allRedactors}},
	{"hashed", []tracing.Option{tracing.WithContent(tracing.ContentBoth), tracing.WithContentHash(nil)}},
	{"hashed input", []tracing.Option{tracing.WithContent(tracing.ContentInput), tracing.WithContentHash([]byte("a key of thirty-two random bytes"))}},
	{"limited", []tracing.Option{tracing.WithContent(tracing.ContentBoth), tracing.WithContentLimits(64, 1024)}},
	{"all of it", []tracing.Option{tracing.WithContent(tracing.ContentBoth), allRedactors, tracing.WithContentLimits(100, 2000)}},
	{"token by token", []tracing.Option{tracing.WithContent(tracing.ContentBoth), tracing.WithTokenEvents(1000, 1000, 0)}},
}

// exported runs run through Setup and a receiver, and returns the bytes that
// arrived and what they hold.
func exported(t *testing.T, run func(context.Context), opts ...tracing.Option) (raw []byte, data *otlpjson.Data) {
	t.Helper()
	var mu sync.Mutex
	sink, err := otlpsink.Config{OnTraces: func(_ context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		b, err := proto.Marshal(req)
		mu.Lock()
		defer mu.Unlock()
		raw = append(raw, b...)
		return nil, err
	}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	tracer, shutdown, err := tracing.Setup(t.Context(), append([]tracing.Option{tracing.WithEndpoint("http://" + sink.Endpoint()), tracing.WithServiceName("privacy")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	run(callback.WithHandlers(t.Context(), tracer))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return raw, sink.Data()
}

// leaks returns a part of secret, of at least n bytes, that raw holds.
func leaks(raw []byte, secret string, n int) string {
	for i := 0; i+n <= len(secret); i++ {
		if bytes.Contains(raw, []byte(secret[i:i+n])) {
			return secret[i : i+n]
		}
	}
	return ""
}

// TestNoKeyAnywhere: whatever is captured, no part of a key leaves the process,
// wherever it was: in what was asked, answered in pieces, or said by an error.
func TestNoKeyAnywhere(t *testing.T) {
	const random = "4f9aK2mQx81LzP0wR7tY3uVb"
	for _, key := range []string{"sk-proj-" + random, "Bearer " + random, "password=" + random, "postgres://shop:" + random + "@db/orders"} {
		for _, s := range setups {
			raw, data := exported(t, func(ctx context.Context) {
				ctx = callback.WithMetadata(callback.WithTags(callback.WithUser(callback.WithSession(ctx, key), key), key), map[string]any{"note": key, "api_key": random, "azure_key": random, "password": random, "list": []string{key}, "err": errors.New(key)})
				everywhere(ctx, key)
				defer func() { recover() }()
				callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: key, Description: key, Input: &callback.ToolCall{}}, nil, func(context.Context) (any, error) { panic(key) })
			}, s.opts...)
			if len(data.Spans()) != 8 {
				t.Fatalf("%s: %d spans", s.name, len(data.Spans()))
			}
			if part := leaks(raw, random, 6); part != "" {
				t.Errorf("%s: %q of %q was exported", s.name, part, key)
			}
		}
	}
}

// TestRedactedEverywhere: what the redactors take out is nowhere, also not in
// pieces, and the word for it is.
func TestRedactedEverywhere(t *testing.T) {
	for word, secret := range map[string]string{"[email]": "mei.li@flower-shop.cn", "[phone]": "+49 171 2345678", "[card]": "4111 1111 1111 1111", "[iban]": "DE89370400440532013000", "[ip]": "203.0.113.77"} {
		for _, tokens := range []tracing.Option{tracing.WithTokenEvents(96, 32, 0), tracing.WithTokenEvents(1000, 1000, 0)} {
			raw, _ := exported(t, func(ctx context.Context) { everywhere(ctx, secret) }, tracing.WithContent(tracing.ContentBoth), allRedactors, tokens)
			if part := leaks(raw, secret, 7); part != "" {
				t.Errorf("%q of %s was exported", part, secret)
			}
			if n := bytes.Count(raw, []byte(word)); n < 30 {
				t.Errorf("%s is there %d times only", word, n)
			}
		}
	}
}

// TestContentModes: which attributes each mode records.
func TestContentModes(t *testing.T) {
	const input, output = "peony asked", "tulip told"
	for _, tc := range []struct {
		mode        tracing.Content
		asked, told bool
		events      string // whose data is there
	}{
		{tracing.ContentOff, false, false, ""},
		{tracing.ContentInput, true, false, ""},
		{tracing.ContentOutput, false, true, "agent_finish"},
		{tracing.ContentBoth, true, true, "agent_finish custom text"},
	} {
		r := record(tracing.WithContent(tc.mode))
		ctx := callback.WithHandlers(t.Context(), r.tracer)
		callback.Do(ctx, &callback.Info{Kind: callback.KindAgent, Name: "florist", Input: input}, nil, func(ctx context.Context) (string, error) {
			for _, kind := range []callback.EventKind{callback.EventText, callback.EventCustom, callback.EventAgentFinish} {
				callback.Emit(ctx, callback.Event{Kind: kind, Data: "data"})
			}
			req := ask(input)
			req.Tools = []llm.Tool{{Name: "stock", Description: input}}
			req.Messages = append(req.Messages, llm.Message{Role: llm.RoleSystem, Parts: []llm.Part{{Text: input}}, Apart: true})
			collect(ctx, scripted{chunks: []llm.Chunk{{Text: output}, done}}, req)
			callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: "stock", Input: &callback.ToolCall{Arguments: input}}, nil, func(context.Context) (string, error) { return output, nil })
			callback.Do(ctx, &callback.Info{Kind: callback.KindRetriever, Name: "catalogue", Input: &callback.Search{Query: input}}, nil,
				func(context.Context) ([]llm.Document, error) { return []llm.Document{{ID: "1", Text: output}}, nil })
			return output, nil
		})
		has := map[string]bool{}
		var events []string
		for _, s := range r.spans() {
			for _, kv := range s.Attributes() {
				has[s.Name()+" "+string(kv.Key)] = true
			}
			for _, e := range s.Events() {
				if value(e.Attributes, "callspan.event.data").AsString() != "" {
					events = append(events, e.Name)
				}
				if value(e.Attributes, "callspan.token.text").AsString() != "" {
					has["token"] = true
				}
			}
		}
		for key, want := range map[string]bool{
			"invoke_agent florist gen_ai.input.messages": tc.asked, "invoke_agent florist gen_ai.output.messages": tc.told,
			"chat gpt-4o-mini gen_ai.input.messages": tc.asked, "chat gpt-4o-mini gen_ai.output.messages": tc.told,
			"chat gpt-4o-mini gen_ai.system_instructions": tc.asked,
			"chat gpt-4o-mini gen_ai.tool.definitions":    tc.asked, "token": tc.told,
			"execute_tool stock gen_ai.tool.call.arguments": tc.asked, "execute_tool stock gen_ai.tool.call.result": tc.told,
			"retrieval catalogue gen_ai.retrieval.query.text": tc.asked, "retrieval catalogue gen_ai.retrieval.documents": tc.told,
			"retrieval catalogue callspan.retrieval.document_ids": true,
		} {
			if has[key] != want {
				t.Errorf("mode %d: %s: %v", tc.mode, key, has[key])
			}
		}
		slices.Sort(events)
		if got := strings.Join(events, " "); got != tc.events {
			t.Errorf("mode %d: data of events %q, want %q", tc.mode, got, tc.events)
		}
		for _, s := range texts(r.spans()) {
			if !tc.asked && strings.Contains(s, "peony") || !tc.told && strings.Contains(s, "tulip") {
				t.Errorf("mode %d: %q", tc.mode, s)
			}
		}
	}
}

// TestContentVariableValues: the program's word goes before the variable's, and
// nonsense in it is an error that names the way out.
func TestContentVariableValues(t *testing.T) {
	const name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
	recorded := func(opts ...tracing.Option) string {
		r := record(opts...)
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
		out := ""
		for _, side := range []string{"input", "output"} {
			if value(r.spans()[0].Attributes(), "gen_ai."+side+".messages").AsString() != "" {
				out += side + " "
			}
		}
		return strings.TrimSpace(out)
	}
	for v, want := range map[string]string{"true": "input output", "Input_Only": "input", "OUTPUT_ONLY": "output", "false": "", "event_only": ""} {
		t.Setenv(name, v)
		if got := recorded(); got != want {
			t.Errorf("%s: %q, want %q", v, got, want)
		}
		if got := recorded(tracing.WithContent(tracing.ContentOutput)); got != "output" {
			t.Errorf("%s and ContentOutput: %q", v, got)
		}
	}

	t.Setenv(name, "yes please")
	want := name + "=yes please: use true, false, SPAN_ONLY, INPUT_ONLY, OUTPUT_ONLY, SPAN_AND_EVENT, EVENT_ONLY or NO_CONTENT"
	if _, _, err := tracing.Setup(t.Context()); err == nil || err.Error() != "set up tracing: "+want {
		t.Errorf("Setup: %v", err)
	}
	var told []string
	old := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { told = append(told, err.Error()) }))
	defer otel.SetErrorHandler(old)
	if got := recorded(); got != "" || len(told) != 1 || told[0] != want {
		t.Errorf("New: captured %q, told %q", got, told)
	}
}

// TestTokenTexts: however an answer comes, the texts of its events make what
// the output message says.
func TestTokenTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 200 {
		answer := strings.ToValidUTF8(mixed(r, 1+r.IntN(40)), "?")
		var chunks []llm.Chunk
		for rest := answer; rest != ""; {
			n := min(len(rest), 1+r.IntN(8))
			for n < len(rest) && !utf8.RuneStart(rest[n]) {
				n++
			}
			chunks = append(chunks, llm.Chunk{Text: rest[:n]})
			rest = rest[n:]
		}
		rec := record(tracing.WithContent(tracing.ContentOutput), allRedactors, tracing.WithTokenEvents(i%3*20, 8, -1))
		collect(callback.WithHandlers(t.Context(), rec.tracer), scripted{chunks: append(chunks, done)}, ask("roses"))
		s := rec.spans()[0]
		var msgs []struct {
			Parts []struct{ Content string }
		}
		if err := json.Unmarshal([]byte(value(s.Attributes(), "gen_ai.output.messages").AsString()), &msgs); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range s.Events() {
			got += value(e.Attributes, "callspan.token.text").AsString()
		}
		if want := msgs[0].Parts[0].Content; got != want {
			t.Fatalf("%q in %d chunks: events say %q, the message %q", answer, len(chunks), got, want)
		}
	}
}

// TestContentHash: equal texts are seen to be equal, and nothing else of them.
func TestContentHash(t *testing.T) {
	hashes := func(key []byte, question string) (string, []sdktrace.ReadOnlySpan) {
		r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithContentHash(key))
		req := ask(question)
		req.Tools = []llm.Tool{{Name: "stock", Description: "tulip", Parameters: []byte(`{"description":"tulip"}`)}}
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "tulip", Tool: &llm.ToolDelta{Name: "stock", Arguments: `{"flower":"tulip"}`}}, done}}, req)
		return value(r.spans()[0].Attributes(), "gen_ai.input.messages").AsString(), r.spans()
	}
	key := []byte("a key of thirty-two random bytes")
	got, spans := hashes(key, "peony")
	if want := `[{"role":"user","parts":[{"type":"text","content":"hmac-sha256:9ee6a302e8df1d3cbdfb49812c8568e4:5"}]}]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, s := range texts(spans) {
		if strings.Contains(s, "peony") || strings.Contains(s, "tulip") {
			t.Errorf("content in %q", s)
		}
	}
	for _, e := range spans[0].Events() {
		if value(e.Attributes, "callspan.token.text").AsString() != "" {
			t.Errorf("a token has a text: %v", e.Attributes)
		}
	}
	if again, _ := hashes(key, "peony"); again != got {
		t.Error("the same text has another hash")
	}
	if other, _ := hashes([]byte("another"), "peony"); other == got {
		t.Error("the key does not matter")
	}
	first, _ := hashes(nil, "peony")
	if second, _ := hashes(nil, "peony"); first != second || first == got {
		t.Errorf("without a key: %s and %s", first, second)
	}
}

// TestInstructionsOfManyParts: those without end are left out, and counted.
func TestInstructionsOfManyParts(t *testing.T) {
	for n, want := range map[int]string{2: `[{"type":"text","content":"a"},{"type":"text","content":"a"}]`, 100: "[]"} {
		r := record(tracing.WithContent(tracing.ContentInput), tracing.WithContentLimits(64, 1024))
		req := ask("roses")
		req.Messages = append(req.Messages, llm.Message{Role: llm.RoleSystem, Parts: slices.Repeat([]llm.Part{{Text: "a"}}, n), Apart: true})
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{done}}, req)
		attrs := r.spans()[0].Attributes()
		if got := value(attrs, "gen_ai.system_instructions").AsString(); got != want || (value(attrs, "callspan.content_cut").AsInt64() > 0) != (n > 2) {
			t.Errorf("%d parts: %s, %v", n, got, attrs)
		}
	}
}

// TestContentLimits: whatever the messages, what a span carries is valid JSON
// of the schema's form within its limit, with the instructions and the last
// message, and says what is missing.
func TestContentLimits(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range 400 {
		text, whole := 64+r.IntN(500), 1024+r.IntN(5000)
		random := func() string {
			s := strings.ToValidUTF8(mixed(r, r.IntN(60)), "?")
			if r.IntN(3) == 0 {
				s = strings.Repeat("\x01\"\\玫", r.IntN(1000))
			}
			return s
		}
		req := &llm.Request{Stream: true}
		if i%2 == 0 {
			req.Messages = append(req.Messages, llm.System("Rules."+random()))
		}
		apart := i%3 == 0
		if apart {
			m := llm.System("Instructions." + random())
			m.Apart = true
			req.Messages = append(req.Messages, m)
		}
		for range 1 + r.IntN(30) {
			m := llm.Message{Role: []llm.Role{llm.RoleUser, llm.RoleAssistant, llm.RoleTool}[r.IntN(3)]}
			for range r.IntN(4) {
				m.Parts = append(m.Parts, llm.Part{Text: random()})
			}
			for range r.IntN(3) {
				b, _ := json.Marshal(map[string]any{"a": random(), "b": []string{random(), random()}})
				m.ToolCalls = append(m.ToolCalls, llm.ToolCall{ID: random(), Name: random(), Arguments: string(b)})
			}
			req.Messages = append(req.Messages, m)
		}
		req.Messages = append(req.Messages, llm.User("last"))
		for range r.IntN(20) {
			req.Tools = append(req.Tools, llm.Tool{Name: random(), Description: random(), Parameters: json.RawMessage(`{"description":"` + strings.Repeat("x", r.IntN(2000)) + `"}`)})
		}
		var chunks []llm.Chunk
		for choice := range 1 + r.IntN(5) {
			chunks = append(chunks, llm.Chunk{Choice: choice, Reasoning: random()}, llm.Chunk{Choice: choice, Text: "answer" + random()},
				llm.Chunk{Choice: choice, Tool: &llm.ToolDelta{Arguments: `{"a":` + fmt.Sprintf("%q", strings.Repeat("y", r.IntN(3000))) + `}`}})
		}
		rec := record(tracing.WithContent(tracing.ContentBoth), tracing.WithContentLimits(text, whole))
		resp, _ := collect(callback.WithHandlers(t.Context(), rec.tracer), scripted{chunks: append(chunks, done)}, req)
		attrs := rec.spans()[0].Attributes()

		type part struct {
			Type, Content, Response string
			Arguments               json.RawMessage
		}
		type msg struct {
			Role, Name string
			Parts      []part
		}
		decode := func(key string) (msgs []msg) {
			s := value(attrs, key).AsString()
			if len(s) > whole || !utf8.ValidString(s) {
				t.Fatalf("%d: %s has %d bytes, the limit is %d", i, key, len(s), whole)
			}
			if err := json.Unmarshal([]byte(s), &msgs); err != nil {
				t.Fatalf("%d: %s: %v\n%s", i, key, err, s)
			}
			for _, m := range msgs {
				for _, p := range m.Parts {
					if p.Type == "" || max(len(p.Content), len(p.Response), len(p.Arguments)) > max(text, 64) {
						t.Fatalf("%d: %s has a part %+v, the limit is %d", i, key, p, text)
					}
				}
			}
			return msgs
		}
		in, out := decode("gen_ai.input.messages"), decode("gen_ai.output.messages")
		if last := in[len(in)-1]; last.Parts[0].Content != "last" {
			t.Fatalf("%d: the last message is %+v", i, last)
		}
		if i%2 == 0 && (in[0].Role != "system" || in[0].Name != "" || !strings.HasPrefix(in[0].Parts[0].Content, "Rules.")) {
			t.Fatalf("%d: the first message is %+v", i, in[0])
		}
		var instructions []part
		if s := value(attrs, "gen_ai.system_instructions").AsString(); (s != "") != apart || len(s) > whole {
			t.Fatalf("%d: %d bytes of instructions, the limit is %d", i, len(s), whole)
		} else if apart {
			if err := json.Unmarshal([]byte(s), &instructions); err != nil || len(instructions) != 1 || len(instructions[0].Content) > text || !strings.HasPrefix(instructions[0].Content, "Instructions.") {
				t.Fatalf("%d: %v in %s, the limit is %d", i, err, s, text)
			}
			req.Messages = slices.DeleteFunc(req.Messages, func(m llm.Message) bool { return m.Apart })
		}
		marked := slices.ContainsFunc(in, func(m msg) bool { return m.Name == "callspan" && strings.Contains(m.Parts[0].Content, "left out") })
		if marked != (len(in) <= len(req.Messages) && len(in) != len(req.Messages) || marked && len(in) == len(req.Messages)) {
			t.Fatalf("%d: %d of %d messages, marked: %v", i, len(in), len(req.Messages), marked)
		}
		if len(out) != len(resp.Choices) {
			t.Fatalf("%d: %d answers of %d", i, len(out), len(resp.Choices))
		}
		said := 0
		for _, e := range rec.spans()[0].Events() {
			said += len(value(e.Attributes, "callspan.token.text").AsString())
		}
		if said > whole {
			t.Fatalf("%d: token events have %d bytes of text, the limit is %d", i, said, whole)
		}
		if marked && value(attrs, "callspan.content_cut").AsInt64() == 0 {
			t.Fatalf("%d: nothing says how much was left out", i)
		}
		var tools []struct{ Type, Name string }
		if s := value(attrs, "gen_ai.tool.definitions").AsString(); s != "" {
			if err := json.Unmarshal([]byte(s), &tools); err != nil || len(s) > whole {
				t.Fatalf("%d: %d bytes of tools: %v", i, len(s), err)
			}
		}
	}
}

// TestLongConversation: thirty turns of 32 KiB fit into an attribute, with the
// first and the last ones.
func TestLongConversation(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentInput))
	req := &llm.Request{Stream: true, Messages: []llm.Message{llm.System("You sell flowers.")}}
	for i := range 30 {
		req.Messages = append(req.Messages, llm.User(fmt.Sprint(i, strings.Repeat("玫", 32<<10/3))), llm.Assistant("Sure."))
	}
	req.Messages = append(req.Messages, llm.User("And tulips?"))
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, req)
	s := value(r.spans()[0].Attributes(), "gen_ai.input.messages").AsString()
	var msgs []struct {
		Role  string
		Parts []struct{ Content string }
	}
	if err := json.Unmarshal([]byte(s), &msgs); err != nil {
		t.Fatal(err)
	}
	if len(s) > 256<<10 || len(s) < 200<<10 {
		t.Errorf("%d bytes", len(s))
	}
	if msgs[0].Parts[0].Content != "You sell flowers." || msgs[1].Parts[0].Content != "[45 messages of 753764 bytes left out]" || msgs[len(msgs)-1].Parts[0].Content != "And tulips?" {
		t.Errorf("%+v, %+v ... %+v", msgs[0], msgs[1], msgs[len(msgs)-1])
	}
	if got := value(r.spans()[0].Attributes(), "callspan.content_cut").AsInt64(); got != 753764 {
		t.Errorf("callspan.content_cut = %d", got)
	}
}

// roundTrip is the data of an event that tells of HTTP headers.
type roundTrip struct{ request, response http.Header }

func (r roundTrip) Headers() (request, response http.Header) { return r.request, r.response }

// TestHeaders: spans show the headers that are named, and no credentials.
func TestHeaders(t *testing.T) {
	const secret = "4f9aK2mQx81LzP0wR7tY3uVb"
	trip := roundTrip{
		http.Header{"Authorization": {"Bearer " + secret}, "X-Api-Key": {secret}, "X-Team": {"roses"}, "Openai-Organization": {"org-1"}},
		http.Header{"X-Request-Id": {"req_1"}, "X-Ratelimit-Remaining-Tokens": {"99", "98"}, "Set-Cookie": {"session=" + secret}, "X-Note": {"mail mei@example.com or sk-proj-" + secret}},
	}
	run := func(opts ...tracing.Option) sdktrace.ReadOnlySpan {
		r := record(append(opts, tracing.WithContent(tracing.ContentBoth))...)
		callback.Do(callback.WithHandlers(t.Context(), r.tracer), &callback.Info{Kind: callback.KindLLM, Name: "x"}, nil, func(ctx context.Context) (any, error) {
			callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Data: trip})
			callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: "by mistake", Data: trip.request})
			return nil, nil
		})
		for _, s := range texts(r.spans()) {
			if strings.Contains(s, secret[:8]) {
				t.Errorf("a credential in %q", s)
			}
		}
		return r.spans()[0]
	}
	shown := func(s sdktrace.ReadOnlySpan) map[string][]string {
		out := map[string][]string{}
		for _, kv := range s.Attributes() {
			if strings.HasPrefix(string(kv.Key), "http.") {
				out[string(kv.Key)] = kv.Value.AsStringSlice()
			}
		}
		return out
	}
	if got := shown(run()); len(got) != 0 {
		t.Errorf("without being asked: %v", got)
	}
	s := run(tracing.WithHeaders("X-Request-ID", " x-ratelimit-remaining-tokens", "x-team", "Authorization", "x-api-key", "set-cookie", "x-note", "x-absent", ""),
		tracing.WithRedactor(tracing.RedactEmails))
	want := map[string][]string{
		"http.request.header.authorization": {"[key]"}, "http.request.header.x-api-key": {"[key]"}, "http.request.header.x-team": {"roses"},
		"http.response.header.x-request-id": {"req_1"}, "http.response.header.x-ratelimit-remaining-tokens": {"99", "98"},
		"http.response.header.set-cookie": {"[key]"}, "http.response.header.x-note": {"mail [email] or [key]"},
	}
	if got := shown(s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if len(s.Events()) != 1 {
		t.Errorf("events %v", s.Events())
	}
}

// TestSecretHeaders: of which headers a span shows the values. None of these
// looks like a key by itself.
func TestSecretHeaders(t *testing.T) {
	for _, tc := range []struct {
		shown bool
		names string
	}{
		{false, "Authorization Proxy-Authorization X-Forwarded-Authorization X-Original-Authorization X-Serverless-Authorization cf-aig-authorization"},
		{false, "Helicone-Auth X-Auth X-Auth-Token X-OAuth X-Authentication X-Authorization2 DPoP"},
		{false, "Api-Key X-Api-Key ApiKey X-ApiKey X-Goog-Api-Key X-Litellm-Key X-Portkey-Virtual-Key Ocp-Apim-Subscription-Key X-Functions-Key X-Api-Key-2 X_Api_Key"},
		{false, "X-Amz-Security-Token X-Vault-Token Private-Token X-Forwarded-Access-Token X-Amzn-Oidc-AccessToken X-CSRF-Token X-Xsrf"},
		{false, "X-Goog-Iap-Jwt-Assertion Cf-Access-Jwt-Assertion X-Jwt X-Client-Secret X-Password X-Credentials"},
		{false, "Cookie Set-Cookie Cookie2 X-Session-Cookie X-Session-Token X-Reset-Token X-MyToken"},
		{false, "Signature X-Hub-Signature-256 X-Amz-Signature X-Shopify-Hmac-Sha256"},
		{false, "X-A-Name-That-Is-Longer-Than-Most-And-Ends-As-Others-Do-In-Authorization"},
		{true, "X-Request-Id Idempotency-Key X-Idempotency-Key Surrogate-Key X-Cache-Key X-Author X-Authority X-Keyboard X-Monkey Keep-Alive"},
		{true, "X-Ratelimit-Remaining-Tokens X-Ratelimit-Limit-Tokens Anthropic-Ratelimit-Input-Tokens-Remaining X-Token-Count X-Ratelimit-Remaining-Token X-Prompt-Tokens X-Next-Page-Token"},
		{true, "Openai-Organization Openai-Project X-Session-Id Mcp-Session-Id X-Callspan-Session X-Portkey-Provider X-Secretary X-Tokenizer"},
		{true, "Www-Authenticate Access-Control-Allow-Credentials Server Retry-After Traceparent"},
	} {
		for name := range strings.FieldsSeq(tc.names) {
			r := record(tracing.WithHeaders(name))
			callback.Do(callback.WithHandlers(t.Context(), r.tracer), &callback.Info{Kind: callback.KindLLM, Name: "x"}, nil, func(ctx context.Context) (any, error) {
				callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Data: roundTrip{request: http.Header{http.CanonicalHeaderKey(name): {"plain words"}}}})
				return nil, nil
			})
			want := "[key]"
			if tc.shown {
				want = "plain words"
			}
			got := value(r.spans()[0].Attributes(), "http.request.header."+strings.ToLower(name)).AsStringSlice()
			if len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

// TestStopSequences: they are shown whatever is captured, and never as they are
// where content is redacted or hashed.
func TestStopSequences(t *testing.T) {
	hashed := tracing.WithContentHash([]byte("a key of thirty-two random bytes"))
	stop := []string{"\nUser:", "mei@example.com", "sk-proj-4f9aK2mQx81LzP0wR7tY3uVb"}
	hashes := []string{"hmac-sha256:7f5838c886c2fec9958869f11fb8a2a4:6", "hmac-sha256:1ea100502f32f56c8baf1ff9e6be9e3b:15", "hmac-sha256:baac518b41d7c11002c9b8e2d265abf8:32"}
	for _, tc := range []struct {
		name string
		stop []string
		opts []tracing.Option
		want []string
	}{
		{"off", stop, nil, []string{"\nUser:", "mei@example.com", "[key]"}},
		{"redacted, off", stop, []tracing.Option{tracing.WithRedactor(tracing.RedactEmails)}, []string{"\nUser:", "[email]", "[key]"}},
		{"redacted, on", stop, []tracing.Option{tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(tracing.RedactEmails)}, []string{"\nUser:", "[email]", "[key]"}},
		{"hashed, off", stop, []tracing.Option{hashed}, hashes},
		{"hashed, on", stop, []tracing.Option{hashed, tracing.WithContent(tracing.ContentInput)}, hashes},
		{"hashed output", stop, []tracing.Option{hashed, tracing.WithContent(tracing.ContentOutput)}, hashes},
		{"long", []string{strings.Repeat("玫瑰", 100)}, nil, []string{strings.Repeat("玫瑰", 100)[:255]}},
		{"many", slices.Repeat([]string{"a"}, 40), nil, slices.Repeat([]string{"a"}, 16)},
		{"none", nil, []tracing.Option{hashed}, nil},
	} {
		r := record(tc.opts...)
		req := ask("roses")
		req.Stop = tc.stop
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, req)
		if got := value(r.spans()[0].Attributes(), "gen_ai.request.stop_sequences").AsStringSlice(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if !slices.Equal(req.Stop, tc.stop) {
			t.Errorf("%s: the request has %q", tc.name, req.Stop)
		}
	}
}

// TestContentConformance: content keeps the conventions in every way of
// capturing it.
func TestContentConformance(t *testing.T) {
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			_, data := exported(t, func(ctx context.Context) {
				for _, text := range []string{"roses", strings.Repeat("red roses and 玫瑰 ", 300), `{"a":["b"]}`} {
					everywhere(ctx, text)
				}
			}, s.opts...)
			f, err := os.Create(filepath.Join(t.TempDir(), "export.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			w := otlpjson.NewWriter(f)
			if err := errors.Join(w.WriteTraces(data.Traces), w.WriteMetrics(data.Metrics), f.Close()); err != nil {
				t.Fatal(err)
			}
			args := []string{"--require-op", "chat", "--require-op", "execute_tool", "--require-op", "retrieval", "--require-op", "invoke_agent"}
			if s.name == "off" {
				args = append(args, "--no-content")
			}
			conformance.Check(t, f.Name(), args...)
		})
	}
}

// One service records what was asked, another one hashes, and both keep what is
// personal out.
func ExampleWithRedactor() {
	spans := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := tracing.New(tracing.WithTracerProvider(tp),
		tracing.WithContent(tracing.ContentInput),
		tracing.WithRedactor(tracing.RedactEmails, tracing.RedactPhones, func(text string) string {
			return strings.ReplaceAll(text, "Blumenstraße 7", "[address]")
		}))

	ctx := callback.WithHandlers(context.Background(), tracer)
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "Sure."}, done}}, ask("Roses to mei@example.com, Blumenstraße 7, +49 171 2345678, please."))

	fmt.Println(value(spans.GetSpans()[0].Attributes, "gen_ai.input.messages").AsString())
	// Output:
	// [{"role":"user","parts":[{"type":"text","content":"Roses to [email], [address], [phone], please."}]}]
}

func ExampleWithContentHash() {
	spans := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := tracing.New(tracing.WithTracerProvider(tp),
		tracing.WithContent(tracing.ContentInput), tracing.WithContentHash([]byte("from the service's vault")))

	ctx := callback.WithHandlers(context.Background(), tracer)
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "Sure."}, done}}, ask("Roses, please."))

	fmt.Println(value(spans.GetSpans()[0].Attributes, "gen_ai.input.messages").AsString())
	// Output:
	// [{"role":"user","parts":[{"type":"text","content":"hmac-sha256:ab731e420c737bc22aa7bedab13d823d:14"}]}]
}
