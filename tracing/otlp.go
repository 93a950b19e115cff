package tracing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/callspan/callspan/internal/visible"
)

// otlp reads the variables of one signal. The one of the signal goes before the
// one for all, as the OTLP exporter specification has it.
type otlp struct{ signal string } // "TRACES" or "METRICS"

// value returns the value and the name of the variable that it comes from.
func (o otlp) value(what string) (v, name string) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + o.signal + "_" + what, "OTEL_EXPORTER_OTLP_" + what} {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			return v, name
		}
	}
	return "", "OTEL_EXPORTER_OTLP_" + what
}

// targets returns where traces and metrics go: to the endpoint, or if it is
// empty to what the environment describes.
func targets(endpoint string) (traces, metrics target, err error) {
	if endpoint != "" {
		t, err := explicit(endpoint)
		return t, t, err
	}
	if traces, err = (otlp{"TRACES"}).target(); err != nil {
		return
	}
	metrics, err = otlp{"METRICS"}.target()
	return
}

// explicit returns the target at a URL that the program gives. The variables
// describe another receiver; nothing of them is used.
func explicit(endpoint string) (t target, err error) {
	u, err := parseURL("endpoint", endpoint)
	if err != nil {
		return t, err
	}
	t = target{url: endpoint, host: u.Host, path: u.Path, insecure: u.Scheme == "http"}
	t.http = u.Port() == "4318" || strings.Trim(u.Path, "/") != ""
	return t, nil
}

func (o otlp) target() (t target, err error) {
	exporter := "OTEL_" + o.signal + "_EXPORTER"
	switch v := envWord(exporter); v {
	case "", "otlp":
	case "none":
		t.off = true
		return t, nil
	default:
		return t, fmt.Errorf("%s=%s: use otlp or none", exporter, v)
	}
	switch v, name := o.value("PROTOCOL"); strings.ToLower(v) {
	case "", "grpc":
	case "http/protobuf":
		t.http = true
	default:
		return t, fmt.Errorf("%s=%s: use grpc or http/protobuf", name, v)
	}
	t.url = "http://localhost:4317"
	if t.http {
		t.url = "http://localhost:4318"
	}
	v, name := o.value("ENDPOINT")
	if v != "" {
		t.url = v
	}
	u, err := parseURL(name, t.url)
	if err != nil {
		return t, err
	}
	t.host, t.path, t.insecure = u.Host, u.Path, u.Scheme == "http"
	t.wholePath = v != "" && strings.Contains(name, o.signal)
	if err := o.settings(&t); err != nil {
		return t, err
	}
	return t, nil
}

// check refuses what the exporters would complain of, in words that may quote a
// secret. They read the variables also where nothing of them is used.
func (o otlp) check() error {
	if v, name := o.value("ENDPOINT"); v != "" {
		if _, err := parseURL(name, v); err != nil {
			return err
		}
	}
	return o.settings(new(target))
}

func (o otlp) settings(t *target) (err error) {
	if v, name := o.value("HEADERS"); v != "" {
		if t.headers, err = parseHeaders(v); err != nil {
			return fmt.Errorf("%s is a list key=value,key=value, with values URL-encoded: %w", name, err)
		}
	}
	switch v, name := o.value("COMPRESSION"); strings.ToLower(v) {
	case "", "none":
	case "gzip":
		t.gzip = true
	default:
		return fmt.Errorf("%s=%s: use gzip or none", name, v)
	}
	if v, name := o.value("TIMEOUT"); v != "" {
		ms, err := strconv.ParseInt(v, 10, 64)
		if err != nil || ms <= 0 || ms > maxMillis {
			return fmt.Errorf("%s=%s: use a number of milliseconds above 0", name, v)
		}
		t.timeout = time.Duration(ms) * time.Millisecond
	}
	return o.tls(t)
}

// tls reads the files with certificates.
func (o otlp) tls(t *target) error {
	ca, caName := o.value("CERTIFICATE")
	cert, certName := o.value("CLIENT_CERTIFICATE")
	key, keyName := o.value("CLIENT_KEY")
	if ca == "" && cert == "" && key == "" {
		return nil
	}
	if t.insecure {
		return fmt.Errorf("%s is http://, but a certificate is set too; use https:// or unset %s", t.url, firstSet(ca, caName, cert, certName, key, keyName))
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("%s: %w", caName, err)
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s: %s holds no certificate in PEM form", caName, ca)
		}
	}
	switch {
	case cert != "" && key != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("%s and %s: %w", certName, keyName, err)
		}
		t.tls.Certificates = []tls.Certificate{pair}
	case cert != "":
		return fmt.Errorf("%s is set, but %s is not", certName, keyName)
	case key != "":
		return fmt.Errorf("%s is set, but %s is not", keyName, certName)
	}
	return nil
}

// firstSet returns the name that follows the first value that is not empty.
func firstSet(pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != "" {
			return pairs[i+1]
		}
	}
	return ""
}

func parseHeaders(v string) (map[string]string, error) {
	m := map[string]string{}
	for pair := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, errors.New("an entry has no name or no =") // its text may be a secret
		}
		if !isToken(name) { // which may be a secret too
			return nil, errors.New("the name of an entry has a character that names of headers do not have")
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("the value of %s cannot be decoded", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, fmt.Errorf("the value of %s has a character that is not printable ASCII, which headers cannot carry", name)
		}
		m[name] = value
	}
	return m, nil
}

// isToken reports whether s can be the name of a header.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !is(byte(r), alnum) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// parseURL returns the URL of a receiver, or what is wrong with it without the
// secrets that may be in it.
func parseURL(name, v string) (*url.URL, error) {
	u, err := url.Parse(v)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" {
		if port, has := u.Port(), strings.HasSuffix(u.Host, ":"); port != "" || has {
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				return nil, fmt.Errorf("%s=%s has no port from 1 to 65535 after the colon", name, visible.URL(v))
			}
		}
		return u, nil
	}
	shown := "the URL"
	if err == nil && u.Host != "" {
		shown = visible.URL(v)
	} else if !strings.ContainsAny(v, "@?") {
		shown = RedactKeys(v)
	}
	if !strings.Contains(v, "://") {
		return nil, fmt.Errorf("%s=%s has no scheme: write http://%s, or https:// for TLS", name, shown, shown)
	}
	return nil, fmt.Errorf("%s=%s is not an http:// or https:// URL", name, shown)
}
