package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/tracing"
)

// BenchmarkProxy is a call of one chunk: to the target itself, through a bare
// httputil.ReverseProxy, and through this proxy with its spans exported, all in
// one process.
func BenchmarkProxy(b *testing.B) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" rose"},"finish_reason":"stop"}]}`+"\n\n")
		http.NewResponseController(w).Flush()
		io.WriteString(w, "data: [DONE]\n\n")
	}))
	defer target.Close()
	to, _ := url.Parse(target.URL)
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 256
	base.DisableCompression = true
	defer base.CloseIdleConnections()
	reverse := httptest.NewServer(&httputil.ReverseProxy{Transport: base, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	defer reverse.Close()

	sink, err := otlpsink.Config{}.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	b.Setenv("OTEL_METRICS_EXPORTER", "none")
	tracer, shutdown, err := tracing.Setup(b.Context(), tracing.WithEndpoint("http://"+sink.Endpoint()))
	if err != nil {
		b.Fatal(err)
	}
	defer shutdown(context.Background())
	ours := httptest.NewServer(new(proxyOptions).handler(to, newSender(http.DefaultTransport.(*http.Transport)), []callback.Handler{tracer}, new(atomic.Bool)))
	defer ours.Close()

	client := &http.Client{Transport: base}
	for _, c := range []struct{ name, url string }{{"direct", target.URL}, {"reverse", reverse.URL}, {"callspan", ours.URL}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := client.Post(c.url+"/v1/chat/completions", "application/json", strings.NewReader(benchRequest))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
