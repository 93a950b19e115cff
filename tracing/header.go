package tracing

import (
	"net/http"
	"slices"
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
	a.strs(attribute.Key(prefix+name), shown, maxHeader)
}

// secretHeader reports whether the values of a header are credentials, of which
// a span shows no more than that they were there. It goes by the words of the
// name, wherever they stand: who invents a header calls it X-Vendor-Key, or
// X-Forwarded-Authorization. A plain header that is hidden does less harm than
// a credential that is shown.
func secretHeader(name string) bool {
	if name == "access-control-allow-credentials" {
		return false
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	for i, w := range words {
		switch w = strings.TrimRight(w, "0123456789"); w {
		case "auth", "oauth", "authentication", "authorisation", "bearer", "dpop", "hmac", "csrf", "xsrf", "otp":
			return true
		case "key", "keys":
			if i == 0 || !plainKey(words[i-1]) {
				return true
			}
			continue
		case "token":
			if !slices.ContainsFunc(words, plainToken) {
				return true
			}
			continue
		}
		for _, end := range headerEnds {
			if strings.HasSuffix(w, end) {
				return true
			}
		}
	}
	return len(words) > 0 && secretName(words[len(words)-1], false) && !slices.ContainsFunc(words, plainToken)
}

// headerEnds end the words that tell of a credential: accesstoken is one word
// in some names.
var headerEnds = []string{"authorization", "cookie", "cookies", "secret", "secrets", "password", "passwd", "passphrase", "credential", "credentials",
	"signature", "jwt", "assertion", "apikey", "authkey", "accesskey", "authtoken", "accesstoken"}

// plainToken reports whether a word of a header's name says that the token in it
// is no secret: one that is counted, or leads to the next page.
func plainToken(word string) bool {
	switch word {
	case "ratelimit", "limit", "remaining", "count", "usage", "used", "budget", "rate", "page", "next", "continuation", "sync":
		return true
	}
	return false
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
