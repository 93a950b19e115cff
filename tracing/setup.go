package tracing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Setup sets up OpenTelemetry for a program that has no set-up of its own: a
// resource, OTLP exporters for traces and metrics over gRPC or HTTP, and the
// global providers and propagators. It reads the standard OTEL_* variables;
// nonsense in one is an error that names it and the way out.
//
// Programs go on when nobody receives: that is reported (see
// [WithErrorHandler]) and counted. shutdown ends open spans as abandoned, sends
// what is left and returns an [UndeliveredError] for each receiver that did not
// get everything. It waits as long as ctx allows, at most 10 s if ctx has no
// deadline. Calling it again only tells of spans that ended since.
func Setup(ctx context.Context, opts ...Option) (tracer *Tracer, shutdown func(context.Context) error, err error) {
	if ctx == nil {
		ctx = context.Background()
	}
	c := newConfig(opts)
	if len(c.endpoints) == 0 {
		c.endpoints = []string{""}
	}
	if err := checkEnv(); err != nil {
		return nil, nil, fmt.Errorf("set up tracing: %w", err)
	}
	if c.sampler == nil {
		if err := checkSampler(); err != nil {
			return nil, nil, fmt.Errorf("set up tracing: %w", err)
		}
	}
	propagator, err := propagators(os.Getenv("OTEL_PROPAGATORS"))
	if err != nil {
		return nil, nil, fmt.Errorf("set up tracing: %w", err)
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		c.tracerProvider, c.meterProvider = tracenoop.NewTracerProvider(), metricnoop.NewMeterProvider()
		otel.SetTextMapPropagator(propagator)
		return newTracer(c), func(context.Context) error { return nil }, nil
	}
	res, err := c.resource(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("set up tracing: %w", err)
	}
	p := &pipeline{down: make(chan struct{})}
	traceOpts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res), sdktrace.WithSpanProcessor(&p.ended)}
	meterOpts := []sdkmetric.Option{sdkmetric.WithResource(res)}
	if c.sampler != nil {
		traceOpts = append(traceOpts, sdktrace.WithSampler(c.sampler))
	}
	for _, endpoint := range c.endpoints {
		b, err := c.branch(ctx, endpoint)
		if err != nil {
			p.stop(ctx)
			return nil, nil, fmt.Errorf("set up tracing: %w", err)
		}
		p.branches = append(p.branches, b)
		if b.client != nil {
			p.ended.report = c.report
			size := envInt("OTEL_BSP_MAX_QUEUE_SIZE", sdktrace.DefaultMaxQueueSize)
			batch := min(size, envInt("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", sdktrace.DefaultMaxExportBatchSize))
			b.client.queue = &queue{ended: &p.ended, capacity: int64(size + batch)}
		}
		if b.spans != nil {
			p.ended.next = append(p.ended.next, b.spans)
		}
		if b.metrics != nil {
			meterOpts = append(meterOpts, sdkmetric.WithReader(b.metrics))
		}
	}
	tp := sdktrace.NewTracerProvider(traceOpts...)
	mp := sdkmetric.NewMeterProvider(meterOpts...)
	otel.SetTracerProvider(tp)
	otel.SetMeterProvider(mp)
	otel.SetTextMapPropagator(propagator)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(c.report))

	c.tracerProvider, c.meterProvider = tp, mp
	p.tracer = newTracer(c)
	p.observe(mp)
	return p.tracer, p.shutdown, nil
}

// resource describes the program. What the environment says wins.
func (c *config) resource(ctx context.Context) (*resource.Resource, error) {
	name := c.service
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithAttributes(semconv.ServiceName(valid(name))),
		resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("resource: %w", err)
	}
	return validResource(res), nil
}

// validResource returns res in UTF-8, without which a receiver refuses whatever
// comes with it.
func validResource(res *resource.Resource) *resource.Resource {
	return resource.NewWithAttributes(valid(res.SchemaURL()), validAttrs(res.Attributes())...)
}

// A pipeline is what Setup made and shutdown takes down.
type pipeline struct {
	tracer   *Tracer
	ended    endCounter
	branches []*branch
	begun    atomic.Bool   // shutdown is
	down     chan struct{} // closed when shutdown is done
}

// A branch leads to one receiver.
type branch struct {
	delivery *delivery // of spans
	figures  *delivery // of metrics; the same if they go to the same place
	client   *Client
	spans    sdktrace.SpanProcessor
	metrics  sdkmetric.Reader
}

func (c *config) branch(ctx context.Context, endpoint string) (*branch, error) {
	traces, metrics, err := targets(endpoint)
	if err != nil {
		return nil, err
	}
	b := &branch{delivery: newDelivery(ctx, traces.url, c.report)}
	if b.figures = b.delivery; metrics.url != traces.url {
		b.figures = newDelivery(ctx, metrics.url, c.report)
	}
	if !traces.off {
		b.client = &Client{next: traces.traceClient(), delivery: b.delivery, stopped: make(chan struct{})}
		exp, err := otlptrace.New(ctx, b.client)
		if err != nil {
			return nil, fmt.Errorf("trace exporter for %s: %w", traces.url, err)
		}
		b.spans = sdktrace.NewBatchSpanProcessor(exp)
	}
	if !metrics.off {
		exp, err := metrics.metricExporter(ctx)
		if err != nil {
			if b.spans != nil {
				b.spans.Shutdown(ctx)
			}
			return nil, fmt.Errorf("metric exporter for %s: %w", metrics.url, err)
		}
		b.metrics = sdkmetric.NewPeriodicReader(&guardedMetrics{exp, b.figures})
	}
	return b, nil
}

