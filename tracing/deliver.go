package tracing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callspan/callspan/internal/visible"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A delivery is what is known of the way to one receiver: why something does
// not arrive there, and who has been told.
type delivery struct {
	endpoint string
	report   func(error)
	life     context.Context // ends when nothing more may be tried
	end      context.CancelFunc

	mu   sync.Mutex
	last map[string]error // why the last attempt failed, by what was sent
	told time.Time        // when report was last called
}

func newDelivery(ctx context.Context, endpoint string, report func(error)) *delivery {
	d := &delivery{endpoint: visible.URL(endpoint), report: report, last: make(map[string]error)}
	d.life, d.end = context.WithCancel(context.WithoutCancel(ctx))
	return d
}

// reportEvery bounds how often a failing receiver is reported.
const reportEvery = time.Minute

// try calls send until it succeeds, fails for good, or ctx ends. A receiver
// that says how long to wait is obeyed; else the wait doubles, up to 5 s.
func (d *delivery) try(ctx context.Context, what string, send func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.life, cancel)()
	wait := 250 * time.Millisecond
	for {
		var n note
		err := send(context.WithValue(ctx, noteKey{}, &n))
		if err == nil {
			d.mu.Lock()
			delete(d.last, what)
			d.mu.Unlock()
			return nil
		}
		d.failed(what, withStatus(err, n.status))
		again, delay := retryable(err, &n)
		if !again || ctx.Err() != nil {
			return err
		}
		if delay <= 0 {
			delay = wait/2 + rand.N(wait)
			wait = min(2*wait, 5*time.Second)
		}
		t := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

// failed notes a failure and reports it, not too often.
func (d *delivery) failed(what string, err error) {
	d.mu.Lock()
	// The failure that ends the last attempt at shutdown says only that time is
	// up; the one before says why.
	timeUp := timeIsUp(err)
	if d.last[what] == nil || !timeUp {
		d.last[what] = err
	}
	now := time.Now()
	quiet := !d.told.IsZero() && (timeUp || now.Sub(d.told) < reportEvery)
	if !quiet {
		d.told = now
	}
	d.mu.Unlock()
	if !quiet && d.report != nil {
		d.report(fmt.Errorf("cannot deliver %s to %s: %s; the program goes on", what, d.endpoint, reason(err)))
	}
}

// withStatus returns err with the HTTP status of the answer, 0 if there was
// none: the exporter keeps some to itself.
func withStatus(err error, status int) error {
	if status < 300 || strings.Contains(err.Error(), strconv.Itoa(status)) {
		return err
	}
	return fmt.Errorf("%d %s: %w", status, http.StatusText(status), err)
}

func timeIsUp(err error) bool {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded:
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (d *delivery) lastError(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[what]
}

// What is sent.
const (
	sendTraces  = "traces"
	sendMetrics = "metrics"
)

// reason says what is wrong without the layers of the libraries, and what to
// do about the mistakes that are often made.
func reason(err error) string {
	msg := err.Error()
	long := len(msg) > maxRead
	if long {
		msg = strings.Join(strings.Fields(msg), " ")
		long = len(msg) > maxRead
		msg = cut(msg, maxRead)
	}
	msg = rpcPrefix.ReplaceAllString(msg, "")
	msg = connError.ReplaceAllStringFunc(msg, func(quoted string) string {
		if said, err := strconv.Unquote(quoted[strings.IndexByte(quoted, '"'):]); err == nil {
			return said
		}
		return quoted
	})
	for _, h := range hints {
		if strings.Contains(msg, h.says) {
			return h.means
		}
	}
	if i := strings.LastIndex(msg, "dial tcp "); i >= 0 {
		msg = msg[i+len("dial tcp "):]
		if i := strings.Index(msg, ": "); i >= 0 {
			msg = msg[i+2:] // the address is the endpoint, which the reader has
		}
		msg = strings.TrimPrefix(msg, "connect: ")
	}
	hint := ""
	if code := status.Code(err); code == codes.Unauthenticated || code == codes.PermissionDenied ||
		strings.Contains(msg, "401 Unauthorized") || strings.Contains(msg, "403 Forbidden") {
		hint = " (check OTEL_EXPORTER_OTLP_HEADERS)"
	}
	if strings.HasPrefix(msg, stockBusy) {
		msg = strings.Replace(msg, stockBusy, "the receiver is busy", 1)
	}
	msg = strings.Replace(msg, stockBusy+": ", "", 1)
	msg = strings.TrimSuffix(msg, ": body: (empty)")
	msg = RedactKeys(valid(secrets.ReplaceAllString(strings.Join(strings.Fields(msg), " "), "[key]")))
	if long && len(msg) <= maxReason {
		msg = msg[:max(strings.LastIndexByte(msg, ' '), 0)] // half of a key is not seen to be one
	}
	if long || len(msg) > maxReason {
		msg = cut(msg, maxReason) + "…"
	}
	return visible.Line(msg + hint)
}

// maxReason bounds what is shown of what a receiver says, which may be a page,
// and maxRead what is looked at.
const (
	maxReason = 1 << 10
	maxRead   = 16 << 10
)

// rpcPrefix is what gRPC puts before what the receiver said.
var rpcPrefix = regexp.MustCompile(`rpc error: code = \w+ desc = `)

// connError is how gRPC quotes why it cannot connect.
var connError = regexp.MustCompile(`connection error: desc = "(?:[^"\\]|\\.)*"`)

// hints translate what the libraries say into what went wrong.
var hints = []struct{ says, means string }{
	{"malformed HTTP response", "the receiver speaks gRPC at this port; use its HTTP port (4318 as a rule) or OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	{"unknown service opentelemetry.proto.collector.metrics", "the receiver takes no metrics (Jaeger does not); set OTEL_METRICS_EXPORTER=none, or send through a collector"},
	// An answer that came before the request: gRPC opens with its settings. Where
	// reading failed, the error stands in place of the missing verb.
	{"readLoopPeekFailLocked: %!", "the receiver speaks gRPC at this port; use its HTTP port (4318 as a rule) or OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	{"looked like an HTTP/1.1 header", "the receiver does not speak gRPC without TLS at this port; use its gRPC port (4317 as a rule), https://, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
	{"tls: no application protocol", noGRPC},
	{"unexpected HTTP status code received from server: 404", noGRPC},
	{"first record does not look like a TLS handshake", "the receiver does not speak TLS; use http:// instead of https://"},
	{"server gave HTTP response to HTTPS client", "the receiver does not speak TLS; use http:// instead of https://"},
	{"Client sent an HTTP request to an HTTPS server", "the receiver speaks TLS; use https:// instead of http://"},
	{"certificate signed by unknown authority", "the receiver's certificate is signed by an authority that is not known here; name it with OTEL_EXPORTER_OTLP_CERTIFICATE"},
	{"tls: certificate required", "the receiver wants a certificate; set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"},
}

// maxDelay bounds the seconds that a receiver may ask for, so that no duration
// overflows. Nothing is waited for that long.
const maxDelay = 24 * 60 * 60

const noGRPC = "the receiver does not speak gRPC at this port; use its gRPC port (4317 as a rule), or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"

// A note is what the HTTP transport saw of an attempt.
type note struct {
	status     int
	retryAfter time.Duration
	busy       bool // it failed for now, with a status that is not known
}

type noteKey struct{}

// stockStatus and stockBusy are how the stock HTTP clients say what the status
// was, and that it is one after which to try again.
var stockStatus = regexp.MustCompile(`failed to send to \S+: (\d{3}) `)

const stockBusy = "retry-able request failure"

// read notes what an error tells of an attempt that passed through another
// transport than ours.
func (n *note) read(err error) {
	if err == nil || n.status != 0 {
		return
	}
	if m := stockStatus.FindStringSubmatch(err.Error()); m != nil {
		n.status, _ = strconv.Atoi(m[1])
		return
	}
	n.busy = strings.HasPrefix(err.Error(), stockBusy)
}

// noteTransport notes the status and the Retry-After header of each response.
type noteTransport struct{ *http.Transport }

// RoundTrip implements [http.RoundTripper].
func (t *noteTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(req)
	if n, ok := req.Context().Value(noteKey{}).(*note); ok && err == nil {
		n.status = resp.StatusCode
		n.retryAfter = 0
		if v := resp.Header.Get("Retry-After"); v != "" {
			if s, err := strconv.ParseUint(v, 10, 63); err == nil || errors.Is(err, strconv.ErrRange) {
				n.retryAfter = time.Duration(min(s, maxDelay)) * time.Second
			} else if at, err := http.ParseTime(v); err == nil {
				n.retryAfter = max(time.Until(at), 0)
			}
		}
	}
	return resp, err
}

// retryable says whether to try again, and the delay the receiver asks for, by
// the tables of the OTLP specification for gRPC and HTTP.
func retryable(err error, n *note) (bool, time.Duration) {
	var network *url.Error
	switch {
	case n.status != 0:
		switch n.status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true, n.retryAfter
		}
		return false, 0
	case n.busy, errors.As(err, &network):
		return true, 0
	}
	s, ok := status.FromError(err)
	if !ok {
		return false, 0
	}
	var delay time.Duration
	asked := false
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			asked, delay = true, info.GetRetryDelay().AsDuration()
		}
	}
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return true, delay
	case codes.ResourceExhausted:
		return asked, delay
	}
	return false, 0
}

// An UndeliveredError tells what a receiver did not get, when tracing was shut
// down.
type UndeliveredError struct {
	Endpoint string // URL of the receiver, without user, password and query
	Spans    int64  // that ended and did not arrive
	Of       int64  // that ended
	Err      error  // why, if it is known
}

// Error names the receiver, the count and the reason.
func (e *UndeliveredError) Error() string {
	msg := fmt.Sprintf("%d of %d spans were not delivered to %s", e.Spans, e.Of, e.Endpoint)
	if e.Err != nil {
		msg += ": " + reason(e.Err)
	}
	return msg
}

// Unwrap returns the reason.
func (e *UndeliveredError) Unwrap() error { return e.Err }
