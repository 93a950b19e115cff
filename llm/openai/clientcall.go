package openai

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// CreateChatCompletion makes a chat whose answer comes in one piece.
func (c *Client) CreateChatCompletion(ctx context.Context, req openai.ChatCompletionRequest) (openai.ChatCompletionResponse, error) {
	return whole(c, ctx, func() request { return chatRequest(&req, false) },
		func(ctx context.Context) (openai.ChatCompletionResponse, error) {
			return c.Client.CreateChatCompletion(ctx, req)
		}, tellChat)
}

// CreateCompletion makes a text completion whose answer comes in one piece.
func (c *Client) CreateCompletion(ctx context.Context, req openai.CompletionRequest) (openai.CompletionResponse, error) {
	return whole(c, ctx, func() request { return textRequest(req, false) },
		func(ctx context.Context) (openai.CompletionResponse, error) {
			return c.Client.CreateCompletion(ctx, req)
		}, tellCompletion)
}

// CreateResponse makes a response that comes in one piece.
func (c *Client) CreateResponse(ctx context.Context, req openai.CreateResponseRequest) (openai.CreateResponseResponse, error) {
	return whole(c, ctx, func() request { return responseRequest(req, false) },
		func(ctx context.Context) (openai.CreateResponseResponse, error) {
			return c.Client.CreateResponse(ctx, req)
		}, tellResponse)
}

// CompactResponse shortens the context of a response, with a model, for later
// ones to go on from. What it makes of it nobody can read.
func (c *Client) CompactResponse(ctx context.Context, req openai.CompactResponseRequest) (openai.ResponseCompaction, error) {
	return whole(c, ctx, func() request { return responseRequest(req, false) },
		func(ctx context.Context) (openai.ResponseCompaction, error) {
			return c.Client.CompactResponse(ctx, req)
		}, tellResponse)
}

// CreateEmbeddings turns texts into vectors. The numbers of the vectors are
// shared with handlers that keep them.
func (c *Client) CreateEmbeddings(ctx context.Context, conv openai.EmbeddingRequestConverter) (openai.EmbeddingResponse, error) {
	return whole(c, ctx, func() request {
		req := conv.Convert()
		conv = req
		return embedRequest(&req)
	}, func(ctx context.Context) (openai.EmbeddingResponse, error) {
		return c.Client.CreateEmbeddings(ctx, conv)
	}, tellVectors)
}

// tellRaw tells run of a body that is known as it came.
func tellRaw(run *callback.Call, body []byte) error {
	return newAnswer(run.Info().Endpoint.API, true).tellWhole(run, body)
}

func (a *answer) tellWhole(run *callback.Call, body []byte) error {
	if err := a.decode(bytes.TrimSpace(body)); err != nil {
		return err
	}
	return a.tellAll(run)
}

// tellAll tells run of an answer in one piece, and returns what it lacks.
func (a *answer) tellAll(run *callback.Call) error {
	if err := a.tell(false, func(c *llm.Chunk) { _ = run.Chunk(c) }); err != nil {
		return err
	}
	if a.progress.empty() && !a.event.later {
		return llm.ErrEmpty
	}
	return nil
}

func tellChat(run *callback.Call, r *openai.ChatCompletionResponse) error {
	a := newAnswer(llm.APIChat, true)
	f := &a.frame
	f.meta = llm.Meta{ID: r.ID, Model: r.Model, SystemFingerprint: r.SystemFingerprint, ServiceTier: string(r.ServiceTier)}
	f.newFacts = f.meta != llm.Meta{}
	for i := range r.Choices {
		m := &r.Choices[i].Message
		c := frameChoice{index: r.Choices[i].Index, content: m.Content, reasoning: m.ReasoningContent, refusal: m.Refusal,
			end: string(r.Choices[i].FinishReason), tools: len(m.ToolCalls)}
		switch c.end {
		case string(openai.FinishReasonNull):
			c.end = ""
		case finishError:
			f.failure = finishFailure()
		}
		for j := range m.MultiContent {
			c.content += m.MultiContent[j].Text
		}
		for j := range m.ToolCalls {
			t := &m.ToolCalls[j]
			d := llm.ToolDelta{Index: j, ID: t.ID, Name: t.Function.Name, Arguments: t.Function.Arguments}
			if t.Index != nil {
				d.Index = *t.Index
			}
			f.tools = append(f.tools, toolDelta{ToolDelta: d})
		}
		if old := m.FunctionCall; old != nil && (old.Name != "" || old.Arguments != "") {
			f.tools = append(f.tools, toolDelta{ToolDelta: llm.ToolDelta{Name: old.Name, Arguments: old.Arguments}})
			c.tools++
		}
		f.choices = append(f.choices, c)
	}
	f.usage = usageFrom(&r.Usage)
	return a.tellAll(run)
}

func tellCompletion(run *callback.Call, r *openai.CompletionResponse) error {
	a := newAnswer(llm.APICompletions, true)
	f := &a.frame
	f.meta = llm.Meta{ID: r.ID, Model: r.Model}
	f.newFacts = f.meta != llm.Meta{}
	for i := range r.Choices {
		c := &r.Choices[i]
		f.choices = append(f.choices, frameChoice{index: c.Index, content: c.Text, end: c.FinishReason})
	}
	f.usage = usageFrom(r.Usage)
	return a.tellAll(run)
}

// tellResponse tells run of a response, or of what has the form of one.
func tellResponse[R any](run *callback.Call, r *R) error {
	body, err := json.Marshal(r)
	if err != nil {
		return nil // an answer, but not one that can be looked into
	}
	return newAnswer(llm.APIResponses, true).tellWhole(run, body)
}

func tellVectors(run *callback.Call, r *openai.EmbeddingResponse) error {
	out := &llm.EmbedResponse{Meta: llm.Meta{Model: string(r.Model)}, Vectors: make([][]float32, len(r.Data))}
	for i := range r.Data {
		out.Vectors[i] = r.Data[i].Embedding
	}
	if n := max(r.Usage.PromptTokens, r.Usage.TotalTokens); n > 0 {
		out.Usage = &llm.Usage{Input: n}
	}
	run.Output(out)
	if len(out.Vectors) == 0 {
		return llm.ErrEmpty
	}
	return nil
}

// usageFrom returns a usage of go-openai's; nil if it says nothing.
func usageFrom(u *openai.Usage) *llm.Usage {
	if u == nil {
		return nil
	}
	count := func(n int) (t tokens) {
		if n > 0 && n <= maxTokens { // 0 is what is missing
			t = tokens{n, true}
		}
		return t
	}
	w := wireUsage{Prompt: count(u.PromptTokens), Completion: count(u.CompletionTokens), Total: count(u.TotalTokens)}
	if d := u.PromptTokensDetails; d != nil {
		w.PromptParts.Cached, w.PromptParts.Audio = count(d.CachedTokens), count(d.AudioTokens)
	}
	if d := u.CompletionTokensDetails; d != nil {
		c := &w.CompleteParts
		c.Reasoning, c.Audio = count(d.ReasoningTokens), count(d.AudioTokens)
		c.Accepted, c.Rejected = count(d.AcceptedPredictionTokens), count(d.RejectedPredictionTokens)
	}
	return w.usage()
}
