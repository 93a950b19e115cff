package otlpsink_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, c otlpsink.Config) *otlpsink.Sink {
	t.Helper()
	s, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// exporter sends to s, without retries.
func exporter(t *testing.T, s *otlpsink.Sink, options ...otlptracegrpc.Option) *otlptrace.Exporter {
	t.Helper()
	options = append([]otlptracegrpc.Option{otlptracegrpc.WithEndpoint(s.Endpoint()), otlptracegrpc.WithInsecure(),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{})}, options...)
	e, err := otlptracegrpc.New(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return e
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// send exports one span.
func send(ctx context.Context, e *otlptrace.Exporter, name string, attrs ...attribute.KeyValue) error {
	return e.ExportSpans(ctx, tracetest.SpanStubs{{
		Name:                 name,
		SpanContext:          trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}),
		Attributes:           attrs,
		SpanKind:             trace.SpanKindClient,
		StartTime:            time.Unix(1763719200, 1),
		EndTime:              time.Unix(1763719201, 0),
		Events:               []sdktrace.Event{{Name: "first_token"}},
		Resource:             resource.NewSchemaless(attribute.String("service.name", "flowers")),
		InstrumentationScope: instrumentation.Scope{Name: "callspan", SchemaURL: "https://opentelemetry.io/schemas/1.41.0"},
	}}.Snapshots())
}

func TestSpans(t *testing.T) {
	for name, options := range map[string][]otlptracegrpc.Option{"plain": nil, "gzip": {otlptracegrpc.WithCompressor("gzip")}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, otlpsink.Config{})
			e := exporter(t, s, options...)
			ctx := soon(t)
			sent := make(chan error)
			go func() { sent <- errors.Join(send(ctx, e, "one"), send(ctx, e, "two")) }()
			got, err := s.WaitSpans(ctx, 2)
			if err := errors.Join(err, <-sent); err != nil {
				t.Fatal(err)
			}
			one := got[0]
			if len(got) != 2 || one.GetName() != "one" || one.Scope.GetName() != "callspan" ||
				otlpjson.Attrs(one.Resource.GetAttributes())["service.name"] != "flowers" ||
				one.GetEvents()[0].GetName() != "first_token" {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, otlpsink.Config{})
	exporter, err := otlpmetricgrpc.New(t.Context(), otlpmetricgrpc.WithEndpoint(s.Endpoint()), otlpmetricgrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	p := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(exporter)))
	counter, err := p.Meter("callspan").Int64Counter("calls")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 3)
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := s.Data().AllMetrics()
	if len(m) != 1 || m[0].GetName() != "calls" || m[0].GetSum().GetDataPoints()[0].GetAsInt() != 3 {
		t.Errorf("got %v", m)
	}
}

func TestRefusal(t *testing.T) {
	var asked atomic.Int32
	s := start(t, otlpsink.Config{OnTraces: func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		asked.Add(1)
		return nil, status.Error(codes.PermissionDenied, "no flowers")
	}})
	if err := send(soon(t), exporter(t, s), "one"); err == nil || !strings.Contains(err.Error(), "no flowers") {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 1 || len(s.Spans()) != 0 {
		t.Errorf("asked %d times, kept %v", asked.Load(), s.Spans())
	}
}

func TestPartialSuccess(t *testing.T) {
	s := start(t, otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		if r.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName() == "good" {
			return nil, nil
		}
		r.ResourceSpans = nil
		return &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: "bad span"}}, nil
	}})
	e := exporter(t, s)
	if err := send(soon(t), e, "bad"); err == nil || !strings.Contains(err.Error(), "bad span") {
		t.Errorf("bad: got %v", err)
	}
	if err := send(soon(t), e, "good"); err != nil {
		t.Errorf("good: got %v", err)
	}
	if got := s.Spans(); len(got) != 1 || got[0].GetName() != "good" {
		t.Errorf("got %v", got)
	}
}

func TestMessageSize(t *testing.T) {
	for _, tc := range []struct {
		name      string
		max, size int
		arrives   bool
	}{
		{"default takes 3 MiB", 0, 3 << 20, true},
		{"default refuses 4 MiB", 0, 4 << 20, false},
		{"larger limit", 8 << 20, 5 << 20, true},
		{"smaller limit", 1 << 10, 1 << 11, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, otlpsink.Config{MaxMessage: tc.max})
			err := send(soon(t), exporter(t, s), "big", attribute.String("text", strings.Repeat("a", tc.size)))
			if arrived := len(s.Spans()) == 1; arrived != tc.arrives || (err == nil) != tc.arrives {
				t.Errorf("arrived %v, %v", arrived, err)
			}
		})
	}
}

func TestHang(t *testing.T) {
	asked := make(chan struct{})
	s := start(t, otlpsink.Config{OnTraces: func(ctx context.Context, _ *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	e := exporter(t, s)
	sent := make(chan error)
	go func() { sent <- send(context.Background(), e, "one") }()
	<-asked
	s.Close()
	if err := <-sent; err == nil {
		t.Error("a request that was broken off succeeded")
	}
	if len(s.Spans()) != 0 {
		t.Errorf("kept %v", s.Spans())
	}
}

func TestWaitEnds(t *testing.T) {
	s := start(t, otlpsink.Config{})
	if err := send(soon(t), exporter(t, s), "one"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := s.WaitSpans(ctx, 2)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "1 of 2 spans") || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestFile writes what arrives to a file, reads it back, and has it judged.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := otlpjson.NewWriter(f)
	s := start(t, otlpsink.Config{
		OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			return nil, w.WriteTraces(r.GetResourceSpans())
		},
		OnMetrics: func(_ context.Context, r *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error) {
			return nil, w.WriteMetrics(r.GetResourceMetrics())
		},
	})
	if err := send(soon(t), exporter(t, s), "chat gpt-4o-mini", attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", "groq"), attribute.String("gen_ai.request.model", "gpt-4o-mini"),
		attribute.String("gen_ai.response.model", "gpt-4o-mini"), attribute.String("gen_ai.response.id", "1"),
		attribute.StringSlice("gen_ai.response.finish_reasons", []string{"stop"}), attribute.Int64("gen_ai.usage.input_tokens", 1<<60),
		attribute.Int("gen_ai.usage.output_tokens", 1)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := otlpjson.Read(bytes.NewReader(b))
	if err != nil || len(d.Spans()) != 1 {
		t.Fatalf("read back %v, %v", d, err)
	}
	if got, want := d.Spans()[0], s.Spans()[0]; !proto.Equal(got.Span, want.Span) {
		t.Errorf("got %v, want %v", got, want)
	}
	conformance.Check(t, path, "--require-op", "chat")
}
