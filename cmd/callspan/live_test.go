package main

import (
	"runtime"
	"strings"
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
