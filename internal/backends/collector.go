package backends

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"testing"
)

//go:embed overlay.yaml
var overlay []byte

// A Collector is an OpenTelemetry Collector that runs for one test. Its methods
// may be called concurrently.
type Collector struct {
	Endpoint string // URL for OTLP over gRPC
	HTTP     string // URL for OTLP over HTTP
	metrics  string
}

// StartCollector starts a Collector with the configuration in file, as it
// stands, and stops it when t ends. The configuration is to have the components
// otlp, prometheus and health_check: where these listen is laid over it
// (overlay.yaml), and nothing else is. env is the environment that it refers to,
// each as NAME=value. If the environment does not ask for backends, t is
// skipped.
func StartCollector(t testing.TB, file string, env ...string) *Collector {
	t.Helper()
	path := program(t, collectorRecipe())
	over := filepath.Join(t.TempDir(), "overlay.yaml")
	if err := os.WriteFile(over, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	addrs := service{
		path:   path,
		args:   []string{"--config", file, "--config", over},
		env:    env,
		listen: []string{"COLLECTOR_GRPC", "COLLECTOR_HTTP", "COLLECTOR_METRICS", "COLLECTOR_HEALTH"},
		ready:  "http://${COLLECTOR_HEALTH}/",
	}.start(t)
	return &Collector{Endpoint: "http://" + addrs["COLLECTOR_GRPC"], HTTP: "http://" + addrs["COLLECTOR_HTTP"], metrics: "http://" + addrs["COLLECTOR_METRICS"] + "/metrics"}
}

// Metrics returns the page for Prometheus.
func (c *Collector) Metrics(ctx context.Context) (string, error) {
	b, err := get(ctx, c.metrics)
	return string(b), err
}
