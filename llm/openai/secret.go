package openai

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"github.com/callspan/callspan/llm"
)

// Some servers repeat the key that they refuse. No run is told of it.

// credentials are the headers that keys are sent in.
var credentials = []string{"Authorization", "Api-Key", "X-Api-Key", "X-Goog-Api-Key", "Ocp-Apim-Subscription-Key"}

const (
	minKey   = 8 // of what is shorter no word of a message can be told
	hiddenBy = "[key]"
)

// keysIn yields the keys among the headers of a request.
func keysIn(h http.Header) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, name := range credentials {
			for _, v := range h[name] {
				if scheme, after, ok := strings.Cut(v, " "); ok && name == "Authorization" && scheme != "" {
					v = strings.TrimSpace(after)
				}
				if len(v) >= minKey && !yield(v) {
					return
				}
			}
		}
	}
}

// withoutKeys returns err, without the keys that the request was sent with.
func withoutKeys(err error, sent *http.Request) error {
	var e *llm.Error
	if sent == nil || !errors.As(err, &e) {
		return err
	}
	for key := range keysIn(sent.Header) {
		e.Message = strings.ReplaceAll(e.Message, key, hiddenBy)
		e.Code = strings.ReplaceAll(e.Code, key, hiddenBy)
		e.Type = strings.ReplaceAll(e.Type, key, hiddenBy)
	}
	return err
}

// textWithoutKeys is withoutKeys for a text.
func textWithoutKeys(text []byte, sent *http.Request) []byte {
	for key := range keysIn(sent.Header) {
		text = bytes.ReplaceAll(text, []byte(key), []byte(hiddenBy))
	}
	return text
}
