package openai

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/sashabaranov/go-openai"
)

// Some servers refuse a stream_options that they do not know. Where it was there
// on the handlers' behalf alone, the request is sent again without it.

// A stance is whether a server takes being asked for the usage of its streams.
// One that says that it does not, or takes without what it has refused with, is
// not asked again; the refusals of one that has taken it are about something else,
// unless they say so.
type stance struct{ known atomic.Int32 }

const (
	stanceUnknown int32 = iota
	stanceTakes
	stanceRefuses
)

func (s *stance) refuses() bool { return s.known.Load() == stanceRefuses }

// again reports whether a request that asked, and was answered with this status
// and text, is to be sent without asking.
func (s *stance) again(status int, text string) bool {
	if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
		return false
	}
	if strings.Contains(text, "stream_options") || strings.Contains(text, "include_usage") {
		s.known.Store(stanceRefuses)
		return true
	}
	return s.known.Load() == stanceUnknown
}

// took notes that the server took a request that asked, or one that asked no more.
func (s *stance) took(asked bool) {
	if !asked {
		s.known.Store(stanceRefuses)
	} else if s.known.Load() == stanceUnknown {
		s.known.CompareAndSwap(stanceUnknown, stanceTakes)
	}
}

// afterError is again for an error of go-openai's.
func (s *stance) afterError(err error) bool {
	var said *openai.APIError
	if errors.As(err, &said) {
		text := said.Message
		if said.Param != nil {
			text += " " + *said.Param
		}
		return s.again(said.HTTPStatusCode, text)
	}
	var other *openai.RequestError
	return errors.As(err, &other) && s.again(other.HTTPStatusCode, string(other.Body))
}

// afterResponse is again for a response, whose body it closes if so. Else the
// body is as it was.
func (s *stance) afterResponse(resp *http.Response) bool {
	if resp.Body == nil || resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusUnprocessableEntity {
		return false
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxTail))
	if err == nil && s.again(resp.StatusCode, string(said)) {
		resp.Body.Close()
		return true
	}
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failing{err: err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(said), rest), resp.Body}
	return false
}

// An asking is a streamed request of go-openai's that asks for its usage on the
// handlers' behalf.
type asking struct {
	client  *Client
	options **openai.StreamOptions // of the request
	before  *openai.StreamOptions
	hidden  bool // the caller has not asked
}

// ask makes the request that options are of ask for its usage, unless it does.
func (c *Client) ask(options **openai.StreamOptions) asking {
	a := asking{client: c, options: options, before: *options}
	if c.usage != UsageObserved || c.stance.refuses() || a.before != nil && a.before.IncludeUsage {
		return a
	}
	with := openai.StreamOptions{}
	if a.before != nil {
		with = *a.before // which is the caller's
	}
	with.IncludeUsage = true
	*options, a.hidden = &with, true
	return a
}

// sendAsking sends the request, and if it may have been refused for what it asks,
// once more as the caller made it.
func sendAsking[S any](a *asking, send func() (S, error)) (S, error) {
	s, err := send()
	if !a.hidden {
		return s, err
	}
	if err != nil && a.client.stance.afterError(err) {
		*a.options, a.hidden = a.before, false
		s, err = send()
	}
	if err == nil {
		a.client.stance.took(a.hidden)
	}
	return s, err
}

// streamOptions returns the options of a stream that brings its usage, or not.
func streamOptions(usage bool) *openai.StreamOptions {
	if !usage {
		return nil
	}
	return &openai.StreamOptions{IncludeUsage: true}
}
