package main

import "testing"

// TestReceivers: what the exporters take, by signal.
func TestReceivers(t *testing.T) {
	const all, traces, metrics = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
	for _, tc := range []struct {
		name string
		env  map[string]string
		want receivers
	}{
		{"none", nil, receivers{}},
		{"one for all", map[string]string{all: "http://a:1"}, receivers{"http://a:1", "http://a:1"}},
		{"that of a signal goes first", map[string]string{all: "http://a:1", traces: " http://t:1 "}, receivers{"http://t:1", "http://a:1"}},
		{"the other signal has its default", map[string]string{traces: "http://t:1"}, receivers{"http://t:1", "http://localhost:4317"}},
		{"over HTTP", map[string]string{metrics: "http://m:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, receivers{"http://localhost:4318", "http://m:1"}},
		{"a signal turned off", map[string]string{all: "http://a:1", "OTEL_METRICS_EXPORTER": "none"}, receivers{"http://a:1", ""}},
		{"all that is named is off", map[string]string{traces: "http://t:1", "OTEL_TRACES_EXPORTER": "none"}, receivers{}},
		{"a protocol names no receiver", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, receivers{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := receiversIn(func(k string) string { return tc.env[k] }); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}
