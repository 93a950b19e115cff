package openai

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/callspan/callspan/llm/token"
	"github.com/sashabaranov/go-openai"
)

// A Client is go-openai's client, whose calls are announced as runs: chats, text
// completions, responses, embeddings, images, audio and moderations. The methods
// have the names, parameters and results of go-openai's, and give what those
// give: the same values and the same errors. Only the streams have types of
// their own here, with the same methods. What is not a call to a model passes
// through the embedded client; so do Edits, which OpenAI has taken away, and what
// only sets a model to work, such as the runs of assistants and batches.
//
// A run begins with the call. It ends when the call returns, or where its stream
// ends, fails or is closed, where the context ends, or where the stream is
// collected without having been closed. A stream that ends with io.EOF before
// its answer is whole still does so, and its run says that it was truncated.
//
// Streams are read frame by frame with all that providers send in them. Of calls
// without a stream a Client sees what go-openai keeps, which is neither the cost
// that some providers report nor an error in a response with a status of
// success. Of a stream that is refused go-openai does not keep when the API wants
// to be asked again. Over a client whose configuration went through [WrapConfig]
// a Client sees these too, and there is still one run.
//
// A Client may be used concurrently.
type Client struct {
	*openai.Client
	handlers []callback.Handler
	endpoint llm.Endpoint
	prices   *price.Book
	usage    StreamUsage
	stances  stances
}

// Wrap returns client with its calls announced, to the handlers of each call's
// context and to those of [WithHandlers]. It loads vocabularies and prices in
// the background.
//
// A client does not tell where it sends its calls: say so with [WithBaseURL] or
// [WithProvider]. Without either the provider is "_OTHER", no call has a price,
// and a warning says this once. The calls of a nil client are errors.
func Wrap(client *openai.Client, opts ...WrapOption) *Client {
	token.Preload("")
	price.Preload()
	if client == nil {
		client = openai.NewClientWithConfig(openai.ClientConfig{HTTPClient: noClient{}})
	}
	c := &Client{Client: client}
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
	if c.endpoint.Provider == "" {
		c.endpoint.Provider = "_OTHER"
		unnamed.Do(func() {
			slog.Warn("callopenai: a wrapped client does not tell its provider, so its calls have no price;" +
				" give Wrap the option WithBaseURL or WithProvider")
		})
	}
	return c
}

var unnamed sync.Once

// noClient sends the requests of a client that is nil.
type noClient struct{}

// Do returns an error.
func (noClient) Do(*http.Request) (*http.Response, error) { return nil, errNoClient }

var errNoClient = refusal{errors.New("callopenai: the client given to Wrap is nil: use one of openai.NewClient")}

// A WrapOption tells [Wrap] about a client.
type WrapOption func(*Client)

// WithBaseURL says where the client sends its calls, as its configuration's
// BaseURL does. The provider follows from the host, as for [New].
func WithBaseURL(url string) WrapOption {
	return func(c *Client) {
		e := endpointOf(openai.ClientConfig{BaseURL: url}, Options{Provider: c.endpoint.Provider}, "")
		if e.Address != "" {
			c.endpoint = e
		}
	}
}

// WithProvider names the provider, in OpenTelemetry's words: "openai",
// "azure.ai.openai", "groq" and so on.
func WithProvider(name string) WrapOption {
	return func(c *Client) { c.endpoint.Provider = name }
}

// WithHandlers adds handlers that are told of every call of the client.
func WithHandlers(hs ...callback.Handler) WrapOption {
	return func(c *Client) { c.handlers = append(c.handlers, hs...) }
}

// WithPrices sets the prices of the calls in place of the built-in book.
func WithPrices(book *price.Book) WrapOption {
	return func(c *Client) { c.prices = book }
}

// WithStreamUsage says when a streamed request asks for its usage.
func WithStreamUsage(u StreamUsage) WrapOption {
	return func(c *Client) { c.usage = u }
}

// A request is one that is about to be sent, as its handlers see it.
type request struct {
	kind    callback.Kind
	api     string // one of the llm.API constants; "" for what is not a model's answer
	model   string
	input   any
	unknown bool // the prompt is not all there
}

// open starts the run of a call. The run is nil if nobody listens, and the
// request is then not asked for. An error is a budget's.
func (c *Client) open(ctx context.Context, describe func() request) (context.Context, *callback.Call, error) {
	if ctx == nil || !callback.Enabled(ctx, c.handlers...) {
		return ctx, nil, nil // go-openai says what is wrong without a context
	}
	r := describe()
	info := &callback.Info{Kind: r.kind, Input: r.input, Endpoint: c.endpoint, Prices: c.prices, Name: r.model}
	info.Endpoint.API, info.Endpoint.Model = r.api, r.model
	if r.kind == callback.KindLLM || r.kind == callback.KindEmbedding {
		info.Meter = meterOf(r.model, r.api, !r.unknown)
	}
	return callback.Open(ctx, info, c.handlers...)
}

// whole makes a call whose answer comes in one piece. tell reports the answer to
// the run, and returns what is wrong with it.
func whole[R any](c *Client, ctx context.Context, describe func() request,
	send func(context.Context) (R, error), tell func(*callback.Call, *R) error) (resp R, err error) {
	ctx, run, err := c.open(ctx, describe)
	if err != nil {
		return resp, err
	}
	if run == nil {
		return send(ctx)
	}
	returned := false
	defer endOther(run, &returned)
	ctx = withAttempts(ctx)
	attemptsOf(ctx).listen()
	resp, err = send(ctx)
	switch raw := attemptsOf(ctx).heard(); {
	case err != nil:
		run.End(wholeError(err, headerOf(&resp)))
	case raw != nil && run.Info().Kind == callback.KindLLM:
		run.End(tellRaw(run, raw))
	default:
		run.End(tell(run, &resp))
	}
	returned = true
	return resp, run.Err(err)
}

// endOther ends run where a call has neither returned nor failed. It is to be
// deferred.
func endOther(run *callback.Call, returned *bool) {
	if *returned {
		return
	}
	if p := recover(); p != nil {
		run.End(&callback.PanicError{Value: p, Stack: debug.Stack()})
		panic(p)
	}
	run.End(callback.ErrGoexit)
}
