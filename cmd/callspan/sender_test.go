package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
)

// TestProxyContinue: a program that asks whether it may send its body is told so
// once, and not before a target has refused what it could refuse. Where the proxy
// has the body already the target is not asked again.
func TestProxyContinue(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/refused" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Asked", r.Header.Get("Expect"))
		io.WriteString(w, strconv.Itoa(len(body)))
	}))
	defer target.Close()
	to, _ := url.Parse(target.URL)
	server := httptest.NewServer(ours(to, callback.Print(io.Discard)))
	defer server.Close()
	for _, c := range []struct {
		name, path string
		size       int
		want       string
	}{
		{"a short call", "/v1/chat/completions", 10, "100 Continue, 200 OK 10"},
		{"a long call", "/v1/chat/completions", 200_000, "100 Continue, 200 OK 200000"},
		{"an upload", "/v1/files", 200_000, "100 Continue, 200 OK 200000, asked"},
		{"an upload that is refused", "/v1/refused", 200_000, "401 Unauthorized "},
	} {
		if got := sendExpecting(t, server.URL, c.path, c.size); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestFaithfulContinue: whether the target's word that the body may be sent comes
// before the body is read, after, or both, the program is told once.
func TestFaithfulContinue(t *testing.T) {
	for order, want := range map[string]string{
		"word, body":       "100 Continue, 200 OK 10",
		"body, word":       "100 Continue, 200 OK 10",
		"word, word, body": "100 Continue, 200 OK 10",
		"word, early":      "103 Early Hints, 200 OK 0",
	} {
		server := httptest.NewUnstartedServer(faithful(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := 0
			for _, step := range strings.Split(order, ", ") {
				switch step {
				case "word":
					w.WriteHeader(http.StatusContinue)
				case "early":
					w.WriteHeader(http.StatusEarlyHints)
				default:
					body, _ := io.ReadAll(r.Body)
					n = len(body)
				}
			}
			io.WriteString(w, strconv.Itoa(n))
		})))
		server.EnableHTTP2 = true
		server.StartTLS()
		if got := sendExpectingHTTP2(t, server); got != want {
			t.Errorf("HTTP/2, %s: %s, want %s", order, got, want)
		}
		server.Close()

		server = httptest.NewServer(server.Config.Handler)
		if got := sendExpecting(t, server.URL, "/", 10); got != want {
			t.Errorf("%s: %s, want %s", order, got, want)
		}
		server.Close()
	}
}

// sendExpectingHTTP2 is [sendExpecting] of ten bytes over HTTP/2.
func sendExpectingHTTP2(t *testing.T, server *httptest.Server) string {
	t.Helper()
	said := ""
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			said += strconv.Itoa(code) + " " + http.StatusText(code) + ", "
			return nil
		},
	})
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader(strings.Repeat(" ", 10)))
	r.Header.Set("Expect", "100-continue")
	client := server.Client()
	client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.ProtoMajor != 2 {
		t.Fatal(resp.Proto)
	}
	return said + strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode) + " " + string(body)
}

// sendExpecting sends a body once it is told to, and returns the answers.
func sendExpecting(t *testing.T, url, path string, size int) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "+strconv.Itoa(size)+"\r\n\r\n")
	in := bufio.NewReader(c)
	said := ""
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("after %q: %v", said, err)
		}
		if resp.StatusCode < http.StatusOK {
			if said += resp.Status + ", "; said == "100 Continue, " {
				io.WriteString(c, strings.Repeat(" ", size))
			}
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		said += resp.Status + " " + string(body)
		if resp.Header.Get("Asked") != "" {
			said += ", asked"
		}
		return said
	}
}

// TestProxyStrangeStatus: a status that nobody can pass on is the target's
// failure and not the proxy's.
func TestProxyStrangeStatus(t *testing.T) {
	target := newScripted(t)
	target.trial.Store(&trial{answer: []byte("HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok"), pieces: 1})
	server := httptest.NewServer(ours(&url.URL{Scheme: "http", Host: target.listener.Addr().String()}))
	defer server.Close()
	resp, got := speak(t, server.URL, "POST /v1/chat/completions HTTP/1.1\nHost: x\nContent-Length: 2\nConnection: close\n\n{}")
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(got, `malformed response: status \"099 Odd\"`) || !strings.Contains(got, `"malformed_response"`) {
		t.Errorf("%s %s", resp.Status, got)
	}
}
