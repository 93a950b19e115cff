package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestProxyBaseURL(t *testing.T) {
	for _, tc := range []struct{ name, target, at, want string }{
		{"host alone", "https://api.openai.com", "127.0.0.1:8787", "http://127.0.0.1:8787/v1"},
		{"the target has the version", "https://api.openai.com/v1", "127.0.0.1:8787", "http://127.0.0.1:8787"},
		{"and a slash", "https://api.openai.com/v1/", "127.0.0.1:8787", "http://127.0.0.1:8787"},
		{"a path before it", "https://api.groq.com/openai", "127.0.0.1:8787", "http://127.0.0.1:8787/v1"},
		{"a path with it", "https://api.groq.com/openai/v1", "127.0.0.1:8787", "http://127.0.0.1:8787"},
		{"a path behind it", "https://generativelanguage.googleapis.com/v1beta/openai", "127.0.0.1:8787", "http://127.0.0.1:8787"},
		{"no version", "http://localhost/vllm/v", "127.0.0.1:8787", "http://127.0.0.1:8787/v1"},
		{"IPv6", "https://api.openai.com", "[::1]:8787", "http://[::1]:8787/v1"},
		{"every address", "https://api.openai.com", "0.0.0.0:8787", "http://127.0.0.1:8787/v1"},
		{"every address of both families", "https://api.openai.com", "[::]:8787", "http://127.0.0.1:8787/v1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target, err := url.Parse(tc.target)
			if err != nil {
				t.Fatal(err)
			}
			at, err := net.ResolveTCPAddr("tcp", tc.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := baseURL(target, at); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// TestProxyItself: a proxy whose calls would come back to it does not start.
func TestProxyItself(t *testing.T) {
	for _, tc := range []struct {
		target, at string
		want       bool
	}{
		{"http://127.0.0.1:8787", "127.0.0.1:8787", true},
		{"http://localhost:8787/v1", "127.0.0.1:8787", true},
		{"http://localhost:8787", "[::1]:8787", true},
		{"http://localhost:8787", "[::]:8787", true},
		{"http://[::1]:8787", "[::]:8787", true},
		{"http://0.0.0.0:8787", "127.0.0.1:8787", true},
		{"http://localhost", "127.0.0.1:80", true},
		{"http://127.0.0.2:8787", "127.0.0.1:8787", false},
		{"http://127.0.0.1:8788", "127.0.0.1:8787", false},
		{"http://10.0.0.1:8787", "127.0.0.1:8787", false},
		{"http://ollama:8787", "[::]:8787", false},
	} {
		target, err := url.Parse(tc.target)
		if err != nil {
			t.Fatal(err)
		}
		at, err := net.ResolveTCPAddr("tcp", tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := leadsBack(target, at); got != tc.want {
			t.Errorf("%s at %s: %v", tc.target, tc.at, got)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	code, out, stderr := call(t, nil, "proxy", "--listen", at, "--target", "http://"+at)
	if code != exitFailed || out != "" || !strings.Contains(stderr, "is this proxy itself") {
		t.Errorf("exit %d, %q, %q", code, out, stderr)
	}
}

// TestProxyRefusals: what the proxy cannot do it says before it listens.
func TestProxyRefusals(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"no host", nil, []string{"--target", "http://:80"}, "there is no such host and port"},
		{"no port", nil, []string{"--target", "http://localhost:99999"}, "there is no such host and port"},
		{"no port to listen at", nil, []string{"--listen", "127.0.0.1:99999"}, "port 99999 is not from 0 to 65535"},
		{"no port of the receiver", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:99999"}, nil, "port 99999 is not from 1 to 65535"},
		{"a file of nothing", map[string]string{"OTEL_SDK_DISABLED": "true"}, []string{"--otlp-file", filepath.Join(t.TempDir(), "f")}, "nothing is exported while OTEL_SDK_DISABLED=true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, stderr := call(t, tc.env, append([]string{"proxy"}, tc.args...)...)
			if code != exitUsage || out != "" || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit %d, %q, %q", code, out, stderr)
			}
		})
	}
}

// TestProxyMisdirected: a program that takes the proxy for one to all servers is
// told so, and what it sends to others does not reach the target.
func TestProxyMisdirected(t *testing.T) {
	var seen atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		io.WriteString(w, r.RequestURI)
	}))
	defer target.Close()
	to, _ := url.Parse(target.URL)
	server := httptest.NewServer(ours(to))
	defer server.Close()
	_, here, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	for _, request := range []string{
		"GET http://bank.example/account HTTP/1.1\nHost: bank.example\nCookie: secret=1\n\n",
		"GET http://127.0.0.1:9/account HTTP/1.1\nHost: 127.0.0.1:9\n\n",
		"GET http://127.0.0.1/account HTTP/1.1\nHost: 127.0.0.1\n\n",
		"CONNECT api.openai.com:443 HTTP/1.1\nHost: api.openai.com:443\n\n",
	} {
		resp, body := speak(t, server.URL, request)
		if resp.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, "set the base URL of the API") || seen.Load() > 0 {
			t.Errorf("%s: %s %s, %d at the target", request, resp.Status, body, seen.Load())
		}
	}
	for _, request := range []string{
		"GET http://" + to.Host + "/v1/models HTTP/1.1\nHost: " + to.Host + "\n\n",
		"GET http://127.0.0.1:" + here + "/v1/models HTTP/1.1\nHost: 127.0.0.1:" + here + "\n\n",
		"GET http://localhost:" + here + "/v1/models HTTP/1.1\nHost: localhost:" + here + "\n\n",
		"GET /v1/models HTTP/1.1\nHost: host.docker.internal:8787\n\n",
		"GET /v1/models HTTP/1.0\n\n",
	} {
		if resp, body := speak(t, server.URL, request); body != "/v1/models" {
			t.Errorf("%s: %s %s", request, resp.Status, body)
		}
	}
	for _, tc := range []struct {
		url, target string
		want        bool
	}{
		{"http://API.openai.com/v1", "https://api.openai.com", true},
		{"http://api.openai.com:443/v1", "https://api.openai.com", true},
		{"http://api.openai.com:8080/v1", "https://api.openai.com", false},
		{"http://localhost:11434/v1", "http://localhost:11434", true},
		{"http://localhost/v1", "http://localhost:11434", false},
		{"http://[::1]:11434/v1", "http://[::1]:11434", true},
	} {
		u, _ := url.Parse(tc.url)
		target, _ := url.Parse(tc.target)
		if got := sameServer(u, target); got != tc.want {
			t.Errorf("%s for %s: %v", tc.url, tc.target, got)
		}
	}
}

