package callback

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"slices"
)

// A PanicError is the error of a run whose code panicked. The panic goes on
// after the run has ended.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked, as debug.Stack writes it
}

// newPanicError returns the error of a panic with v, which may be a PanicError
// that was handed on from another goroutine.
func newPanicError(v any) *PanicError {
	if p, ok := v.(*PanicError); ok && p != nil {
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Error returns the panic's value as text.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// ErrorType returns "panic".
func (e *PanicError) ErrorType() string { return "panic" }

// ErrGoexit is the error of a run whose goroutine was ended by runtime.Goexit.
var ErrGoexit error = goexitError{}

type goexitError struct{}

func (goexitError) Error() string { return "goroutine exited before the run ended" }

// ErrorType returns "goexit".
func (goexitError) ErrorType() string { return "goexit" }

// ErrorType returns the low-cardinality name of err for the span attribute
// error.type: what the error says of itself by a method ErrorType() string
// (the API's code, "stream_truncated", "panic", ...), "timeout" and "canceled"
// for an ended context, a few words for failures of the network, else "_OTHER".
// It returns "" for nil.
func ErrorType(err error) string { return errorTypeContained(err) }

func errorType(err error) string {
	if err == nil {
		return ""
	}
	var own interface{ ErrorType() string }
	if errors.As(err, &own) {
		return own.ErrorType()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	for _, n := range networkErrors {
		if slices.ContainsFunc(n.errs, func(e error) bool { return errors.Is(err, e) }) {
			return n.name
		}
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "stream_truncated"
	case errors.Is(err, io.EOF): // in place of an answer
		return "connection_closed"
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return "certificate_error"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "dns_error"
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	return "_OTHER"
}

// A networkError is what the errors of a system that mean the same are called.
type networkError struct {
	name string
	errs []error
}
