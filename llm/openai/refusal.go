package openai

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sashabaranov/go-openai"
)

// Some servers refuse a stream_options that they do not know. Where it was there
// on the handlers' behalf alone, the request is sent again without it.

// stances are what is known of whether servers take being asked for the usage of
// a stream. Gateways send the calls of each model elsewhere. The zero value knows
// nothing.
type stances struct {
	mu sync.Mutex
	of map[asked]*stance
}

// asked is who is asked: host and API where a door has several.
type asked struct{ host, api, model string }

// What is remembered is bounded: how many, and how long the names of models are.
const (
	maxStances   = 1000
	maxModelName = 256
)

func (s *stances) get(of asked) *stance {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.of[of]
	if known == nil {
		known = new(stance)
		if s.of == nil {
			s.of = map[asked]*stance{}
		}
		if len(s.of) < maxStances && len(of.model) <= maxModelName {
			of.model = strings.Clone(of.model) // which may be a part of a large request
			s.of[of] = known
		}
	}
	return known
}

// A stance is one of them.
type stance struct{ known atomic.Int32 }

const (
	stanceUnknown int32 = iota
	stanceDoubted       // has refused once, and taken the request without
	stanceTakes         // its refusals are about something else, unless they say so
	stanceRefuses       // is not asked
)

func (s *stance) refuses() bool { return s.known.Load() == stanceRefuses }

// A doubt is why a request is sent again without asking.
type doubt int

const (
	noDoubt     doubt = iota // it is not
	mayBeAsking              // the server does not say what it refuses
	isAsking                 // the server says that it is the asking, or has it in what it says
)

// doubts returns what the answer with this status and text to a request that asked
// gives rise to.
func (s *stance) doubts(status int, text string) doubt {
	switch {
	case !mayRefuse(status):
		return noDoubt
	case strings.Contains(text, "stream_options") || strings.Contains(text, "include_usage"):
		return isAsking
	case s.known.Load() == stanceTakes:
		return noDoubt
	}
	return mayBeAsking
}

func mayRefuse(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
}

// took notes that the server took a request: one that asked or, after a doubt, one
// that did not. A refusal that says nothing may have been by chance, so it has to
// be two.
func (s *stance) took(after doubt) {
	switch after {
	case isAsking:
		s.known.Store(stanceRefuses)
	case mayBeAsking:
		if !s.known.CompareAndSwap(stanceUnknown, stanceDoubted) {
			s.known.CompareAndSwap(stanceDoubted, stanceRefuses)
		}
	default:
		if !s.known.CompareAndSwap(stanceUnknown, stanceTakes) {
			s.known.CompareAndSwap(stanceDoubted, stanceTakes)
		}
	}
}

// afterError is doubts for an error of go-openai's.
func (s *stance) afterError(err error) doubt {
	var said *openai.APIError
	if errors.As(err, &said) {
		text := said.Message
		if said.Param != nil {
			text += " " + *said.Param
		}
		return s.doubts(said.HTTPStatusCode, text)
	}
	var other *openai.RequestError
	if errors.As(err, &other) {
		return s.doubts(other.HTTPStatusCode, string(other.Body))
	}
	return noDoubt
}

// afterResponse is doubts for a response, whose body it closes if there are any.
// Else the body is as it was.
func (s *stance) afterResponse(resp *http.Response) doubt {
	if resp.Body == nil || !mayRefuse(resp.StatusCode) {
		return noDoubt
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxTail))
	if err == nil {
		if d := s.doubts(resp.StatusCode, string(said)); d != noDoubt {
			resp.Body.Close()
			return d
		}
	}
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failing{err: err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(said), rest), resp.Body}
	return noDoubt
}

// An asking is a streamed request of go-openai's that asks for its usage on the
// handlers' behalf.
type asking struct {
	stance  *stance                // nil if it does not
	options **openai.StreamOptions // of the request
	before  *openai.StreamOptions
	hidden  bool // the caller has not asked
}

// ask makes the request that options are of ask for its usage, unless it does.
func (c *Client) ask(options **openai.StreamOptions, api, model string) asking {
	a := asking{options: options, before: *options}
	if c.usage != UsageObserved || a.before != nil && a.before.IncludeUsage {
		return a
	}
	a.stance = c.stances.get(asked{api: api, model: model})
	if a.stance.refuses() {
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
	doubt := noDoubt
	if err != nil {
		if doubt = a.stance.afterError(err); doubt == noDoubt {
			return s, err
		}
		*a.options, a.hidden = a.before, false
		s, err = send()
	}
	if err == nil {
		a.stance.took(doubt)
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
