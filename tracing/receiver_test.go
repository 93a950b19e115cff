package tracing_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

type (
	traceRequest  = coltracepb.ExportTraceServiceRequest
	traceResponse = coltracepb.ExportTraceServiceResponse
)

// TestReasonIsOneLine: whatever a receiver says, it is told in one line that is
// not long, has no half of a pair of quotes, and that no terminal obeys.
func TestReasonIsOneLine(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	refuse := func(msg string) func(*testing.T) string {
		return func(t *testing.T) string {
			return "http://" + sink(t, otlpsink.Config{OnTraces: func(context.Context, *traceRequest) (*traceResponse, error) {
				return nil, status.Error(codes.PermissionDenied, msg)
			}}).Endpoint()
		}
	}
	page := func(body string) func(*testing.T) string {
		return func(t *testing.T) string {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, http.StatusNotFound) }))
			t.Cleanup(s.Close)
			return s.URL + "/otel"
		}
	}
	for _, tc := range []struct {
		name     string
		endpoint func(*testing.T) string
		want     string
	}{
		{"quotes at the end", refuse(`unknown tenant "roses"`), `unknown tenant "roses" (`},
		{"quotes around", refuse(`"not today"`), `"not today" (`},
		{"a secret in quotes", refuse(`bad header "Bearer abcdefgh1234"`), `bad header "[key]" (`},
		{"a secret in quotes of its own", refuse(`bad bearer "abcdefgh1234", sorry`), `bad [key], sorry (`},
		{"nobody answers", func(t *testing.T) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					c.Close()
				}
			}()
			return "http://" + l.Addr().String()
		}, ""},
		{"no such host", func(*testing.T) string { return "http://no-such-host.invalid:4317" }, ""},
		{"a long page", page("<html>\n\t<p>" + strings.Repeat("roses ", 100_000)), "404 Not Found (body: <html> <p>roses roses"},
		{"control characters", page("\x1b[2J\x07gone\r\xff"), "body: ␛[2J␇gone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &reports{}
			tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithErrorHandler(r.add), tracing.WithEndpoint(tc.endpoint(t)))
			if err != nil {
				t.Fatal(err)
			}
			collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
			err = shutdownWithin(shutdown, 500*time.Millisecond)
			if err == nil || len(r.all) != 1 {
				t.Fatalf("shutdown %v, reports %q", err, r.all)
			}
			for _, said := range append(r.all, err.Error()) {
				if strings.Count(said, `"`)%2 != 0 || strings.ContainsAny(said, "\n\r\x1b\x07") || len(said) > 2000 || !utf8.ValidString(said) {
					t.Errorf("said %.3000q", said)
				}
				if !strings.Contains(said, tc.want) {
					t.Errorf("said %.300q, want %q", said, tc.want)
				}
			}
		})
	}
}

// TestFailureNamesItsReceiver: traces and metrics may go to different ones.
func TestFailureNamesItsReceiver(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"+s.Endpoint())
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:9")
	rep, err := exportWithin(t, time.Second)
	if err != nil || len(s.Spans()) != 1 {
		t.Errorf("shutdown %v, %d spans", err, len(s.Spans()))
	}
	if len(rep.all) != 1 || !strings.HasPrefix(rep.all[0], "cannot deliver metrics to http://127.0.0.1:9: connection refused") {
		t.Errorf("reports %q", rep.all)
	}
}

// TestLateWithoutTraces: where no spans are exported, none is missed.
func TestLateWithoutTraces(t *testing.T) {
	s := sink(t, otlpsink.Config{})
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+s.Endpoint())
	r := &reports{}
	_, shutdown, err := tracing.Setup(t.Context(), tracing.WithErrorHandler(r.add))
	if err != nil {
		t.Fatal(err)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	_, span := otel.Tracer("late").Start(t.Context(), "late")
	span.End()
	if err := shutdown(t.Context()); err != nil || len(r.all) > 0 {
		t.Errorf("second shutdown %v, reports %q", err, r.all)
	}
}

