package backends_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sashabaranov/go-openai"
	"go.uber.org/goleak"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/backends"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// demo runs the command's demo with the environment env, each as NAME=value,
// and returns what it exported.
func demo(t *testing.T, env ...string) *otlpjson.Data {
	t.Helper()
	dir := t.TempDir()
	command, file := filepath.Join(dir, "callspan.exe"), filepath.Join(dir, "trace.jsonl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, "github.com/callspan/callspan/cmd/callspan").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), command, "demo", "--lang", "en", "--speed", "0", "--otlp-file", file)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OTEL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("callspan demo: %v\n%s%s", err, out, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		complain(t, line)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := otlpjson.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// complain fails t with what was reported about a delivery, unless it is that
// Jaeger, which stores no metrics, does not take them.
func complain(t *testing.T, report string) {
	t.Helper()
	if strings.Contains(report, "the receiver takes no metrics") || strings.Contains(report, "/v1/metrics: 404") {
		t.Log(strings.TrimSpace(report))
		return
	}
	t.Error(report)
}

// readBack compares what was sent, a trace, with what Jaeger says of it.
func readBack(t *testing.T, jaeger *backends.Jaeger, sent *otlpjson.Data) {
	t.Helper()
	spans := sent.Spans()
	if len(spans) == 0 {
		t.Fatal("nothing was sent")
	}
	id := hex.EncodeToString(spans[0].GetTraceId())
	got, err := jaeger.Wait(soon(t), id, len(spans))
	if err != nil {
		t.Error(err)
	}
	same(t, sent, got)
}

// overGRPC and overHTTP are the two ways in, as a user describes them.
func overGRPC(endpoint string) []string { return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint} }

func overHTTP(endpoint string) []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"}
}

// TestDemo reads the demo's trace back from Jaeger, by its id, and finds it by
// its service.
func TestDemo(t *testing.T) {
	t.Run("gRPC", func(t *testing.T) {
		jaeger := backends.StartJaeger(t)
		found(t, jaeger, demo(t, overGRPC(jaeger.Endpoint)...))
	})
	t.Run("HTTP", func(t *testing.T) {
		jaeger := backends.StartJaeger(t)
		found(t, jaeger, demo(t, overHTTP(jaeger.HTTP)...))
	})
}

