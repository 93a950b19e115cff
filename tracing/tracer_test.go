package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// scripted is a model that yields the given chunks and then an error, if any.
type scripted struct {
	chunks   []llm.Chunk
	err      error
	pause    time.Duration
	provider string
}

func (m scripted) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: m.provider, Model: "gpt-4o-mini", Address: "api.openai.com", Port: 443, API: "chat_completions"}
}

func (m scripted) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		for _, c := range m.chunks {
			time.Sleep(m.pause)
			if !yield(c, nil) {
				return
			}
		}
		if m.err != nil {
			yield(llm.Chunk{}, m.err)
		}
	}
}

func collect(ctx context.Context, m llm.Model, req *llm.Request) (*llm.Response, error) {
	return llm.Collect(callback.Model(m).Chat(ctx, req))
}

func ask(text string) *llm.Request {
	return &llm.Request{Stream: true, Messages: []llm.Message{llm.User(text)}}
}

var done = llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: 20, Output: 3}}

func value(attrs []attribute.KeyValue, key string) attribute.Value {
	set := attribute.NewSet(attrs...)
	v, _ := set.Value(attribute.Key(key))
	return v
}

// texts returns every text of the spans: names, attributes, events.
func texts(spans []sdktrace.ReadOnlySpan) (out []string) {
	add := func(kvs []attribute.KeyValue) {
		for _, kv := range kvs {
			out = append(out, string(kv.Key), kv.Value.String())
			if kv.Value.Type() == attribute.STRINGSLICE {
				out = append(out, kv.Value.AsStringSlice()...)
			}
		}
	}
	for _, s := range spans {
		out = append(out, s.Name(), s.Status().Description)
		add(s.Attributes())
		for _, e := range s.Events() {
			out = append(out, e.Name)
			add(e.Attributes)
		}
	}
	return out
}

// TestTime: times come from the stream: first chunk with content, offsets of
// each token, longest stall, tokens per second, and an end before the events
// are built.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		ctx := callback.WithHandlers(t.Context(), r.tracer)
		m := scripted{pause: 100 * time.Millisecond, chunks: []llm.Chunk{{}, {Text: "a"}, {Text: "b"}, {Text: "c"}, done}}
		begin := time.Now()
		collect(ctx, m, ask("roses"))
		s := r.spans()[0]
		if !s.StartTime().Equal(begin) || s.EndTime().Sub(begin) != 500*time.Millisecond {
			t.Errorf("span from %v to %v", s.StartTime(), s.EndTime())
		}
		for key, want := range map[string]float64{
			"gen_ai.response.time_to_first_chunk": 0.2, "callspan.output.longest_stall_s": 0.1, "callspan.output.tokens_per_second": 10,
		} {
			if got := value(s.Attributes(), key).AsFloat64(); got != want {
				t.Errorf("%s = %v, want %v", key, got, want)
			}
		}
		for i, e := range s.Events() {
			at := time.Duration(i+2) * 100 * time.Millisecond
			if !e.Time.Equal(begin.Add(at)) || value(e.Attributes, "callspan.token.offsets_us").AsInt64Slice()[0] != at.Microseconds() {
				t.Errorf("event %d at %v: %v", i, e.Time.Sub(begin), e.Attributes)
			}
		}
	})
}

// TestNoContentByDefault: what was asked and answered is nowhere in the spans.
func TestNoContentByDefault(t *testing.T) {
	r := record()
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	const secret = "peony"
	req := ask(secret)
	req.Tools = []llm.Tool{{Name: "stock", Description: secret}}
	callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: "shop", Input: secret}, nil, func(ctx context.Context) (string, error) {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: secret})
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: secret}, {Reasoning: secret}, {Refusal: secret},
			{Tool: &llm.ToolDelta{Name: "stock", Arguments: secret}}, done}}, req)
		return secret, nil
	})
	for _, s := range texts(r.spans()) {
		if strings.Contains(s, secret) {
			t.Errorf("content in %q", s)
		}
	}
}

