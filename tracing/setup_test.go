package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func sink(t *testing.T, c otlpsink.Config) *otlpsink.Sink {
	t.Helper()
	s, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// reports collects what is reported.
type reports struct {
	mu  sync.Mutex
	all []string
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err.Error())
}

// setup sets up tracing for the sink and returns what tests need.
func setup(t *testing.T, endpoint string, opts ...tracing.Option) (context.Context, func(time.Duration) error, *reports) {
	t.Helper()
	r := &reports{}
	opts = append([]tracing.Option{tracing.WithEndpoint(endpoint), tracing.WithServiceName("shop"), tracing.WithErrorHandler(r.add)}, opts...)
	tracer, shutdown, err := tracing.Setup(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return callback.WithHandlers(t.Context(), tracer), func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return shutdown(ctx)
	}, r
}

// TestSetup: spans and metrics arrive with their resource, and the environment
// has the last word on it.
func TestSetup(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	s := sink(t, otlpsink.Config{})
	ctx, shutdown, rep := setup(t, "http://"+s.Endpoint())
	for range 600 { // more than one batch
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}, provider: "openai"}, ask("roses"))
	}
	if err := shutdown(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := shutdown(time.Second); err != nil {
		t.Errorf("second shutdown: %v", err)
	}
	spans := s.Spans()
	if len(spans) != 600 || len(rep.all) != 0 {
		t.Fatalf("%d spans arrived, reports %v", len(spans), rep.all)
	}
	resource := spans[0].Resource.String()
	for _, want := range []string{`"shop"`, `"deployment.environment.name"`, `"telemetry.sdk.language"`} {
		if !strings.Contains(resource, want) {
			t.Errorf("no %s in resource %s", want, resource)
		}
	}
	names := map[string]bool{}
	for _, m := range s.Data().AllMetrics() {
		names[m.Name] = true
	}
	for _, want := range []string{"gen_ai.client.token.usage", "gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk"} {
		if !names[want] {
			t.Errorf("metric %s did not arrive", want)
		}
	}
}

