package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
)

// A proxyRun is the proxy while it runs.
type proxyRun struct {
	url     string
	printed chan string // what it printed from then on, once it has ended
	stop    context.CancelFunc
	ended   chan int
	stderr  *strings.Builder
}

// startProxy runs the proxy and waits until it says where it listens.
func startProxy(t *testing.T, args ...string) *proxyRun {
	t.Helper()
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OPENAI_API_KEY"} {
		t.Setenv(name, "")
	}
	r, w := io.Pipe()
	p := &proxyRun{ended: make(chan int, 1), stderr: new(strings.Builder), printed: make(chan string, 1)}
	interrupts := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, p.stop = context.WithCancel(ctx)
		return ctx, p.stop
	}
	go func() {
		code := run(append([]string{"proxy", "--listen", "127.0.0.1:0"}, args...),
			process{stdout: w, stderr: p.stderr, env: func(string) string { return "" }, interrupts: interrupts})
		w.Close()
		p.ended <- code
	}()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("proxy ended with %d: %s", <-p.ended, p.stderr)
		}
		if _, url, ok := strings.Cut(line, "base URL for programs: "); ok {
			p.url = strings.TrimSuffix(strings.TrimSpace(url), "/v1")
			break
		}
	}
	go func() { // a call waits for its line to be printed
		out, _ := io.ReadAll(lines)
		p.printed <- string(out)
	}()
	return p
}

// end stops the proxy and returns what it printed.
func (p *proxyRun) end(t *testing.T) string {
	t.Helper()
	p.stop()
	out := <-p.printed
	if code := <-p.ended; code != exitOK || p.stderr.Len() > 0 {
		t.Errorf("exit %d, stderr %s", code, p.stderr)
	}
	return out
}

const proxyAsk = `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"roses?"}]}`

func proxyFrames() []string {
	chunk := func(delta, finish string) string {
		return `{"id":"c1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}`
	}
	return []string{chunk(`{"role":"assistant","content":""}`, "null"), chunk(`{"content":"Pink"}`, "null"), chunk(`{"content":" roses"}`, "null"),
		chunk(`{}`, `"stop"`), `{"id":"c1","model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`, "[DONE]"}
}

// TestProxy: a program that changes its base URL is traced, under its own trace
// where it says so, each frame is passed on as it comes, and no key is kept.
func TestProxy(t *testing.T) {
	const key = "sk-secret-0123456789"
	var seen http.Header
	next := make(chan bool)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for _, f := range proxyFrames() {
			io.WriteString(w, "data: "+f+"\n\n")
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	defer target.Close()
	file := filepath.Join(t.TempDir(), "calls.jsonl")
	p := startProxy(t, "--target", target.URL, "--provider", "openai", "--otlp-file", file)

	req, _ := http.NewRequest("POST", p.url+"/v1/chat/completions", strings.NewReader(proxyAsk))
	for k, v := range map[string]string{"Authorization": "Bearer " + key, "X-Callspan-Session": "s-1", "X-Callspan-User": "u-1",
		"traceparent": "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01"} {
		req.Header.Set(k, v)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	resp, err := (&http.Client{Transport: base}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(resp.Body)
	for _, want := range proxyFrames() {
		got, err := body.ReadString('\n') // comes before the next one is sent
		if err != nil || got != "data: "+want+"\n" {
			t.Fatalf("frame %q, %v", got, err)
		}
		body.ReadString('\n')
		next <- true
	}
	resp.Body.Close()
	if seen.Get("Authorization") != "Bearer "+key || seen.Get("X-Callspan-Session") != "" || seen.Get("X-Forwarded-For") != "" {
		t.Errorf("the target saw %v", seen)
	}
	out := p.end(t)
	if !strings.Contains(out, "name=gpt-4o-mini") || !strings.Contains(out, "cost_usd=") {
		t.Errorf("printed %s", out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw) + out; strings.Contains(text, key) || strings.Contains(text, "roses") {
		t.Error("the key or what was said is in the file")
	}
	data, err := otlpjson.Read(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	spans := data.Spans()
	if len(spans) != 1 {
		t.Fatalf("%d spans", len(spans))
	}
	s := spans[0].Span
	if got := string(s.ParentSpanId); s.Name != "chat gpt-4o-mini" || got != "\x01\x02\x03\x04\x05\x06\x07\x08" {
		t.Errorf("span %s below %x", s.Name, got)
	}
	attrs := s.String()
	for _, want := range []string{"s-1", "u-1", "gen_ai.usage.cost"} {
		if !strings.Contains(attrs, want) {
			t.Errorf("no %s in %s", want, attrs)
		}
	}
	conformance.Check(t, file, "--no-content")
}

// TestProxyBaggage: the session and the user come from baggage too, in one header or
// two, also where there is no trace.
func TestProxyBaggage(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"id":"1","model":"m","choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}]}`)
	}))
	defer target.Close()
	file := filepath.Join(t.TempDir(), "calls.jsonl")
	p := startProxy(t, "--target", target.URL, "--otlp-file", file)
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	req, _ := http.NewRequest("POST", p.url+"/v1/chat/completions", strings.NewReader(proxyAsk))
	req.Header["baggage"] = []string{"session.id=s-2", "user.id=u-2"}
	resp, err := (&http.Client{Transport: base}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	p.end(t)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"s-2", "u-2"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
}

// TestProxyDrains: calls that are under way are brought to their end, new ones
// and the readiness are refused.
func TestProxyDrains(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		<-answer
		io.WriteString(w, `{"id":"1","model":"m","choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}]}`)
	}))
	defer target.Close()
	p := startProxy(t, "--target", target.URL, "--otlp-file", filepath.Join(t.TempDir(), "calls.jsonl"))
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	client := &http.Client{Transport: base}
	if resp, err := client.Get(p.url + "/callspan/ready"); err != nil || resp.StatusCode != 200 {
		t.Fatalf("ready: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	got := make(chan string, 1)
	go func() {
		resp, err := client.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","messages":[]}`))
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		got <- string(b)
	}()
	<-asked
	p.stop()
	answer <- true
	if s := <-got; !strings.Contains(s, "Pink") {
		t.Errorf("the call under way got %s", s)
	}
	p.end(t)
}

// TestProxyUnreachable: a target that is not there is an error in the API's form.
func TestProxyUnreachable(t *testing.T) {
	p := startProxy(t, "--target", "http://127.0.0.1:9", "--quiet", "--otlp-file", filepath.Join(t.TempDir(), "calls.jsonl"))
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	resp, err := (&http.Client{Transport: base, Timeout: 10 * time.Second}).Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(proxyAsk))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 502 || !strings.Contains(string(b), `"type":"proxy_error"`) || !strings.Contains(string(b), "connection_refused") {
		t.Errorf("status %d: %s", resp.StatusCode, b)
	}
	if out := p.end(t); out != "" {
		t.Errorf("--quiet printed %s", out)
	}
}

// TestProxyDuplex: a target may answer before it has the whole request, as one
// does that refuses a long upload, or that is quicker than its proxy.
func TestProxyDuplex(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		out.EnableFullDuplex()
		io.WriteString(w, "first ")
		out.Flush()
		io.Copy(w, r.Body)
	}))
	defer target.Close()
	p := startProxy(t, "--target", target.URL, "--provider", "openai", "--otlp-file", filepath.Join(t.TempDir(), "calls.jsonl"))
	upload, rest := io.Pipe()
	defer target.CloseClientConnections()
	defer rest.Close()
	go io.WriteString(rest, "half ")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/files", upload)
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	resp, err := (&http.Client{Transport: base}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(rest, "and half")
	rest.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "first half and half" {
		t.Errorf("%v, %q", err, got)
	}
	resp.Body.Close()
	p.end(t)
}

