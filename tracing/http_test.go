package tracing_test

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"
)

// An httpReceiver takes OTLP over HTTP.
type httpReceiver struct {
	mu      sync.Mutex
	spans   []*tracepb.Span
	metrics int
	headers http.Header
	paths   map[string]bool
	refuse  func(w http.ResponseWriter, n int) bool // n requests for traces came before
	n       int
}

func (h *httpReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.paths == nil {
		h.paths = map[string]bool{}
	}
	h.paths[r.URL.Path] = true
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	data, _ := io.ReadAll(body)
	if strings.Contains(r.URL.Path, "metrics") {
		h.metrics++
		return
	}
	n := h.n
	h.n++
	if h.refuse != nil && h.refuse(w, n) {
		return
	}
	var req coltracepb.ExportTraceServiceRequest
	if err := proto.Unmarshal(data, &req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.headers = r.Header
	for _, rs := range req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			h.spans = append(h.spans, ss.Spans...)
		}
	}
}

// export sets up tracing from the environment, makes one span, and shuts down.
func export(t *testing.T, opts ...tracing.Option) (*reports, error) {
	t.Helper()
	r := &reports{}
	tracer, shutdown, err := tracing.Setup(t.Context(), append(opts, tracing.WithErrorHandler(r.add))...)
	if err != nil {
		t.Fatal(err)
	}
	collect(callback.WithHandlers(t.Context(), tracer), scripted{chunks: []llm.Chunk{{Text: "a"}, done}, provider: "openai"}, ask("roses"))
	return r, shutdownWithin(shutdown, 3*time.Second)
}