// TestSetupEnvironment: nonsense names the variable and the way out.
func TestSetupEnvironment(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317 has no scheme: write http://localhost:4317"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://x", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=ftp://x is not an http:// or https:// URL"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json: use grpc or http/protobuf"},
		{"OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER=zipkin: use otlp or none"},
		{"OTEL_RESOURCE_ATTRIBUTES", "nonsense", "OTEL_RESOURCE_ATTRIBUTES is a list key=value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv(tc.name, tc.value)
			_, _, err := tracing.Setup(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
	if _, _, err := tracing.Setup(t.Context(), tracing.WithEndpoint("nowhere")); err == nil || !strings.Contains(err.Error(), "endpoint=nowhere has no scheme") {
		t.Errorf("error %v", err)
	}
}

// TestSetupNone: exporters can be turned off as everywhere.
func TestSetupNone(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	_, shutdown, err := tracing.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestUndelivered: a receiver that is not there, refuses or hangs is reported
// once, the program goes on, and shutdown counts exactly what did not arrive.
func TestUndelivered(t *testing.T) {
	refuse := func(code codes.Code) otlpsink.Config {
		return otlpsink.Config{OnTraces: func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			return nil, status.Error(code, "not today")
		}}
	}
	hang := otlpsink.Config{OnTraces: func(ctx context.Context, _ *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	for _, tc := range []struct {
		name     string
		endpoint func() string
		reason   string
	}{
		{"nobody there", func() string { return "http://127.0.0.1:9" }, "connection refused"},
		{"refused for good", func() string { return "http://" + sink(t, refuse(codes.PermissionDenied)).Endpoint() }, "not today"},
		{"refused for now", func() string { return "http://" + sink(t, refuse(codes.Unavailable)).Endpoint() }, "not today"},
		{"hangs", func() string { return "http://" + sink(t, hang).Endpoint() }, ""},
		{"no such host", func() string { return "http://no-such-host.invalid:4317" }, "no-such-host.invalid"},
		{"TLS where there is none", func() string { return "https://" + sink(t, otlpsink.Config{}).Endpoint() }, "use http:// instead of https://"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint := tc.endpoint()
			patience := 1500 * time.Millisecond
			if tc.reason != "" {
				patience = 20 * time.Second // from the reason on, half a second
			}
			over, enough := context.WithTimeout(t.Context(), patience)
			defer enough()
			begin := time.Now()
			var patient atomic.Int64 // how long
			context.AfterFunc(over, func() { patient.Store(int64(time.Since(begin))) })
			rep := new(reports)
			tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint(endpoint), tracing.WithErrorHandler(func(err error) {
				rep.add(err)
				time.AfterFunc(time.Second/2, enough)
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx := callback.WithHandlers(t.Context(), tracer)
			for range 7 {
				if _, err := collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses")); err != nil {
					t.Fatal(err)
				}
			}
			err = shutdown(over)
			took := time.Since(begin)
			var lost *tracing.UndeliveredError
			if !errors.As(err, &lost) || lost.Spans != 7 || lost.Of != 7 || lost.Endpoint != endpoint {
				t.Fatalf("shutdown: %v", err)
			}
			if !strings.Contains(err.Error(), tc.reason) || strings.Contains(err.Error(), "\n") {
				t.Errorf("shutdown says %q, want the reason %q", err, tc.reason)
			}
			if late := took - time.Duration(patient.Load()); patient.Load() > 0 && late > 4*time.Second {
				t.Errorf("shutdown went on for %v after its time", late)
			}
			traces := 0
			for _, line := range rep.all {
				if strings.Contains(line, "cannot deliver") {
					traces++
				}
			}
			if traces > 1 || tc.reason != "" && traces == 0 {
				t.Errorf("reported %d times: %v", traces, rep.all)
			}
		})
	}
}

// TestRetry: what a receiver refuses for now is delivered later, once.
func TestRetry(t *testing.T) {
	var n atomic.Int32
	s := sink(t, otlpsink.Config{OnTraces: func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		if n.Add(1) <= 2 {
			return nil, status.Error(codes.Unavailable, "busy")
		}
		return nil, nil
	}})
	ctx, shutdown, rep := setup(t, "http://"+s.Endpoint())
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	if err := shutdown(10 * time.Second); err != nil {
		t.Error(err)
	}
	if len(s.Spans()) != 1 || n.Load() != 3 || len(rep.all) != 1 {
		t.Errorf("%d spans after %d attempts, reports %q", len(s.Spans()), n.Load(), rep.all)
	}
}

// TestOneReceiverDoesNotStarveAnother: each has a queue of its own.
func TestOneReceiverDoesNotStarveAnother(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://127.0.0.1:9"), tracing.WithEndpoint("http://"+s.Endpoint()),
		tracing.WithErrorHandler(func(error) {}))
	if err != nil {
		t.Fatal(err)
	}
	collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	over, enough := context.WithTimeout(t.Context(), 30*time.Second)
	defer enough()
	go func() {
		defer enough()
		s.Wait(over, func(d *otlpjson.Data) bool { return len(d.AllMetrics()) > 0 }) // they come once the spans are confirmed
	}()
	err = shutdown(over)
	if len(s.Spans()) != 1 {
		t.Errorf("%d spans arrived", len(s.Spans()))
	}
	if got := fmt.Sprint(err); !strings.HasPrefix(got, "1 of 1 spans were not delivered to http://127.0.0.1:9") || strings.Contains(got, "\n") {
		t.Errorf("shutdown: %v", err)
	}
}

// TestLargeAndBroken: requests stay below the receiver's 4 MiB, and text of
// other instrumentations that is not UTF-8 does not take others down with it.
func TestLargeAndBroken(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	_, shutdown, _ := setup(t, "http://"+s.Endpoint())
	tr := otel.Tracer("somebody else's")
	big := strings.Repeat("rose ", 40_000) // 200 kB
	for i := range 100 {
		_, span := tr.Start(t.Context(), "big")
		span.SetAttributes(attribute.String("text", big))
		if i%10 == 0 {
			span.SetAttributes(attribute.String("half", big[:10]+"\xe7\x8e"), attribute.StringSlice("list", []string{"\xff"}))
			span.AddEvent("\xfe")
		}
		span.End()
	}
	if err := shutdown(20 * time.Second); err != nil {
		t.Error(err)
	}
	if n := len(s.Spans()); n != 100 {
		t.Errorf("%d of 100 spans arrived", n)
	}
}

// TestBrokenNames: words of somebody else's that are not UTF-8 cost neither
// spans nor figures, wherever they stand.
func TestBrokenNames(t *testing.T) {
	for _, histogram := range []string{"explicit_bucket_histogram", "base2_exponential_bucket_histogram"} {
		t.Run(histogram, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histogram)
			testBrokenNames(t)
		})
	}
}

