package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/otlpsink"
)

// fakeJaeger answers for the traces that the sink has, as Jaeger does.
func fakeJaeger(t *testing.T, sink *otlpsink.Sink, ahead time.Duration) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		if sink == nil {
			fmt.Fprint(w, "<html>some page</html>")
			return
		}
		for _, s := range sink.Spans() {
			if strings.HasSuffix(r.URL.Path, fmt.Sprintf("%x", s.TraceId)) {
				fmt.Fprintf(w, `{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"%x"}]}]}]}}`, s.SpanId)
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestDoctor(t *testing.T) {
	sink := func(c otlpsink.Config) *otlpsink.Sink {
		s, err := c.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	good, small, elsewhere := sink(otlpsink.Config{}), sink(otlpsink.Config{MaxMessage: 1 << 20}), sink(otlpsink.Config{})
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		want []string
		not  []string
	}{
		{"all is well", nil, []string{"--endpoint", "http://" + good.Endpoint(), "--jaeger", fakeJaeger(t, good, 0)}, exitOK,
			[]string{"no OTEL_* variable is set", "ok    address: 127.0.0.1:", "ok    probe span: delivered", "ok    large request", "ok    jaeger: the probe span is there", "ok    clock"}, []string{"fail", "warn"}},
		{"from the environment", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + good.Endpoint(), "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret"}, nil, exitOK,
			[]string{"environment: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:", "OTEL_EXPORTER_OTLP_HEADERS=(not shown)", "ok    probe span"}, []string{"secret"}},
		{"nobody there", nil, []string{"--endpoint", "http://127.0.0.1:9"}, exitFailed,
			[]string{"fail  address: dial tcp 127.0.0.1:9", "docker compose up -d"}, []string{"probe"}},
		{"no scheme", nil, []string{"--endpoint", "localhost:4317"}, exitFailed, []string{"write http://localhost:4317"}, []string{"probe"}},
		{"another scheme", nil, []string{"--endpoint", "ftp://127.0.0.1:9"}, exitFailed, []string{"fail  set up tracing: ", "is not an http:// or https:// URL"}, []string{"fail  address"}},
		{"another protocol", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grcp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, nil, exitFailed,
			[]string{"fail  set up tracing: OTEL_EXPORTER_OTLP_PROTOCOL=grcp: use grpc or http/protobuf\n      mend that"}, []string{"fail  address"}},
		{"small requests only", nil, []string{"--endpoint", "http://" + small.Endpoint()}, exitOK, []string{"warn  large request", "max_recv_msg_size_mib"}, nil},
		{"not in Jaeger", nil, []string{"--endpoint", "http://" + good.Endpoint(), "--jaeger", fakeJaeger(t, elsewhere, 0), "--timeout", "1s"}, exitFailed,
			[]string{"fail  jaeger: the probe span did not appear within 1s", "look between the two"}, nil},
		{"not Jaeger", nil, []string{"--endpoint", "http://" + good.Endpoint(), "--jaeger", fakeJaeger(t, nil, 0), "--timeout", "1s"}, exitFailed,
			[]string{"is not Jaeger's API"}, nil},
		{"clocks differ", nil, []string{"--endpoint", "http://" + good.Endpoint(), "--jaeger", fakeJaeger(t, good, time.Hour)}, exitOK,
			[]string{"warn  clock: Jaeger's differs from ours by ", "NTP"}, nil},
		{"nothing is sampled", map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}, []string{"--endpoint", "http://" + good.Endpoint()}, exitFailed,
			[]string{"fail  environment: OTEL_TRACES_SAMPLER=always_off", "not sampled"}, nil},
		{"a share is sampled", map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.000001"}, []string{"--endpoint", "http://" + good.Endpoint()}, exitOK,
			[]string{"warn  environment: OTEL_TRACES_SAMPLER=parentbased_traceidratio", "of a hundred traces about 0.0001 are recorded", "ok    probe span: delivered"}, []string{"fail"}},
		{"a share of nothing", map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, []string{"--endpoint", "http://" + good.Endpoint()}, exitFailed,
			[]string{"fail  environment: OTEL_TRACES_SAMPLER=traceidratio", "no trace is recorded"}, nil},
		{"nothing below a parent", map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, []string{"--endpoint", "http://" + good.Endpoint()}, exitFailed,
			[]string{"fail  environment: OTEL_TRACES_SAMPLER=parentbased_always_off"}, nil},
		{"bad flag", nil, []string{"--timeout", "0s"}, exitUsage, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			code, out, _ := call(t, tc.env, append([]string{"doctor"}, tc.args...)...)
			if code != tc.code {
				t.Errorf("exit %d\n%s", code, out)
			}
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(out, not) {
					t.Errorf("%q in\n%s", not, out)
				}
			}
		})
	}
}

// TestDoctorRefused: a receiver that goes on to refuse is told by what it says.
func TestDoctorRefused(t *testing.T) {
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "overloaded", http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	for _, tc := range []struct {
		name string
		path string
		want string
	}{
		{"HTTP", "/otlp", ": 503 Service Unavailable: body: overloaded\n"}, // a path says that it is HTTP
		{"gRPC", "", ": the receiver does not speak gRPC "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // each takes all of its time
			endpoint := busy.URL + tc.path
			code, out, _ := call(t, nil, "doctor", "--endpoint", endpoint, "--timeout", "5s")
			if code != exitFailed || !strings.Contains(out, "not delivered to "+endpoint+tc.want) {
				t.Errorf("exit %d, %s", code, out)
			}
		})
	}
}

// TestDoctorSilence: a receiver that says nothing is told as such. Ctrl-C ends the
// waiting for it, and is not told as what is wrong with it.
func TestDoctorSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, out, _ := call(t, nil, "doctor", "--endpoint", "http://"+l.Addr().String(), "--timeout", "300ms")
	if code != exitFailed || !strings.Contains(out, "fail  probe span: no answer from http://"+l.Addr().String()+" within 300ms\n      is it an OTLP receiver") {
		t.Errorf("exit %d, %s", code, out)
	}
	begin := time.Now()
	code, out, stderr := callWith(t, nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 300*time.Millisecond)
	}, "doctor", "--endpoint", "http://"+l.Addr().String(), "--timeout", "1m")
	if code != exitInterrupted || stderr != "callspan doctor: interrupted\n" || strings.Contains(out, "fail") || time.Since(begin) > 20*time.Second {
		t.Errorf("exit %d after %v, %s%s", code, time.Since(begin), out, stderr)
	}
}

// TestDoctorReadsBackLate: what Jaeger said before time was up is told, though time
// is up while it is asked again.
func TestDoctorReadsBackLate(t *testing.T) {
	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	var asked atomic.Int64
	jaeger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			<-r.Context().Done()
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(jaeger.Close)
	code, out, _ := call(t, nil, "doctor", "--endpoint", "http://"+sink.Endpoint(), "--jaeger", jaeger.URL, "--timeout", "1s")
	if code != exitFailed || !strings.Contains(out, "the probe span did not appear within 1s") {
		t.Errorf("exit %d, %s", code, out)
	}
}
