package callback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/callspan/callspan/callback"
)

// TestErrorTypeOfNetwork: what goes wrong on the way to an answer has a name.
func TestErrorTypeOfNetwork(t *testing.T) {
	post := func(url string) error {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Post(url, "application/json", nil)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	closes := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer closes.Close()
	secret := httptest.NewUnstartedServer(http.NotFoundHandler()) // logs the failed handshake otherwise
	secret.Config.ErrorLog = log.New(io.Discard, "", 0)
	secret.StartTLS()
	defer secret.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	op := func(errno syscall.Errno) error {
		return &url.Error{Op: "Post", URL: "x", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)}}
	}
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"closed without an answer", post(closes.URL), "connection_closed"},
		{"a certificate that nobody vouches for", post(secret.URL), "certificate_error"},
		{"nobody listens", post(gone.URL), "connection_refused"},
		{"reset", op(syscall.ECONNRESET), "connection_reset"},
		{"no way to the host", op(syscall.EHOSTUNREACH), "host_unreachable"},
		{"no way to the network", op(syscall.ENETUNREACH), "host_unreachable"},
		{"no such host", &url.Error{Op: "Post", Err: &net.DNSError{Name: "florist.invalid", IsNotFound: true}}, "dns_error"},
		{"cut", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "stream_truncated"},
		{"deadline", fmt.Errorf("call: %w", context.DeadlineExceeded), "timeout"},
		{"anything else", errors.New("thorn"), "_OTHER"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := callback.ErrorType(tc.err); got != tc.want {
				t.Errorf("%v is %q, want %q", tc.err, got, tc.want)
			}
		})
	}
}
