package standin

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An API answers chat completions, text completions, responses and embeddings. The zero
// value works: it repeats what the user said, and gives texts that share words
// vectors that are near. Set the fields before the first request; after that its
// methods may be called concurrently.
type API struct {
	// Reply answers a request for a chat, a completion or a response. A [*Failure] among its errors is
	// sent as it says, any other error as status 500.
	Reply func(context.Context, *Request) (Reply, error)

	// Script changes how a request is answered; nil, and a nil script, play the
	// ordinary answer. See [Scenario.Script].
	Script func(*Request) Script

	// Split cuts a text into the tokens of a model. They become chunks, joined
	// where a token ends inside a rune, and are counted. nil cuts into words.
	Split func(model, text string) []string

	// Count counts the tokens of a chat prompt. nil applies OpenAI's rule for plain
	// messages to what Split yields. Other prompts have the tokens that Split yields.
	Count func(*Request) int

	// Models maps the names that may be asked for, for whatever, to the ones that
	// answer. nil is tables of OpenAI's models, each for its own kind of request. A
	// name that answers may be asked for too.
	Models map[string]string

	// Keys are the bearer keys that are let in; with none every key is right.
	Keys []string

	Pace Pace

	mu       sync.Mutex
	requests []Request
	calls    int
	reported Usage
	cache    promptCache
}

// A Pace is the speed of an answer. The zero value does not wait.
type Pace struct {
	FirstToken time.Duration // from the start of the answer to its first token
	PerSecond  float64       // tokens per second after that, 0 = no waiting
}

// interval returns the time between two tokens.
func (p Pace) interval() time.Duration {
	if p.PerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / p.PerSecond)
}

// keep bounds the requests that are remembered; the older half goes when it is
// reached.
const keep = 4096

// Requests returns the requests received so far in order of arrival, whatever
// was answered. At least the last 2,048 are kept.
func (a *API) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Request(nil), a.requests...)
}

// Reported returns the sum of the usages that were sent to clients.
func (a *API) Reported() Usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reported
}

// ServeHTTP answers POST /v1/chat/completions, /v1/completions, /v1/responses
// and /v1/embeddings, and GET /v1/models.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client broke off while sending
	}
	req := a.record(r, body)
	p := newPlayer(w, r.Context(), req.Stream)
	if f := a.refuse(r); f != nil {
		p.play(f.script(), nil)
		return
	}
	if r.URL.Path == pathModels {
		p.play(a.listModels(), nil)
		return
	}
	if f := req.check(); f != nil {
		p.play(f.script(), nil)
		return
	}
	model, f := a.resolve(&req)
	if f != nil {
		p.play(f.script(), nil)
		return
	}
	var ordinary Script
	var usage Usage
	if req.Path == pathEmbeddings {
		ordinary, usage = a.embed(&req, model)
	} else {
		ordinary, usage = a.answer(r.Context(), &req, model)
	}
	p.reported = func() { a.report(usage) }
	var script Script
	if a.Script != nil {
		script = a.Script(&req)
	}
	p.play(script, ordinary)
}

const (
	pathChat        = "/v1/chat/completions"
	pathCompletions = "/v1/completions"
	pathResponses   = "/v1/responses"
	pathEmbeddings  = "/v1/embeddings"
	pathModels      = "/v1/models"
)

// method returns the method by which a path is asked, "" if there is none such.
func method(path string) string {
	switch path {
	case pathChat, pathCompletions, pathResponses, pathEmbeddings:
		return http.MethodPost
	case pathModels:
		return http.MethodGet
	}
	return ""
}

// refuse returns what is wrong with the address or the key of r, if anything.
func (a *API) refuse(r *http.Request) *Failure {
	want := method(r.URL.Path)
	switch {
	case want == "":
		return &Failure{Status: http.StatusNotFound, Type: "invalid_request_error",
			Message: "Invalid URL (" + r.Method + " " + r.URL.Path + ")"}
	case want != r.Method:
		return &Failure{Status: http.StatusMethodNotAllowed, Type: "invalid_request_error",
			Message: "Not allowed to " + r.Method + " on " + r.URL.Path + "."}
	}
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return a.wrongKey(key)
}

// record remembers a request and returns it decoded as far as it can be.
func (a *API) record(r *http.Request, body []byte) Request {
	req := Request{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
	if req.Header.Get("Authorization") != "" {
		req.Header.Set("Authorization", "(left out)")
	}
	req.decode()
	a.mu.Lock()
	defer a.mu.Unlock()
	if method(req.Path) == http.MethodPost {
		req.Index = a.calls
		a.calls++
	}
	if len(a.requests) == keep {
		a.requests = append(a.requests[:0], a.requests[keep/2:]...)
	}
	a.requests = append(a.requests, req)
	return req
}

func (a *API) report(u Usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reported.add(u)
}