// TestRedactor: every captured text passes through it.
func TestRedactor(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(func(s string) string { return strings.ReplaceAll(s, "peony", "*****") }))
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	const secret = "a peony"
	req := ask(secret)
	req.Tools = []llm.Tool{{Name: "stock", Description: secret}}
	req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{Name: "stock", Arguments: `{"f":"peony"}`}}},
		llm.Message{Role: llm.RoleTool, Parts: []llm.Part{{Text: secret}}})
	callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: "shop", Input: secret}, nil, func(ctx context.Context) (string, error) {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: secret})
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: secret}, {Reasoning: secret}, {Refusal: secret},
			{Tool: &llm.ToolDelta{Name: "stock", Arguments: secret}}, done}}, req)
		return secret, nil
	})
	masked := 0
	for _, s := range texts(r.spans()) {
		if strings.Contains(s, "peony") {
			t.Errorf("not redacted: %q", s)
		}
		masked += strings.Count(s, "*****")
	}
	if masked < 10 {
		t.Errorf("content captured in %d places only", masked)
	}
}

func TestContentVariable(t *testing.T) {
	for v, want := range map[string]bool{"": false, "true": true, "SPAN_ONLY": true, "span_and_event": true, "NO_CONTENT": false, "EVENT_ONLY": false, "nonsense": false} {
		t.Setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", v)
		r := record()
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
		if got := value(r.spans()[0].Attributes(), "gen_ai.input.messages").AsString() != ""; got != want {
			t.Errorf("%q: captured %v", v, got)
		}
	}
}

// TestValidUTF8: half a rune anywhere does not reach a span.
func TestValidUTF8(t *testing.T) {
	const bad = "\xe7\x8e" // a part of 玫
	r := record(tracing.WithContent(tracing.ContentBoth))
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	ctx = callback.WithMetadata(callback.WithTags(callback.WithUser(callback.WithSession(ctx, bad), bad), bad), map[string]any{bad: bad, "list": []string{bad}, "err": errors.New(bad)})
	req := &llm.Request{Model: bad, Stream: true, Stop: []string{"ok", bad}, Tools: []llm.Tool{{Name: bad, Description: bad}},
		Messages: []llm.Message{{Role: bad, Name: bad, Parts: []llm.Part{{Text: bad}, {Media: &llm.Media{Kind: bad, URL: bad}}}}}}
	callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: bad}, nil, func(ctx context.Context) (any, error) {
		callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: bad, Data: bad})
		callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: bad}, nil, func(context.Context) (any, error) { return nil, errors.New(bad) })
		collect(ctx, scripted{provider: bad, chunks: []llm.Chunk{{Text: bad, Tool: &llm.ToolDelta{ID: bad, Name: bad, Arguments: bad}},
			{Finish: bad, Meta: &llm.Meta{ID: bad, Model: bad, ServiceTier: bad, SystemFingerprint: bad}}}, err: errors.New(bad)}, req)
		return nil, &llm.Error{Code: bad, Message: bad}
	})
	if len(r.spans()) != 3 {
		t.Fatalf("%d spans", len(r.spans()))
	}
	for _, s := range texts(r.spans()) {
		if !utf8.ValidString(s) {
			t.Errorf("not UTF-8: %q", s)
		}
	}
}

// TestSecretsInErrors: what looks like a key is not recorded.
func TestSecretsInErrors(t *testing.T) {
	for _, key := range []string{"sk-proj-abcdefgh12345678", "Bearer abcdefgh12345678", "gsk-abcdefgh12345678"} {
		r := record()
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{err: fmt.Errorf("refused %s for you", key)}, ask("roses"))
		for _, s := range texts(r.spans()) {
			if strings.Contains(s, "12345678") {
				t.Errorf("key in %q", s)
			}
		}
	}
}

// TestStockProvider: a service's own provider, with its batch processor and the
// stock limits, needs nothing else; nothing global is touched.
func TestStockProvider(t *testing.T) {
	exp := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exp))
	tracer := tracing.New(tracing.WithTracerProvider(tp))
	ctx, parent := tp.Tracer("service").Start(t.Context(), "GET /flowers")
	ctx = callback.WithHandlers(ctx, tracer)
	chunks := append(slices.Repeat([]llm.Chunk{{Text: "a"}}, 2000), done)
	collect(ctx, scripted{chunks: chunks}, ask("roses"))
	parent.End()
	if err := tp.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := exp.GetSpans().Snapshots()[0]
	if err := tp.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Error("span is not a child of the service's")
	}
	if s.DroppedEvents() != 0 || s.DroppedAttributes() != 0 || len(s.Events()) != 32 {
		t.Errorf("%d events, %d dropped, %d attributes dropped", len(s.Events()), s.DroppedEvents(), s.DroppedAttributes())
	}
}

