package doors_test

import (
	"bytes"
	"net"
	"net/http"
	"regexp"
	"testing"
)

var (
	ports   = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	prompts = regexp.MustCompile(` \d+/`)
)

// listen starts server on loopback and returns its base URL.
func listen(t *testing.T, server *http.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // until it is closed
	}()
	t.Cleanup(func() { server.Close(); <-served })
	return "http://" + l.Addr().String() + "/v1"
}

// containsStream reports whether a request asks for a stream.
func containsStream(body []byte) bool { return bytes.Contains(body, []byte(`"stream":true`)) }
