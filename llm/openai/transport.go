package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/callspan/callspan/llm/token"
)

// A Transport is an [http.RoundTripper] that announces the calls of any client
// library to a model API of OpenAI's dialect: chat completions, completions,
// responses and embeddings, streamed or not. Requests to other paths pass
// untouched.
//
// A request is one run, from its start to the end of its response's body: where
// the body ends, fails or is closed, where the context ends, or where the body
// is collected without having been closed. A client that tries again makes
// several runs; [callback.Info.Resend] tells how often it has, where the client
// says so. Under a [Model] or a wrapped [Client] the requests are attempts of
// that one's run.
//
// The bytes that pass are not changed, but for one thing: a streamed request
// that does not ask for its usage is made to (see [StreamUsage]) when somebody
// listens, and the event that comes of it is kept from the client.
//
// Set the fields before use. A Transport may be used concurrently.
type Transport struct {
	Base     http.RoundTripper  // sends the requests; nil is http.DefaultTransport
	Handlers []callback.Handler // told of every call, besides those of the context
	Provider string             // OpenTelemetry's name; "" derives it from the host
	Prices   *price.Book        // nil is the built-in book
	Usage    StreamUsage
}

// NewTransport returns a Transport over base, which may be nil, and loads
// vocabularies and prices in the background.
func NewTransport(base http.RoundTripper, handlers ...callback.Handler) *Transport {
	token.Preload("")
	price.Preload()
	return &Transport{Base: base, Handlers: handlers}
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return t.do(req, base.RoundTrip)
}

// maxBody bounds the requests that are read before they are sent. What is
// longer is sent as it comes, and its prompt is not known.
const maxBody = 64 << 20

// do sends req with send, as a run if it is a call that somebody listens to.
func (t *Transport) do(req *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	api, ok := apiOf(req)
	if !ok {
		return send(req)
	}
	if a := attemptsOf(req.Context()); a != nil {
		a.see(req.Context())
		return a.keep(send(req))
	}
	if !callback.Enabled(req.Context(), t.Handlers...) {
		return send(req)
	}
	body, rest, err := readBody(req)
	if err != nil {
		return nil, err
	}
	call := t.describe(api, req, body, rest)
	ctx, run, err := callback.Open(req.Context(), call.info, t.Handlers...)
	if err != nil {
		return nil, err
	}
	if call.hidden {
		body = askUsage(body)
	}
	resp, err := send(withBody(req, ctx, body, rest))
	if err != nil {
		run.End(err)
		return resp, run.Err(err)
	}
	return observe(resp, run, api, call.hidden), nil
}

// apiOf returns which API req calls.
func apiOf(req *http.Request) (api string, ok bool) {
	if req.Method != http.MethodPost || req.URL == nil || req.Body == nil {
		return "", false
	}
	path := strings.TrimSuffix(req.URL.Path, "/")
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		return llm.APIChat, true
	case strings.HasSuffix(path, "/completions"):
		return llm.APICompletions, true
	case strings.HasSuffix(path, "/responses"):
		return llm.APIResponses, true
	case strings.HasSuffix(path, "/embeddings"):
		return apiEmbeddings, true
	}
	return "", false
}

// readBody reads what req sends. If that is more than maxBody, rest is what has
// not been read.
func readBody(req *http.Request) (body []byte, rest io.ReadCloser, err error) {
	buf := new(bytes.Buffer)
	if n := req.ContentLength; n > 0 && n <= maxBody {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(req.Body, maxBody+1))
	if err == nil && n > maxBody {
		return buf.Bytes(), req.Body, nil
	}
	req.Body.Close()
	return buf.Bytes(), nil, err
}

// withBody returns a copy of req that sends body, and then rest.
func withBody(req *http.Request, ctx context.Context, body []byte, rest io.ReadCloser) *http.Request {
	out := req.WithContext(ctx)
	if rest != nil {
		out.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), rest), rest}
		return out
	}
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	if out.ContentLength >= 0 || len(body) > 0 {
		out.ContentLength = int64(len(body))
	}
	return out
}

// A described is a call as its handlers see it.
type described struct {
	info   *callback.Info
	hidden bool // the usage is asked for on their behalf
}

func (t *Transport) describe(api string, req *http.Request, body []byte, rest io.ReadCloser) described {
	e := t.endpoint(req.URL, api)
	info := &callback.Info{Kind: callback.KindLLM, Prices: t.Prices, Resend: resends(req.Header)}
	var d described
	w, ok := wireRequest{}, false
	if rest == nil {
		w, ok = readRequest(api, body)
	}
	if api == apiEmbeddings {
		info.Kind, e.API = callback.KindEmbedding, ""
		if w.embed == nil {
			w.embed = &llm.EmbedRequest{}
		}
		info.Input = w.embed
	} else {
		if w.Request == nil {
			w.Request = &llm.Request{Stream: req.Header.Get("Accept") == eventStream}
		}
		info.Input = w.Request
		// What the client has compressed by itself cannot be held back.
		plain := req.Header.Get("Accept-Encoding") == "" || req.Header.Get("Accept-Encoding") == "identity"
		d.hidden = ok && w.Stream && !w.settled && plain && t.Usage == UsageObserved
	}
	info.Endpoint = e
	if ok && !w.partial {
		info.Meter = token.Meter{Model: e.Model, API: e.API}
	}
	info.Name = info.Model()
	d.info = info
	return d
}

const eventStream = "text/event-stream"

// endpoint says where u leads. Azure has the model in the path.
func (t *Transport) endpoint(u *url.URL, api string) llm.Endpoint {
	e := llm.Endpoint{Provider: t.Provider, Address: u.Hostname(), API: api}
	var err error
	if e.Port, err = strconv.Atoi(u.Port()); err != nil {
		e.Port = 443
		if u.Scheme == "http" {
			e.Port = 80
		}
	}
	if _, after, ok := strings.Cut(u.Path, "/deployments/"); ok {
		e.Model, _, _ = strings.Cut(after, "/")
		if e.Provider == "" && providerOf("", e.Address) == e.Address && u.Query().Has("api-version") {
			e.Provider = "azure.ai.openai" // Azure's dialect under a name of its own
		}
	}
	if e.Provider == "" {
		e.Provider = providerOf("", e.Address)
	}
	return e
}

// resends returns how often the client says to have sent the request before.
func resends(h http.Header) int {
	n, err := strconv.Atoi(h.Get("X-Stainless-Retry-Count")) // of OpenAI's own libraries
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// observe returns resp with a body that tells run what passes.
func observe(resp *http.Response, run *callback.Call, api string, hidden bool) *http.Response {
	out := *resp
	out.Body = newBody(resp, run, api, hidden)
	if hidden {
		// The event that is kept back is not in what the server announced.
		out.ContentLength = -1
		out.Header = resp.Header.Clone()
		out.Header.Del("Content-Length")
	}
	run.Holding()
	return &out
}

var errCollected = abandoned("response body was dropped without being closed")

type abandoned string

func (e abandoned) Error() string   { return string(e) }
func (abandoned) ErrorType() string { return "abandoned" }

// statusError returns what a failed response says.
func statusError(resp *http.Response, body []byte) error {
	e := foreignError(body)
	if e == nil {
		text := strings.TrimSpace(string(body))
		e = &llm.Error{Message: http.StatusText(resp.StatusCode)}
		if text != "" && !strings.HasPrefix(text, "<") {
			e.Message += ": " + shorten(text)
		}
	}
	e.Status, e.RetryAfter = resp.StatusCode, retryAfter(resp.Header)
	if e.Err == nil {
		e.Err = errors.New(resp.Status)
	}
	return e
}