// TestDelaysOutOfRange: a delay that no clock has is no delay, so that a receiver
// is not asked again and again without a pause.
func TestDelaysOutOfRange(t *testing.T) {
	var asked atomic.Int32 // to take spans
	over := func(header string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/v1/traces") {
				asked.Add(1)
			}
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(s.Close)
		return s.URL + "/otel"
	}
	rpc := func(code codes.Code, delay time.Duration) string {
		return "http://" + sink(t, otlpsink.Config{OnTraces: func(context.Context, *traceRequest) (*traceResponse, error) {
			asked.Add(1)
			st, err := status.New(code, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
			if err != nil {
				t.Error(err)
			}
			return nil, st.Err()
		}}).Endpoint()
	}
	for _, tc := range []struct{ name, endpoint string }{
		{"a header that overflows", over("9223372037")},
		{"a header without end", over(strings.Repeat("9", 40))},
		{"a header below zero", over("-1")},
		{"a detail below zero", rpc(codes.Unavailable, -time.Second)},
		{"exhausted, below zero", rpc(codes.ResourceExhausted, -time.Second)},
	} {
		asked.Store(0)
		_, err := exportWithin(t, 600*time.Millisecond, tracing.WithEndpoint(tc.endpoint))
		if n := asked.Load(); err == nil || n < 1 || n > 4 {
			t.Errorf("%s: asked %d times, %v", tc.name, n, err)
		}
	}
}

// exportWithin is export with a time for the shutdown.
func exportWithin(t *testing.T, d time.Duration, opts ...tracing.Option) (*reports, error) {
	t.Helper()
	r := &reports{}
	tracer, shutdown, err := tracing.Setup(t.Context(), append(opts, tracing.WithErrorHandler(r.add))...)
	if err != nil {
		t.Fatal(err)
	}
	collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	return r, shutdownWithin(shutdown, d)
}

// TestRedirects: one that asks for the same request is followed; a page that
// another one leads to is no receipt.
func TestRedirects(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	for _, tc := range []struct{ status, arrived int }{{301, 0}, {302, 0}, {303, 0}, {307, 1}, {308, 1}} {
		h := &httpReceiver{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/old"):
				http.Redirect(w, r, strings.Replace(r.URL.Path, "old", "new", 1), tc.status)
			case r.Method == http.MethodPost:
				h.ServeHTTP(w, r)
			default:
				w.Write([]byte("<p>a page"))
			}
		}))
		rep, err := exportWithin(t, time.Second, tracing.WithEndpoint(s.URL+"/old"))
		s.Close()
		if len(h.spans) != tc.arrived || (err == nil) != (tc.arrived == 1) || len(rep.all) != 1-tc.arrived {
			t.Errorf("%d: %d spans, shutdown %v, reports %q", tc.status, len(h.spans), err, rep.all)
		}
	}
}

// TestOtherDefaultTransport: a program may have put a transport of its own in
// the place of net/http's. The exporters do not pass through it.
func TestOtherDefaultTransport(t *testing.T) {
	h := &httpReceiver{}
	s := httptest.NewServer(h)
	defer s.Close()
	stock := http.DefaultTransport
	defer func() { http.DefaultTransport = stock }()
	http.DefaultTransport = transportFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("not for exporters") })
	if rep, err := exportWithin(t, 3*time.Second, tracing.WithEndpoint(s.URL+"/otel")); err != nil || len(rep.all) > 0 || len(h.spans) != 1 {
		t.Errorf("%d spans, shutdown %v, reports %q", len(h.spans), err, rep.all)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTLSStays: what goes to an https:// URL is never sent in the clear, whatever
// the environment says of other receivers.
func TestTLSStays(t *testing.T) {
	for _, path := range []string{"", "/otel"} { // gRPC and HTTP
		for _, env := range []string{"OTEL_EXPORTER_OTLP_INSECURE=true", "OTEL_EXPORTER_OTLP_TRACES_INSECURE=true", "OTEL_EXPORTER_OTLP_METRICS_INSECURE=true",
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://127.0.0.1:9", ""} {
			t.Run(path+env, func(t *testing.T) {
				if name, value, ok := strings.Cut(env, "="); ok {
					t.Setenv(name, value)
				}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				var clear, sealed atomic.Int32
				done := make(chan struct{})
				go func() {
					defer close(done)
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						first := make([]byte, 1)
						if _, err := c.Read(first); err == nil {
							if first[0] == 0x16 { // a TLS handshake
								sealed.Add(1)
							} else {
								clear.Add(1)
							}
						}
						c.Close()
					}
				}()
				exportWithin(t, 300*time.Millisecond, tracing.WithEndpoint("https://"+l.Addr().String()+path))
				l.Close()
				<-done
				if clear.Load() > 0 || sealed.Load() == 0 {
					t.Errorf("%d connections in the clear, %d with TLS", clear.Load(), sealed.Load())
				}
			})
		}
	}
}

