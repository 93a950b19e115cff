package openai

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/sashabaranov/go-openai"
)

// Some servers refuse a stream_options that they do not know. Where it was there
// on the handlers' behalf alone, the request is sent again without it, and such a
// server is not asked again.

// refusesUsage reports whether an answer with this status and text is about
// having been asked for the usage of a stream.
func refusesUsage(status int, text string) bool {
	return (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) &&
		(strings.Contains(text, "stream_options") || strings.Contains(text, "include_usage"))
}

// refusedUsage is refusesUsage for an error of go-openai's.
func refusedUsage(err error) bool {
	var said *openai.APIError
	if errors.As(err, &said) {
		text := said.Message
		if said.Param != nil {
			text += " " + *said.Param
		}
		return refusesUsage(said.HTTPStatusCode, text)
	}
	var other *openai.RequestError
	return errors.As(err, &other) && refusesUsage(other.HTTPStatusCode, string(other.Body))
}

// refusedIn is refusesUsage for a response, whose body it closes if so. Else the
// body is as it was.
func refusedIn(resp *http.Response) bool {
	if resp == nil || resp.Body == nil || !refusesUsage(resp.StatusCode, "stream_options") {
		return false
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxTail))
	if err == nil && refusesUsage(resp.StatusCode, string(said)) {
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
	if c.usage != UsageObserved || c.refused.Load() || a.before != nil && a.before.IncludeUsage {
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

// sendAsking sends the request, and if the server will not be asked, once more
// as the caller made it.
func sendAsking[S any](a *asking, send func() (S, error)) (S, error) {
	s, err := send()
	if !a.hidden || err == nil || !refusedUsage(err) {
		return s, err
	}
	a.client.refused.Store(true)
	*a.options, a.hidden = a.before, false
	return send()
}

// streamOptions returns the options of a stream that brings its usage, or not.
func streamOptions(usage bool) *openai.StreamOptions {
	if !usage {
		return nil
	}
	return &openai.StreamOptions{IncludeUsage: true}
}
