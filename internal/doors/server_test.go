package doors_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
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

// An impatient transport cancels a request whose answer is being waited for after
// the event with this word.
type impatient struct {
	http.RoundTripper
	word   string
	cancel func()
}

// RoundTrip implements [http.RoundTripper].
func (i impatient) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := i.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = &impatientBody{ReadCloser: resp.Body, impatient: i}
	}
	return resp, err
}

type impatientBody struct {
	io.ReadCloser
	impatient
	seen []byte
}

// Read implements [io.Reader].
func (b *impatientBody) Read(p []byte) (int, error) {
	if bytes.Contains(b.seen, []byte(b.word)) && bytes.HasSuffix(b.seen, []byte("\n\n")) {
		b.cancel()
	}
	n, err := b.ReadCloser.Read(p)
	b.seen = append(b.seen, p[:n]...)
	return n, err
}

// containsStream reports whether a request asks for a stream.
func containsStream(body []byte) bool { return bytes.Contains(body, []byte(`"stream":true`)) }

// toolCalls writes tool calls as text.
type toolCalls []string

func (t *toolCalls) add(name, arguments string) { *t = append(*t, name+"("+arguments+")") }
func (t toolCalls) String() string              { return strings.Join(t, " ") }

// narrow returns vectors as they were sent.
func narrow(vectors [][]float64) [][]float32 {
	var out [][]float32
	for _, v := range vectors {
		n := make([]float32, len(v))
		for i, x := range v {
			n[i] = float32(x)
		}
		out = append(out, n)
	}
	return out
}
