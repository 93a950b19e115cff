package openai_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/tracing"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestTransportHeaders: spans show the headers that are asked for, and no other
// handler gets to see any.
func TestTransportHeaders(t *testing.T) {
	url, _ := serveBody(t, 200, map[string]string{"X-Request-Id": "req_1"}, []byte(`{"id":"1","model":"m","choices":[{"message":{"content":"Pink"},"finish_reason":"stop"}]}`))
	rec := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	tracer := tracing.New(tracing.WithTracerProvider(tp), tracing.WithHeaders("x-request-id", "Authorization", "X-Absent"))
	other := &callback.Funcs{OnCustomEvent: func(_ context.Context, _ *callback.Info, e callback.Event) { t.Errorf("told of %v", e) }}
	resp := post(t, client(t, tracer, other), url+"/v1/chat/completions", `{"model":"m","messages":[]}`, "Authorization", "Bearer sk-secret-123456789")
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	got := ""
	for _, kv := range rec.Ended()[0].Attributes() {
		if strings.HasPrefix(string(kv.Key), "http.re") {
			got += fmt.Sprintln(kv.Key, kv.Value.String())
		}
	}
	if strings.Contains(got, "secret") || !strings.Contains(got, "req_1") || !strings.Contains(got, "[key]") {
		t.Errorf("headers\n%s", got)
	}
}
