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
// a stream. Gateways send the calls of each path and model elsewhere. The zero
// value knows nothing.
type stances struct {
	mu sync.Mutex
	of map[asked]*stance
}

// asked is who is asked: where a door has several, by host and path.
type asked struct{ host, path, model string }

// What is remembered is bounded: how many, and how long their names are.
const (
	maxStances   = 1000
	maxAskedName = 1 << 10
)

// A question is what one request does about it.
type question struct {
	stance *stance // nil if it does not ask
	then   int32   // what was known when it was made
}

// ask returns the question of a request to the given one.
func (s *stances) ask(of asked) question {
	known := s.get(of)
	then := known.known.Load()
	if then == stanceRefuses {
		return question{}
	}
	return question{known, then}
}

func (s *stances) get(of asked) *stance {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.of[of]
	if known != nil {
		return known
	}
	known = new(stance)
	if len(of.host)+len(of.path)+len(of.model) > maxAskedName {
		return known
	}
	if s.of == nil {
		s.of = map[asked]*stance{}
	}
	if len(s.of) >= maxStances {
		for other := range s.of { // any, so that names that nobody has do not stay
			delete(s.of, other)
			break
		}
	}
	// The names may be parts of a large request.
	s.of[asked{strings.Clone(of.host), strings.Clone(of.path), strings.Clone(of.model)}] = known
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

// took notes that the server took a request: the one that asked or, after a doubt,
// one that did not. A refusal that says nothing may have been by chance, and one by
// a server that has taken others by one of its replicas. So it has to be two, of
// which the second was asked after the first: what is under way together may meet
// with the same chance.
func (q question) took(after doubt) {
	known := &q.stance.known
	switch {
	case after == noDoubt:
		if !known.CompareAndSwap(stanceUnknown, stanceTakes) {
			known.CompareAndSwap(stanceDoubted, stanceTakes)
		}
	case q.then == stanceDoubted, q.then == stanceUnknown && after == isAsking:
		known.CompareAndSwap(q.then, stanceRefuses)
	default:
		known.CompareAndSwap(q.then, stanceDoubted)
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
	question                        // without a stance if it does not
	options  **openai.StreamOptions // of the request
	before   *openai.StreamOptions
	hidden   bool // the caller has not asked
}

// ask makes the request to path that options are of ask for its usage, unless it does.
func (c *Client) ask(options **openai.StreamOptions, path, model string) asking {
	a := asking{options: options, before: *options}
	if c.usage != UsageObserved || a.before != nil && a.before.IncludeUsage {
		return a
	}
	if a.question = c.stances.ask(asked{path: path, model: model}); a.stance == nil {
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
		a.took(doubt)
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
