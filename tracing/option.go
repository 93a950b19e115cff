package tracing

import (
	"log/slog"
	"os"
	"slices"
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
	content        Content
	contentSaid    bool  // by the program
	contentErr     error // of the variable
	redact         []func(string) string
	hash           *hasher // nil records texts as they are
	limits         contentLimits
	headers        []string // in lower case
	estimates      bool
	baggage        bool
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
		limits: contentLimits{maxText, maxAttribute},
		events: eventLimits{defaultSingle, defaultGroups, envEventLimit()},
		report: func(err error) { slog.Warn("callspan: " + err.Error()) },
	}
	c.content, c.contentErr = envContent(os.Getenv(envContentName))
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
	c.report = contained(c.report)
	if n, ok := envValueLimit(); ok { // the SDK would cut there, and break what is JSON
		c.limits.text, c.limits.whole = min(c.limits.text, n), min(c.limits.whole, n)
	}
	if c.tracerProvider == nil {
		c.tracerProvider = otel.GetTracerProvider()
	}
	if c.meterProvider == nil {
		c.meterProvider = otel.GetMeterProvider()
	}
	return c
}

// contained returns report without its panics, which would end an exporter's
// goroutine and with it the program.
func contained(report func(error)) func(error) {
	return func(err error) {
		defer func() { _ = recover() }()
		report(err)
	}
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

// envValueLimit reads the SDK's own variables for the length of texts, of which
// the one for spans goes before the one for all. There may be none.
func envValueLimit() (n int, ok bool) {
	for _, name := range []string{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"} {
		if v := os.Getenv(name); v != "" {
			n, err := strconv.Atoi(v)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// WithTracerProvider sets where spans go. The default is the global provider.
// Only [New] uses it: [Setup] makes a provider of its own.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return func(c *config) { c.tracerProvider = tp }
}

// WithMeterProvider sets where metrics go. The default is the global provider.
// Only [New] uses it: [Setup] makes a provider of its own.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return func(c *config) { c.meterProvider = mp }
}

// WithContent says which content spans carry: what was asked, what was
// answered, or both. The default is [ContentOff], or what the variable
// OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says: true, SPAN_ONLY and
// SPAN_AND_EVENT mean both, INPUT_ONLY and OUTPUT_ONLY one of them, and false,
// NO_CONTENT and EVENT_ONLY neither.
//
// Keys are taken out of all that is recorded, as [RedactKeys] does. See
// [WithRedactor] for more of that, [WithContentHash] and [WithContentLimits].
func WithContent(which Content) Option {
	return func(c *config) { c.content, c.contentSaid = which&ContentBoth, true }
}

// WithRedactor adds functions that take out of texts what spans must not show,
// such as [RedactEmails]. They see, one after the other, every text that is
// captured: messages, names, arguments and results of tools, queries, the data
// of events. They see the messages of errors too, which quote what was asked at
// times, the stop sequences of requests and the headers that [WithHeaders]
// names, captured or not. The text of token events is what they leave of the
// whole answer, so that nothing shows in pieces.
//
// A text that is JSON they see as a whole and, where it has escapes, string by
// string. They may be called concurrently; instead of a text on which one
// panics, spans show that.
func WithRedactor(redact ...func(text string) string) Option {
	return func(c *config) {
		for _, f := range redact {
			if f != nil {
				c.redact = append(c.redact, f)
			}
		}
	}
}

// WithContentHash records of each captured text a hash and its length instead:
// hmac-sha256:, half of the HMAC-SHA-256 in hexadecimal, a colon, the number of
// bytes. So one sees that two texts are equal, and nothing else of them. Token
// events have no text. The stop sequences of requests, which spans show whatever
// is captured, are hashed too; names of tools and messages of errors are not.
//
// Who has the key can try out what a short text may have been. Without a key it
// is random, and hashes can be compared within one process only. A key of one's
// own should be 32 random bytes, and as secret as the texts.
func WithContentHash(key []byte) Option {
	key = slices.Clone(key)
	return func(c *config) {
		c.hash = &hasher{key}
		if len(key) == 0 {
			c.hash.key = processKey()
		}
	}
}

// WithContentLimits bounds captured texts, in bytes: each text, which is cut,
// and each attribute of a span, such as the messages of a request, from whose
// middle messages are left out. The defaults are 32 KiB and 256 KiB; 0 keeps
// them. What is JSON stays valid, marks stand for what is missing, and
// callspan.content_cut says how many bytes that was. Where
// OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT or OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT
// is smaller, that counts: the SDK would cut there, and not know what is JSON.
//
// What spans show whatever is captured has bounds of its own: 256 bytes for
// names, ids, tags and stop sequences, 2 KiB for each entry of the metadata and
// for the message of an error.
func WithContentLimits(text, attribute int) Option {
	return func(c *config) {
		if text > 0 {
			c.limits.text = max(text, minText)
		}
		if attribute > 0 {
			c.limits.whole = max(attribute, minAttribute)
		}
	}
}

// WithHeaders names the HTTP headers of model calls that spans show, as
// http.request.header.{name} and http.response.header.{name}. The default is
// none. Of headers that hold credentials, a span says no more than that they
// were there: those whose names have a word such as authorization, auth, key,
// token, secret, password, credential, signature, jwt, assertion or cookie in
// them. Idempotency-Key and headers that count tokens are shown, as are headers
// of other names, without what [RedactKeys] and the redactors take out.
//
// Headers come from whoever makes the call, in an event whose data has the method
// Headers() (request, response http.Header).
func WithHeaders(names ...string) Option {
	return func(c *config) { c.headers = headerNames(names) }
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
// certificates of the environment are not used for it. It may be given several
// times; the empty URL stands for the receiver that the OTEL_EXPORTER_OTLP_*
// variables describe, which is also the default. Each receiver has a queue of
// its own.
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
// slog. A panic of report is ignored. Only [Setup] and [NewClient] use it.
func WithErrorHandler(report func(error)) Option {
	return func(c *config) {
		if report != nil {
			c.report = report
		}
	}
}
