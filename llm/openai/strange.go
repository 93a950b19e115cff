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

// strange reports whether there is a line among b that neither a stream of events
// nor an answer in JSON begins with.
func strange(b []byte) bool {
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		name, _, _ := bytes.Cut(line, []byte(":"))
		if len(line) > 0 && line[0] == '{' {
			return false
		}
		switch string(name) {
		case "", "data", "event", "id", "retry":
		default:
			return true
		}
	}
	return false
}
