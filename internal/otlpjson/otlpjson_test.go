package otlpjson_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/callspan/callspan/internal/otlpjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func str(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func integer(n int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}
}

func attr(k string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: v}
}

var (
	traceID = []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\xee\xff")
	spanID  = []byte("\xfb\xff\xbe\x00\x00\x00\x00\x01")
	parent  = []byte("\x12\x34\x56\x78\x9a\xbc\xde\xf0")
)

// sample has every kind of id and number that the form treats in a way of its own.
func sample() ([]*tracepb.ResourceSpans, []*metricspb.ResourceMetrics) {
	res := &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attr("service.name", str("flowers"))}}
	scope := &commonpb.InstrumentationScope{Name: "callspan"}
	spans := []*tracepb.ResourceSpans{{Resource: res, ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope, Spans: []*tracepb.Span{{
		TraceId: traceID, SpanId: spanID, ParentSpanId: parent, Flags: 257, Name: "chat gpt-4o",
		Kind: tracepb.Span_SPAN_KIND_CLIENT, StartTimeUnixNano: 1763719200000000001, EndTimeUnixNano: 1763719201000000000,
		Attributes: []*commonpb.KeyValue{
			attr("n", integer(-1<<53-1)),
			attr("text", str("粉 <roses>\u2028&\u0085\x01")),
			attr("bytes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 255}}}),
			attr("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{integer(1), integer(2)}}}}),
		},
		Events: []*tracepb.Span_Event{{TimeUnixNano: 1763719200500000000, Name: "first_token"}},
		Links:  []*tracepb.Span_Link{{TraceId: traceID, SpanId: parent}},
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "cut"},
	}}}}, SchemaUrl: "https://opentelemetry.io/schemas/1.41.0"}}
	sum := 1.5
	metrics := []*metricspb.ResourceMetrics{{Resource: res, ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: scope, Metrics: []*metricspb.Metric{{
		Name: "gen_ai.client.token.usage", Unit: "{token}", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
			AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
			DataPoints: []*metricspb.HistogramDataPoint{{Count: 3, Sum: &sum, BucketCounts: []uint64{1, 2}, ExplicitBounds: []float64{4},
				Exemplars: []*metricspb.Exemplar{{TraceId: traceID, SpanId: spanID, Value: &metricspb.Exemplar_AsInt{AsInt: 7}}}}},
		}}}}}}}}
	return spans, metrics
}

