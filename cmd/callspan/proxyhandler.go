package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
	"go.opentelemetry.io/otel/propagation"
)

// Headers of programs that are for the proxy alone.
const (
	headerSession = "X-Callspan-Session"
	headerUser    = "X-Callspan-User"
)

// handler returns the proxy itself, with its readiness endpoint.
func (o *proxyOptions) handler(target *url.URL, send sender, handlers []callback.Handler, draining *atomic.Bool) http.Handler {
	transport := callopenai.NewTransport(send)
	transport.Provider = o.provider
	reverse := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1, // a token is passed on as it comes
		BufferPool:    new(buffers),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			keepAsSent(r)
			r.Out.Header.Del(headerSession)
			r.Out.Header.Del(headerUser)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r, target, err) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	propagator := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	passed := faithful(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if r.Header["Traceparent"] != nil || r.Header["Baggage"] != nil {
			ctx = propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		ctx = callback.WithHandlers(ctx, handlers...)
		if id := r.Header.Get(headerSession); id != "" {
			ctx = callback.WithSession(ctx, id)
		}
		if id := r.Header.Get(headerUser); id != "" {
			ctx = callback.WithUser(ctx, id)
		}
		body := &reception{ReadCloser: r.Body}
		r = r.WithContext(context.WithValue(ctx, receptionKey{}, body))
		r.Body = body
		readAhead(r)
		reverse.ServeHTTP(w, r)
	}))
	// No ServeMux, which sends a program elsewhere whose path is not as it likes:
	// /v1//chat/completions, of a base URL that ends in a slash.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case misdirected(r, target):
			refuseMisdirected(w)
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
// how soon its body comes. A program that asks whether it may send its body is
// told so by net/http when that is first read, and not by the target's word too.
func faithful(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 has it anyway
		w.Header()["Content-Type"] = nil
		// HTTP/2 takes the header out.
		h.ServeHTTP(faithfulWriter{w, r.ContentLength != 0 && (r.Header["Expect"] != nil || r.ProtoMajor > 1)}, r)
	})
}

// A faithfulWriter leaves 100 Continue to net/http for a program that is told so. A
// target that says so has its request's body read, and which of the two would come
// first, or both, is left to chance. After this and other words that come before
// the answer, a reverse proxy clears the head.
type faithfulWriter struct {
	http.ResponseWriter
	told bool
}

// WriteHeader implements [http.ResponseWriter].
func (w faithfulWriter) WriteHeader(status int) {
	if w.told && status == http.StatusContinue {
		return
	}
	if h := w.Header(); status >= http.StatusOK && h["Content-Type"] == nil {
		h["Content-Type"] = nil
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w faithfulWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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

// keepAsSent has a request pass with what a ReverseProxy takes out of it for
// servers that rely on it, and without an offer to change to HTTP/2, which is
// the proxy's to make.
func keepAsSent(r *httputil.ProxyRequest) {
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Trailer = r.In.Trailer // which is filled when the body ends
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = v
		}
	}
	if !strings.EqualFold(r.Out.Header.Get("Upgrade"), "websocket") {
		r.Out.Header.Del("Upgrade")
		r.Out.Header.Del("Connection")
	}
	r.Out.Header.Del("Http2-Settings")
}

// A reception is a request's body that remembers whether it has been read from,
// and whether it could be.
type reception struct {
	io.ReadCloser
	begun  atomic.Bool
	failed atomic.Pointer[error]
}

// Read implements [io.Reader].
func (b *reception) Read(p []byte) (int, error) {
	if !b.begun.Load() {
		b.begun.Store(true)
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.failed.Store(&err)
	}
	return n, err
}