// TestGRPCAtTLSOfHTTP: a receiver that takes OTLP over HTTP alone, with TLS, is
// named as that, whichever versions of HTTP it speaks.
func TestGRPCAtTLSOfHTTP(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	a := newAuthority(t)
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", a.path("ca.pem"))
	for _, http2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t, "server")}}
		s.EnableHTTP2 = http2
		s.StartTLS()
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
		rep, err := exportWithin(t, time.Second)
		s.Close()
		if err == nil || len(rep.all) != 1 || !strings.Contains(rep.all[0], "does not speak gRPC at this port") {
			t.Errorf("HTTP/2 %t: shutdown %v, reports %q", http2, err, rep.all)
		}
	}
}

// TestPartialSuccessOverHTTP: what a receiver did not take is counted, also
// where it counts below zero, and a remark is no failure.
func TestPartialSuccessOverHTTP(t *testing.T) {
	for _, tc := range []struct{ rejected, lost int64 }{{2, 1}, {1, 1}, {0, 0}, {-1, 0}} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var answer proto.Message = &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: tc.rejected, ErrorMessage: "two\nlines"}}
			if strings.Contains(r.URL.Path, "metrics") {
				answer = &colmetricspb.ExportMetricsServiceResponse{PartialSuccess: &colmetricspb.ExportMetricsPartialSuccess{ErrorMessage: "a remark"}}
			}
			b, _ := proto.Marshal(answer)
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.Write(b)
		}))
		rep, err := exportWithin(t, 3*time.Second, tracing.WithEndpoint(s.URL+"/otel"))
		s.Close()
		var lost *tracing.UndeliveredError
		if errors.As(err, &lost); (lost != nil) != (tc.lost > 0) || lost != nil && (lost.Spans != tc.lost || !strings.Contains(err.Error(), "two lines")) {
			t.Errorf("%d rejected: shutdown %v", tc.rejected, err)
		}
		if int64(len(rep.all)) != tc.lost {
			t.Errorf("%d rejected: reports %q", tc.rejected, rep.all)
		}
	}
}

// TestClientOverStockHTTP: what the stock HTTP client tells of a status is
// enough to try again, and to divide what is refused.
func TestClientOverStockHTTP(t *testing.T) {
	for _, tc := range []struct{ status, attempts, arrived int }{{503, 2, 2}, {429, 2, 2}, {400, 3, 2}, {413, 3, 2}, {401, 1, 0}} {
		h := &httpReceiver{refuse: func(w http.ResponseWriter, n int) bool {
			if n == 0 {
				w.WriteHeader(tc.status)
			}
			return n == 0
		}}
		s := httptest.NewServer(h)
		r := &reports{}
		client := tracing.NewClient(otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(s.URL), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{})),
			tracing.WithErrorHandler(r.add))
		exp, err := otlptrace.New(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exp))
		for range 2 {
			_, span := tp.Tracer("shop").Start(t.Context(), "roses")
			span.End()
		}
		if err := tp.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		if h.n != tc.attempts || len(h.spans) != tc.arrived || client.Arrived() != int64(tc.arrived) || client.Lost() != int64(2-tc.arrived) {
			t.Errorf("%d: %d attempts, %d spans, %d arrived, %d lost", tc.status, h.n, len(h.spans), client.Arrived(), client.Lost())
		}
		if want := map[bool]string{true: "the receiver is busy", false: fmt.Sprint(tc.status)}[tc.status == 503 || tc.status == 429]; len(r.all) != 1 || !strings.Contains(r.all[0], want) {
			t.Errorf("%d: reports %q, want %q", tc.status, r.all, want)
		}
	}
}

