package openai

import (
	"context"
	"runtime"

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
	var usage asking
	inner, w, err := begin(c, ctx, llm.APIChat, typedChat, func() request {
		r := chatRequest(&req, true)
		usage = c.ask(&req.StreamOptions, llm.APIChat, req.Model)
		return r
	}, func(ctx context.Context) (*openai.ChatCompletionStream, error) {
		return sendAsking(&usage, func() (*openai.ChatCompletionStream, error) { return c.Client.CreateChatCompletionStream(ctx, req) })
	})
	if err != nil {
		return nil, err
	}
	s := &ChatCompletionStream{inner, w}
	if w != nil {
		w.hidden = usage.hidden
		w.drop = runtime.AddCleanup(s, dropStream, w.run)
	}
	return s, nil
}

// CreateCompletionStream begins a text completion that is streamed.
func (c *Client) CreateCompletionStream(ctx context.Context, req openai.CompletionRequest) (*CompletionStream, error) {
	var usage asking
	inner, w, err := begin(c, ctx, llm.APICompletions, typedCompletion, func() request {
		r := textRequest(req, true)
		usage = c.ask(&req.StreamOptions, llm.APICompletions, req.Model)
		return r
	}, func(ctx context.Context) (*openai.CompletionStream, error) {
		return sendAsking(&usage, func() (*openai.CompletionStream, error) { return c.Client.CreateCompletionStream(ctx, req) })
	})
	if err != nil {
		return nil, err
	}
	s := &CompletionStream{inner, w}
	if w != nil {
		w.hidden = usage.hidden
		w.drop = runtime.AddCleanup(s, dropStream, w.run)
	}
	return s, nil
}

// CreateResponseStream begins a response that is streamed.
func (c *Client) CreateResponseStream(ctx context.Context, req openai.CreateResponseRequest) (*ResponseStream, error) {
	inner, w, err := begin(c, ctx, llm.APIResponses, typedEvent, func() request {
		return responseRequest(req, true)
	}, func(ctx context.Context) (*openai.ResponseStream, error) {
		return c.Client.CreateResponseStream(ctx, req)
	})
	if err != nil {
		return nil, err
	}
	s := &ResponseStream{inner, w}
	if w != nil {
		w.drop = runtime.AddCleanup(s, dropStream, w.run)
	}
	return s, nil
}
