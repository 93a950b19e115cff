package tracing

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// fail marks the span as failed and adds the exception, which is what the
// Jaeger UI shows.
func (r *run) fail(res *callback.Result) {
	msg := r.tracer.conf.errorText(res.Err)
	r.span.SetStatus(codes.Error, msg)
	a := attrs{keyExceptionType.String(exceptionType(res.Err)), keyExceptionMessage.String(msg)}
	var p *callback.PanicError
	if errors.As(res.Err, &p) {
		a.text(keyExceptionStack, string(p.Stack), maxText)
	}
	r.span.AddEvent(eventException, trace.WithTimestamp(res.Ended), trace.WithAttributes(a...))
}

// exceptionType returns the type of the first error in the chain that a program
// could name, else the error type.
func exceptionType(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		t := reflect.TypeOf(e)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if r, _ := utf8.DecodeRuneInString(t.Name()); unicode.IsUpper(r) && t.String() != "url.Error" {
			return reflect.TypeOf(e).String()
		}
	}
	return errorType(err)
}

// secrets matches what could be an API key, more than [RedactKeys] does: in the
// words of a provider it is better to lose a word. Providers mask keys in their
// messages, gateways and proxies do not always.
var secrets = regexp.MustCompile(`(?i)\b(?:bearer\s+(?:"[^\s"]{7,}"?|'[^\s']{7,}'?|(?:[^\s"'\\]|\\[^\s"']){8,})|(?:sk|pk|gsk|xai|pplx|rk|key)-[A-Za-z0-9_\-]{8,}|AIza[A-Za-z0-9_\-]{30,})`)

// word is what an error type may look like: one of few values, not a message.
var word = regexp.MustCompile(`^[A-Za-z0-9_.:/\-]{1,64}$`)

// maxDigits bounds the digits of an error type. Ids and times have more, codes
// have less.
const maxDigits = 6

// errorType returns the value of error.type for err, "" for nil.
func errorType(err error) string {
	if err == nil {
		return ""
	}
	t := callback.ErrorType(err)
	digits := 0
	for i := range len(t) {
		if t[i] >= '0' && t[i] <= '9' {
			digits++
		}
	}
	if digits <= maxDigits && word.MatchString(t) && !secrets.MatchString(t) && RedactKeys(t) == t {
		return t
	}
	return "_OTHER"
}

const maxErrorText = 2048

// errorText returns what err says, redacted: it may quote what was asked.
func (c *config) errorText(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("%T, whose text cannot be had", err)
		}
	}()
	msg := err.Error()
	if msg == "" {
		msg = fmt.Sprintf("%T without a text", err) // its type is in error.type
	}
	return cut(c.scrub(secrets.ReplaceAllString(valid(msg), "[key]")), maxErrorText)
}
