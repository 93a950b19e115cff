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
	"sync"
	"time"
)

// What bench has itself run, with one argument, to be a server until it is
// interrupted.
const (
	benchTarget = "target" // the rate of its chunks
	benchRelay  = "relay"  // the target's URL
	benchBare   = "bare"   // the target's URL
)

var benchServers = map[string]func(arg string, p process) int{
	benchTarget: serveTarget,
	benchRelay:  serveRelay,
	benchBare:   serveBare,
}

// serveTarget answers every call with chunks that carry the time of their
// sending, rate of them a second.
func serveTarget(rate string, p process) int {
	perSecond, err := strconv.ParseFloat(rate, 64)
	if err != nil || !(perSecond > 0) {
		fmt.Fprintf(p.stderr, "callspan bench: rate %q: use a number above 0\n", rate)
		return exitUsage
	}
	return serveHTTP(targetHandler(perSecond), p)
}

// serveBare passes every call on to target.
func serveBare(target string, p process) int {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return noURL(target, p)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 256
	base.DisableCompression = true
	defer base.CloseIdleConnections()
	return serveHTTP(faithful(&httputil.ReverseProxy{Transport: base, FlushInterval: -1, BufferPool: new(buffers),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}), p)
}

// serveRelay copies bytes from and to target.
func serveRelay(target string, p process) int {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return noURL(target, p)
	}
	return serveUntilInterrupted(p, func(ctx context.Context, l net.Listener) {
		var wg sync.WaitGroup
		defer wg.Wait()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { relay(ctx, c, u.Host) })
		}
	})
}

// relay copies until one of both ends closes its connection or ctx ends.
func relay(ctx context.Context, c net.Conn, to string) {
	defer c.Close()
	up, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	defer up.Close()
	closeBoth := func() { c.Close(); up.Close() }
	defer context.AfterFunc(ctx, closeBoth)()
	pass := func(to io.Writer, from io.Reader) { // without the system's own way from socket to socket
		io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from})
		closeBoth()
	}
	var wg sync.WaitGroup
	wg.Go(func() { pass(up, c) })
	pass(c, up)
	wg.Wait()
}

func noURL(target string, p process) int {
	fmt.Fprintf(p.stderr, "callspan bench: target %q: use a URL\n", target)
	return exitUsage
}

func serveHTTP(h http.Handler, p process) int {
	return serveUntilInterrupted(p, func(ctx context.Context, l net.Listener) {
		s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: h}
		defer s.Close() // with the connections
		s.Serve(l)
	})
}

// serveUntilInterrupted says where it listens, and has serve do so.
func serveUntilInterrupted(p process, serve func(context.Context, net.Listener)) int {
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintf(p.stderr, "callspan bench: %v\n", err)
		return exitFailed
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	fmt.Fprintf(p.stdout, "%shttp://%s\n", saysURL, l.Addr())
	serve(ctx, l)
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
			fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"%d"},"finish_reason":%s}]}`+"\n\n",
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