// TestUnsampled: a call that is not sampled is still measured.
func TestUnsampled(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	tracer := tracing.New(tracing.WithTracerProvider(tp), tracing.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), tracer))
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}, provider: "openai"}, ask("roses"))
	if count.Total().Usage.Total() != 23 {
		t.Errorf("counted %+v", count.Total())
	}
	if got := measured(t, reader); !strings.Contains(got, "gen_ai.client.token.usage") {
		t.Errorf("metrics\n%s", got)
	}
}

// measured returns the metrics as text, with sums for times left out.
func measured(t *testing.T, reader sdkmetric.Reader) string {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[int64]:
				for _, p := range d.DataPoints {
					lines = append(lines, fmt.Sprintf("%s %s sum=%d count=%d bounds=%d..%d %s", m.Name, m.Unit, p.Sum, p.Count,
						int(p.Bounds[0]), int(p.Bounds[len(p.Bounds)-1]), p.Attributes.Encoded(attribute.DefaultEncoder())))
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					lines = append(lines, fmt.Sprintf("%s %s count=%d bounds=%v..%v %s", m.Name, m.Unit, p.Count,
						p.Bounds[0], p.Bounds[len(p.Bounds)-1], p.Attributes.Encoded(attribute.DefaultEncoder())))
				}
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestMetrics: names, units, buckets and attributes are the conventions'; a
// failure has its error type; estimates stay out of the token metric unless
// they are asked for.
func TestMetrics(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts []tracing.Option
		want string
	}{
		{"default", nil, `gen_ai.client.operation.duration s count=1 bounds=0.01..81.92 error.type=rate_limit_exceeded,gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=gpt-4o-mini,server.address=api.openai.com,server.port=443
gen_ai.client.operation.duration s count=3 bounds=0.01..81.92 gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=gpt-4o-mini,server.address=api.openai.com,server.port=443
gen_ai.client.operation.time_to_first_chunk s count=3 bounds=0.01..81.92 gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=gpt-4o-mini,server.address=api.openai.com,server.port=443
gen_ai.client.token.usage {token} sum=40 count=2 bounds=1..67108864 gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=gpt-4o-mini,gen_ai.token.type=input,server.address=api.openai.com,server.port=443
gen_ai.client.token.usage {token} sum=6 count=2 bounds=1..67108864 gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=gpt-4o-mini,gen_ai.token.type=output,server.address=api.openai.com,server.port=443`},
		{"with estimates", []tracing.Option{tracing.WithEstimatedUsage()}, "sum=47 count=3"},
	} {
		r := record(tc.opts...)
		ctx := callback.WithHandlers(t.Context(), r.tracer)
		for range 2 {
			collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}, provider: "openai"}, ask("roses"))
		}
		collect(ctx, guessed{scripted{chunks: []llm.Chunk{{Text: "a"}, {Finish: "stop"}}, provider: "openai"}}, ask("roses"))
		collect(ctx, scripted{err: &llm.Error{Code: "rate_limit_exceeded"}, provider: "openai"}, ask("roses"))
		if got := measured(t, r.reader); got != tc.want && !(len(tc.want) < 20 && strings.Contains(got, tc.want)) {
			t.Errorf("%s: metrics\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}

// guessed is a model whose usage is counted here.
type guessed struct{ scripted }

func (guessed) Meter() llm.Meter { return guessed{} }
func (guessed) Estimate(*llm.Request, *llm.Response) (llm.Usage, bool) {
	return llm.Usage{Input: 7, Output: 1}, true
}
func (guessed) Split(*llm.Request) (llm.Makeup, bool) { return llm.Makeup{}, false }

// TestAbandoned: shutting down ends what is still open, with the tokens so far,
// and what comes after is harmless.
func TestAbandonedConcurrentSafe(t *testing.T) {
	r := record()
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	chunks := slices.Repeat([]llm.Chunk{{Text: "a"}}, 5000)
	next, stop := iter.Pull2(callback.Model(scripted{chunks: chunks}).Chat(ctx, ask("roses")))
	for range 3 {
		next()
	}
	var wg sync.WaitGroup
	for range 4 { // streams that go on while tracing is shut down
		wg.Go(func() { collect(ctx, scripted{chunks: chunks}, ask("roses")) })
	}
	r.tracer.Shutdown(t.Context())
	wg.Wait()
	next()
	stop()
	r.tracer.Shutdown(t.Context())

	if len(r.spans()) != 5 {
		t.Fatalf("%d spans ended, want each once", len(r.spans()))
	}
	found := false
	for _, s := range r.spans() {
		if value(s.Attributes(), "error.type").AsString() != "abandoned" {
			continue
		}
		if s.Status().Code != codes.Error {
			t.Errorf("status %v", s.Status())
		}
		if n := len(s.Events()); n == 4 && s.Events()[2].Name == "token" && s.Events()[3].Name == "exception" {
			found = true
		}
	}
	if !found {
		t.Error("the run that stood still has no span with its three tokens")
	}
}

// TestSpanIDsInLog: a log line leads to the span.
func TestSpanIDsInLog(t *testing.T) {
	var b bytes.Buffer
	r := record()
	ctx := callback.WithHandlers(t.Context(), callback.Log(slog.New(slog.NewTextHandler(&b, nil))), r.tracer)
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	sc := r.spans()[0].SpanContext()
	if want := fmt.Sprintf("trace_id=%s span_id=%s", sc.TraceID(), sc.SpanID()); !strings.Contains(b.String(), want) {
		t.Errorf("no %s in %s", want, b.String())
	}
}

// TestNetworkInsideSpan: what the model calls sees the span in its context.
func TestNetworkInsideSpan(t *testing.T) {
	r := record()
	var seen trace.SpanContext
	m := llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		seen = trace.SpanContextFromContext(ctx)
		return scripted{chunks: []llm.Chunk{done}}.Chat(ctx, req)
	})
	collect(callback.WithHandlers(t.Context(), r.tracer), m, ask("roses"))
	if seen.SpanID() != r.spans()[0].SpanContext().SpanID() {
		t.Error("the call is not inside its span")
	}
}