// found looks in every way for the demo's trace, the only one that Jaeger has.
func found(t *testing.T, jaeger *backends.Jaeger, sent *otlpjson.Data) {
	t.Helper()
	if n := len(sent.Spans()); n != 13 {
		t.Errorf("the demo sent %d spans", n)
	}
	readBack(t, jaeger, sent)

	services, err := jaeger.Services(soon(t))
	if err != nil || !slices.Equal(services, []string{"flower-shop"}) {
		t.Errorf("services %q, %v", services, err)
	}
	now := time.Now()
	hour := func(service string, from time.Time) *otlpjson.Data {
		data, err := jaeger.Find(soon(t), service, from, from.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	same(t, sent, hour("flower-shop", now.Add(-time.Hour)))
	unknown, err := jaeger.Trace(soon(t), strings.Repeat("1", 32))
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string]*otlpjson.Data{
		"another service": hour("tea-shop", now.Add(-time.Hour)),
		"another time":    hour("flower-shop", now.Add(-2*time.Hour)),
		"another trace":   unknown,
	} {
		if n := len(data.Spans()); n != 0 {
			t.Errorf("%s: %d spans", what, n)
		}
	}
}

// TestCollector does the same with a Collector in between. It runs the
// configuration that the project gives to users: of the file nothing is changed
// but the four addresses on which it listens. JAEGER_OTLP says where Jaeger is,
// as it does for users.
func TestCollector(t *testing.T) {
	start := func(t *testing.T) (*backends.Jaeger, *backends.Collector) {
		jaeger := backends.StartJaeger(t)
		return jaeger, backends.StartCollector(t, "../../collector-config.yaml", "JAEGER_OTLP="+strings.TrimPrefix(jaeger.Endpoint, "http://"))
	}
	t.Run("gRPC", func(t *testing.T) {
		jaeger, collector := start(t)
		sent := demo(t, overGRPC(collector.Endpoint)...)
		found(t, jaeger, sent)
		metrics(t, collector, sent)
	})
	t.Run("HTTP", func(t *testing.T) {
		jaeger, collector := start(t)
		sent := demo(t, overHTTP(collector.HTTP)...)
		found(t, jaeger, sent)
		metrics(t, collector, sent)
	})
}

// metrics looks for the demo's tokens on the Collector's page for Prometheus.
func metrics(t *testing.T, collector *backends.Collector, sent *otlpjson.Data) {
	t.Helper()
	page, err := collector.Metrics(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[any]float64{}
	for _, m := range sent.AllMetrics() {
		if m.GetName() == "gen_ai.client.token.usage" {
			for _, p := range m.GetHistogram().GetDataPoints() {
				tokens[otlpjson.Attrs(p.GetAttributes())["gen_ai.token.type"]] = p.GetSum() // a later export holds the earlier ones
			}
		}
	}
	if len(tokens) != 2 {
		t.Errorf("the demo sent tokens %v", tokens)
	}
	for kind, n := range tokens {
		line := fmt.Sprintf(`(?m)^gen_ai_client_token_usage_sum\{.*gen_ai_token_type="%v".*\} %v$`, kind, n)
		if !regexp.MustCompile(line).MatchString(page) {
			t.Errorf("nothing matches %s in\n%s", line, page)
		}
	}
}

// TestLongAnswer sends an answer of 1,000 tokens and a failed call from inside
// this process, with what was said, to Jaeger and to a receiver of our own.
func TestLongAnswer(t *testing.T) {
	const n = 1000
	jaeger := backends.StartJaeger(t)
	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	api := &standin.API{Reply: func(_ context.Context, r *standin.Request) (standin.Reply, error) {
		if r.LastUser() == "fail" {
			return standin.Reply{}, &standin.Failure{Status: 429, Type: "insufficient_quota", Code: "insufficient_quota", Message: "no more \u7c89 roses\u2028<today>"}
		}
		return standin.Text(strings.Repeat(" ros\u00e9", n)), nil
	}}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithServiceName("long-answer"), tracing.WithContent(tracing.ContentBoth),
		tracing.WithEndpoint(jaeger.Endpoint), tracing.WithEndpoint("http://"+sink.Endpoint()),
		tracing.WithErrorHandler(func(err error) { complain(t, err.Error()) }))
	if err != nil {
		t.Fatal(err)
	}
	config := openai.DefaultConfig("any key")
	config.BaseURL = server.URL
	model := callopenai.New(config, callopenai.Options{Model: "gpt-4o-mini", Provider: "openai"})
	chunks := 0
	_, err = callback.Do(callback.WithHandlers(t.Context(), tracer), &callback.Info{Kind: callback.KindChain, Name: "order"}, nil,
		func(ctx context.Context) (int, error) {
			for chunk, err := range model.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("long")}, Stream: true}) {
				if err != nil {
					t.Error(err)
				}
				if chunk.Text != "" {
					chunks++
				}
			}
			_, err := llm.Collect(model.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("fail")}, Stream: true}))
			return 0, err
		})
	if err == nil {
		t.Error("the second call did not fail")
	}
	if err := shutdown(soon(t)); err != nil {
		t.Fatal(err)
	}
	sent := sink.Data()
	readBack(t, jaeger, sent)

	if chunks != n {
		t.Errorf("%d chunks", chunks)
	}
	got, err := jaeger.Trace(soon(t), hex.EncodeToString(sent.Spans()[0].GetTraceId()))
	if err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	for _, span := range got.Spans() {
		for _, e := range span.GetEvents() {
			list, _ := otlpjson.Attrs(e.GetAttributes())["callspan.token.offsets_us"].([]any)
			for _, v := range list {
				offsets = append(offsets, v.(int64))
			}
		}
	}
	if len(offsets) != n || !slices.IsSorted(offsets) || offsets[0] <= 0 {
		t.Errorf("%d offsets, in order: %v; the first ones are %v", len(offsets), slices.IsSorted(offsets), offsets[:min(len(offsets), 5)])
	}
}
