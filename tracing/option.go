package tracing

import (
	"log/slog"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// An Option configures [New] and [Setup].
type Option func(*config)

type config struct {
	tracerProvider trace.TracerProvider
	meterProvider  metric.MeterProvider
	content        bool
	redact         func(string) string
	estimates      bool
	events         eventLimits

	// Setup only.
	service   string
	endpoints []string
	sampler   sdktrace.Sampler
	report    func(error)
}

// eventLimits bound the token events of a span.
type eventLimits struct {
	single int // up to so many chunks, one event each
	groups int // a longer answer is folded into so many
	span   int // the SDK's limit for the events of a span; 0 is none
}

// The defaults stay below the SDK's default limit of 128 events per span and
// leave room for events that are not tokens.
const (
	defaultSingle    = 96
	defaultGroups    = 32
	defaultSpanLimit = 128
)

// newConfig reads the environment and then the options, once.
func newConfig(opts []Option) *config {
	c := &config{
		content: envContent(os.Getenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")),
		events:  eventLimits{defaultSingle, defaultGroups, envEventLimit()},
		report:  func(err error) { slog.Warn("callspan: " + err.Error()) },
	}
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
	if c.tracerProvider == nil {
		c.tracerProvider = otel.GetTracerProvider()
	}
	if c.meterProvider == nil {
		c.meterProvider = otel.GetMeterProvider()
	}
	return c
}

// envContent reads the variable that OpenTelemetry's GenAI instrumentations
// share. What it does not know means off.
func envContent(v string) bool {
	switch strings.ToUpper(strings.TrimSpace(v)) {
	case "TRUE", "SPAN_ONLY", "SPAN_AND_EVENT":
		return true
	}
	return false
}

// envEventLimit reads the SDK's own variable, so that our events stay below the
// limit that is in force.
func envEventLimit() int {
	n, err := strconv.Atoi(strings.TrimSpace(os.Getenv("OTEL_SPAN_EVENT_COUNT_LIMIT")))
	switch {
	case err != nil:
		return defaultSpanLimit
	case n < 0:
		return 0
	}
	return max(n, 1)
}

// WithTracerProvider sets where spans go. The default is the global provider.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return func(c *config) { c.tracerProvider = tp }
}

// WithMeterProvider sets where metrics go. The default is the global provider.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return func(c *config) { c.meterProvider = mp }
}

// WithContent says whether spans carry what was asked and answered: messages,
// tool definitions and the text of token events. The default is off, or what
// OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says (true, SPAN_ONLY).
func WithContent(on bool) Option {
	return func(c *config) { c.content = on }
}

// WithRedactor sets a function that every captured text passes through. It may
// be called concurrently. Token events carry no text then: what it looks for may
// lie across two of them. Without [WithContent] there is nothing to redact.
func WithRedactor(redact func(text string) string) Option {
	return func(c *config) { c.redact = redact }
}

// WithEstimatedUsage lets token counts that were estimated here into the token
// metric too. On spans they are always, with callspan.usage.source=estimated.
func WithEstimatedUsage() Option {
	return func(c *config) { c.estimates = true }
}

// WithTokenEvents sets how an answer's chunks become span events: one each up
// to single chunks, else groups of consecutive chunks, in which each chunk keeps
// its time. The defaults are 96 and 32. spanLimit is the limit for the events
// of a span that the TracerProvider has; 0 takes it from
// OTEL_SPAN_EVENT_COUNT_LIMIT, else 128, and a negative one is none. More
// events than that are never made, since the SDK would drop the first ones.
func WithTokenEvents(single, groups, spanLimit int) Option {
	return func(c *config) {
		c.events.single, c.events.groups = max(single, 0), max(groups, 1)
		switch {
		case spanLimit < 0:
			c.events.span = 0
		case spanLimit > 0:
			c.events.span = spanLimit
		}
	}
}

// WithServiceName names the service in the resource, unless OTEL_SERVICE_NAME
// or OTEL_RESOURCE_ATTRIBUTES does. The default is the program's name. Only
// [Setup] uses it.
func WithServiceName(name string) Option {
	return func(c *config) { c.service = name }
}

// WithEndpoint makes [Setup] export to the OTLP receiver at this URL, such as
// http://127.0.0.1:4317: over HTTP if its port is 4318 or it has a path, to
// which v1/traces and v1/metrics are added, else over gRPC. Headers and
// certificates of the environment are not used for it. It may be given several times; the empty URL stands
// for the receiver that the OTEL_EXPORTER_OTLP_* variables describe, which is
// also the default. Each receiver has a queue of its own.
func WithEndpoint(url string) Option {
	return func(c *config) { c.endpoints = append(c.endpoints, url) }
}

// WithSampler sets which traces [Setup] records. The default is
// OTEL_TRACES_SAMPLER, else all.
func WithSampler(s sdktrace.Sampler) Option {
	return func(c *config) { c.sampler = s }
}

// WithErrorHandler sets who is told, at most once per minute for each receiver,
// that spans or metrics cannot be delivered. The default is a warning through
// slog. Only [Setup] and [NewClient] use it.
func WithErrorHandler(report func(error)) Option {
	return func(c *config) {
		if report != nil {
			c.report = report
		}
	}
}