// TestKinds: the span of each kind of run.
func TestKinds(t *testing.T) {
	for _, tc := range []struct {
		kind    callback.Kind
		nested  bool
		name    string
		op      string
		spanOf  trace.SpanKind
		totaled bool
	}{
		{callback.KindChain, false, "invoke_workflow x", "invoke_workflow", trace.SpanKindInternal, true},
		{callback.KindChain, true, "x", "", trace.SpanKindInternal, true},
		{callback.KindAgent, true, "invoke_agent x", "invoke_agent", trace.SpanKindInternal, true},
		{callback.KindTool, true, "execute_tool x", "execute_tool", trace.SpanKindInternal, false},
		{callback.KindRetriever, true, "retrieval x", "retrieval", trace.SpanKindClient, false},
		{callback.KindEmbedding, true, "embeddings", "embeddings", trace.SpanKindClient, false},
		{callback.KindMemory, true, "search_memory", "search_memory", trace.SpanKindInternal, false},
		{callback.KindPrompt, true, "x", "", trace.SpanKindInternal, true},
		{callback.KindImage, true, "generate_content", "generate_content", trace.SpanKindClient, false},
		{callback.KindAudio, true, "generate_content", "generate_content", trace.SpanKindClient, false},
		{callback.KindModeration, true, "x", "", trace.SpanKindClient, false},
	} {
		r := record()
		ctx := callback.WithHandlers(t.Context(), r.tracer)
		run := func(ctx context.Context) {
			callback.Do(ctx, &callback.Info{Kind: tc.kind, Name: "x"}, nil, func(context.Context) (any, error) { return nil, nil })
		}
		if tc.nested {
			callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: "root"}, nil, func(ctx context.Context) (any, error) { run(ctx); return nil, nil })
		} else {
			run(ctx)
		}
		s := r.spans()[0]
		if s.Name() != tc.name || s.SpanKind() != tc.spanOf || value(s.Attributes(), "gen_ai.operation.name").String() != tc.op {
			t.Errorf("%s: span %q, kind %v, operation %q", tc.kind, s.Name(), s.SpanKind(), value(s.Attributes(), "gen_ai.operation.name").String())
		}
		totals := slices.ContainsFunc(s.Attributes(), func(kv attribute.KeyValue) bool { return kv.Key == "callspan.total.calls" })
		if totals != tc.totaled {
			t.Errorf("%s: has totals: %v", tc.kind, totals)
		}
	}
}