func testBrokenNames(t *testing.T) {
	const bad = "caf\xe9"
	attrs := []attribute.KeyValue{attribute.String("who", bad), attribute.String(bad, "x"),
		attribute.StringSlice("list", []string{"a", bad}), attribute.Slice("values", attribute.StringValue(bad)),
		attribute.Map("map", attribute.String(bad, bad)), attribute.Int("n", 1)}
	s := sink(t, otlpsink.Config{})
	_, shutdown, rep := setup(t, "http://"+s.Endpoint())
	for _, tr := range []trace.Tracer{
		otel.Tracer(bad),
		otel.Tracer("version", trace.WithInstrumentationVersion(bad)),
		otel.Tracer("schema", trace.WithSchemaURL(bad)),
		otel.Tracer("attributes", trace.WithInstrumentationAttributes(attrs...)),
	} {
		_, span := tr.Start(t.Context(), "a")
		span.End()
	}
	for _, name := range []func(trace.Span){
		func(s trace.Span) { s.SetName(bad) },
		func(s trace.Span) { s.SetStatus(otelcodes.Error, bad) },
		func(s trace.Span) { s.SetAttributes(attrs...) },
		func(s trace.Span) { s.AddEvent(bad, trace.WithAttributes(attrs...)) },
		func(s trace.Span) { s.AddLink(trace.Link{SpanContext: s.SpanContext(), Attributes: attrs}) },
	} {
		_, span := otel.Tracer("a").Start(t.Context(), "a")
		name(span)
		span.End()
	}
	for _, m := range []metric.Meter{
		otel.Meter(bad),
		otel.Meter("version", metric.WithInstrumentationVersion(bad)),
		otel.Meter("schema", metric.WithSchemaURL(bad)),
		otel.Meter("attributes", metric.WithInstrumentationAttributes(attrs...)),
	} {
		ctx, span := otel.Tracer("a").Start(t.Context(), "exemplar")
		with := metric.WithAttributes(attrs...)
		ints, _ := m.Int64Counter("ints", metric.WithUnit(bad), metric.WithDescription(bad))
		ints.Add(ctx, 1, with)
		floats, _ := m.Float64Counter("floats")
		floats.Add(ctx, 1, with)
		intGauge, _ := m.Int64Gauge("int.gauge")
		intGauge.Record(ctx, 1, with)
		floatGauge, _ := m.Float64Gauge("float.gauge")
		floatGauge.Record(ctx, 1, with)
		intHistogram, _ := m.Int64Histogram("int.histogram")
		intHistogram.Record(ctx, 1, with)
		floatHistogram, _ := m.Float64Histogram("float.histogram")
		floatHistogram.Record(ctx, 1, with)
		span.End()
	}
	if err := shutdown(5 * time.Second); err != nil {
		t.Error(err)
	}
	if n := len(s.Spans()); n != 13 {
		t.Errorf("%d of 13 spans arrived", n)
	}
	figures := map[string]int{}
	for _, m := range s.Data().AllMetrics() {
		figures[m.Name]++
	}
	for _, name := range []string{"ints", "floats", "int.gauge", "float.gauge", "int.histogram", "float.histogram"} {
		if figures[name] != 4 {
			t.Errorf("%s arrived %d times, want 4: %v", name, figures[name], figures)
		}
	}
	if len(rep.all) != 0 {
		t.Errorf("reports %q", rep.all)
	}
}

// TestManyFigures: metrics of more than a receiver takes at once arrive in several
// requests.
func TestManyFigures(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	_, shutdown, rep := setup(t, "http://"+s.Endpoint())
	const instruments, series = 8, 1900
	path := strings.Repeat("rose/", 40)
	for i := range instruments {
		m := otel.Meter(fmt.Sprint("scope ", i/2))
		requests, _ := m.Int64Counter(fmt.Sprint("requests.", i))
		seconds, _ := m.Float64Histogram(fmt.Sprint("seconds.", i))
		for j := range series {
			with := metric.WithAttributes(attribute.String("path", fmt.Sprint(path, j)))
			requests.Add(t.Context(), 1, with)
			seconds.Record(t.Context(), 1, with)
		}
	}
	if err := shutdown(20 * time.Second); err != nil {
		t.Error(err)
	}
	points := 0
	for _, m := range s.Data().AllMetrics() {
		points += len(m.GetSum().GetDataPoints()) + len(m.GetHistogram().GetDataPoints())
	}
	if want := instruments * series * 2; points < want {
		t.Errorf("%d of %d points arrived", points, want)
	}
	if n := len(s.Data().Metrics); n < 3 || n > 10 {
		t.Errorf("%d requests", n)
	}
	if len(rep.all) != 0 {
		t.Errorf("reports %q", rep.all)
	}
}

