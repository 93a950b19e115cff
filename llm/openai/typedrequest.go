package openai

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// chatRequest describes a chat. It reads what go-openai is going to send, as
// readRequest reads it from the wire.
func chatRequest(r *openai.ChatCompletionRequest, stream bool) request {
	out := &llm.Request{
		Model: r.Model, Stream: stream, StreamUsage: r.StreamOptions != nil && r.StreamOptions.IncludeUsage,
		//lint:ignore SA1019 many programs still set it, and many servers know no other
		MaxTokens:        max(r.MaxTokens, r.MaxCompletionTokens),
		Temperature:      sentNumber(r.Temperature),
		TopP:             sentNumber(r.TopP),
		FrequencyPenalty: sentNumber(r.FrequencyPenalty),
		PresencePenalty:  sentNumber(r.PresencePenalty),
		Seed:             copied(r.Seed), Stop: slices.Clone(r.Stop), Choices: r.N,
		ReasoningEffort: r.ReasoningEffort, ServiceTier: string(r.ServiceTier), User: r.User,
		ToolChoice: sentChoice(r.ToolChoice),
	}
	if len(r.Messages) > 0 {
		out.Messages = make([]llm.Message, len(r.Messages))
	}
	for i := range r.Messages {
		out.Messages[i] = sentMessage(&r.Messages[i])
	}
	for i := range r.Tools {
		out.Tools = append(out.Tools, sentTool(&r.Tools[i]))
	}
	//lint:ignore SA1019 some programs still send functions
	functions := r.Functions
	for i := range functions {
		out.Tools = append(out.Tools, sentFunction(&functions[i]))
	}
	if f := r.ResponseFormat; f != nil {
		sentFormat(out, f)
	}
	return request{kind: callback.KindLLM, api: llm.APIChat, model: r.Model, input: out}
}

// sentNumber returns v as it is written on the wire; go-openai leaves out zero.
func sentNumber(v float32) *float64 {
	if v == 0 {
		return nil
	}
	f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return nil
	}
	return &f
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func sentMessage(m *openai.ChatCompletionMessage) llm.Message {
	out := llm.Message{Role: llm.Role(m.Role), Name: m.Name, ToolCallID: m.ToolCallID}
	if m.Role == openai.ChatMessageRoleFunction {
		out.Role = llm.RoleTool
	}
	if m.Content != "" {
		out.Parts = []llm.Part{{Text: m.Content}}
	}
	for i := range m.MultiContent {
		switch p := &m.MultiContent[i]; {
		case p.Type == openai.ChatMessagePartTypeText:
			out.Parts = append(out.Parts, llm.Part{Text: p.Text})
		case p.Type == openai.ChatMessagePartTypeImageURL:
			media := &llm.Media{Kind: "image"}
			if p.ImageURL != nil {
				media.URL, media.Detail = p.ImageURL.URL, string(p.ImageURL.Detail)
			}
			out.Parts = append(out.Parts, llm.Part{Media: media})
		}
	}
	if m.Refusal != "" {
		out.Parts = append(out.Parts, llm.Part{Text: m.Refusal})
	}
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		out.ToolCalls = append(out.ToolCalls, llm.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	if c := m.FunctionCall; c != nil {
		out.ToolCalls = append(out.ToolCalls, llm.ToolCall{Name: c.Name, Arguments: c.Arguments})
	}
	return out
}

func sentTool(t *openai.Tool) llm.Tool {
	if t.Function != nil && t.Type == openai.ToolTypeFunction {
		return sentFunction(t.Function)
	}
	// In the form of the responses API, or the provider's own.
	if b, err := json.Marshal([]*openai.Tool{t}); err == nil {
		if read := readTools(b, nil); len(read) == 1 {
			return read[0]
		}
	}
	return llm.Tool{Name: string(t.Type), Type: string(t.Type)}
}

func sentFunction(d *openai.FunctionDefinition) llm.Tool {
	out := llm.Tool{Name: d.Name, Description: d.Description, Strict: d.Strict}
	if b, err := json.Marshal(d.Parameters); err == nil && string(b) != "null" {
		out.Parameters = b
	}
	return out
}

func sentChoice(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return readChoice(b)
}

func sentFormat(out *llm.Request, f *openai.ChatCompletionResponseFormat) {
	switch f.Type {
	case openai.ChatCompletionResponseFormatTypeText:
		out.OutputType = "text"
	case openai.ChatCompletionResponseFormatTypeJSONObject:
		out.Format = &llm.Format{}
	case openai.ChatCompletionResponseFormatTypeJSONSchema:
		out.Format = &llm.Format{}
		if s := f.JSONSchema; s != nil {
			out.Format.Name, out.Format.Description, out.Format.Strict = s.Name, s.Description, s.Strict
			if b, err := json.Marshal(s.Schema); err == nil && string(b) != "null" {
				out.Format.Schema = b
			}
		}
	}
}

// textRequest describes a text completion.
func textRequest(r openai.CompletionRequest, stream bool) request {
	r.Stream = stream
	return marshaled(llm.APICompletions, r.Model, stream, r)
}

// responseRequest describes a call of the responses API.
func responseRequest(r openai.CreateResponseRequest, stream bool) request {
	r.Stream = stream
	return marshaled(llm.APIResponses, r.Model, stream, r)
}

// marshaled describes a request by what is sent of it. One that cannot be sent
// is go-openai's to refuse.
func marshaled(api, model string, stream bool, r any) request {
	out := request{kind: callback.KindLLM, api: api, model: model, input: &llm.Request{Model: model, Stream: stream}}
	body, err := json.Marshal(r)
	if err != nil {
		return out
	}
	if w, ok := readRequest(api, body); ok {
		out.input, out.model, out.unknown = w.Request, w.Model, w.partial
	}
	return out
}

// embedRequest describes an embedding.
func embedRequest(r *openai.EmbeddingRequest) request {
	in := &llm.EmbedRequest{Model: string(r.Model), Dimensions: r.Dimensions, User: r.User, EncodingFormat: string(r.EncodingFormat)}
	switch v := r.Input.(type) {
	case string:
		in.Inputs = []string{v}
	case []string:
		in.Inputs = slices.Clone(v)
	default:
		if b, err := json.Marshal(v); err == nil {
			in.Inputs = texts(b)
		}
	}
	return request{kind: callback.KindEmbedding, model: in.Model, input: in, unknown: in.Inputs == nil}
}