// TestHTTP: OTLP over HTTP, with everything that the environment can ask for.
func TestHTTP(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string // {URL} is the receiver's
		path string
	}{
		{"base endpoint", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": "{URL}"}, "/v1/traces"},
		{"base endpoint with a path", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": "{URL}/otel/"}, "/otel/v1/traces"},
		{"endpoint of the signal", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{URL}/my/traces", "OTEL_METRICS_EXPORTER": "none"}, "/my/traces"},
		{"compressed", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": "{URL}", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}, "/v1/traces"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &httpReceiver{}
			s := httptest.NewServer(h)
			defer s.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=flower%20shop,x-key=1")
			for k, v := range tc.env {
				t.Setenv(k, strings.ReplaceAll(v, "{URL}", s.URL))
			}
			if rep, err := export(t); err != nil || len(rep.all) > 0 {
				t.Errorf("shutdown %v, reports %v", err, rep.all)
			}
			if len(h.spans) != 1 || !h.paths[tc.path] || h.headers.Get("X-Tenant") != "flower shop" {
				t.Errorf("%d spans at %v with headers %v", len(h.spans), h.paths, h.headers)
			}
			if want := tc.env["OTEL_EXPORTER_OTLP_COMPRESSION"]; h.headers.Get("Content-Encoding") != want {
				t.Errorf("encoding %q", h.headers.Get("Content-Encoding"))
			}
			if h.metrics == 0 && tc.env["OTEL_METRICS_EXPORTER"] != "none" {
				t.Error("no metrics")
			}
		})
	}
}

// TestHTTPByURL: a URL with port 4318 or a path is a receiver over HTTP.
func TestHTTPByURL(t *testing.T) {
	h := &httpReceiver{}
	s := httptest.NewServer(h)
	defer s.Close()
	if _, err := export(t, tracing.WithEndpoint(s.URL+"/base")); err != nil || len(h.spans) != 1 || !h.paths["/base/v1/traces"] {
		t.Errorf("%v, %d spans at %v", err, len(h.spans), h.paths)
	}
}

// TestHTTPRetry: the receiver's delay is obeyed, and what cannot be taken is
// not sent again.
func TestHTTPRetry(t *testing.T) {
	for _, tc := range []struct {
		status   int
		after    string
		attempts int
		arrived  int
	}{{429, "1", 2, 1}, {503, "1", 2, 1}, {400, "60", 1, 0}, {401, "60", 1, 0}} {
		h := &httpReceiver{refuse: func(w http.ResponseWriter, n int) bool {
			if n > 0 {
				return false
			}
			w.Header().Set("Retry-After", tc.after)
			w.WriteHeader(tc.status)
			return true
		}}
		s := httptest.NewServer(h)
		begin := time.Now()
		rep, err := export(t, tracing.WithEndpoint(s.URL+"/v1"))
		s.Close()
		if h.n != tc.attempts || len(h.spans) != tc.arrived || (err == nil) != (tc.arrived == 1) || len(rep.all) != 1 {
			t.Errorf("%d: %d attempts, %d spans, %v, reports %v", tc.status, h.n, len(h.spans), err, rep.all)
		}
		took := time.Since(begin)
		if tc.attempts == 2 && took < time.Second || tc.attempts == 1 && took >= 3*time.Second { // which is the time for shutdown
			t.Errorf("%d: took %v", tc.status, took)
		}
	}
}

// authority makes certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert, key, t.TempDir()}
	a.write(t, "ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// issue makes name.pem and name-key.pem for 127.0.0.1.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", "CERTIFICATE", der)
	a.write(t, name+"-key.pem", "EC PRIVATE KEY", keyDER)
	pair, err := tls.LoadX509KeyPair(a.path(name+".pem"), a.path(name+"-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestTLS: a receiver with a certificate of its own authority, one that wants a
// certificate of us, and what is said when something is missing.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	server := a.issue(t, "server")
	a.issue(t, "client")
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	for _, tc := range []struct {
		name   string
		mutual bool
		ca     bool
		client bool
		plain  bool // http:// instead of https://
		want   string
	}{
		{"own authority", false, true, false, false, ""},
		{"certificates on both sides", true, true, true, false, ""},
		{"unknown authority", false, false, false, false, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"no certificate of ours", true, true, false, false, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		{"no TLS where it is wanted", false, false, false, true, "https:// instead of http://"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &httpReceiver{}
			s := httptest.NewUnstartedServer(h)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{server}}
			if tc.mutual {
				s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, roots
			}
			s.StartTLS()
			defer s.Close()
			url := s.URL
			if tc.plain {
				url = strings.Replace(url, "https:", "http:", 1)
			}
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
			if tc.ca {
				t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", a.path("ca.pem"))
			}
			if tc.client {
				t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", a.path("client.pem"))
				t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", a.path("client-key.pem"))
			}
			rep, err := export(t)
			if tc.want == "" {
				if err != nil || len(h.spans) != 1 {
					t.Errorf("%v, %d spans", err, len(h.spans))
				}
				return
			}
			var lost *tracing.UndeliveredError
			// A refusal may be lost with the connection that it closes; what is
			// said then is that.
			said := len(rep.all) == 1 && (strings.Contains(rep.all[0], tc.want) ||
				(tc.plain || tc.mutual) && (strings.Contains(rep.all[0], "connection reset") || strings.Contains(rep.all[0], "broken pipe")))
			if !errors.As(err, &lost) || lost.Spans != 1 || !said {
				t.Errorf("shutdown %v, reports %q", err, rep.all)
			}
		})
	}
}

// TestWrongProtocol: gRPC at an HTTP port and the reverse are named.
func TestWrongProtocol(t *testing.T) {
	rpc := sink(t, otlpsink.Config{})
	web := httptest.NewServer(&httpReceiver{})
	defer web.Close()
	for _, tc := range []struct{ name, endpoint, want string }{
		{"HTTP at a gRPC port", "http://" + rpc.Endpoint() + "/v1/traces", "speaks gRPC at this port"},
		{"gRPC at an HTTP port", web.URL, "does not speak gRPC"},
	} {
		rep, err := export(t, tracing.WithEndpoint(tc.endpoint))
		if err == nil || len(rep.all) != 1 || !strings.Contains(rep.all[0], tc.want) {
			t.Errorf("%s: shutdown %v, reports %q", tc.name, err, rep.all)
		}
	}
}

// TestFilesInEnvironment: a certificate that cannot be read stops the program
// at the start, with the variable's name.
func TestFilesInEnvironment(t *testing.T) {
	a := newAuthority(t)
	a.issue(t, "client")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	os.WriteFile(junk, []byte("junk"), 0o600)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:9")
	for _, tc := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such.pem"}, "OTEL_EXPORTER_OTLP_CERTIFICATE: open"},
		{map[string]string{"OTEL_EXPORTER_OTLP_CERTIFICATE": junk}, "holds no certificate in PEM form"},
		{map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": a.path("client.pem")}, "OTEL_EXPORTER_OTLP_CLIENT_KEY is not"},
		{map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_KEY": a.path("client-key.pem")}, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is not"},
		{map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": junk, "OTEL_EXPORTER_OTLP_CLIENT_KEY": junk}, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		{map[string]string{"OTEL_EXPORTER_OTLP_CERTIFICATE": a.path("ca.pem"), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "use https:// or unset OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "secret"}, "OTEL_EXPORTER_OTLP_HEADERS is a list"},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a=%zz"}, "the value of a cannot be decoded"},
		{map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "OTEL_EXPORTER_OTLP_TIMEOUT=10s: use a number of milliseconds"},
		{map[string]string{"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "use gzip or none"},
		{map[string]string{"OTEL_PROPAGATORS": "b3"}, "OTEL_PROPAGATORS=b3"},
		{map[string]string{"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER=sometimes"},
		{map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, "a ratio from 0 to 1"},
		{map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "OTEL_BSP_MAX_QUEUE_SIZE=-1"},
		{map[string]string{"OTEL_SPAN_EVENT_COUNT_LIMIT": "many"}, "OTEL_SPAN_EVENT_COUNT_LIMIT=many"},
		{map[string]string{"OTEL_METRICS_EXEMPLAR_FILTER": "some"}, "use one of trace_based, always_on, always_off"},
		{map[string]string{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "some"}, "use one of cumulative, delta, lowmemory"},
		{map[string]string{"OTEL_SDK_DISABLED": "yes"}, "OTEL_SDK_DISABLED=yes"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:99999"}, "http://127.0.0.1:99999 has no port from 1 to 65535"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:0"}, "http://collector:0 has no port from 1 to 65535"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:"}, "http://collector: has no port from 1 to 65535"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT=http://:4317 is not an http://"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "grpc://me:secret@collector:4317?k=secret"}, "=grpc://collector:4317 is not an http://"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:secret%zz@collector:4317"}, "=the URL is not an http://"},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "the secret=1"}, "the name of an entry has a character"},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret%0Amore"}, "the value of x-key has a character that is not printable ASCII"},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=secret-é"}, "OTEL_EXPORTER_OTLP_TRACES_HEADERS is a list"},
		{map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "9223372036854775"}, "OTEL_EXPORTER_OTLP_TIMEOUT=9223372036854775: use"},
		{map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "9223372036854775"}, "OTEL_BSP_SCHEDULE_DELAY=9223372036854775: use"},
		{map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "99999999999"}, "use a whole number from 1 to 10000000"},
		{map[string]string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": " 5"}, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE=" 5": use`},
		{map[string]string{"OTEL_METRIC_EXPORT_INTERVAL": "60000\n"}, `OTEL_METRIC_EXPORT_INTERVAL="60000\n": use`},
		{map[string]string{"OTEL_SPAN_LINK_COUNT_LIMIT": "1e3"}, "a whole number, or -1 for no limit"},
		{map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "a=1,=secret"}, "has no key"},
		{map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "discount=10%"}, "the value of discount cannot be decoded; write a percent sign as %25"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			_, _, err := tracing.Setup(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") && tc.want != "has no key" {
				t.Errorf("a header's text is shown: %v", err)
			}
		})
	}
}

// TestDisabled: the SDK can be turned off as everywhere, and the program runs.
func TestDisabled(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
	if rep, err := export(t); err != nil || len(rep.all) > 0 {
		t.Errorf("%v, reports %v", err, rep.all)
	}
}

// grpcReceiver takes spans over gRPC with TLS.
type grpcReceiver struct {
	coltracepb.UnimplementedTraceServiceServer
	spans atomic.Int64
}

func (g *grpcReceiver) Export(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	for _, rs := range r.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			g.spans.Add(int64(len(ss.Spans)))
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// TestGRPCWithTLS: certificates on both sides, over gRPC.
func TestGRPCWithTLS(t *testing.T) {
	a := newAuthority(t)
	pair := a.issue(t, "server")
	a.issue(t, "client")
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &grpcReceiver{}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})))
	coltracepb.RegisterTraceServiceServer(server, g)
	go server.Serve(l)
	defer server.Stop()

	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://"+l.Addr().String())
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", a.path("ca.pem"))
	if rep, err := export(t); err == nil || len(rep.all) != 1 {
		t.Errorf("without our certificate: shutdown %v, reports %q", err, rep.all)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", a.path("client.pem"))
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", a.path("client-key.pem"))
	if rep, err := export(t); err != nil || len(rep.all) != 0 || g.spans.Load() != 1 {
		t.Errorf("with both: shutdown %v, reports %q, %d spans", err, rep.all, g.spans.Load())
	}
}

// TestSlowDNS: a name server that does not answer costs the time of shutdown and
// nothing else.
func TestSlowDNS(t *testing.T) {
	stock := net.DefaultResolver
	defer func() { net.DefaultResolver = stock }()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	ctx, shutdown, _ := setup(t, "http://collector.example.org:4317")
	begin := time.Now()
	collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, done}}, ask("roses"))
	if took := time.Since(begin); took > 4*time.Second { // the resolver gives a server five
		t.Errorf("the call took %v", took)
	}
	begin = time.Now()
	var lost *tracing.UndeliveredError
	if err := shutdown(time.Second); !errors.As(err, &lost) || lost.Spans != 1 {
		t.Errorf("shutdown: %v", err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("shutdown took %v", took)
	}
}