const (
	sampleTraces = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"flowers"}}]},` +
		`"scopeSpans":[{"scope":{"name":"callspan"},"spans":[{"traceId":"000102030405060708090a0b0c0deeff","spanId":"fbffbe0000000001","parentSpanId":"123456789abcdef0",` +
		`"flags":257,"name":"chat gpt-4o","kind":3,"startTimeUnixNano":"1763719200000000001","endTimeUnixNano":"1763719201000000000",` +
		`"attributes":[{"key":"n","value":{"intValue":"-9007199254740993"}},{"key":"text","value":{"stringValue":"粉 <roses>\u2028&\u0085\u0001"}},` +
		`{"key":"bytes","value":{"bytesValue":"AP8="}},{"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}}],` +
		`"events":[{"timeUnixNano":"1763719200500000000","name":"first_token"}],"links":[{"traceId":"000102030405060708090a0b0c0deeff","spanId":"123456789abcdef0"}],` +
		`"status":{"message":"cut","code":2}}]}],"schemaUrl":"https://opentelemetry.io/schemas/1.41.0"}]}` + "\n"
	sampleMetrics = `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"flowers"}}]},` +
		`"scopeMetrics":[{"scope":{"name":"callspan"},"metrics":[{"name":"gen_ai.client.token.usage","unit":"{token}","histogram":{"dataPoints":[` +
		`{"count":"3","sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[4],"exemplars":[{"asInt":"7","spanId":"fbffbe0000000001","traceId":"000102030405060708090a0b0c0deeff"}]}],` +
		`"aggregationTemporality":2}}]}]}]}` + "\n"
)

func TestWriterForm(t *testing.T) {
	spans, metrics := sample()
	var b bytes.Buffer
	w := otlpjson.NewWriter(&b)
	if err := errors.Join(w.WriteTraces(spans), w.WriteMetrics(metrics)); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), sampleTraces+sampleMetrics; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again, _ := sample(); !proto.Equal(again[0], spans[0]) {
		t.Error("writing changed the spans")
	}
}

func TestRoundTrip(t *testing.T) {
	d, err := otlpjson.Read(strings.NewReader(sampleTraces + "\n  \r\n{}\n" + `{"resourceLogs":[{"x":1}]}` + "\n" + sampleMetrics))
	if err != nil {
		t.Fatal(err)
	}
	spans, metrics := sample()
	if len(d.Traces) != 1 || !proto.Equal(d.Traces[0], spans[0]) {
		t.Errorf("got traces %v", d.Traces)
	}
	if len(d.Metrics) != 1 || !proto.Equal(d.Metrics[0], metrics[0]) {
		t.Errorf("got metrics %v", d.Metrics)
	}
	s := d.Spans()
	if len(s) != 1 || s[0].GetName() != "chat gpt-4o" || s[0].Scope.GetName() != "callspan" ||
		otlpjson.Attrs(s[0].Resource.GetAttributes())["service.name"] != "flowers" {
		t.Errorf("got spans %v", s)
	}
	if m := d.AllMetrics(); len(m) != 1 || m[0].GetName() != "gen_ai.client.token.usage" || m[0].Scope.GetName() != "callspan" {
		t.Errorf("got metrics %v", m)
	}
}

// TestReadOthers reads what other writers may send: enums as names, numbers
// as numbers, upper-case hex, unknown fields, no newline at the end.
func TestReadOthers(t *testing.T) {
	d, err := otlpjson.Read(strings.NewReader(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"000102030405060708090A0B0C0DEEFF","spanId":"FBFFBE0000000001","parentSpanId":"",` +
		`"kind":"SPAN_KIND_CLIENT","startTimeUnixNano":5,"new":{"a":[1]}}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &tracepb.Span{TraceId: traceID, SpanId: spanID, Kind: tracepb.Span_SPAN_KIND_CLIENT, StartTimeUnixNano: 5}
	if s := d.Spans(); len(s) != 1 || !proto.Equal(s[0].Span, want) {
		t.Errorf("got %v", s)
	}
}

func TestReadErrors(t *testing.T) {
	span := func(id string) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"` + id + `"}]}]}]}`
	}
	for _, tc := range []struct{ name, line, want string }{
		{"no JSON", `panic: oh`, "line 2: not JSON: "},
		{"cut off", sampleTraces[:100], "line 2: not JSON: "},
		{"a list", `[]`, "line 2: not a JSON object"},
		{"something else", `{"level":"info"}`, "line 2: neither resourceSpans nor resourceMetrics"},
		{"wrong type", `{"resourceSpans":[{"scopeSpans":3}]}`, "line 2: proto:"},
		{"id in base64", span("+/++AAAAAAE="), "line 2: spanId is not 8 bytes in hex"},
		{"short id", span("abcd"), "line 2: spanId is not 8 bytes in hex"},
		{"odd id", span("abc"), "line 2: spanId is not 8 bytes in hex"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := otlpjson.Read(strings.NewReader(sampleTraces + tc.line + "\n" + sampleTraces))
			if err == nil || !strings.HasPrefix(err.Error(), "read OTLP JSON: "+tc.want) {
				t.Errorf("got %v", err)
			}
			if len(d.Traces) != 1 {
				t.Errorf("%d requests before the bad line", len(d.Traces))
			}
		})
	}
	broken := errors.New("disk gone")
	if _, err := otlpjson.Read(io.MultiReader(strings.NewReader(sampleTraces), readerFunc(func([]byte) (int, error) { return 0, broken }))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestWriterErrors(t *testing.T) {
	full := errors.New("disk full")
	w := otlpjson.NewWriter(writerFunc(func([]byte) (int, error) { return 0, full }))
	if err := w.WriteTraces(nil); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	bad := []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{SpanId: []byte("short")}}}}}}
	if err := otlpjson.NewWriter(io.Discard).WriteTraces(bad); err == nil || err.Error() != "write OTLP JSON: spanId is not 8 bytes in hex" {
		t.Errorf("got %v", err)
	}
}

func TestWriterConcurrentSafe(t *testing.T) {
	var b bytes.Buffer
	w := otlpjson.NewWriter(&b)
	spans, metrics := sample()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := errors.Join(w.WriteTraces(spans), w.WriteMetrics(metrics)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	d, err := otlpjson.Read(&b)
	if err != nil || len(d.Traces) != 20 || len(d.Metrics) != 20 {
		t.Errorf("read back %d and %d, %v", len(d.Traces), len(d.Metrics), err)
	}
}

func TestValue(t *testing.T) {
	for _, tc := range []struct {
		name string
		v    *commonpb.AnyValue
		want any
	}{
		{"none", nil, nil},
		{"string", str("a"), "a"},
		{"int", integer(1), int64(1)},
		{"bool", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}, true},
		{"double", &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 0.5}}, 0.5},
	} {
		if got := otlpjson.Value(tc.v); got != tc.want {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
	m := otlpjson.Value(&commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{attr("a", integer(1))}}}})
	if got, ok := m.(map[string]any); !ok || got["a"] != int64(1) {
		t.Errorf("map: got %v", m)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sampleTraces + sampleMetrics)
	f.Add(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"abc"}]}]}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := otlpjson.Read(strings.NewReader(s))
		if err != nil {
			return
		}
		var b bytes.Buffer
		w := otlpjson.NewWriter(&b)
		if err := errors.Join(w.WriteTraces(d.Traces), w.WriteMetrics(d.Metrics)); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := otlpjson.Read(&b)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(again.Spans()) != len(d.Spans()) || len(again.AllMetrics()) != len(d.AllMetrics()) {
			t.Error("something was lost")
		}
	})
}
