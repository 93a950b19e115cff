package openai_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
)

// inPieces reads at most so many bytes at a time.
type inPieces struct {
	io.Reader
	size int
}

func (r inPieces) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), r.size)]) }

// TestStrangeStreams: a stream that says nothing is told apart from what is no
// stream, in whatever pieces it comes.
func TestStrangeStreams(t *testing.T) {
	const page = "<!doctype html>\n<html><body>Sign in: <a href=\"/\">here</a></body></html>"
	for _, tc := range []struct {
		name, body, want string
		typed            string // of go-openai, which drops a last line that nothing ends
	}{
		{"no answer", "data: [DONE]\n\n", "empty_response", ""},
		{"a comment", ": keep-alive\n\ndata: [DONE]\n\n", "empty_response", ""},
		{"many comments", strings.Repeat(": OPENROUTER PROCESSING\r\n\r\n", 150), "empty_response", ""},
		{"a name", "event: ping\nid: 1\nretry: 5\n\n", "empty_response", ""},
		{"a mark", "\ufeffdata: [DONE]\n\n", "empty_response", ""},
		{"empty lines", "\n\n\n", "empty_response", ""},
		{"a page", page, "malformed_response", ""},
		{"a page after empty lines", "\r\n\n  " + page, "malformed_response", ""},
		{"a long page", strings.Repeat("<p>Sign in.</p>\n", 1000), "malformed_response", ""},
		{"a long line", "<html>" + strings.Repeat(" data", 2000), "malformed_response", "empty_response"},
		{"text", "upstream connect error", "malformed_response", "empty_response"},
	} {
		for _, size := range []int{1, 2, 3, 7, 20, 1 << 20} {
			server := roundTripper(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{"Content-Type": {"text/event-stream"}},
					ContentLength: -1, Body: io.NopCloser(inPieces{strings.NewReader(tc.body), size}), Request: req}, nil
			})
			for door, call := range callers {
				o := new(lastRun)
				call(t.Context(), &wireReply{stream: true}, server, o)
				want := tc.want
				if door == "typed" && tc.typed != "" {
					want = tc.typed
				}
				if got := callback.ErrorType(o.Err); got != want {
					t.Errorf("%s, %d bytes at a time, %s door: %s (%v), want %s", tc.name, size, door, got, o.Err, want)
				}
			}
		}
	}
}