// TestProxyHTTP2: programs may speak HTTP/2 without TLS, and each frame comes at
// once.
func TestProxyHTTP2(t *testing.T) {
	next := make(chan bool)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for _, f := range proxyFrames() {
			io.WriteString(w, "data: "+f+"\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
			}
		}
	}))
	defer target.Close()
	p := startProxy(t, "--target", target.URL, "--provider", "openai", "--otlp-file", filepath.Join(t.TempDir(), "f"))
	base := &http.Transport{Protocols: new(http.Protocols)}
	base.Protocols.SetUnencryptedHTTP2(true)
	defer base.CloseIdleConnections()
	resp, err := (&http.Client{Transport: base, Timeout: 10 * time.Second}).Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(proxyAsk))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	for _, want := range proxyFrames() {
		if got, err := body.ReadString('\n'); err != nil || got != "data: "+want+"\n" {
			t.Fatalf("frame %q, %v", got, err)
		}
		body.ReadString('\n')
		next <- true
	}
	resp.Body.Close()
	base.CloseIdleConnections() // else the server waits a second for it
	if resp.ProtoMajor != 2 || resp.Header["Content-Type"] == nil {
		t.Errorf("%s %v", resp.Proto, resp.Header)
	}
	if out := p.end(t); !strings.Contains(out, "finish_reasons=[stop]") {
		t.Errorf("printed %s", out)
	}
}

// TestProxyTrailer: what a program says after its body arrives.
func TestProxyTrailer(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, string(body), " ", r.Trailer)
	}))
	defer target.Close()
	to, _ := url.Parse(target.URL)
	server := httptest.NewServer(ours(to))
	defer server.Close()
	if _, got := speak(t, server.URL, "POST /v1/files HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n5\nroses\n0\nX-Sum: 7\n\n"); got != "roses map[X-Sum:[7]]" {
		t.Errorf("%s", got)
	}
}

// TestProxyUnanswered: a target that was reached is not said to be out of reach.
func TestProxyUnanswered(t *testing.T) {
	closes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	defer closes.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = discardLog()
	secure.StartTLS()
	defer secure.Close()
	for _, tc := range []struct{ name, target, want string }{
		{"closes", closes.URL, " closed the connection before it answered"},
		{"signs itself", secure.URL, "callspan proxy: cannot trust " + strings.TrimPrefix(secure.URL, "https://") + ": tls: failed to verify certificate: x509: certificate signed by unknown authority; SSL_CERT_FILE "},
		{"speaks no TLS", strings.Replace(closes.URL, "http:", "https:", 1), "callspan proxy: no answer from " + strings.TrimPrefix(closes.URL, "http://") + ": "},
		{"is not there", "http://127.0.0.1:9", "callspan proxy: cannot reach 127.0.0.1:9: dial tcp 127.0.0.1:9: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			to, _ := url.Parse(tc.target)
			server := httptest.NewServer(ours(to))
			defer server.Close()
			resp, got := speak(t, server.URL, "GET /v1/models HTTP/1.1\nHost: x\nConnection: close\n\n")
			if resp.StatusCode != http.StatusBadGateway || !strings.Contains(got, tc.want) {
				t.Errorf("%s %s", resp.Status, got)
			}
		})
	}
}

// TestProxyDrainsNothing: calls that are cut off at the end are in the file.
func TestProxyDrainsNothing(t *testing.T) {
	const calls = 20
	begun := make(chan bool, calls)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "data: "+proxyFrames()[1]+"\n\n")
		w.(http.Flusher).Flush()
		begun <- true
		<-r.Context().Done()
	}))
	defer target.Close()
	p := startProxy(t, "--target", target.URL, "--drain", "0s", "--otlp-file", filepath.Join(t.TempDir(), "f"))
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	for range calls {
		go func() {
			resp, err := (&http.Client{Transport: base}).Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(proxyAsk))
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
	}
	for range calls {
		<-begun
	}
	if out := p.end(t); strings.Count(out, "error_type=canceled") != calls {
		t.Errorf("printed %s", out)
	}
}

// TestProxyHangsUp: a proxy that has stopped has no connection to the target.
func TestProxyHangsUp(t *testing.T) {
	gone := make(chan bool, 10)
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") }))
	target.Config.ConnState = func(_ net.Conn, to http.ConnState) {
		if to == http.StateClosed {
			gone <- true
		}
	}
	target.Start()
	defer target.Close()
	p := startProxy(t, "--target", target.URL, "--otlp-file", filepath.Join(t.TempDir(), "f"))
	if resp, _ := speak(t, p.url, "GET /v1/models HTTP/1.1\nHost: "+strings.TrimPrefix(p.url, "http://")+"\n\n"); resp.StatusCode != http.StatusOK {
		t.Errorf("status %s", resp.Status)
	}
	p.end(t)
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the connection is still there")
	}
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
