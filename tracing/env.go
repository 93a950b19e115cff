package tracing

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

// The SDK and its exporters read the OTEL_* variables too, but what they cannot
// read they log and ignore. A receiver that is not the one that was meant is
// worse than an error at the start, so everything is checked here first.

// propagators returns the propagator that OTEL_PROPAGATORS asks for; W3C trace
// context and baggage if it is empty.
func propagators(v string) (propagation.TextMapPropagator, error) {
	if strings.TrimSpace(v) == "" {
		v = "tracecontext,baggage"
	}
	var all []propagation.TextMapPropagator
	for name := range strings.SplitSeq(strings.ToLower(v), ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			all = append(all, propagation.TraceContext{})
		case "baggage":
			all = append(all, propagation.Baggage{})
		case "none", "":
		default:
			return nil, fmt.Errorf("OTEL_PROPAGATORS=%s: use tracecontext, baggage or none; set others with otel.SetTextMapPropagator after Setup", v)
		}
	}
	return propagation.NewCompositeTextMapPropagator(all...), nil
}

// maxMillis is the longest time in milliseconds that a duration can hold. The
// SDK takes what is more for a time in the past.
const maxMillis = math.MaxInt64 / int64(time.Millisecond)

// maxQueue bounds the queue of spans, which is made at once: 16 bytes for each.
const maxQueue = 10_000_000

// envWord returns the value of a variable that has one of few, in lower case.
func envWord(name string) string { return strings.ToLower(strings.TrimSpace(os.Getenv(name))) }

// checkEnv refuses what the SDK would ignore, or not survive.
func checkEnv() error {
	for _, c := range []struct {
		names      []string
		least, top int64
		want       string
	}{
		{[]string{"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"},
			1, maxMillis, "a whole number above 0, of milliseconds"},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"}, 1, maxQueue, fmt.Sprint("a whole number from 1 to ", maxQueue)},
		{[]string{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT",
			"OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
			"OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"}, math.MinInt64, math.MaxInt64, "a whole number, or -1 for no limit"},
	} {
		for _, name := range c.names {
			v := os.Getenv(name) // as it is: the SDK takes no blanks
			if strings.TrimSpace(v) == "" {
				continue
			}
			if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < c.least || n > c.top {
				if v != strings.TrimSpace(v) {
					v = strconv.Quote(v) // else it would look right
				}
				return fmt.Errorf("%s=%s: use %s", name, v, c.want)
			}
		}
	}
	for _, c := range []struct {
		name   string
		values []string
	}{
		{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", []string{"cumulative", "delta", "lowmemory"}},
		{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", []string{"explicit_bucket_histogram", "base2_exponential_bucket_histogram"}},
		{"OTEL_METRICS_EXEMPLAR_FILTER", []string{"trace_based", "always_on", "always_off"}},
	} {
		if v := os.Getenv(c.name); v != "" && !slices.Contains(c.values, strings.ToLower(v)) {
			return fmt.Errorf("%s=%s: use one of %s", c.name, v, strings.Join(c.values, ", "))
		}
	}
	if _, err := envContent(os.Getenv(envContentName)); err != nil {
		return err
	}
	if v := os.Getenv("OTEL_SDK_DISABLED"); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
		return fmt.Errorf("OTEL_SDK_DISABLED=%s: use true or false", v)
	}
	for _, signal := range []string{"", "TRACES", "METRICS"} {
		if err := (otlp{signal}).check(); err != nil {
			return err
		}
	}
	return checkResource(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
}

// checkSampler refuses a sampler that the SDK does not have.
func checkSampler() error {
	v, arg := envWord("OTEL_TRACES_SAMPLER"), strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER_ARG"))
	switch v {
	case "", "always_on", "always_off", "parentbased_always_on", "parentbased_always_off":
		return nil
	case "traceidratio", "parentbased_traceidratio":
		if arg == "" {
			return nil
		}
		if r, err := strconv.ParseFloat(arg, 64); err != nil || math.IsNaN(r) || r < 0 || r > 1 {
			return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%s: use a ratio from 0 to 1", arg)
		}
		return nil
	}
	return fmt.Errorf("OTEL_TRACES_SAMPLER=%s: use always_on, always_off, traceidratio or one of these with parentbased_ before it, or the option WithSampler", v)
}

// checkResource refuses an OTEL_RESOURCE_ATTRIBUTES that the SDK would take in
// part.
func checkResource(v string) error {
	for pair := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES is a list key=value,key=value; %q has no value", pair)
		}
		if name = strings.TrimSpace(name); name == "" {
			return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES is a list key=value,key=value; %q has no key", pair)
		}
		if _, err := url.PathUnescape(strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: the value of %s cannot be decoded; write a percent sign as %%25", name)
		}
	}
	return nil
}

const envContentName = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

// envContent reads the variable that OpenTelemetry's GenAI instrumentations
// share, and two values of our own. What it does not know means off.
func envContent(v string) (Content, error) {
	switch strings.ToUpper(strings.TrimSpace(v)) {
	case "", "FALSE", "NO_CONTENT", "EVENT_ONLY": // of events as log records, which we do not make
		return ContentOff, nil
	case "TRUE", "SPAN_ONLY", "SPAN_AND_EVENT":
		return ContentBoth, nil
	case "INPUT_ONLY":
		return ContentInput, nil
	case "OUTPUT_ONLY":
		return ContentOutput, nil
	}
	return ContentOff, fmt.Errorf("%s=%s: use true, false, SPAN_ONLY, INPUT_ONLY, OUTPUT_ONLY, SPAN_AND_EVENT, EVENT_ONLY or NO_CONTENT", envContentName, v)
}

// envInt returns the number in a variable that was checked.
func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(strings.TrimSpace(os.Getenv(name))); err == nil {
		return n
	}
	return otherwise
}
