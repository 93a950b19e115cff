package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/standin"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// TestDemoWidths: a terminal of 80 columns shows everything; a narrower one shows
// less, and does not speak of what it does not show.
func TestDemoWidths(t *testing.T) {
	for _, tc := range []struct {
		lang, columns string
		width         int
		want, not     []string
	}{
		{"en", "80", 80, []string{"█", "time first  in cached out", "cost\n", "invoke_workflow flower-shop ", "░ in the", "Total: 3 model calls, 327 tokens in (0 cached), 92 out, $0.0001043\n"}, []string{"…"}},
		{"zh", "80", 80, []string{"█", "耗时", "首字", "输入", "缓存", "输出", "费用", "图中的 ░"}, []string{"…"}},
		{"en", "200", 200, []string{"░ in the bar", "first   in  cached  out"}, nil},
		{"en", "60", 60, []string{"█", " time  in out", " cost\n", "░ is the time"}, []string{"time first", "cached out"}},
		{"zh", "60", 60, []string{"█", "░ 是到第一个"}, []string{"首字"}},
		{"en", "40", 40, []string{"327  92  $0.0001043", "Total: 3 model calls"}, []string{"░", "█", "first"}},
		{"en", "20", 20, []string{"├─ conversation\n", "$0.0001043\n"}, []string{"░", "█", "first", "cost"}},
		{"zh", "20", 20, []string{"├─ conversation\n", "116,$0.0001241\n"}, []string{"░", "█", "首字"}},
	} {
		t.Run(tc.lang+tc.columns, func(t *testing.T) {
			_, out, _ := call(t, map[string]string{"COLUMNS": tc.columns}, "demo", "--lang", tc.lang, "--speed", "0")
			_, trace, _ := strings.Cut(out, "invoke_workflow") // the conversation is as long as it is
			at := strings.LastIndexByte(out[:len(out)-len(trace)], '\n')
			at = strings.LastIndexByte(out[:at], '\n')
			trace = out[at:]
			for _, want := range tc.want {
				if !strings.Contains(trace, want) {
					t.Errorf("no %q in%s", want, trace)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(trace, not) {
					t.Errorf("%q in%s", not, trace)
				}
			}
			for line := range strings.Lines(trace) {
				line = strings.TrimSuffix(line, "\n")
				if cells.StringWidth(line) > tc.width && line != commandJaeger && line != commandLive {
					t.Errorf("wider than %d: %s", tc.width, line)
				}
			}
		})
	}
}

// TestDemoFullFile: the trace is shown although the file cannot be written.
func TestDemoFullFile(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no device that is full")
	}
	const want = "callspan demo: --otlp-file /dev/full is not whole: no space left on device\n"
	code, out, stderr := call(t, nil, "demo", "--lang", "en", "--speed", "0", "--otlp-file", "/dev/full")
	if code != exitFailed || stderr != want {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if !strings.Contains(out, "Total: 3 model calls") || strings.Contains(out, "Wrote") {
		t.Errorf("printed\n%s", out)
	}
	code, d, stderr := callJSON(t, nil, "--otlp-file", "/dev/full")
	if code != exitFailed || stderr != want || len(d.Traces) != 1 || count(d.Traces) != 13 {
		t.Errorf("exit %d, %d traces, stderr %q", code, len(d.Traces), stderr)
	}
}

// TestDemoDisabled: nothing is said to be exported that was not.
func TestDemoDisabled(t *testing.T) {
	env := map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
	code, out, stderr := call(t, env, "demo", "--lang", "en", "--speed", "0")
	if code != exitOK || stderr != "" || !strings.Contains(out, "OTEL_SDK_DISABLED=true turns tracing off") ||
		strings.Contains(out, "xported to") || strings.Contains(out, "Jaeger") {
		t.Errorf("exit %d, stderr %q\n%s", code, stderr, out)
	}
	if code, d, _ := callJSON(t, env); code != exitOK || d.Traces == nil || len(d.Conversation) != 3 {
		t.Errorf("exit %d, traces %v", code, d.Traces)
	}
	file := t.TempDir() + "/f"
	code, _, stderr = call(t, env, "demo", "--otlp-file", file)
	if code != exitUsage || !strings.Contains(stderr, "--otlp-file: nothing is exported while OTEL_SDK_DISABLED=true; unset it") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file")
	}
}

