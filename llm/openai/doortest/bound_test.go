package doortest

import (
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestBounded: a client that reads a line without end is told so, once, before
// it has taken all the memory there is.
func TestBounded(t *testing.T) {
	var told []error
	b := newBounded(transport(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: io.NopCloser(endless{})}, nil
	}), func(err error) { told = append(told, err) })
	for range 2 {
		resp, err := b.RoundTrip(nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 2*most))
		if err == nil || n < most || n > most+1<<20 {
			t.Errorf("read %d bytes, %v", n, err)
		}
	}
	if len(told) != 1 {
		t.Errorf("told %d times: %v", len(told), told)
	}
}