// TestEveryFieldIsTold: each field of a usage and a total changes the span.
func TestEveryFieldIsTold(t *testing.T) {
	attrsOf := func(u llm.Usage) []attribute.KeyValue {
		r := record()
		u.Input += 1000
		u.Output += 1000
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{provider: "openai", chunks: []llm.Chunk{{Text: "a"}, {Finish: "stop", Usage: &u}}},
			&llm.Request{Messages: []llm.Message{llm.User("x")}})
		return r.spans()[0].Attributes()
	}
	plain := len(attrsOf(llm.Usage{}))
	for i := range reflect.TypeFor[llm.Usage]().NumField() {
		var u llm.Usage
		f := reflect.ValueOf(&u).Elem().Field(i)
		name := reflect.TypeFor[llm.Usage]().Field(i).Name
		f.SetInt(7)
		got := attrsOf(u)
		if name == "Input" || name == "Output" {
			continue // always there
		}
		if len(got) <= plain {
			t.Errorf("Usage.%s is not on the span", name)
		}
	}
}

// TestRefusedCalls: what a budget refused is on the root, and is no call.
func TestRefusedCalls(t *testing.T) {
	r := record()
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	ctx, _ = callback.WithBudget(ctx, callback.Limit{Calls: 1})
	callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: "root"}, nil, func(ctx context.Context) (any, error) {
		for range 3 {
			collect(ctx, scripted{provider: "openai", chunks: []llm.Chunk{{Text: "a"}, done}}, &llm.Request{Messages: []llm.Message{llm.User("x")}})
		}
		return nil, nil
	})
	spans := r.spans()
	root := spans[len(spans)-1].Attributes()
	if calls, refused := value(root, "callspan.total.calls").AsInt64(), value(root, "callspan.total.refused_calls").AsInt64(); calls != 1 || refused != 2 {
		t.Errorf("%d calls, %d refused, want 1 and 2", calls, refused)
	}
}

// TestShutdownAgainstEnds: runs that end while tracing is shut down give their
// logs back only when nobody looks at them.
func TestShutdownAgainstEndsConcurrentSafe(t *testing.T) {
	r := record()
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	chunks := append(slices.Repeat([]llm.Chunk{{Text: "a"}}, 200), done)
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			for range 20 {
				collect(ctx, scripted{chunks: chunks}, ask("roses"))
			}
		})
	}
	for range 20 {
		r.tracer.Shutdown(t.Context())
	}
	wg.Wait()
	if n := len(r.spans()); n != 1200 {
		t.Errorf("%d spans", n)
	}
}

type faultyError struct{ text *string }

func (e *faultyError) Error() string { return *e.text }

// TestFaultyUserCode: a redactor or an error that panics costs its text, not
// the span.
func TestFaultyUserCode(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(func(string) string { panic("thorn") }))
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}}, err: &faultyError{}}, ask("roses"))
	if len(r.spans()) != 1 {
		t.Fatalf("%d spans", len(r.spans()))
	}
	s := r.spans()[0]
	if s.Status().Description != "[redactor failed]" ||
		!strings.Contains(value(s.Attributes(), "gen_ai.input.messages").AsString(), "[redactor failed]") {
		t.Errorf("status %v, attributes %v", s.Status(), s.Attributes())
	}

	r = record()
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{err: &faultyError{}}, ask("roses"))
	s = r.spans()[0]
	if want := "error of type *tracing_test.faultyError whose methods panic"; s.Status().Description != want || value(s.Attributes(), "error.type").AsString() != "_OTHER" {
		t.Errorf("status %v, want %s, attributes %v", s.Status(), want, s.Attributes())
	}
}

// TestToolDefinitions: schemas are redacted, bounded and valid UTF-8 too.
func TestToolDefinitions(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(func(s string) string { return strings.ReplaceAll(s, "peony", "*****") }))
	req := ask("roses")
	req.Tools = []llm.Tool{{Name: "a", Parameters: []byte(`{"description":"peony"}`)}, {Name: "b", Parameters: []byte("{\"d\":\"\xff\"}")},
		{Name: "c", Parameters: []byte(`{"d":"` + strings.Repeat("x", 1<<20) + `"}`)}}
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, req)
	got := value(r.spans()[0].Attributes(), "gen_ai.tool.definitions").AsString()
	if !utf8.ValidString(got) || strings.Contains(got, "peony") || !strings.Contains(got, "*****") || len(got) > 64<<10 {
		t.Errorf("%d bytes: %.200s", len(got), got)
	}
}

