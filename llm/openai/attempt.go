package openai

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/callspan/callspan/callback"
)

// An attempts counts the requests that one call makes. It travels in the call's
// context, which every client library hands to its transport: below it a
// [Transport] does not announce the requests again, and keeps the header and the
// body of a response for a call that wants to know more than its client library tells.
type attempts struct {
	sent   atomic.Int32
	wanted atomic.Bool

	mu     sync.Mutex
	header http.Header // of the last response
	body   []byte
	long   bool // the body is not all there
}

type attemptsKey struct{}

// withAttempts marks ctx as that of a call which is announced already.
func withAttempts(ctx context.Context) context.Context {
	return context.WithValue(ctx, attemptsKey{}, new(attempts))
}

// withOwnAttempts does so if somebody is told of the call.
func withOwnAttempts(ctx context.Context) context.Context {
	if !callback.Enabled(ctx) {
		return ctx
	}
	return withAttempts(ctx)
}

func attemptsOf(ctx context.Context) *attempts {
	a, _ := ctx.Value(attemptsKey{}).(*attempts)
	return a
}

// see notes a request. From the second one on they are tries of one call, which
// its run tells.
func (a *attempts) see(ctx context.Context) {
	if n := int(a.sent.Add(1)); n > 1 {
		callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: n - 1}})
	}
}

// listen asks for the body of the response, which comes in one piece.
func (a *attempts) listen() { a.wanted.Store(true) }

// heard returns the body as far as it was read; nil if it is not known.
func (a *attempts) heard() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.long {
		return nil
	}
	return a.body
}

// headers returns the last response's header; nil if it is not known.
func (a *attempts) headers() http.Header {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.header
}

// keep returns resp with a body that is kept while it is read.
func (a *attempts) keep(resp *http.Response, err error) (*http.Response, error) {
	a.mu.Lock()
	a.header, a.body, a.long = nil, nil, false
	if resp != nil {
		a.header = resp.Header
	}
	a.mu.Unlock()
	if err != nil || resp == nil || !a.wanted.Load() || resp.Header.Get("Content-Encoding") != "" {
		return resp, err
	}
	resp.Body = &keptBody{resp.Body, a}
	return resp, nil
}

type keptBody struct {
	io.ReadCloser
	attempts *attempts
}

// Read implements [io.Reader].
func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	a := b.attempts
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.long = a.long || len(a.body)+n > maxFrame; !a.long {
		a.body = append(a.body, p[:n]...)
	}
	return n, err
}
