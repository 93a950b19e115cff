package tracing

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// A target is where one signal goes, and how. The stock exporters are told all
// of it, so that what they read from the environment themselves does not count.
type target struct {
	off       bool
	url       string // as it was given
	host      string
	path      string
	wholePath bool // path is the signal's own; else v1/traces or v1/metrics is added
	http      bool // OTLP over HTTP instead of gRPC
	insecure  bool
	gzip      bool
	headers   map[string]string
	timeout   time.Duration
	tls       *tls.Config
}

// defaultTimeout bounds one attempt, as the OTLP exporter specification has it.
const defaultTimeout = 10 * time.Second

func (t *target) limit() time.Duration {
	if t.timeout > 0 {
		return t.timeout
	}
	return defaultTimeout
}

func (t *target) credentials() credentials.TransportCredentials {
	switch {
	case t.insecure:
		return insecure.NewCredentials()
	case t.tls != nil:
		return credentials.NewTLS(t.tls)
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
}

// urlPath returns the path of a signal's requests.
func (t *target) urlPath(signal string) string {
	if t.wholePath {
		if t.path == "" {
			return "/"
		}
		return t.path
	}
	return strings.TrimSuffix(t.path, "/") + "/v1/" + signal
}

// base returns the URL without a path. Told by host alone, the HTTP exporters
// leave out TLS where another receiver that the environment names has none.
func (t *target) base() string {
	scheme := "https"
	if t.insecure {
		scheme = "http"
	}
	return (&url.URL{Scheme: scheme, Host: t.host}).String()
}

// client returns the HTTP client, which notes what retries need to know.
func (t *target) client() *http.Client {
	var tr *http.Transport
	if stock, ok := http.DefaultTransport.(*http.Transport); ok {
		tr = stock.Clone()
	} else { // the program's own, which may trace what passes
		tr = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second}
	}
	tr.TLSClientConfig = t.tls
	return &http.Client{Transport: &noteTransport{tr}, Timeout: t.limit(), CheckRedirect: sameMethod}
}

// sameMethod follows redirects that ask for the same request. After others
// the client would ask for a page, and take that for a receipt.
func sameMethod(req *http.Request, via []*http.Request) error {
	if req.Method != via[0].Method || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

// traceClient returns a client that tries once; a delivery does the rest.
func (t *target) traceClient() otlptrace.Client {
	if t.http {
		client := t.client()
		opts := []otlptracehttp.Option{
			otlptracehttp.WithEndpointURL(t.base()), otlptracehttp.WithURLPath(t.urlPath("traces")), otlptracehttp.WithHeaders(t.headers),
			otlptracehttp.WithTimeout(t.limit()), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}), otlptracehttp.WithHTTPClient(client),
			otlptracehttp.WithCompression(otlptracehttp.NoCompression), otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		}
		if t.insecure {
			opts = append(opts, otlptracehttp.WithInsecure(), otlptracehttp.WithTLSClientConfig(nil))
		}
		if t.gzip {
			opts = append(opts, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}
		return &closingClient{otlptracehttp.NewClient(opts...), client.CloseIdleConnections}
	}
	opts := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(t.host), otlptracegrpc.WithHeaders(t.headers), otlptracegrpc.WithTimeout(t.limit()),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}), otlptracegrpc.WithTLSCredentials(t.credentials()),
	}
	if t.gzip {
		opts = append(opts, otlptracegrpc.WithCompressor("gzip"))
	}
	return otlptracegrpc.NewClient(opts...)
}

func (t *target) metricExporter(ctx context.Context) (sdkmetric.Exporter, error) {
	if t.http {
		client := t.client()
		opts := []otlpmetrichttp.Option{
			otlpmetrichttp.WithEndpointURL(t.base()), otlpmetrichttp.WithURLPath(t.urlPath("metrics")), otlpmetrichttp.WithHeaders(t.headers),
			otlpmetrichttp.WithTimeout(t.limit()), otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}), otlpmetrichttp.WithHTTPClient(client),
			otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression),
		}
		if t.insecure {
			opts = append(opts, otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithTLSClientConfig(nil))
		}
		if t.gzip {
			opts = append(opts, otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
		}
		exp, err := otlpmetrichttp.New(ctx, opts...)
		return &closingExporter{exp, client.CloseIdleConnections}, err
	}
	opts := []otlpmetricgrpc.Option{
		otlpmetricgrpc.WithEndpoint(t.host), otlpmetricgrpc.WithHeaders(t.headers), otlpmetricgrpc.WithTimeout(t.limit()),
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{}), otlpmetricgrpc.WithTLSCredentials(t.credentials()),
	}
	if t.gzip {
		opts = append(opts, otlpmetricgrpc.WithCompressor("gzip"))
	}
	return otlpmetricgrpc.New(ctx, opts...)
}

// closingExporter closes the connections of an HTTP client when it is shut down.
type closingExporter struct {
	sdkmetric.Exporter
	close func()
}

func (e *closingExporter) Shutdown(ctx context.Context) error {
	defer e.close()
	return e.Exporter.Shutdown(ctx)
}
