package openai

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"

	"github.com/callspan/callspan/llm"
)

// notEvents is the error of an answer in which no event has come but something
// else: the page of a network that wants a sign-in, perhaps. What it says is not
// told, since it may be content.
func notEvents(h http.Header) error {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("%w: not a stream of events", llm.ErrMalformed)
	}
	return fmt.Errorf("%w: not a stream of events, of type %s", llm.ErrMalformed, shorten(kind))
}

// A start is how a response begins, but for spaces. Its pieces may be of any size.
type start struct {
	b [16]byte // more than any of eventKeys, behind a byte order mark
	n int
}

func (s *start) see(p []byte) {
	if s.n == 0 {
		p = bytes.TrimLeft(p, " \t\r\n")
	}
	s.n += copy(s.b[s.n:], p)
}

var eventKeys = [...]string{"data:", "event:", "id:", "retry:", ":"}

// strange reports whether neither a stream of events nor an answer in JSON begins
// like this.
func (s *start) strange() bool {
	b := bytes.TrimPrefix(s.b[:s.n], mark)
	if len(b) == 0 || b[0] == '{' {
		return false
	}
	for _, key := range eventKeys {
		if n := min(len(key), len(b)); string(b[:n]) == key[:n] {
			return false
		}
	}
	return true
}
