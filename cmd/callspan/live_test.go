package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestDemoLiveEnvironment: what no call can be made with is named before one is.
func TestDemoLiveEnvironment(t *testing.T) {
	const key = "sk-live-0123456789abcdef"
	for _, tc := range []struct{ name, key, base, want string }{
		{"no key", " \t", "", "--live needs the environment variable OPENAI_API_KEY"},
		{"two lines", "sk-1\nsk-2", "", "OPENAI_API_KEY has a line break"},
		{"no scheme", key, "localhost:11434/v1", "OPENAI_BASE_URL=localhost:11434/v1: use a URL such as https://api.openai.com/v1"},
		{"a host alone", key, "api.openai.com", "OPENAI_BASE_URL=api.openai.com: use a URL"},
		{"another scheme", key, "ftp://u:p@x", "OPENAI_BASE_URL=ftp://x: use a URL"},
		{"no such port", key, "http://x:99999/v1", "OPENAI_BASE_URL=http://x:99999/v1: use a URL"},
		{"a query", key, "http://x/v1?key=secret", "OPENAI_BASE_URL=http://x/v1: leave out query"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, stderr := call(t, map[string]string{"OPENAI_API_KEY": tc.key, "OPENAI_BASE_URL": tc.base}, "demo", "--live")
			if code != exitUsage || out != "" || !strings.HasPrefix(stderr, "callspan demo: "+tc.want) {
				t.Errorf("exit %d, %q, %q", code, out, stderr)
			}
		})
	}
	cfg := liveConfig(func(name string) string {
		return map[string]string{"OPENAI_API_KEY": key + "\r\n", "OPENAI_BASE_URL": " http://x/v1/ \n"}[name]
	})
	if cfg.BaseURL != "http://x/v1" {
		t.Errorf("base URL %q", cfg.BaseURL)
	}
}

func TestColored(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"a terminal", map[string]string{"TERM": "xterm"}, true},
		{"one that shows none", map[string]string{"TERM": "dumb"}, false},
		{"one that does not say", nil, runtime.GOOS == "windows"},
		{"who wants none", map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{"an empty NO_COLOR", map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
	} {
		if got := colored(func(name string) string { return tc.env[name] }); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// TestDemoLiveInterrupt: a call that never answers is canceled by a signal, in
// each span above it too.
func TestDemoLiveInterrupt(t *testing.T) {
	asked := make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(asked)
		<-r.Context().Done()
	}))
	defer target.Close()
	code, out, stderr := callWith(t, map[string]string{"OPENAI_API_KEY": "sk-live-0123456789abcdef", "OPENAI_BASE_URL": target.URL},
		func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			go func() {
				select {
				case <-asked:
					cancel(interruption{syscall.SIGTERM})
				case <-ctx.Done():
				}
			}()
			return ctx, func() { cancel(nil) }
		}, "demo", "--live", "--lang", "en")
	if code != 143 || stderr != "callspan demo: interrupted\n" || strings.Count(out, "! canceled: ") != 3 || strings.Contains(out, "_OTHER") {
		t.Errorf("exit %d, %q\n%s", code, stderr, out)
	}
}
