package main

import (
	"fmt"
	"net/http"

	"github.com/callspan/callspan/llm"
)

// A sender sends requests to the target: those that change the protocol, as
// websockets do, over HTTP/1, as HTTP/2 has no such thing.
type sender struct{ base, http1 *http.Transport }

// newSender returns a sender like t, with what a proxy needs.
func newSender(t *http.Transport) sender {
	base := t.Clone()
	base.MaxIdleConnsPerHost = 256 // all calls go to one host
	base.DisableCompression = true // what the program did not ask for stays out
	http1 := base.Clone()
	http1.ForceAttemptHTTP2 = false
	http1.Protocols = new(http.Protocols)
	http1.Protocols.SetHTTP1(true)
	return sender{base, http1}
}

// CloseIdleConnections closes those of both.
func (s sender) CloseIdleConnections() {
	s.base.CloseIdleConnections()
	s.http1.CloseIdleConnections()
}

// RoundTrip implements [http.RoundTripper]. A status that net/http reads but does
// not write is an error.
func (s sender) RoundTrip(r *http.Request) (*http.Response, error) {
	t := s.base
	if r.Header.Get("Upgrade") != "" {
		t = s.http1
	}
	resp, err := t.RoundTrip(withoutExpect(r))
	if err != nil {
		return nil, err
	}
	resp.Request = r
	if resp.StatusCode < 100 {
		resp.Body.Close()
		return nil, fmt.Errorf("%w: status %q", llm.ErrMalformed, resp.Status)
	}
	return resp, nil
}

// withoutExpect returns r without the question whether its body may be sent, if
// the program has the answer. That it has been read has told it so: it would be
// told twice, and a target that leaves such questions open would be waited for.
func withoutExpect(r *http.Request) *http.Request {
	b, ok := r.Context().Value(receptionKey{}).(*reception)
	if r.Header["Expect"] == nil || !ok || !b.begun.Load() {
		return r
	}
	sent := r.WithContext(r.Context())
	sent.Header = r.Header.Clone()
	sent.Header.Del("Expect")
	return sent
}