// TestShutdownBesideAnother: the second of two shutdowns waits for the first, as
// long as its own context allows.
func TestShutdownBesideAnother(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	asked := make(chan struct{})
	var once sync.Once
	s := sink(t, otlpsink.Config{OnTraces: func(ctx context.Context, _ *traceRequest) (*traceResponse, error) {
		once.Do(func() { close(asked) })
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	tracer, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+s.Endpoint()), tracing.WithErrorHandler(func(error) {}))
	if err != nil {
		t.Fatal(err)
	}
	collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	over, enough := context.WithTimeout(t.Context(), time.Minute) // for which the second does not wait
	defer enough()
	first := make(chan error)
	go func() { first <- shutdown(over) }()
	<-asked
	if err := shutdownWithin(shutdown, 0); !errors.Is(err, context.DeadlineExceeded) || over.Err() != nil {
		t.Errorf("second shutdown: %v, that of the first: %v", err, over.Err())
	}
	enough()
	var lost *tracing.UndeliveredError
	if err := <-first; !errors.As(err, &lost) || lost.Spans != 1 {
		t.Errorf("first shutdown: %v", err)
	}
}

// TestShutdownCountsAll: whatever ends while tracing is shut down has arrived,
// or one of the shutdowns says that it has not.
func TestShutdownCountsAll(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	for range 20 {
		s := sink(t, otlpsink.Config{})
		_, shutdown, err := tracing.Setup(t.Context(), tracing.WithEndpoint("http://"+s.Endpoint()), tracing.WithErrorHandler(func(error) {}))
		if err != nil {
			t.Fatal(err)
		}
		var ended atomic.Int64
		var wg sync.WaitGroup
		stop, begun := make(chan struct{}), make(chan struct{})
		for range 4 {
			wg.Go(func() {
				tr := otel.Tracer("busy")
				for {
					select {
					case <-stop:
						return
					default:
					}
					_, span := tr.Start(t.Context(), "busy")
					span.End()
					switch n := ended.Add(1); {
					case n == 500:
						close(begun)
					case n > 1500:
						return
					}
				}
			})
		}
		<-begun
		lost := int64(0)
		count := func(err error) {
			var u *tracing.UndeliveredError
			if errors.As(err, &u) {
				lost += u.Spans
			}
		}
		count(shutdownWithin(shutdown, 10*time.Second))
		close(stop)
		wg.Wait()
		count(shutdownWithin(shutdown, time.Second))
		if arrived := int64(len(s.Spans())); arrived+lost != ended.Load() {
			t.Errorf("%d ended, %d arrived, %d are said to be lost", ended.Load(), arrived, lost)
		}
	}
}

// TestSettingsInAnyCase: words of the environment may be written in capitals, as
// OpenTelemetry's specification has it.
func TestSettingsInAnyCase(t *testing.T) {
	h := &httpReceiver{}
	s := httptest.NewServer(h)
	defer s.Close()
	for name, value := range map[string]string{"OTEL_TRACES_EXPORTER": "OTLP", "OTEL_METRICS_EXPORTER": "None", "OTEL_EXPORTER_OTLP_PROTOCOL": "HTTP/Protobuf",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP", "OTEL_TRACES_SAMPLER": " Always_On", "OTEL_PROPAGATORS": "TraceContext,Baggage", "OTEL_EXPORTER_OTLP_ENDPOINT": s.URL} {
		t.Setenv(name, value)
	}
	if rep, err := export(t); err != nil || len(rep.all) > 0 || len(h.spans) != 1 {
		t.Errorf("%d spans, %v, reports %q", len(h.spans), err, rep.all)
	}
	t.Setenv("OTEL_SDK_DISABLED", "tRUE")
	if _, err := export(t); err != nil || len(h.spans) != 1 {
		t.Errorf("disabled: %d spans, %v", len(h.spans), err)
	}
}

// TestSamplerOfVendor: a sampler that the SDK does not have is refused, unless the
// program brings it.
func TestSamplerOfVendor(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "xray")
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	if _, _, err := tracing.Setup(t.Context()); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER=xray") || !strings.Contains(err.Error(), "WithSampler") {
		t.Errorf("error %v", err)
	}
	_, shutdown, err := tracing.Setup(t.Context(), tracing.WithSampler(sdktrace.NeverSample()))
	if err != nil {
		t.Fatal(err)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestValueLimitKeepsJSON: where the SDK cuts texts, what is JSON is made to fit
// before.
func TestValueLimitKeepsJSON(t *testing.T) {
	for _, tc := range []struct{ name, value string }{
		{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3000"}, {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "500"}, {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "20"},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			t.Setenv(tc.name, tc.value)
			exp := tracetest.NewInMemoryExporter()
			tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp))
			tracer := tracing.New(tracing.WithTracerProvider(tp), tracing.WithContent(tracing.ContentBoth))
			req := ask(strings.Repeat(`roses "and" more `, 1000))
			req.Tools = []llm.Tool{{Name: "stock", Description: strings.Repeat("what there is ", 100), Parameters: json.RawMessage(`{"type":"object"}`)}}
			collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: strings.Repeat("tulips ", 1000)}, done}}, req)
			n := 0
			for _, span := range exp.GetSpans() {
				for _, kv := range span.Attributes {
					switch kv.Key {
					case "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.definitions":
						n++
						if v := kv.Value.AsString(); !json.Valid([]byte(v)) {
							t.Errorf("%s is no JSON: %.80s...%s", kv.Key, v, v[max(0, len(v)-40):])
						}
					}
				}
			}
			if n != 3 {
				t.Errorf("%d attributes", n)
			}
		})
	}
}
