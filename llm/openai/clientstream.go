package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// A ChatCompletionStream is go-openai's stream of that name, announced. Recv and
// RecvRaw are used by one goroutine at a time; Close may be called from any.
type ChatCompletionStream struct {
	*openai.ChatCompletionStream
	watched *watched[openai.ChatCompletionStreamResponse] // nil if nobody listens
}

// A CompletionStream is go-openai's stream of that name, announced, with the
// rules of [ChatCompletionStream].
type CompletionStream struct {
	*openai.CompletionStream
	watched *watched[openai.CompletionResponse]
}

// A ResponseStream is go-openai's stream of that name, announced, with the rules
// of [ChatCompletionStream].
type ResponseStream struct {
	*openai.ResponseStream
	watched *watched[openai.ResponseStreamEvent]
}

// Recv returns the next chunk; io.EOF is the end.
func (s *ChatCompletionStream) Recv() (openai.ChatCompletionStreamResponse, error) {
	if s.watched == nil {
		return s.ChatCompletionStream.Recv()
	}
	return s.watched.recv()
}

// RecvRaw returns the JSON of the next chunk; io.EOF is the end.
func (s *ChatCompletionStream) RecvRaw() ([]byte, error) {
	if s.watched == nil {
		return s.ChatCompletionStream.RecvRaw()
	}
	return s.watched.recvRaw()
}

// Close closes the response. Before the end of the answer the run ends as
// stopped.
func (s *ChatCompletionStream) Close() error {
	s.watched.leave()
	return s.ChatCompletionStream.Close()
}

// Recv returns the next chunk; io.EOF is the end.
func (s *CompletionStream) Recv() (openai.CompletionResponse, error) {
	if s.watched == nil {
		return s.CompletionStream.Recv()
	}
	return s.watched.recv()
}

// RecvRaw returns the JSON of the next chunk; io.EOF is the end.
func (s *CompletionStream) RecvRaw() ([]byte, error) {
	if s.watched == nil {
		return s.CompletionStream.RecvRaw()
	}
	return s.watched.recvRaw()
}

// Close closes the response. Before the end of the answer the run ends as
// stopped.
func (s *CompletionStream) Close() error {
	s.watched.leave()
	return s.CompletionStream.Close()
}

// Recv returns the next event; io.EOF is the end.
func (s *ResponseStream) Recv() (openai.ResponseStreamEvent, error) {
	if s.watched == nil {
		return s.ResponseStream.Recv()
	}
	return s.watched.recv()
}

// RecvRaw returns the JSON of the next event; io.EOF is the end.
func (s *ResponseStream) RecvRaw() ([]byte, error) {
	if s.watched == nil {
		return s.ResponseStream.RecvRaw()
	}
	return s.watched.recvRaw()
}

// Close closes the response. Before the end of the answer the run ends as
// stopped.
func (s *ResponseStream) Close() error {
	s.watched.leave()
	return s.ResponseStream.Close()
}

// CreateChatCompletionStream begins a chat whose answer is streamed.
func (c *Client) CreateChatCompletionStream(ctx context.Context, req openai.ChatCompletionRequest) (*ChatCompletionStream, error) {
	hidden := false
	inner, w, err := begin(c, ctx, llm.APIChat, decodeChat, func() request {
		r := chatRequest(&req, true)
		hidden = c.asks(&req.StreamOptions)
		return r
	}, func(ctx context.Context) (*openai.ChatCompletionStream, error) {
		return c.Client.CreateChatCompletionStream(ctx, req)
	})
	if err != nil {
		return nil, err
	}
	s := &ChatCompletionStream{inner, w}
	if w != nil {
		w.hidden = hidden
		runtime.AddCleanup(s, dropStream, w.run)
	}
	return s, nil
}

// CreateCompletionStream begins a text completion that is streamed.
func (c *Client) CreateCompletionStream(ctx context.Context, req openai.CompletionRequest) (*CompletionStream, error) {
	hidden := false
	inner, w, err := begin(c, ctx, llm.APICompletions, decodeCompletion, func() request {
		r := textRequest(req, true)
		hidden = c.asks(&req.StreamOptions)
		return r
	}, func(ctx context.Context) (*openai.CompletionStream, error) {
		return c.Client.CreateCompletionStream(ctx, req)
	})
	if err != nil {
		return nil, err
	}
	s := &CompletionStream{inner, w}
	if w != nil {
		w.hidden = hidden
		runtime.AddCleanup(s, dropStream, w.run)
	}
	return s, nil
}

// CreateResponseStream begins a response that is streamed.
func (c *Client) CreateResponseStream(ctx context.Context, req openai.CreateResponseRequest) (*ResponseStream, error) {
	inner, w, err := begin(c, ctx, llm.APIResponses, decodeEvent, func() request {
		return responseRequest(req, true)
	}, func(ctx context.Context) (*openai.ResponseStream, error) {
		return c.Client.CreateResponseStream(ctx, req)
	})
	if err != nil {
		return nil, err
	}
	s := &ResponseStream{inner, w}
	if w != nil {
		runtime.AddCleanup(s, dropStream, w.run)
	}
	return s, nil
}

// asks makes a streamed request ask for its usage on behalf of the handlers. It
// reports whether that was necessary.
func (c *Client) asks(o **openai.StreamOptions) bool {
	if c.usage != UsageObserved || *o != nil && (*o).IncludeUsage {
		return false
	}
	asking := openai.StreamOptions{}
	if *o != nil {
		asking = **o // which is the caller's
	}
	asking.IncludeUsage = true
	*o = &asking
	return true
}

