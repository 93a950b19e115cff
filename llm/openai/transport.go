package openai

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

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
// listens, and the event that comes of it is kept from the client, for which the
// stream comes uncompressed; the null that some servers then have for usage in all
// other events passes. Where llama.cpp has put its timings there, which it sends
// anyway, the event passes without the usage. A server that sends that event
// unasked cannot be told from others: with [UsageAsked] it passes.
//
// Of the content codings that a client accepts, those that cannot be read along
// (all but gzip and deflate) are not passed on. A client that accepts no other
// gets one; its runs have neither text nor usage then, and a warning says so once.
//
// Set the fields before use. A Transport may be used concurrently.
type Transport struct {
	Base     http.RoundTripper  // sends the requests; nil is http.DefaultTransport
	Handlers []callback.Handler // told of every call, besides those of the context
	Provider string             // OpenTelemetry's name; "" derives it from the host
	Prices   *price.Book        // nil is the built-in book
	Usage    StreamUsage        // when a streamed request asks for its usage

	stances stances
	opaque  sync.Once // says that an answer cannot be read along
}

// NewTransport returns a Transport over base, which may be nil, and loads
// vocabularies and prices in the background.
func NewTransport(base http.RoundTripper, handlers ...callback.Handler) *Transport {
	token.Preload("")
	price.Preload()
	return &Transport{Base: base, Handlers: handlers}
}

// RoundTrip implements [http.RoundTripper]. Errors are those of Base, or the
// [*callback.BudgetError] of a budget that does not let the request through.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.do(req, t.base().RoundTrip)
}

// CloseIdleConnections closes those of Base, where it can. [http.Client] has a
// method of this name that calls it.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

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
	upload := readUpload(req)
	call := t.describe(api, req, upload)
	ctx, run, err := callback.Open(req.Context(), call.info, t.Handlers...)
	if err != nil {
		upload.close()
		return nil, err
	}
	returned := false
	defer endOther(run, &returned)
	ctx = withAttempts(ctx)
	resp, err := upload.send(ctx, req, call.hidden, send)
	if call.hidden && err == nil && resp != nil {
		doubt := call.stance.afterResponse(resp)
		if doubt != noDoubt {
			upload.undo()
			call.hidden = false
			resp, err = upload.send(ctx, req, false, send)
		}
		if err == nil && resp != nil && resp.StatusCode/100 == 2 {
			call.took(doubt)
		}
	}
	returned = true
	switch {
	case err != nil:
		run.End(err)
		return resp, run.Err(err)
	case resp == nil || resp.Body == nil:
		run.End(errNoBody)
	case resp.StatusCode == http.StatusSwitchingProtocols: // whose body is a connection
		run.End(errSwitched)
	default:
		run.Event(callback.Event{Kind: callback.EventHTTP, Data: exchange{req.Header, resp.Header}})
		resp = observe(resp, run, api, call.asked, call.hidden)
		if b := resp.Body.(*body); b.opaque {
			t.opaque.Do(func() { warnOpaque(req.URL.Host, b.coding()) })
		}
	}
	return resp, nil
}

func warnOpaque(host, coding string) {
	slog.Warn("callopenai: an answer comes in a content coding that cannot be read along, so such calls have no text, usage and cost;"+
		" let the client accept gzip, deflate or none", "host", host, "coding", coding)
}

var (
	errNoBody   = fmt.Errorf("%w: no body", llm.ErrMalformed)
	errSwitched = fmt.Errorf("%w: another protocol", llm.ErrMalformed)
)

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
	case strings.HasSuffix(path, "/responses"), strings.HasSuffix(path, "/responses/compact"):
		return llm.APIResponses, true
	case strings.HasSuffix(path, "/embeddings"):
		return apiEmbeddings, true
	}
	return "", false
}

// A described is a call as its handlers see it.
type described struct {
	info   *callback.Info
	asked  bool // for a stream
	hidden bool // the usage is asked for on their behalf
	question
}

func (t *Transport) describe(api string, req *http.Request, u *upload) described {
	e := t.endpoint(req.URL, api)
	info := &callback.Info{Kind: callback.KindLLM, Prices: t.Prices, Resend: resends(req.Header)}
	w, ok := readRequest(api, u.body)
	d := described{info: info}
	if api == apiEmbeddings {
		info.Kind, e.API = callback.KindEmbedding, ""
		info.Input = w.embed
	} else {
		w.Stream = w.Stream || !ok && req.Header.Get("Accept") == eventStream
		info.Input, d.asked = w.Request, w.Stream
		if ok && w.Stream && !w.settled && t.Usage == UsageObserved && !strict(req.Header["Accept-Encoding"]) && !signed(req.Header) {
			d.question = t.stances.ask(asked{req.URL.Host, req.URL.Path, cmp.Or(w.Model, e.Model)})
			d.hidden = d.stance != nil && u.askUsage()
		}
	}
	info.Endpoint = e
	info.Meter = meterOf(e.Model, e.API, ok && !w.partial)
	info.Name = info.Model()
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
	if _, after, ok := strings.Cut(u.EscapedPath(), "/deployments/"); ok {
		e.Model, _, _ = strings.Cut(after, "/")
		if plain, err := url.PathUnescape(e.Model); err == nil {
			e.Model = plain
		}
		if e.Provider == "" && providerOf("", e.Address, e.Port) == e.Address && u.Query().Has("api-version") {
			e.Provider = "azure.ai.openai" // Azure's dialect under a name of its own
		}
	}
	if e.Provider == "" {
		e.Provider = providerOf("", e.Address, e.Port)
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

// observe returns a copy of from with a body that tells run what passes. The
// transport below may hold on to its own, as HTTP/2 does, which must not lead to
// the body.
func observe(from *http.Response, run *callback.Call, api string, asked, hidden bool) *http.Response {
	own := *from
	resp := &own
	b := newBody(resp, run, api, asked, hidden)
	b.from = from
	resp.Body = b
	if b.filter != nil {
		// The event that is left out is in what the server announced.
		resp.ContentLength = -1
		resp.Header = resp.Header.Clone()
		resp.Header.Del("Content-Length")
		resp.Header.Del("Content-Encoding")
	}
	run.Holding()
	return resp
}

var errCollected = abandoned("response body was dropped without being closed")

type abandoned string

func (e abandoned) Error() string   { return string(e) }
func (abandoned) ErrorType() string { return "abandoned" }

// statusError returns what a failed response says.
func statusError(resp *http.Response, body []byte) error {
	e := foreignError(body)
	if e == nil {
		e = &llm.Error{Message: bodyText(resp.Status, resp.StatusCode, body)}
	}
	e.Status, e.RetryAfter = resp.StatusCode, retryAfter(resp.Header)
	if e.Err == nil {
		e.Err = errors.New(resp.Status)
	}
	return e
}

// An exchange is what an EventHTTP tells.
type exchange struct{ request, response http.Header }

// Headers returns the headers, which must not be changed.
func (e exchange) Headers() (request, response http.Header) { return e.request, e.response }

// String says nothing of the headers, which hold credentials.
func (e exchange) String() string { return "round trip" }
