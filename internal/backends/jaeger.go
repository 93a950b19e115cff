package backends

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/otlpjson"
)

//go:embed jaeger.yaml
var jaegerConfig []byte

// A Jaeger is a Jaeger that runs for one test and keeps traces in memory. Its
// methods may be called concurrently.
type Jaeger struct {
	Endpoint string // URL for OTLP over gRPC
	HTTP     string // URL for OTLP over HTTP
	Query    string // URL of the query API
}

// StartJaeger starts a Jaeger, and stops it when t ends. If the environment
// does not ask for backends, t is skipped.
func StartJaeger(t testing.TB) *Jaeger {
	t.Helper()
	path := program(t, jaegerRecipe())
	config := filepath.Join(t.TempDir(), "jaeger.yaml")
	if err := os.WriteFile(config, jaegerConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	addrs := service{
		path:   path,
		args:   []string{"--config", config},
		listen: []string{"JAEGER_GRPC", "JAEGER_HTTP", "JAEGER_QUERY", "JAEGER_QUERY_GRPC", "JAEGER_HEALTH"},
		ready:  "http://${JAEGER_HEALTH}/status",
	}.start(t)
	return &Jaeger{Endpoint: "http://" + addrs["JAEGER_GRPC"], HTTP: "http://" + addrs["JAEGER_HTTP"], Query: "http://" + addrs["JAEGER_QUERY"]}
}

// Services returns the names of the services that have sent spans, sorted.
func (j *Jaeger) Services(ctx context.Context) ([]string, error) {
	b, err := get(ctx, j.Query+"/api/v3/services")
	if err != nil {
		return nil, err
	}
	var answer struct{ Services []string }
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, fmt.Errorf("services of Jaeger: %w", err)
	}
	slices.Sort(answer.Services)
	return answer.Services, nil
}

// Trace returns the spans of a trace, whose id is in hex. There are none if
// Jaeger does not know it.
func (j *Jaeger) Trace(ctx context.Context, id string) (*otlpjson.Data, error) {
	return j.traces(ctx, "/api/v3/traces/"+url.PathEscape(id))
}

// Find returns the newest traces, at most 100, in which a service has spans that
// began from one time to another.
func (j *Jaeger) Find(ctx context.Context, service string, from, to time.Time) (*otlpjson.Data, error) {
	q := url.Values{
		"query.service_name":   {service},
		"query.start_time_min": {from.UTC().Format(time.RFC3339Nano)},
		"query.start_time_max": {to.UTC().Format(time.RFC3339Nano)},
		"query.num_traces":     {"100"},
	}
	return j.traces(ctx, "/api/v3/traces?"+q.Encode())
}

func (j *Jaeger) traces(ctx context.Context, path string) (*otlpjson.Data, error) {
	b, err := get(ctx, j.Query+path)
	if status, ok := errors.AsType[*statusError](err); ok && status.status == http.StatusNotFound {
		return &otlpjson.Data{}, nil
	}
	if err != nil {
		return nil, err
	}
	var answer struct{ Result json.RawMessage }
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, fmt.Errorf("traces of Jaeger: %w", err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, answer.Result); err != nil {
		return nil, fmt.Errorf("traces of Jaeger: %w", err)
	}
	data, err := otlpjson.Read(&line)
	if err != nil {
		return nil, fmt.Errorf("traces of Jaeger: %w", err)
	}
	return data, nil
}

// Wait waits until Jaeger has n spans of a trace and returns them, or an error
// and those that came when ctx ends.
func (j *Jaeger) Wait(ctx context.Context, id string, n int) (*otlpjson.Data, error) {
	data := &otlpjson.Data{}
	for {
		now, err := j.Trace(ctx, id)
		if err == nil {
			data = now
		}
		got := len(data.Spans())
		if got >= n {
			return data, nil
		}
		select {
		case <-ctx.Done():
			return data, errors.Join(fmt.Errorf("%d of %d spans in Jaeger: %w", got, n, context.Cause(ctx)), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