// TestProxyPaths: paths reach the target as programs send them, and none but the
// readiness is the proxy's own.
func TestProxyPaths(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, " ", r.RequestURI)
	}))
	defer target.Close()
	to, _ := url.Parse(target.URL)
	server := httptest.NewServer(ours(to))
	defer server.Close()
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	for _, tc := range []struct{ method, path, want string }{
		{"POST", "/v1/chat/completions", "POST /v1/chat/completions"},
		{"POST", "/v1//chat/completions", "POST /v1//chat/completions"},
		{"POST", "//v1/./a/../chat/completions/", "POST //v1/./a/../chat/completions/"},
		{"GET", "/openai/deployments/my%20model%2F1/chat?api-version=1", "GET /openai/deployments/my%20model%2F1/chat?api-version=1"},
		{"GET", "", "GET /"},
		{"GET", "/callspan/ready", "ready\n"},
		{"POST", "/callspan/ready", "POST /callspan/ready"},
		{"GET", "/callspan/ready/", "GET /callspan/ready/"},
	} {
		req, err := http.NewRequest(tc.method, server.URL+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := base.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != tc.want {
			t.Errorf("%s %s: %d %q, want %q", tc.method, tc.path, resp.StatusCode, got, tc.want)
		}
	}
}

// TestProxyUntyped: an answer without a Content-Type gets none, which net/http
// guesses where the body comes before the head is out. A reverse proxy clears the
// head when it has passed on what the target says beforehand.
func TestProxyUntyped(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter){
		"at once":       func(http.ResponseWriter) {},
		"after a hint":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints); clear(w.Header()) },
		"after a word":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusContinue); clear(w.Header()) },
		"after a while": func(w http.ResponseWriter) { w.WriteHeader(http.StatusProcessing); clear(w.Header()) },
	} {
		server := httptest.NewServer(faithful(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			before(w)
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, "roses")
		})))
		base := &http.Transport{}
		resp, err := (&http.Client{Transport: base}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header["Content-Type"]; got != nil {
			t.Errorf("%s: Content-Type %q", name, got)
		}
		base.CloseIdleConnections()
		server.Close()
	}
}

func TestProxyUsage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--target", "api.openai.com"}, "use a URL such as"},
		{[]string{"--target", "https://key@api.openai.com"}, "leave out user"},
		{[]string{"--listen", "8787"}, "use host:port"},
		{[]string{"--listen", "0.0.0.0:8787"}, "add --allow-remote"},
		{[]string{"--listen", ":8787"}, "add --allow-remote"},
		{[]string{"--drain", "-1s"}, "use 0 or more"},
		{[]string{"--prot"}, "flag provided but not defined"},
	} {
		code, _, stderr := call(t, nil, append([]string{"proxy"}, tc.args...)...)
		if code != exitUsage || !strings.Contains(stderr, tc.want) {
			t.Errorf("%v: exit %d, %s", tc.args, code, stderr)
		}
	}
	if code, out, _ := call(t, nil, "proxy", "-h"); code != exitOK || !strings.Contains(out, "OPENAI_BASE_URL") {
		t.Errorf("help: %d %s", code, out)
	}
}
