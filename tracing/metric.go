package tracing

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// Bucket boundaries of the GenAI conventions, section "Generative AI client
// metrics". The SDK's defaults fit neither seconds nor tokens.
var (
	secondBounds = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	tokenBounds  = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)

// A meter records the metrics of model calls, whether their spans are sampled
// or not.
type meter struct {
	tokens     metric.Int64Histogram
	duration   metric.Float64Histogram
	firstChunk metric.Float64Histogram
	estimates  bool

	sets  sync.Map // point -> *pointSets
	count atomic.Int64
}

// A point is what tells the points of a metric apart.
type point struct {
	op, provider, model, response, address, tier, errType string
	port                                                  int
}

// pointSets are the options of a point, made once: building an attribute set
// costs more than recording.
type pointSets struct{ plain, input, output metric.RecordOption }

// maxPoints bounds the cache of points.
const maxPoints = 2000

func newMeter(mp metric.MeterProvider, estimates bool) *meter {
	m := mp.Meter(scope, metric.WithInstrumentationVersion(version()), metric.WithSchemaURL(semconv.SchemaURL))
	t := &meter{estimates: estimates}
	var errs [4]error
	t.tokens, errs[0] = m.Int64Histogram(metricTokens, metric.WithUnit("{token}"),
		metric.WithDescription("Number of input and output tokens used."),
		metric.WithExplicitBucketBoundaries(tokenBounds...))
	t.duration, errs[1] = m.Float64Histogram(metricDuration, metric.WithUnit("s"),
		metric.WithDescription("GenAI operation duration."),
		metric.WithExplicitBucketBoundaries(secondBounds...))
	t.firstChunk, errs[2] = m.Float64Histogram(metricFirstChunk, metric.WithUnit("s"),
		metric.WithDescription("Time to receive the first chunk with content."),
		metric.WithExplicitBucketBoundaries(secondBounds...))
	_, errs[3] = m.Int64ObservableCounter(metricPanics, metric.WithUnit("{panic}"),
		metric.WithDescription("Callback handlers that panicked and were left out of their run."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(callback.Panics())
			return nil
		}))
	if err := errors.Join(errs[:]...); err != nil {
		otel.Handle(err)
	}
	return t
}

// record takes the context of the run's span, so that a metric's exemplars lead
// to the trace.
func (m *meter) record(ctx context.Context, info *callback.Info, res *callback.Result, op, errType string) {
	if op == "" {
		return
	}
	p := point{op: op, provider: info.Endpoint.Provider, model: info.Model(),
		address: info.Endpoint.Address, port: info.Endpoint.Port, errType: errType}
	if p.provider == "" {
		p.provider = "_OTHER"
	}
	if res.Response != nil {
		p.response = res.Response.Model
		if openAI(p.provider) {
			p.tier = res.Response.ServiceTier
		}
	}
	if out, ok := res.Output.(*llm.EmbedResponse); ok && out != nil {
		p.response = out.Model
	}
	s := m.setsOf(p)
	m.duration.Record(ctx, res.Ended.Sub(info.Started).Seconds(), s.plain)
	if u := res.Usage; u != nil && tokens(op, u) && (res.UsageSource == llm.UsageReported || m.estimates) {
		m.tokens.Record(ctx, int64(u.Input), s.input)
		if op != opEmbeddings {
			m.tokens.Record(ctx, int64(u.Output), s.output)
		}
	}
	if req, ok := info.Input.(*llm.Request); ok && req != nil && req.Stream && res.FirstToken > 0 {
		m.firstChunk.Record(ctx, res.FirstToken.Seconds(), s.plain)
	}
}

func (m *meter) setsOf(p point) *pointSets {
	if s, ok := m.sets.Load(p); ok {
		return s.(*pointSets)
	}
	var a attrs
	a.str(keyOperation, p.op)
	a.str(keyProvider, p.provider)
	a.str(keyRequestModel, p.model)
	a.str(keyResponseModel, p.response)
	if p.address != "" {
		a.str(keyServerAddress, p.address)
		a.int(keyServerPort, p.port)
	}
	a.str(keyResponseTier, p.tier)
	with := func(extra ...attribute.KeyValue) metric.RecordOption {
		kvs := append(append([]attribute.KeyValue(nil), a...), extra...)
		return metric.WithAttributeSet(attribute.NewSet(kvs...)).(metric.RecordOption)
	}
	s := &pointSets{
		input:  with(keyTokenType.String("input")),
		output: with(keyTokenType.String("output")),
	}
	a.str(keyErrorType, p.errType)
	s.plain = with()
	if m.count.Load() < maxPoints {
		if _, old := m.sets.LoadOrStore(p, s); !old {
			m.count.Add(1)
		}
	}
	return s
}
