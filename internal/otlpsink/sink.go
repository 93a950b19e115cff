package otlpsink

import (
	"context"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // exporters may compress

	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/callspan/callspan/internal/otlpjson"
)

// Config says how a [Sink] receives. The zero value takes everything.
type Config struct {
	// OnTraces is asked about each request before it is kept, and may be called
	// concurrently. An error refuses the request. What it takes out of the
	// request is not kept; the response, such as a partial success, goes to the
	// sender, and nil stands for full success. Its ctx ends with the request, so
	// that waiting for it imitates a receiver that hangs.
	OnTraces func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error)

	// OnMetrics is the same for metrics.
	OnMetrics func(context.Context, *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error)

	// MaxMessage is the size in bytes of the largest request that is taken. 0 is
	// gRPC's default of 4 MiB, which real receivers have too.
	MaxMessage int
}

// A Sink receives OTLP over gRPC. Its methods may be called concurrently.
type Sink struct {
	config Config
	addr   string
	server *grpc.Server
	served chan struct{}

	mu      sync.Mutex
	data    otlpjson.Data
	arrived chan struct{} // closed and replaced when something is kept
}

// Start receives on a free port of the loopback interface, without TLS. The
// caller closes the sink.
func (c Config) Start() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start OTLP sink: %w", err)
	}
	options := []grpc.ServerOption{grpc.WaitForHandlers(true)}
	if c.MaxMessage > 0 {
		options = append(options, grpc.MaxRecvMsgSize(c.MaxMessage))
	}
	s := &Sink{config: c, addr: l.Addr().String(), server: grpc.NewServer(options...),
		served: make(chan struct{}), arrived: make(chan struct{})}
	coltracepb.RegisterTraceServiceServer(s.server, traceService{sink: s})
	colmetricspb.RegisterMetricsServiceServer(s.server, metricsService{sink: s})
	go func() {
		defer close(s.served)
		_ = s.server.Serve(l) // ends when stopped
	}()
	return s, nil
}

// Endpoint returns the address of s as host:port.
func (s *Sink) Endpoint() string { return s.addr }

// Close stops receiving and breaks off requests under way. What was kept can
// still be read.
func (s *Sink) Close() {
	s.server.Stop()
	<-s.served
}

// Data returns what was kept so far. The messages are shared and are not to be
// changed.
func (s *Sink) Data() *otlpjson.Data {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &otlpjson.Data{
		Traces:  append([]*tracepb.ResourceSpans(nil), s.data.Traces...),
		Metrics: append([]*metricspb.ResourceMetrics(nil), s.data.Metrics...),
	}
}

// Spans returns the spans kept so far, in order of arrival.
func (s *Sink) Spans() []otlpjson.Span { return s.Data().Spans() }

// Wait waits until what was kept is enough. It returns the error of ctx if
// that ends first.
func (s *Sink) Wait(ctx context.Context, enough func(*otlpjson.Data) bool) error {
	for {
		s.mu.Lock()
		arrived := s.arrived
		s.mu.Unlock()
		if enough(s.Data()) {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("wait for telemetry: %w", context.Cause(ctx))
		}
	}
}

// WaitSpans waits until n spans were kept and returns them, or those that came
// before ctx ended with an error.
func (s *Sink) WaitSpans(ctx context.Context, n int) ([]otlpjson.Span, error) {
	var spans []otlpjson.Span
	err := s.Wait(ctx, func(d *otlpjson.Data) bool {
		spans = d.Spans()
		return len(spans) >= n
	})
	if err != nil {
		err = fmt.Errorf("%d of %d spans: %w", len(spans), n, err)
	}
	return spans, err
}

func (s *Sink) keep(traces []*tracepb.ResourceSpans, metrics []*metricspb.ResourceMetrics) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data.Traces = append(s.data.Traces, traces...)
	s.data.Metrics = append(s.data.Metrics, metrics...)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

type traceService struct {
	coltracepb.UnimplementedTraceServiceServer
	sink *Sink
}

// Export takes a request of spans.
func (t traceService) Export(ctx context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	resp, err := decide(ctx, req, t.sink.config.OnTraces)
	if err == nil {
		t.sink.keep(req.GetResourceSpans(), nil)
	}
	return resp, err
}

type metricsService struct {
	colmetricspb.UnimplementedMetricsServiceServer
	sink *Sink
}

// Export takes a request of metrics.
func (m metricsService) Export(ctx context.Context, req *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error) {
	resp, err := decide(ctx, req, m.sink.config.OnMetrics)
	if err == nil {
		m.sink.keep(nil, req.GetResourceMetrics())
	}
	return resp, err
}

// decide asks on, if there is one, and answers full success where it says nothing.
func decide[Req, Resp any](ctx context.Context, req *Req, on func(context.Context, *Req) (*Resp, error)) (*Resp, error) {
	if on != nil {
		resp, err := on(ctx, req)
		if resp != nil || err != nil {
			return resp, err
		}
	}
	return new(Resp), nil
}
