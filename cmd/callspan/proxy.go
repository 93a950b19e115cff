package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/visible"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/propagation"
)

const proxyHelp = `usage: callspan proxy [flags]

Traces and prices the model calls of programs in any language: they change the
base URL of their API to this proxy, and each call becomes a span. What passes
is not changed, streams are passed on at once, and keys are never stored. Spans
go where the OTEL_* variables say (default a receiver at localhost:4317).

A program may send traceparent and baggage, so that its calls appear in its own
trace, and X-Callspan-Session and X-Callspan-User, which stay here.
GET /callspan/ready answers 200, and 503 once the proxy is being stopped.

Examples:

  callspan proxy
  callspan proxy --target http://localhost:11434 --provider ollama
  callspan proxy --otlp-file calls.jsonl --capture-content
  OPENAI_BASE_URL=http://127.0.0.1:8787/v1 python3 program.py

Flags:
`

type proxyOptions struct {
	target, listen, provider, otlpFile string
	remote, content, quiet             bool
	drain                              time.Duration
}

func proxy(args []string, p process) int {
	var o proxyOptions
	fs := flag.NewFlagSet("proxy", flag.ContinueOnError)
	fs.StringVar(&o.target, "target", "https://api.openai.com", "`URL` of the API, without the path that programs add")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8787", "`address` to listen at; port 0 takes a free one")
	fs.BoolVar(&o.remote, "allow-remote", false, "let --listen be an address that other machines reach")
	fs.StringVar(&o.provider, "provider", "", "OpenTelemetry's `name` of the provider (default by the host of the target)")
	fs.StringVar(&o.otlpFile, "otlp-file", "", "write everything exported to this `file`, as OTLP JSON lines")
	fs.BoolVar(&o.content, "capture-content", false, "put what is said into the spans")
	fs.BoolVar(&o.quiet, "quiet", false, "print no line for each call")
	fs.DurationVar(&o.drain, "drain", 30*time.Second, "how long calls may go on when the proxy is stopped")
	if code, done := flags(fs, args, p, proxyHelp); done {
		return code
	}
	target, err := o.check()
	if err != nil {
		fmt.Fprintf(p.stderr, "callspan proxy: %v\nusage: callspan proxy [flags], see callspan proxy -h\n", err)
		return exitUsage
	}
	if err := o.serve(p, target); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(p.stderr, "callspan proxy: %s\n", visible.Line(strings.TrimSuffix(line, "\n")))
		}
		return exitFailed
	}
	return exitOK
}

func (o *proxyOptions) check() (*url.URL, error) {
	target, err := url.Parse(o.target)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--target: %w", err)
	case target.Scheme != "http" && target.Scheme != "https" || target.Host == "":
		return nil, fmt.Errorf("--target %q: use a URL such as https://api.openai.com", o.target)
	case target.User != nil || target.RawQuery != "" || target.Fragment != "":
		return nil, errors.New("--target: leave out user, query and fragment; keys come with the programs' requests")
	case o.drain < 0:
		return nil, fmt.Errorf("--drain %v: use 0 or more", o.drain)
	}
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q: use host:port", o.listen)
	}
	if ip := net.ParseIP(host); !o.remote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %q can be reached from other machines, which could then use this proxy: add --allow-remote if that is meant", o.listen)
	}
	return target, nil
}

