package openai

import (
	"net/http"

	"github.com/callspan/callspan/callback"
	"github.com/sashabaranov/go-openai"
)

// WrapConfig makes every client that is built from cfg announce its calls, as a
// [Transport] does: go-openai's own types stay in use. The HTTP client that is
// in cfg sends the requests. It returns the Transport:
//
//	callopenai.WrapConfig(&cfg, tracer).Usage = callopenai.UsageAsked
//
// Its fields may be set before the first call, but for Base, which is not used.
func WrapConfig(cfg *openai.ClientConfig, handlers ...callback.Handler) *Transport {
	t := NewTransport(nil, handlers...)
	t.Provider = endpointOf(*cfg, Options{}, "").Provider
	next := cfg.HTTPClient
	if next == nil {
		next = http.DefaultClient
	}
	cfg.HTTPClient = &doer{t, next}
	return t
}

// A doer is a Transport in the form in which go-openai wants it.
type doer struct {
	transport *Transport
	next      openai.HTTPDoer
}

// Do sends req.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	return d.transport.do(req, d.next.Do)
}