// TestToolTypes: what a tool is, a function unless it says otherwise, whatever the
// redactor makes of words.
func TestToolTypes(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(func(string) string { return "*" }))
	req := ask("roses")
	req.Tools = []llm.Tool{{Name: "stock"}, {Name: "stock", Type: "function"}, {Name: "web_search", Type: "web_search"}, {Name: "sql", Type: "custom"}, {Name: "x", Type: "mei@example.com"}}
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, req)
	const want = `[{"type":"function","name":"*"},{"type":"function","name":"*"},{"type":"web_search","name":"*"},{"type":"custom","name":"*"},{"type":"*","name":"*"}]`
	if got := value(r.spans()[0].Attributes(), "gen_ai.tool.definitions").AsString(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRedactorAcrossTokens: with a redactor, token events have no text, since
// what it looks for may lie across two of them.
func TestRedactorAcrossTokens(t *testing.T) {
	r := record(tracing.WithContent(tracing.ContentBoth), tracing.WithRedactor(func(s string) string { return strings.ReplaceAll(s, "a@b.de", "***") }))
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "mail a@"}, {Text: "b.de"}, done}}, ask("roses"))
	for _, s := range texts(r.spans()) {
		if strings.Contains(s, "a@") || strings.Contains(s, "b.de") {
			t.Errorf("not redacted: %q", s)
		}
	}
}

// TestErrorTypeIsAWord: a code that is a message does not become error.type.
func TestErrorTypeIsAWord(t *testing.T) {
	for code, want := range map[string]string{
		"rate_limit_exceeded": "rate_limit_exceeded", "bad key sk-abcdefghijklmnopqrst": "_OTHER",
		strings.Repeat("x", 100): "_OTHER", "sk-abcdefghijklmnopqrst": "_OTHER", "\xff": "_OTHER",
	} {
		r := record()
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{err: &llm.Error{Code: code, Message: "m"}}, ask("roses"))
		if got := value(r.spans()[0].Attributes(), "error.type").AsString(); got != want {
			t.Errorf("%q: error.type %q, want %q", code, got, want)
		}
	}
}

// TestManyChoices: a model with choices without end makes one log for most.
func TestManyChoices(t *testing.T) {
	r := record()
	var chunks []llm.Chunk
	for i := range 5000 {
		chunks = append(chunks, llm.Chunk{Choice: i, Text: "a"})
	}
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: chunks}, ask("roses"))
	s := r.spans()[0]
	offsets := 0
	for _, e := range s.Events() {
		offsets += len(value(e.Attributes, "callspan.token.offsets_us").AsInt64Slice())
	}
	if offsets != 5000 || s.DroppedEvents() != 0 || len(value(s.Attributes(), "gen_ai.response.finish_reasons").AsStringSlice()) > 128 {
		t.Errorf("%d offsets, %d events dropped", offsets, s.DroppedEvents())
	}
}

// TestFinishReasonOfSound: an answer of which nothing can be told but that it was
// cut has a finish reason that never came.
func TestFinishReasonOfSound(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want []string
	}{{llm.ErrTruncated, []string{"error"}}, {llm.ErrEmpty, nil}, {&llm.Error{Code: "500", Message: "m"}, nil}} {
		r := record()
		collect(callback.WithHandlers(t.Context(), r.tracer), scripted{err: tc.err}, ask("roses"))
		if got := value(r.spans()[0].Attributes(), "gen_ai.response.finish_reasons").AsStringSlice(); !slices.Equal(got, tc.want) {
			t.Errorf("%v: finish reasons %q, want %q", tc.err, got, tc.want)
		}
	}
}

// TestCostWithoutUsage: what the provider says it cost is on the span also if
// it says nothing of tokens.
func TestCostWithoutUsage(t *testing.T) {
	r := record()
	collect(callback.WithHandlers(t.Context(), r.tracer), scripted{chunks: []llm.Chunk{{Text: "a", Finish: "stop", Meta: &llm.Meta{Cost: "0.5"}}}}, ask("roses"))
	if got := value(r.spans()[0].Attributes(), "gen_ai.usage.cost").AsFloat64(); got != 0.5 {
		t.Errorf("cost %v", got)
	}
}