// TestLargeMetric: a metric that alone is more than a receiver takes arrives in
// pieces, each of which is what the whole is.
func TestLargeMetric(t *testing.T) {
	for _, aggregation := range []string{"explicit_bucket_histogram", "base2_exponential_bucket_histogram"} {
		t.Setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", aggregation)
		s := sink(t, otlpsink.Config{})
		_, shutdown, rep := setup(t, "http://"+s.Endpoint())
		const series = 1500
		m := otel.Meter("shop")
		sold, _ := m.Int64Counter("sold")
		stock, _ := m.Float64UpDownCounter("stock")
		price, _ := m.Float64Gauge("price")
		seconds, _ := m.Float64Histogram("seconds")
		flower := strings.Repeat("rose ", 600)
		for j := range series {
			with := metric.WithAttributes(attribute.String("flower", fmt.Sprint(flower, j)))
			sold.Add(t.Context(), 1, with)
			stock.Add(t.Context(), 1, with)
			price.Record(t.Context(), 1, with)
			seconds.Record(t.Context(), 1, with)
		}
		if err := shutdown(20 * time.Second); err != nil {
			t.Error(err)
		}
		points, pieces := map[string]map[string]bool{}, map[string]int{}
		for _, m := range s.Data().AllMetrics() {
			kind := fmt.Sprintf("%s %v %v", m.Name, m.GetSum().GetIsMonotonic(), max(m.GetSum().GetAggregationTemporality(), m.GetHistogram().GetAggregationTemporality(), m.GetExponentialHistogram().GetAggregationTemporality()))
			pieces[kind]++
			seen := func(kvs []*commonpb.KeyValue) {
				if points[kind] == nil {
					points[kind] = map[string]bool{}
				}
				for _, kv := range kvs {
					points[kind][kv.GetValue().GetStringValue()] = true
				}
			}
			for _, p := range slices.Concat(m.GetSum().GetDataPoints(), m.GetGauge().GetDataPoints()) {
				seen(p.Attributes)
			}
			for _, p := range m.GetHistogram().GetDataPoints() {
				seen(p.Attributes)
			}
			for _, p := range m.GetExponentialHistogram().GetDataPoints() {
				seen(p.Attributes)
			}
		}
		const cumulative = " AGGREGATION_TEMPORALITY_CUMULATIVE"
		for _, kind := range []string{"sold true" + cumulative, "stock false" + cumulative, "price false AGGREGATION_TEMPORALITY_UNSPECIFIED", "seconds false" + cumulative} {
			if len(points[kind]) != series || pieces[kind] < 2 {
				t.Errorf("%s, %s: %d of %d series in %d pieces", aggregation, kind, len(points[kind]), series, pieces[kind])
			}
		}
		if len(rep.all) != 0 {
			t.Errorf("reports %q", rep.all)
		}
	}
}

// TestUnsampledIsNotUndelivered: what is not sampled is not missed.
func TestUnsampledIsNotUndelivered(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	ctx, shutdown, _ := setup(t, "http://"+s.Endpoint(), tracing.WithSampler(sdktrace.NeverSample()))
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	if err := shutdown(5 * time.Second); err != nil || len(s.Spans()) != 0 {
		t.Errorf("%d spans, %v", len(s.Spans()), err)
	}
}

// TestShutdownEndsOpenRuns: a run that is still open arrives as abandoned.
func TestShutdownEndsOpenRuns(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	ctx, shutdown, _ := setup(t, "http://"+s.Endpoint())
	_, run := callback.Start(ctx, &callback.Info{Kind: callback.KindChain, Name: "open"})
	if err := shutdown(5 * time.Second); err != nil {
		t.Error(err)
	}
	run.End(nil)
	if spans := s.Spans(); len(spans) != 1 || spans[0].Status.GetMessage() != tracing.ErrAbandoned.Error() {
		t.Errorf("spans %v", spans)
	}
}

func shutdownWithin(shutdown func(context.Context) error, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return shutdown(ctx)
}