// TestDemoEndpoints: the demo exports where the variable of the signal says, and
// tells so.
func TestDemoEndpoints(t *testing.T) {
	start := func(t *testing.T) *otlpsink.Sink {
		s, err := otlpsink.Config{}.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	a, b := start(t), start(t)
	urlA, urlB := "http://"+a.Endpoint(), "http://"+b.Endpoint()
	for _, tc := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"traces alone", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": urlA, "OTEL_METRICS_EXPORTER": "none"}, []string{"Also exported traces to " + urlA + "."}},
		{"both", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": urlA, "OTEL_EXPORTER_OTLP_ENDPOINT": urlB}, []string{"Also exported traces to " + urlA + ".", "Also exported metrics to " + urlB + "."}},
		{"one for all", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": urlA}, []string{"Also exported to " + urlA + "."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, other := len(a.Spans()), len(b.Spans())
			code, out, stderr := call(t, tc.env, "demo", "--lang", "en", "--speed", "0")
			if code != exitOK || stderr != "" || len(a.Spans())-before != 13 || len(b.Spans()) != other {
				t.Errorf("exit %d, %d spans at one, %d at the other, stderr %q", code, len(a.Spans())-before, len(b.Spans())-other, stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(out, want+"\n") {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if strings.Contains(out, "Jaeger") {
				t.Errorf("a hint at what is done already:\n%s", out)
			}
		})
	}
}

func TestDemoInvalidPort(t *testing.T) {
	code, _, stderr := call(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:99999"}, "demo", "--speed", "0")
	if code != exitFailed || stderr != "callspan demo: OTEL_EXPORTER_OTLP_*ENDPOINT=http://127.0.0.1:99999: port 99999 is not from 1 to 65535\n" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
}

// terminal is where stdout and stderr go to the same place.
type terminal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

// TestDemoNotices: what is said of the delivery does not stand within an answer.
func TestDemoNotices(t *testing.T) {
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "20"}
	for k, v := range env {
		t.Setenv(k, v)
	}
	var both terminal
	code := run([]string{"demo", "--lang", "en", "--speed", "400"},
		process{stdout: &both, stderr: &both, env: func(k string) string { return env[k] }, interrupts: context.WithCancel})
	out := both.b.String()
	notice := strings.Index(out, "callspan: cannot deliver")
	if code != exitOK || notice < 0 || notice > strings.Index(out, "\nTrace ") {
		t.Fatalf("exit %d, no notice in the conversation:\n%s", code, out)
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "callspan: ") && !strings.HasPrefix(line, "callspan: ") {
			t.Errorf("within a line: %q", line)
		}
		if strings.HasPrefix(line, "Shop  ") && !strings.HasSuffix(line, ".\n") {
			t.Errorf("an answer is broken: %q", line)
		}
	}
}

// TestDemoJSONControls: what a terminal would act on is escaped, and is the same
// after decoding.
func TestDemoJSONControls(t *testing.T) {
	const said = "a\u009b31m \u202e \u2066 \x7f \x1b[2J é 玫瑰 \u200d <&>"
	env := live(t, &standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) { return standin.Text(said), nil }})
	_, out, _ := call(t, env, "demo", "--live", "--format", "json")
	for _, want := range []string{`a\u009b31m \u202e \u2066 \u007f \u001b[2J é 玫瑰`, `<&>`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%q", want, out)
		}
	}
	if strings.ContainsAny(out, "\u009b\u202e\u2066\x7f\x1b") {
		t.Errorf("control characters in %q", out)
	}
	var d doc
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.Conversation[0].Reply != said {
		t.Errorf("%v, decoded %q", err, d.Conversation[0].Reply)
	}
}

// TestDemoInterruptWaiting: Ctrl-C while a receiver hangs ends the waiting, and
// the trace is shown.
func TestDemoInterruptWaiting(t *testing.T) {
	asked := make(chan struct{})
	var once sync.Once
	hanging, err := otlpsink.Config{OnTraces: func(ctx context.Context, _ *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		once.Do(func() { close(asked) })
		<-ctx.Done()
		return nil, ctx.Err()
	}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hanging.Close)
	begin := time.Now()
	code, out, stderr := callWith(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + hanging.Endpoint(), "OTEL_BSP_SCHEDULE_DELAY": "60000"},
		func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			go func() {
				select {
				case <-asked: // all spans are sent at the end
					cancel()
				case <-ctx.Done():
				}
			}()
			return ctx, cancel
		}, "demo", "--lang", "en", "--speed", "0")
	if code != exitInterrupted || !strings.Contains(stderr, "13 of 13 spans were not delivered") || !strings.HasSuffix(stderr, "callspan demo: interrupted\n") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if !strings.Contains(out, "Total: 3 model calls") || strings.Contains(out, "missing") || strings.Contains(out, "Also exported") {
		t.Errorf("printed\n%s", out)
	}
	if took := time.Since(begin); took > drainLimit {
		t.Errorf("took %v", took)
	}
}

// TestDemoMissingSpans: a queue that is too short loses spans, which is said.
func TestDemoMissingSpans(t *testing.T) {
	code, out, stderr := call(t, map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}, "demo", "--lang", "en", "--speed", "0")
	if code != exitOK || strings.Contains(out, "Total: 0") || strings.Contains(stderr, "127.0.0.1") {
		t.Errorf("exit %d, stderr %q\n%s", code, stderr, out)
	}
	if strings.Contains(stderr, "of 13 spans were not delivered to the receiver in this process") != strings.Contains(out, "of 13 spans missing\n") {
		t.Errorf("stderr %q\n%s", stderr, out)
	}
	if n := strings.Count(out, "\nTrace "); n > 1 {
		t.Errorf("one trace is shown as %d", n)
	}
}
