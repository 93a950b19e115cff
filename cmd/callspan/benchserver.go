package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"
)

// benchTarget is what bench runs itself with to be the target, which is not in
// the client's process: no service is.
const benchTarget = "target"

// benchBare is what it runs itself with to be a proxy without callspan.
const benchBare = "bare"

// serveTarget answers every call with chunks that carry the time of their
// sending, rate of them a second, until it is interrupted.
func serveTarget(rate string, p process) int {
	perSecond, err := strconv.ParseFloat(rate, 64)
	if err != nil || !(perSecond > 0) {
		fmt.Fprintf(p.stderr, "callspan bench: rate %q: use a number above 0\n", rate)
		return exitUsage
	}
	return serveUntilInterrupted(targetHandler(perSecond), p)
}

// serveBare passes every call on to target.
func serveBare(target string, p process) int {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		fmt.Fprintf(p.stderr, "callspan bench: target %q: use a URL\n", target)
		return exitUsage
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 256
	base.DisableCompression = true
	return serveUntilInterrupted(duplex(&httputil.ReverseProxy{Transport: base, FlushInterval: -1, BufferPool: new(buffers),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}), p)
}

func serveUntilInterrupted(h http.Handler, p process) int {
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintf(p.stderr, "callspan bench: %v\n", err)
		return exitFailed
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: h}
	context.AfterFunc(ctx, func() { s.Close() })
	fmt.Fprintf(p.stdout, "%shttp://%s\n", saysURL, l.Addr())
	s.Serve(l)
	return exitOK
}

func targetHandler(rate float64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		n, err := strconv.Atoi(r.Header.Get("X-Chunks"))
		if err != nil {
			n = 1
		}
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		interval := time.Duration(float64(time.Second) / rate)
		next := time.Now()
		for i := range n {
			finish := "null"
			if i == n-1 {
				finish = `"stop"`
			}
			fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":%d,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" rose"},"finish_reason":%s}]}`+"\n\n",
				time.Now().UnixNano(), finish)
			if out.Flush() != nil {
				return
			}
			if i < n-1 {
				next = next.Add(interval)
				time.Sleep(time.Until(next))
			}
		}
		time.Sleep(pause)
		io.WriteString(w, "data: [DONE]\n\n")
	})
}

// pause keeps the end of an answer apart from its last chunk, which it is in the
// answers of models too.
const pause = 2 * time.Millisecond
