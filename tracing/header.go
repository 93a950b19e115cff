package tracing

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// headers is the data of an event that tells of a round trip. It is asserted
// and not named, so that who calls an API over HTTP needs no OpenTelemetry.
type headers interface {
	Headers() (request, response http.Header)
}

// Bounds for what a span shows of one header.
const (
	maxHeader       = 1024
	maxHeaderValues = 16
)

// describeHeaders adds the headers that [WithHeaders] names. Those of a later
// round trip replace those of an earlier one.
func (c *config) describeHeaders(span trace.Span, h headers) {
	if len(c.headers) == 0 {
		return
	}
	request, response := h.Headers()
	var a attrs
	for _, name := range c.headers {
		c.describeHeader(&a, prefixRequestHeader, name, request)
		c.describeHeader(&a, prefixResponseHeader, name, response)
	}
	span.SetAttributes(a...)
}

func (c *config) describeHeader(a *attrs, prefix, name string, h http.Header) {
	values := h.Values(name)
	if len(values) == 0 {
		return
	}
	values = values[:min(len(values), maxHeaderValues)]
	shown := make([]string, len(values))
	for i, v := range values {
		if secretHeader(name) {
			shown[i] = "[key]"
			continue
		}
		shown[i] = cut(c.scrub(v), maxHeader)
	}
	a.strs(attribute.Key(prefix+name), shown)
}

// secretHeader reports whether the values of a header are credentials, of which
// a span shows no more than that they were there.
func secretHeader(name string) bool {
	switch name {
	case "authorization", "proxy-authorization", "cookie", "set-cookie":
		return true
	}
	return secretName(name, false)
}

// headerNames returns the names as attributes have them.
func headerNames(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		if n = strings.ToLower(strings.TrimSpace(n)); n != "" {
			out = append(out, clean(n))
		}
	}
	return out
}
