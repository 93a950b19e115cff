package openai

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/sashabaranov/go-openai"
)

// Options configure a [Model] or an [Embedder]. The zero value works.
type Options struct {
	Model    string             // for requests that name none
	Provider string             // OpenTelemetry's name; "" derives it from the configuration
	Handlers []callback.Handler // told of every call of this model
	Prices   *price.Book        // nil is the built-in book
	Usage    StreamUsage        // when a streamed request of a Model asks for its usage
	Batch    int                // inputs that an Embedder sends in one request; 0 is 2,048, OpenAI's limit
}

// StreamUsage says when a streamed request asks the API for its usage
// (stream_options.include_usage).
type StreamUsage int

const (
	// UsageObserved asks when the request does or somebody listens. What was
	// asked for the listeners is not handed to the caller. Where a server refuses
	// to be asked, the request is sent again as the caller made it, and later ones
	// for the model do not ask. As not every server says what it refuses, any
	// answer of 400 or 422 has the request sent again until one that asks has been
	// taken; two that pass only so settle it. So do two of a server that has taken
	// others and says now that it refuses to be asked.
	UsageObserved StreamUsage = iota
	// UsageAsked asks only when the request does. Usage is then estimated for the
	// listeners.
	UsageAsked
)

// A Model is a chat or text completion model behind an API of OpenAI's dialect.
// It announces each call as a run. It may be used concurrently.
type Model struct {
	announced llm.Model
	backend   *backend
}

var _ callback.Announcer = (*Model)(nil)

// New returns a chat model that sends requests as cfg says. Vocabularies and
// prices are loaded in the background from now on. cfg is not changed.
func New(cfg openai.ClientConfig, o Options) *Model {
	return newModel(cfg, o, llm.APIChat, (*backend).chat)
}

func newModel(cfg openai.ClientConfig, o Options, api string, translate func(*backend, *llm.Request) (call, error)) *Model {
	b := &backend{connection: connect(cfg, o, api), usage: o.Usage, translate: translate}
	return &Model{callback.Model(b, o.Handlers...), b}
}

// Chat implements [llm.Model]. What the API refuses, or reports in the stream, is
// an [*llm.Error]; errors.As finds go-openai's own error in it, where there is
// one. A request that cannot be sent is an error before anything is.
func (m *Model) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return m.announced.Chat(ctx, req)
}

// WithHandlers returns a Model with further handlers.
func (m *Model) WithHandlers(hs ...callback.Handler) llm.Model {
	return &Model{callback.Model(m.announced, hs...), m.backend}
}

// Endpoint says where the calls go.
func (m *Model) Endpoint() llm.Endpoint { return m.backend.endpoint }

// A backend makes the calls that a Model announces.
type backend struct {
	connection
	usage     StreamUsage
	stances   stances
	translate func(*backend, *llm.Request) (call, error)
}

// A call is a request in go-openai's form, ready to be sent. Whoever sends it
// reads the answer from the tap, or from the stream.
type call interface {
	plain(context.Context, *openai.Client) error
	stream(ctx context.Context, c *openai.Client, usage bool) (stream, error)
}

// A stream is one of go-openai's, whatever it is a stream of.
type stream interface {
	RecvRaw() ([]byte, error)
	Close() error
}

// Chat makes one call. The announcement guards against a second range.
func (b *backend) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		fail := func(err error) { yield(llm.Chunk{}, err) }
		if ctx == nil {
			ctx = context.Background()
		}
		if req == nil || len(req.Messages) == 0 {
			fail(llm.ErrNoMessages)
			return
		}
		c, err := b.translate(b, req)
		if err != nil {
			fail(err)
			return
		}
		if !req.Stream {
			b.plain(ctx, c, yield)
			return
		}
		var q question
		if !req.StreamUsage && b.usage == UsageObserved && callback.Enabled(ctx) {
			q = b.stances.ask(asked{model: req.Model})
		}
		b.stream(ctx, c, req.StreamUsage, q, yield)
	}
}

// plain makes a call without streaming: one chunk for each choice.
func (b *backend) plain(ctx context.Context, c call, yield func(llm.Chunk, error) bool) {
	ctx, t := withTap(withOwnAttempts(ctx))
	if err := c.plain(ctx, b.client); err != nil {
		yield(llm.Chunk{}, convertError(err, t))
		return
	}
	f := frame{whole: true, text: b.text()}
	if err := f.decode(t.body); err != nil {
		yield(llm.Chunk{}, err)
		return
	}
	if f.failure != nil {
		yield(llm.Chunk{}, f.failure)
		return
	}
	empty := true
	if !f.chunks(false, func(c llm.Chunk) bool {
		empty = empty && !c.HasContent() && c.Finish == ""
		return yield(c, nil)
	}) {
		return
	}
	if empty {
		yield(llm.Chunk{}, llm.ErrEmpty)
	}
}

// stream makes a streamed call, which also asks for its usage if q does.
func (b *backend) stream(ctx context.Context, c call, usage bool, q question, yield func(llm.Chunk, error) bool) {
	ctx = withOwnAttempts(ctx)
	tapped, t := withTap(ctx)
	hidden := q.stance != nil
	s, err := c.stream(tapped, b.client, usage || hidden)
	if hidden {
		doubt := noDoubt
		if err != nil {
			doubt = q.stance.afterError(err)
		}
		if doubt != noDoubt {
			hidden = false
			tapped, t = withTap(ctx)
			s, err = c.stream(tapped, b.client, false)
		}
		if err == nil {
			q.took(doubt)
		}
	}
	if err != nil {
		yield(llm.Chunk{}, convertError(err, t))
		return
	}
	defer s.Close()
	var (
		f    = frame{text: b.text()}
		done progress
	)
	for ended := false; !ended; {
		raw, err := s.RecvRaw()
		switch {
		case errors.Is(err, io.EOF):
			// go-openai drops a last line that has no line feed.
			if raw = t.lastLine(); raw == nil {
				if err := done.missing(t, f.reasons); err != nil {
					yield(llm.Chunk{}, err)
				}
				return
			}
			ended = true
		case err != nil || raw == nil:
			yield(llm.Chunk{}, convertError(err, t))
			return
		}
		if err := f.decode(raw); err != nil {
			if ended && done.missing(t, f.reasons) != nil {
				err = done.missing(t, f.reasons) // the line was cut with the stream
			}
			yield(llm.Chunk{}, err)
			return
		}
		if !f.chunks(hidden, func(c llm.Chunk) bool {
			done.see(&c)
			return yield(c, nil)
		}) {
			return
		}
		done.seeMedia(&f)
		if f.failure != nil {
			yield(llm.Chunk{}, f.failure)
			return
		}
	}
	if err := done.missing(t, f.reasons); err != nil {
		yield(llm.Chunk{}, err)
	}
}