// TestPartialSuccess: what a receiver refuses of a request is lost and counted,
// the rest has arrived.
func TestPartialSuccess(t *testing.T) {
	s := sink(t, otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		return &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: "too old"}}, nil
	}})
	ctx, shutdown, rep := setup(t, "http://"+s.Endpoint())
	for range 5 {
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	}
	var lost *tracing.UndeliveredError
	if err := shutdown(5 * time.Second); !errors.As(err, &lost) || lost.Spans != 2 || lost.Of != 5 || !strings.Contains(err.Error(), "too old") {
		t.Errorf("shutdown: %v", err)
	}
	if len(rep.all) != 1 || !strings.Contains(rep.all[0], "2 of 5 spans: refused by the receiver: too old") {
		t.Errorf("reports %q", rep.all)
	}
}

// TestExportMetrics: how much ended and arrived is a metric too.
func TestExportMetrics(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	ctx, shutdown, _ := setup(t, "http://"+s.Endpoint())
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	shutdown(5 * time.Second)
	got := map[string]int64{}
	for _, m := range s.Data().AllMetrics() {
		for _, p := range m.GetSum().GetDataPoints() {
			got[m.Name] = p.GetAsInt()
		}
	}
	if got["callspan.export.spans_ended"] != 1 || got["callspan.export.spans_arrived"] != 1 {
		t.Errorf("metrics %v", got)
	}
}

// TestFullQueue: what the queue drops is reported while the program runs, and
// counted exactly.
func TestFullQueue(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
	var arrived atomic.Int64
	release := make(chan struct{})
	s := sink(t, otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		<-release
		for _, rs := range r.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				arrived.Add(int64(len(ss.Spans)))
			}
		}
		return nil, nil
	}})
	ctx, shutdown, rep := setup(t, "http://"+s.Endpoint())
	const calls = 200
	for range calls {
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	}
	close(release)
	err := shutdown(10 * time.Second)
	var lost *tracing.UndeliveredError
	if !errors.As(err, &lost) || lost.Spans != calls-arrived.Load() || lost.Of != calls {
		t.Errorf("%d arrived, shutdown: %v", arrived.Load(), err)
	}
	if len(rep.all) != 1 || !strings.Contains(rep.all[0], "the queue was full; raise OTEL_BSP_MAX_QUEUE_SIZE") {
		t.Errorf("reports %q", rep.all)
	}
}

// TestShutdownWithoutTime: a context that is done already costs what is left,
// which is counted, and nothing else.
func TestShutdownWithoutTime(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	r := &reports{}
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+s.Endpoint()), tracing.WithErrorHandler(r.add))
	if err != nil {
		t.Fatal(err)
	}
	ctx := callback.WithHandlers(t.Context(), tracer)
	for range 5 {
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	}
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	err = shutdown(dead)
	var lost *tracing.UndeliveredError
	if arrived := int64(len(s.Spans())); arrived != 5 && (!errors.As(err, &lost) || lost.Spans != 5-arrived) {
		t.Errorf("%d arrived, shutdown: %v", arrived, err)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Errorf("second shutdown: %v", err)
	}
}

// TestSecretsInEndpoint: user, password and query of a URL are shown nowhere.
func TestSecretsInEndpoint(t *testing.T) {
	ctx, shutdown, rep := setup(t, "http://user:sekret@127.0.0.1:9?k=sekret")
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	err := shutdown(time.Second)
	if err == nil || strings.Contains(err.Error()+fmt.Sprint(rep.all), "sekret") {
		t.Errorf("shutdown %v, reports %v", err, rep.all)
	}
}

// TestNilErrorHandler: nil keeps the default.
func TestNilErrorHandler(t *testing.T) {
	_, shutdown, _ := setup(t, "http://127.0.0.1:9", tracing.WithErrorHandler(nil))
	otel.Handle(errors.New("something"))
	shutdown(time.Second)
}

// TestExportAfterShutdown: a span that ends too late is reported once, and the
// next shutdown counts it.
func TestExportAfterShutdown(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	ctx, shutdown, rep := setup(t, "http://"+s.Endpoint())
	if err := shutdown(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	}
	var lost *tracing.UndeliveredError
	if err := shutdown(time.Second); !errors.As(err, &lost) || lost.Spans != 3 {
		t.Errorf("second shutdown: %v", err)
	}
	if err := shutdown(time.Second); err != nil {
		t.Errorf("third shutdown: %v", err)
	}
	if len(rep.all) != 1 || !strings.Contains(rep.all[0], "after tracing was shut down") {
		t.Errorf("reports %q", rep.all)
	}
}
