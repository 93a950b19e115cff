package llm

import (
	"strconv"
	"time"
)

// An Error is a failure that the provider reported, in the response or inside
// the stream. Err is the client library's own error and is found by errors.As.
type Error struct {
	Code       string        // the API's code, such as "model_not_found"
	Type       string        // the API's type, such as "invalid_request_error"
	Status     int           // HTTP status, 0 if the stream brought the error
	Message    string        // the API's words
	RetryAfter time.Duration // how long the provider asks to wait; 0 if it does not say
	Err        error         // the client library's, may be nil
}

// Error returns the API's message with the status before it.
func (e *Error) Error() string {
	msg := e.Message
	if msg == "" && e.Err != nil {
		msg = e.Err.Error()
	}
	if msg == "" {
		msg = e.ErrorType()
	}
	if status := strconv.Itoa(e.Status); e.Status != 0 && msg != status {
		return status + ": " + msg
	}
	return msg
}

// Unwrap returns the client library's error.
func (e *Error) Unwrap() error { return e.Err }

// ErrorType returns the API's code, else its type, else the HTTP status: the
// value of the span attribute error.type.
func (e *Error) ErrorType() string {
	switch {
	case e.Code != "":
		return e.Code
	case e.Type != "":
		return e.Type
	case e.Status != 0:
		return strconv.Itoa(e.Status)
	}
	return "_OTHER"
}

type sentinel struct{ text, kind string }

func (s *sentinel) Error() string     { return s.text }
func (s *sentinel) ErrorType() string { return s.kind }

var (
	// ErrTruncated ends a stream that stopped without a finish reason.
	ErrTruncated error = &sentinel{"stream ended without a finish reason", "stream_truncated"}
	// ErrEmpty ends a call that brought neither content nor a finish reason.
	ErrEmpty error = &sentinel{"response without content", "empty_response"}
	// ErrMalformed ends a call whose response cannot be read.
	ErrMalformed error = &sentinel{"malformed response", "malformed_response"}
	// ErrConsumed is yielded by a sequence that is ranged over again.
	ErrConsumed error = &sentinel{"stream was already consumed", "already_consumed"}
	// ErrNoMessages refuses a request that says nothing.
	ErrNoMessages error = &sentinel{"request has no messages", "no_messages"}
	// ErrNoInputs refuses an embedding request without a text.
	ErrNoInputs error = &sentinel{"request has no inputs", "no_inputs"}
)