// serve runs the proxy until it is told to stop, and delivers what it traced.
func (o *proxyOptions) serve(p process, target *url.URL) (err error) {
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	opts := []tracing.Option{
		tracing.WithServiceName("callspan-proxy"),
		tracing.WithErrorHandler(func(err error) { fmt.Fprintf(p.stderr, "callspan: %s\n", visible.Line(err.Error())) }),
	}
	if o.content {
		opts = append(opts, tracing.WithContent(tracing.ContentBoth))
	}
	if o.otlpFile != "" {
		inbox, openErr := receive(o.otlpFile, false)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, inbox.close()) }()
		opts = append(opts, tracing.WithEndpoint("http://"+inbox.sink.Endpoint()))
		if p.env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" {
			opts = append(opts, tracing.WithEndpoint(""))
		}
	}
	tracer, shutdown, err := tracing.Setup(ctx, opts...)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), shutdown(ctx))
	}
	handlers := []callback.Handler{tracer}
	if !o.quiet {
		handlers = append(handlers, callback.Log(slog.New(slog.NewTextHandler(p.stdout, nil))))
	}
	var draining atomic.Bool
	server := &http.Server{Handler: o.handler(target, handlers, &draining), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(p.stdout, "callspan proxy for %s\n%shttp://%s/v1\n", visible.URL(target.String()), saysURL, listener.Addr())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err = <-served:
	case <-ctx.Done():
		draining.Store(true)
		stop() // a second interrupt ends the program at once
		down, cancel := context.WithTimeout(context.Background(), o.drain)
		if server.Shutdown(down) != nil {
			server.Close() // cancels what is left, whose spans say so
		}
		cancel()
		<-served
	}
	down, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, shutdown(down))
}

// Headers of programs that are for the proxy alone.
const (
	headerSession = "X-Callspan-Session"
	headerUser    = "X-Callspan-User"
)

// handler returns the proxy itself, with its readiness endpoint.
func (o *proxyOptions) handler(target *url.URL, handlers []callback.Handler, draining *atomic.Bool) http.Handler {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 256 // all calls go to one host
	base.DisableCompression = true // what the program did not ask for stays out
	transport := callopenai.NewTransport(base)
	transport.Provider = o.provider
	reverse := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1, // a token is passed on as it comes
		BufferPool:    new(buffers),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del(headerSession)
			r.Out.Header.Del(headerUser)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, target, err) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	propagator := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	passed := faithful(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx = callback.WithHandlers(ctx, handlers...)
		if id := r.Header.Get(headerSession); id != "" {
			ctx = callback.WithSession(ctx, id)
		}
		if id := r.Header.Get(headerUser); id != "" {
			ctx = callback.WithUser(ctx, id)
		}
		r = r.WithContext(ctx)
		readAhead(r)
		reverse.ServeHTTP(w, r)
	}))
	// No ServeMux, which sends a program elsewhere whose path is not as it likes:
	// /v1//chat/completions, of a base URL that ends in a slash.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/callspan/ready" || r.Method != http.MethodGet && r.Method != http.MethodHead:
			passed.ServeHTTP(w, r)
		case draining.Load():
			http.Error(w, "stopping", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ready")
		}
	})
}

// maxAhead is more than most requests are long. Longer ones are worth a goroutine,
// and are held once.
const maxAhead = 64 << 10

// readAhead reads a body of moderate length here, on the server's goroutine,
// which a client that goes away wakes up. The transport would need one of its
// own, whose start and end cost more than all else that it does.
func readAhead(r *http.Request) {
	if r.ContentLength <= 0 || r.ContentLength > maxAhead {
		return
	}
	body := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, body)
	if err != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body[:n]), r.Body), r.Body} // which says again what is wrong
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// faithful prepares net/http for a handler that passes answers on. The handler may
// read a request's body after its answer has begun: a target that answers at once
// may do so before the last read of the body, which finds its end; without this
// that read fails, and net/http's client gives up the answer. And an answer
// without a Content-Type gets none: net/http would guess one, or not, depending on
// how soon its body comes.
func faithful(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 has it anyway
		w.Header()["Content-Type"] = nil
		h.ServeHTTP(w, r)
	})
}

// buffers are used again: one is as long as a hundred tokens.
type buffers struct{ pool sync.Pool }

// Get implements [httputil.BufferPool].
func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

// Put implements [httputil.BufferPool].
func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }

// refuse answers for a target that cannot be reached, in the form in which the
// APIs send errors.
func refuse(w http.ResponseWriter, target *url.URL, err error) {
	if errors.Is(err, context.Canceled) {
		w.WriteHeader(499) // the program has gone; nobody reads this
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	type failure struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    string `json:"code"`
	}
	json.NewEncoder(w).Encode(map[string]failure{"error": {
		Message: fmt.Sprintf("callspan proxy: cannot reach %s: %s", visible.URL(target.Host), visible.Line(err.Error())),
		Type:    "proxy_error",
		Code:    callback.ErrorType(err),
	}})
}
