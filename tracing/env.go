package tracing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
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

// otlp reads the variables of one signal. The one of the signal goes before the
// one for all, as the OTLP exporter specification has it.
type otlp struct{ signal string } // "TRACES" or "METRICS"

// value returns the value and the name of the variable that it comes from.
func (o otlp) value(what string) (v, name string) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + o.signal + "_" + what, "OTEL_EXPORTER_OTLP_" + what} {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			return v, name
		}
	}
	return "", "OTEL_EXPORTER_OTLP_" + what
}

// targets returns where traces and metrics go: to the endpoint, or if it is
// empty to what the environment describes.
func targets(endpoint string) (traces, metrics target, err error) {
	if endpoint != "" {
		t, err := explicit(endpoint)
		return t, t, err
	}
	if traces, err = (otlp{"TRACES"}).target(); err != nil {
		return
	}
	metrics, err = otlp{"METRICS"}.target()
	return
}

// explicit returns the target at a URL that the program gives. The variables
// describe another receiver; nothing of them is used.
func explicit(endpoint string) (t target, err error) {
	u, err := parseURL("endpoint", endpoint)
	if err != nil {
		return t, err
	}
	t = target{url: endpoint, host: u.Host, path: u.Path, insecure: u.Scheme == "http"}
	t.http = u.Port() == "4318" || strings.Trim(u.Path, "/") != ""
	return t, nil
}

func (o otlp) target() (t target, err error) {
	exporter := "OTEL_" + o.signal + "_EXPORTER"
	switch v := os.Getenv(exporter); v {
	case "", "otlp":
	case "none":
		t.off = true
		return t, nil
	default:
		return t, fmt.Errorf("%s=%s: use otlp or none", exporter, v)
	}
	switch v, name := o.value("PROTOCOL"); v {
	case "", "grpc":
	case "http/protobuf":
		t.http = true
	default:
		return t, fmt.Errorf("%s=%s: use grpc or http/protobuf", name, v)
	}
	t.url = "http://localhost:4317"
	if t.http {
		t.url = "http://localhost:4318"
	}
	v, name := o.value("ENDPOINT")
	if v != "" {
		t.url = v
	}
	u, err := parseURL(name, t.url)
	if err != nil {
		return t, err
	}
	t.host, t.path, t.insecure = u.Host, u.Path, u.Scheme == "http"
	t.wholePath = v != "" && strings.Contains(name, o.signal)
	if err := o.settings(&t); err != nil {
		return t, err
	}
	return t, nil
}

// check refuses what the exporters would complain of, in words that may quote a
// secret. They read the variables also where nothing of them is used.
func (o otlp) check() error {
	if v, name := o.value("ENDPOINT"); v != "" {
		if _, err := parseURL(name, v); err != nil {
			return err
		}
	}
	return o.settings(new(target))
}

func (o otlp) settings(t *target) (err error) {
	if v, name := o.value("HEADERS"); v != "" {
		if t.headers, err = parseHeaders(v); err != nil {
			return fmt.Errorf("%s is a list key=value,key=value, with values URL-encoded: %w", name, err)
		}
	}
	switch v, name := o.value("COMPRESSION"); v {
	case "", "none":
	case "gzip":
		t.gzip = true
	default:
		return fmt.Errorf("%s=%s: use gzip or none", name, v)
	}
	if v, name := o.value("TIMEOUT"); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil || ms <= 0 {
			return fmt.Errorf("%s=%s: use a number of milliseconds above 0", name, v)
		}
		t.timeout = time.Duration(ms) * time.Millisecond
	}
	return o.tls(t)
}

// tls reads the files with certificates.
func (o otlp) tls(t *target) error {
	ca, caName := o.value("CERTIFICATE")
	cert, certName := o.value("CLIENT_CERTIFICATE")
	key, keyName := o.value("CLIENT_KEY")
	if ca == "" && cert == "" && key == "" {
		return nil
	}
	if t.insecure {
		return fmt.Errorf("%s is http://, but a certificate is set too; use https:// or unset %s", t.url, firstSet(ca, caName, cert, certName, key, keyName))
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("%s: %w", caName, err)
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s: %s holds no certificate in PEM form", caName, ca)
		}
	}
	switch {
	case cert != "" && key != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("%s and %s: %w", certName, keyName, err)
		}
		t.tls.Certificates = []tls.Certificate{pair}
	case cert != "":
		return fmt.Errorf("%s is set, but %s is not", certName, keyName)
	case key != "":
		return fmt.Errorf("%s is set, but %s is not", keyName, certName)
	}
	return nil
}

// firstSet returns the name that follows the first value that is not empty.
func firstSet(pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != "" {
			return pairs[i+1]
		}
	}
	return ""
}

func parseHeaders(v string) (map[string]string, error) {
	m := map[string]string{}
	for pair := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, errors.New("an entry has no name or no =") // its text may be a secret
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("the value of %s cannot be decoded", name)
		}
		m[name] = value
	}
	return m, nil
}

func parseURL(name, v string) (*url.URL, error) {
	u, err := url.Parse(v)
	switch {
	case err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return u, nil
	case !strings.Contains(v, "://"):
		return nil, fmt.Errorf("%s=%s has no scheme: write http://%s, or https:// for TLS", name, v, v)
	}
	return nil, fmt.Errorf("%s=%s is not an http:// or https:// URL", name, v)
}

// propagators returns the propagator that OTEL_PROPAGATORS asks for; W3C trace
// context and baggage if it is empty.
func propagators(v string) (propagation.TextMapPropagator, error) {
	if strings.TrimSpace(v) == "" {
		v = "tracecontext,baggage"
	}
	var all []propagation.TextMapPropagator
	for name := range strings.SplitSeq(v, ",") {
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

// checkEnv refuses what the SDK would ignore.
func checkEnv() error {
	whole := []string{"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
		"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"}
	limits := []string{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT",
		"OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
		"OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"}
	for _, name := range slices.Concat(whole, limits) {
		v := strings.TrimSpace(os.Getenv(name))
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || slices.Contains(whole, name) && n <= 0 {
			return fmt.Errorf("%s=%s: use a whole number above 0", name, v)
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
	if err := checkSampler(os.Getenv("OTEL_TRACES_SAMPLER"), os.Getenv("OTEL_TRACES_SAMPLER_ARG")); err != nil {
		return err
	}
	for _, signal := range []string{"", "TRACES", "METRICS"} {
		if err := (otlp{signal}).check(); err != nil {
			return err
		}
	}
	return checkResource(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
}

func checkSampler(v, arg string) error {
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
	return fmt.Errorf("OTEL_TRACES_SAMPLER=%s: use always_on, always_off, traceidratio or one of these with parentbased_ before it", v)
}

// checkResource refuses an OTEL_RESOURCE_ATTRIBUTES that the SDK would take in
// part.
func checkResource(v string) error {
	for pair := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(pair) != "" && !strings.Contains(pair, "=") {
			return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES is a list key=value,key=value; %q has no value", pair)
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