var errDropped = abandoned("stream was dropped without being closed")

func dropStream(run *callback.Call) { run.Abandon(errDropped) }

// A decoder reads a frame for the caller, as go-openai does, and for the run. It
// returns what is wrong with it for either.
type decoder[T any] func(a *answer, raw []byte, out *T) (caller, seen error)

// A watched stream is one that a run is told of.
type watched[T any] struct {
	inner  stream
	run    *callback.Call
	answer *answer
	decode decoder[T]
	hidden bool               // the usage was asked for on the handlers' behalf
	each   func(c *llm.Chunk) // tells the run

	ended  bool        // there is nothing more to tell
	cut    error       // a budget's, which ends the stream
	enough atomic.Bool // what has come is a whole answer
}

// begin starts the run of a stream and sends the request. The watched stream is
// nil if nobody listens.
func begin[T any, S stream](c *Client, ctx context.Context, api string, decode decoder[T],
	describe func() request, send func(context.Context) (S, error)) (inner S, w *watched[T], err error) {
	ctx, run, err := c.open(ctx, describe)
	if err != nil {
		return inner, nil, err
	}
	if run == nil {
		inner, err = send(ctx)
		return inner, nil, err
	}
	returned := false
	defer endOther(run, &returned)
	inner, err = send(withAttempts(ctx))
	returned = true
	if err != nil {
		run.End(sentError(err))
		return inner, nil, run.Err(err)
	}
	w = &watched[T]{inner: inner, run: run, answer: newAnswer(api, false), decode: decode}
	w.each = func(c *llm.Chunk) {
		if err := run.Chunk(c); err != nil {
			w.cut = err
		}
	}
	run.Holding()
	return inner, w, nil
}

// recv returns the next frame as go-openai does.
func (w *watched[T]) recv() (out T, err error) {
	for {
		raw, err := w.pull()
		if err != nil {
			return out, err
		}
		caller, seen := w.decode(w.answer, raw, &out)
		w.tell(seen, caller)
		w.run.Holding()
		if caller != nil || !w.withheld() {
			return out, caller
		}
		var none T
		out = none
	}
}

// recvRaw returns the bytes of the next frame.
func (w *watched[T]) recvRaw() ([]byte, error) {
	for {
		raw, err := w.pull()
		if err != nil || raw == nil {
			return raw, err
		}
		w.tell(w.answer.decode(raw), nil)
		w.run.Holding()
		if !w.withheld() {
			return raw, nil
		}
	}
}

// withheld reports whether the frame that was read is only there because the
// handlers wanted to know the usage.
func (w *watched[T]) withheld() bool { return w.hidden && w.answer.frame.usageOnly() }

// pull reads the next frame, and ends the run where the stream ends. Sometimes
// go-openai returns neither a frame nor an error.
func (w *watched[T]) pull() (raw []byte, err error) {
	if w.cut != nil {
		return nil, w.cut
	}
	returned := false
	defer endOther(w.run, &returned)
	w.run.Reading()
	raw, err = w.inner.RecvRaw()
	if err != nil || raw == nil {
		w.finish(err)
	}
	returned = true
	return raw, w.run.Err(err)
}

// finish ends the run where go-openai returned no frame.
func (w *watched[T]) finish(err error) {
	if w.ended {
		return
	}
	state := stateOf(w.inner)
	switch {
	case errors.Is(err, io.EOF):
		w.answer.done = w.answer.done || state.done || !state.known
		err = w.answer.missing()
		if w.answer.progress.empty() {
			if said := state.failure(); said != nil {
				err = said // a plain error in place of a stream
			}
		}
	case err == nil:
		if err = state.failure(); err == nil {
			err = llm.ErrMalformed
		}
	default:
		err = sentError(err)
	}
	w.end(err)
}

// tell tells the run of the frame that was read. seen is what is wrong with it,
// caller the error that the caller gets for it.
func (w *watched[T]) tell(seen, caller error) {
	if w.ended {
		return
	}
	if seen == nil {
		seen = w.answer.tell(w.hidden, w.each)
	}
	if seen == nil && caller != nil {
		seen = fmt.Errorf("%w: %w", llm.ErrMalformed, caller)
	}
	switch {
	case seen != nil:
		w.end(seen)
	case w.answer.over():
		w.end(w.answer.missing())
	default:
		w.enough.Store(w.answer.progress.complete())
	}
}

func (w *watched[T]) end(err error) {
	w.ended = true
	w.run.End(err)
}

// leave says that the caller wants no more. One who has the whole answer does
// not break off.
func (w *watched[T]) leave() {
	switch {
	case w == nil:
	case w.enough.Load():
		w.run.Finish()
	default:
		w.run.Stop()
	}
}

func decodeChat(a *answer, raw []byte, out *openai.ChatCompletionStreamResponse) (caller, seen error) {
	if a.frame.chat(raw, out) {
		return nil, nil
	}
	*out = openai.ChatCompletionStreamResponse{}
	return json.Unmarshal(raw, out), a.frame.decode(raw)
}

func decodeCompletion(a *answer, raw []byte, out *openai.CompletionResponse) (caller, seen error) {
	if a.frame.completion(raw, out) {
		return nil, nil
	}
	*out = openai.CompletionResponse{}
	return json.Unmarshal(raw, out), a.frame.decode(raw)
}

func decodeEvent(a *answer, raw []byte, out *openai.ResponseStreamEvent) (caller, seen error) {
	if a.event.typed(raw, out) {
		return nil, nil
	}
	*out = openai.ResponseStreamEvent{}
	return json.Unmarshal(raw, out), a.event.decode(raw)
}
