package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/visible"
)

// A refusal is an answer of the proxy's own.
type refusal struct {
	status     int
	code, what string
}

// write answers in the form in which the APIs send errors.
func (f refusal) write(w http.ResponseWriter) {
	type failure struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    string `json:"code"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // addresses are told with "->"
	e.Encode(map[string]failure{"error": {Message: "callspan proxy: " + visible.Line(f.what), Type: "proxy_error", Code: f.code}})
}

// refuse answers for a target that gives no answer, and a request that cannot be
// read.
func refuse(w http.ResponseWriter, r *http.Request, target *url.URL, err error) {
	if errors.Is(err, context.Canceled) {
		// Nobody reads this but a program that has closed its own direction alone.
		refusal{499, "canceled", "the program closed its connection before the answer came"}.write(w)
		return
	}
	if b, ok := r.Context().Value(receptionKey{}).(*reception); ok {
		if failed := b.failed.Load(); failed != nil {
			refusal{http.StatusBadRequest, "invalid_request", "cannot read the request: " + (*failed).Error()}.write(w)
			return
		}
	}
	refusal{http.StatusBadGateway, callback.ErrorType(err), unanswered(visible.URL(target.Host), err)}.write(w)
}

// unanswered says why host gave no answer.
func unanswered(host string, err error) string {
	dial, _ := errors.AsType[*net.OpError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case dial != nil && dial.Op == "dial":
		return fmt.Sprintf("cannot reach %s: %v", host, err)
	case unknown:
		return fmt.Sprintf("cannot trust %s: %v; SSL_CERT_FILE names a file with the certificates to trust", host, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return host + " closed the connection before it answered"
	}
	return fmt.Sprintf("no answer from %s: %v", host, err)
}

// misdirected reports whether a request is for another server than the target: a
// program that was told to reach all servers through here. What it sends them,
// such as their keys, is not the target's to see. Only a request that names its
// server in its URL tells: by the header Host this proxy goes under many names.
func misdirected(r *http.Request, target *url.URL) bool {
	if r.Method == http.MethodConnect || r.URL.Host == "" {
		return r.Method == http.MethodConnect
	}
	here, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return !sameServer(r.URL, target) && (here == nil || !leadsBack(r.URL, here))
}

// sameServer reports whether u is at the host and port of target. Whoever names
// no port may leave TLS to the proxy.
func sameServer(u, target *url.URL) bool {
	return strings.EqualFold(u.Hostname(), target.Hostname()) &&
		(portOf(u) == portOf(target) || u.Port() == "" && target.Port() == "")
}

// refuseMisdirected answers one.
func refuseMisdirected(w http.ResponseWriter) {
	refusal{http.StatusMisdirectedRequest, "invalid_request",
		"passes calls to one API and is no proxy for all servers; unset HTTP_PROXY and HTTPS_PROXY, and set the base URL of the API to it"}.write(w)
}

type receptionKey struct{}