// end ends what is being tried.
func (b *branch) end() {
	b.delivery.end()
	b.figures.end()
}

// guardedMetrics repairs metrics, keeps requests below what receivers take, tries
// them again and reports those that fail. What is lost is in the next export,
// unless the environment asks for deltas: the figures are cumulative.
type guardedMetrics struct {
	sdkmetric.Exporter
	*delivery
}

// Export implements [sdkmetric.Exporter].
func (g *guardedMetrics) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	repairMetrics(rm)
	var errs []error
	for _, request := range splitMetrics(rm, maxRequest) {
		errs = append(errs, g.try(ctx, sendMetrics, func(ctx context.Context) error {
			err := g.Exporter.Export(ctx, request)
			if n, _, ok := partial(err); ok && n == 0 {
				return nil // all of it was taken, with a remark
			}
			return err
		}))
	}
	return errors.Join(errs...)
}

// shutdownLimit bounds a shutdown whose context has no deadline.
const shutdownLimit = 10 * time.Second

func (p *pipeline) shutdown(ctx context.Context) (err error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownLimit)
		defer cancel()
	}
	if p.begun.CompareAndSwap(false, true) {
		defer close(p.down)
		p.tracer.Shutdown(ctx)
		p.ended.close()
		err = p.stop(ctx)
	} else {
		select {
		case <-p.down:
		case <-ctx.Done():
			return fmt.Errorf("shut down tracing, which another call does already: %w", ctx.Err())
		}
	}
	if n := p.ended.late.Swap(0); n > 0 {
		for _, b := range p.branches {
			if b.client != nil { // of several, the first stands for all
				return errors.Join(err, &UndeliveredError{Endpoint: b.delivery.endpoint, Spans: n, Of: n, Err: errLate})
			}
		}
	}
	return err
}

var errLate = errors.New("they ended after tracing was shut down")

// observe exports how many spans ended and how many of them arrived: what is
// between the two is on its way or lost.
func (p *pipeline) observe(mp metric.MeterProvider) {
	m := mp.Meter(scope, metric.WithInstrumentationVersion(version()))
	_, err1 := m.Int64ObservableCounter(metricEnded, metric.WithUnit("{span}"),
		metric.WithDescription("Sampled spans that ended."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(p.ended.n.Load())
			return nil
		}))
	_, err2 := m.Int64ObservableCounter(metricArrived, metric.WithUnit("{span}"),
		metric.WithDescription("Spans that a receiver confirmed."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for _, b := range p.branches {
				if b.client != nil {
					o.Observe(b.client.Arrived(), metric.WithAttributes(keyEndpoint.String(valid(b.delivery.endpoint))))
				}
			}
			return nil
		}))
	if err := errors.Join(err1, err2); err != nil {
		otel.Handle(err)
	}
}

// stop drains all branches at the same time, so that one receiver that hangs
// does not use up the time of the others.
func (p *pipeline) stop(ctx context.Context) error {
	errs := make([]error, len(p.branches))
	var wg sync.WaitGroup
	for i, b := range p.branches {
		wg.Go(func() { errs[i] = b.stop(ctx, p.ended.n.Load()) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (b *branch) stop(ctx context.Context, ended int64) error {
	var wg sync.WaitGroup
	spansAreOut := make(chan struct{})
	if b.metrics != nil {
		// After the spans, so that the last figures say what arrived; but not so
		// late that a receiver that takes no spans gets no figures either.
		deadline, _ := ctx.Deadline()
		latest := time.NewTimer(time.Until(deadline) / 2)
		wg.Go(func() {
			defer latest.Stop()
			select {
			case <-spansAreOut:
			case <-latest.C:
			}
			b.metrics.Shutdown(ctx) // a failure is reported by the exporter
		})
	}
	if b.spans == nil {
		close(spansAreOut)
		wg.Wait()
		b.end()
		return nil
	}
	err := b.spans.Shutdown(ctx)
	close(spansAreOut)
	wg.Wait()
	// When time is up the processor goes on in the background; end that too.
	b.end()
	select {
	case <-b.client.stopped:
	case <-time.After(time.Second):
	}
	lost := ended - b.client.Arrived()
	if lost <= 0 {
		return nil
	}
	if cause := b.delivery.lastError(sendTraces); cause != nil {
		err = cause
	} else if cause, ok := b.client.why.Load().(error); ok {
		err = cause
	}
	return &UndeliveredError{Endpoint: b.delivery.endpoint, Spans: lost, Of: ended, Err: err}
}
