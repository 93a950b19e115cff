package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dump shows a request as a target sees it.
func dump(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s %s forwarded %q %q upgrade %q %q %q %s", r.Proto, r.Method, r.RequestURI, r.Header["Forwarded"], r.Header["X-Forwarded-For"],
		r.Header["Connection"], r.Header["Upgrade"], r.Header["Http2-Settings"], body)
}

// speak sends text over a connection of its own and returns the answer.
func speak(t *testing.T, url, text string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(body)
}

// TestProxyPassesAsSent: what a program sends arrives, over HTTP/2 too where the
// program offers to change to it.
func TestProxyPassesAsSent(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, dump(r)) }))
	target.EnableHTTP2 = true
	target.StartTLS()
	defer target.Close()
	send := newSender(target.Client().Transport.(*http.Transport))
	defer send.CloseIdleConnections()
	to, _ := url.Parse(target.URL)
	proxy := httptest.NewServer(new(proxyOptions).handler(to, send, nil, new(atomic.Bool)))
	defer proxy.Close()
	for _, c := range []struct{ name, send, want string }{
		{"an offer of HTTP/2", "POST /v1/chat/completions HTTP/1.1\nHost: x\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\nContent-Length: 2\n\n{}",
			`HTTP/2.0 POST /v1/chat/completions forwarded [] [] upgrade [] [] [] {}`},
		{"a query that Go cannot read", "GET /v1/models?a=1;b=2&c=%zz&key=K&x HTTP/1.1\nHost: x\n\n",
			`HTTP/2.0 GET /v1/models?a=1;b=2&c=%zz&key=K&x forwarded [] [] upgrade [] [] [] `},
		{"where it comes from", "GET /v1/models HTTP/1.1\nHost: x\nForwarded: for=10.0.0.1\nX-Forwarded-For: 10.0.0.1\n\n",
			`HTTP/2.0 GET /v1/models forwarded ["for=10.0.0.1"] ["10.0.0.1"] upgrade [] [] [] `},
	} {
		if resp, got := speak(t, proxy.URL, c.send); resp.StatusCode != http.StatusOK || got != c.want {
			t.Errorf("%s: %s %q\nwant %q", c.name, resp.Status, got, c.want)
		}
	}
	resp, got := speak(t, proxy.URL, "POST /v1/chat/completions HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nzz\n{}\n")
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "cannot read the request") || !strings.Contains(got, `"invalid_request"`) {
		t.Errorf("malformed request: %s %s", resp.Status, got)
	}
}

// TestProxyWebsocket: a websocket passes, also to a target that speaks HTTP/2.
func TestProxyWebsocket(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, dump(r), http.StatusBadRequest)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		rw.Flush()
		line, _ := rw.ReadString('\n')
		io.WriteString(rw, strings.ToUpper(line))
		rw.Flush()
	}))
	target.EnableHTTP2 = true
	target.StartTLS()
	defer target.Close()
	send := newSender(target.Client().Transport.(*http.Transport))
	defer send.CloseIdleConnections()
	to, _ := url.Parse(target.URL)
	proxy := httptest.NewServer(new(proxyOptions).handler(to, send, nil, new(atomic.Bool)))
	defer proxy.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(proxy.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		said, _ := httputil.DumpResponse(resp, true)
		t.Fatalf("%v %s", err, said)
	}
	io.WriteString(c, "roses\n")
	if line, err := in.ReadString('\n'); line != "ROSES\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestProxyReadyWhileDraining: while the last calls go on, the proxy says to
// whoever asks that it is not to be given more, and takes those that come.
func TestProxyReadyWhileDraining(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/slow" {
			close(begun)
			<-finish
		}
		io.WriteString(w, "done")
	}))
	defer target.Close()
	p := startProxy(t, "--target", target.URL, "--quiet", "--otlp-file", filepath.Join(t.TempDir(), "f"))
	get := func(path string) string {
		resp, err := http.Get(p.url + path)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, " ", string(body))
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	slow := make(chan string)
	go func() { slow <- get("/v1/slow") }()
	<-begun
	if got := get("/callspan/ready"); got != "200 ready\n" {
		t.Errorf("before: %s", got)
	}
	p.stop()
	for got := ""; got != "503 stopping\n"; got = get("/callspan/ready") {
		if got != "" && got != "200 ready\n" {
			t.Fatalf("while draining: %s", got)
		}
		time.Sleep(time.Millisecond)
	}
	if got := get("/v1/models"); got != "200 done" {
		t.Errorf("a call while draining: %s", got)
	}
	close(finish)
	if got := <-slow; got != "200 done" {
		t.Errorf("the slow call: %s", got)
	}
	p.end(t)
}

// TestProxyTwice: a second proxy at the same address does nothing to the file of
// the first.
func TestProxyTwice(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "calls.jsonl")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t, nil, "proxy", "--listen", l.Addr().String(), "--otlp-file", file)
	if left, _ := os.ReadFile(file); code != exitFailed || !strings.Contains(stderr, "address already in use") || string(left) != "{}\n" {
		t.Errorf("exit %d, %s, file %q", code, stderr, left)
	}
}

// TestProxyUnreadLog: who does not read the lines of the proxy does not hold up
// its calls.
func TestProxyUnreadLog(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer target.Close()
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OPENAI_API_KEY"} {
		t.Setenv(name, "")
	}
	r, w := io.Pipe()
	defer r.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	stderr := new(strings.Builder)
	go func() {
		ended <- run([]string{"proxy", "--listen", "127.0.0.1:0", "--target", target.URL, "--otlp-file", filepath.Join(t.TempDir(), "f")},
			process{stdout: w, stderr: stderr, env: func(string) string { return "" },
				interrupts: func(context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }})
	}()
	out := bufio.NewReader(r)
	var base string
	for base == "" {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, url, ok := strings.Cut(line, saysURL); ok {
			base = strings.TrimSpace(url)
		}
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for range 5 { // the pipe has no room for a single one of the lines
		resp, err := http.Post(base+"/chat/completions", "application/json", strings.NewReader(`{"model":"m","messages":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	stop()
	go io.Copy(io.Discard, out)
	if code := <-ended; code != exitOK || stderr.Len() > 0 {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// TestProxyFile: the file is the owner's alone, and what an earlier proxy wrote
// stays, also where it did not get to the end of a line.
func TestProxyFile(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer target.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	file := filepath.Join(t.TempDir(), "calls.jsonl")
	var sizes []int
	for i := range 3 {
		p := startProxy(t, "--target", target.URL, "--quiet", "--otlp-file", file)
		resp, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","messages":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		p.end(t)
		if i == 1 { // it is killed while it writes
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString(`{"resourceSpans":[`)
			f.Close()
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, strings.Count(string(got), `"name":"chat m"`))
		for line := range strings.Lines(string(got)) {
			if !json.Valid([]byte(line)) && line != `{"resourceSpans":[` && line != "{\"resourceSpans\":[\n" {
				t.Errorf("no JSON: %.200q", line)
			}
		}
	}
	if !slices.Equal(sizes, []int{1, 2, 3}) {
		t.Errorf("spans in the file after each run: %v", sizes)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
