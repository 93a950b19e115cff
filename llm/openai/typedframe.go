package openai

import (
	"bytes"
	"encoding/json"

	"github.com/sashabaranov/go-openai"
)

// A typer makes go-openai's value of the frame that an answer has read from raw.
// It returns false for one that encoding/json has to read.
type typer[T any] func(a *answer, raw []byte, out *T) bool

// read reads a frame for the caller, as go-openai does, and for the run. It
// returns what is wrong with it for either.
func (typed typer[T]) read(a *answer, raw []byte, out *T) (caller, seen error) {
	if seen = a.decode(raw); seen == nil && typed(a, raw, out) {
		return nil, nil
	}
	var none T
	*out = none
	return json.Unmarshal(raw, out), seen
}

func typedChat(a *answer, _ []byte, out *openai.ChatCompletionStreamResponse) bool {
	f, h := &a.frame, a.frame.head
	out.ID, out.Object, out.Created, out.Model, out.SystemFingerprint = h.id, h.object, int64(h.created), h.model, h.fingerprint
	if h.odd || !fits(f.counted, &out.Usage) {
		return false
	}
	if h.listed {
		out.Choices = make([]openai.ChatCompletionStreamChoice, len(f.choices))
	}
	tools := f.tools
	for i := range f.choices {
		c, o := &f.choices[i], &out.Choices[i]
		o.Index, o.FinishReason = c.index, openai.FinishReason(c.end)
		o.Delta.Content, o.Delta.Role, o.Delta.Refusal, o.Delta.ReasoningContent = c.content, c.role, c.refusal, c.thoughts
		if !fits(c.logprobs, &o.Logprobs) || !fits(c.filters, &o.ContentFilterResults) {
			return false
		}
		if c.listed {
			o.Delta.ToolCalls = make([]openai.ToolCall, c.tools)
		}
		for j := range o.Delta.ToolCalls {
			t, call := &tools[j], &o.Delta.ToolCalls[j]
			call.ID, call.Type, call.Function.Name, call.Function.Arguments = t.ID, openai.ToolType(t.kind), t.Name, t.Arguments
			if t.indexed {
				call.Index = new(t.Index)
			}
		}
		tools = tools[c.tools:]
	}
	return true
}

func typedCompletion(a *answer, _ []byte, out *openai.CompletionResponse) bool {
	f, h := &a.frame, a.frame.head
	out.ID, out.Object, out.Created, out.Model = h.id, h.object, int64(h.created), h.model
	if h.odd || !fits(f.counted, &out.Usage) {
		return false
	}
	if h.listed {
		out.Choices = make([]openai.CompletionChoice, len(f.choices))
	}
	for i := range f.choices {
		c, o := &f.choices[i], &out.Choices[i]
		o.Text, o.Index, o.FinishReason = c.content, c.index, c.end
		if !fits(c.logprobs, &o.LogProbs) {
			return false
		}
	}
	return true
}

func typedEvent(a *answer, raw []byte, out *openai.ResponseStreamEvent) bool {
	e := &a.event.head
	if e.odd || raw[0] != '{' || raw[len(raw)-1] != '}' {
		return false
	}
	out.Type, out.SequenceNumber, out.ItemID = openai.ResponseStreamEventType(e.kind), e.sequence, e.item
	out.OutputIndex, out.ContentIndex, out.SummaryIndex = e.output, e.content, e.summary
	out.Delta, out.Obfuscation, out.Raw = e.delta, string(e.padding), bytes.Clone(raw)
	if string(e.logprobs) == "[]" {
		out.Logprobs = []openai.ResponseLogprob{}
		return true
	}
	return fits(e.logprobs, &out.Logprobs)
}

// fits decodes what is rare or nested, and reports whether it could.
func fits(raw []byte, v any) bool { return raw == nil || json.Unmarshal(raw, v) == nil }
