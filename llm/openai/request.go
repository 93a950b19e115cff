package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// A chatCall is a call of the chat completions API.
type chatCall openai.ChatCompletionRequest

func (r *chatCall) plain(ctx context.Context, c *openai.Client) error {
	_, err := c.CreateChatCompletion(ctx, openai.ChatCompletionRequest(*r))
	return r.explain(err)
}

func (r *chatCall) stream(ctx context.Context, c *openai.Client, usage bool) (stream, error) {
	r.StreamOptions = streamOptions(usage)
	s, err := c.CreateChatCompletionStream(ctx, openai.ChatCompletionRequest(*r))
	return s, r.explain(err)
}

func (r *chatCall) explain(err error) error {
	return otherAPI(err, r.Model, "continues a prompt and takes no messages: use NewCompletion")
}

// otherAPI says what to do with a model that go-openai does not let through.
func otherAPI(err error, model, wayOut string) error {
	if !errors.Is(err, openai.ErrCompletionUnsupportedModel) && !errors.Is(err, openai.ErrChatCompletionInvalidModel) {
		return err
	}
	return fmt.Errorf("%w (%w)", requestError(fmt.Sprintf("model %q %s", model, wayOut)), err)
}

// chat translates r into go-openai's form.
func (b *backend) chat(r *llm.Request) (call, error) {
	model, err := b.model(r.Model)
	if err != nil {
		return nil, err
	}
	if err := keepsNone(r); err != nil {
		return nil, err
	}
	out := &chatCall{
		Model:            model,
		N:                r.Choices,
		Stop:             r.Stop,
		Seed:             r.Seed,
		Temperature:      number(r.Temperature),
		TopP:             number(r.TopP),
		FrequencyPenalty: number(r.FrequencyPenalty),
		PresencePenalty:  number(r.PresencePenalty),
		ReasoningEffort:  r.ReasoningEffort,
		ServiceTier:      openai.ServiceTier(r.ServiceTier),
		User:             r.User,
	}
	if reasons(out.Model) {
		out.MaxCompletionTokens = r.MaxTokens
	} else {
		//lint:ignore SA1019 OpenAI has a newer name, but this is the one that every server of the dialect knows
		out.MaxTokens = r.MaxTokens
	}
	out.Messages = make([]openai.ChatCompletionMessage, len(r.Messages))
	for i := range r.Messages {
		m, err := message(&r.Messages[i])
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		out.Messages[i] = m
	}
	for _, t := range r.Tools {
		if t.Type != "" && t.Type != "function" {
			return nil, requestError(fmt.Sprintf("tool %q: only functions can be offered, not %q", t.Name, t.Type))
		}
		params := t.Parameters
		if len(params) == 0 {
			params = json.RawMessage(`{"type":"object","properties":{}}`)
		} else if !json.Valid(params) {
			return nil, requestError(fmt.Sprintf("tool %q: its Parameters are no JSON", t.Name))
		}
		out.Tools = append(out.Tools, openai.Tool{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{
			Name: t.Name, Description: t.Description, Strict: t.Strict, Parameters: params}})
	}
	switch r.ToolChoice {
	case "":
	case "auto", "none", "required":
		out.ToolChoice = r.ToolChoice
	default:
		out.ToolChoice = openai.ToolChoice{Type: openai.ToolTypeFunction, Function: openai.ToolFunction{Name: r.ToolChoice}}
	}
	kind := r.OutputType
	if r.Format != nil {
		kind = "json"
	}
	switch kind {
	case "":
	case "text":
		out.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeText}
	case "json":
		out.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject}
		if f := r.Format; f != nil && f.Schema != nil {
			if !json.Valid(f.Schema) {
				return nil, requestError(fmt.Sprintf("format %q: its Schema is no JSON", f.Name))
			}
			out.ResponseFormat.Type = openai.ChatCompletionResponseFormatTypeJSONSchema
			out.ResponseFormat.JSONSchema = &openai.ChatCompletionResponseFormatJSONSchema{
				Name: f.Name, Description: f.Description, Schema: f.Schema, Strict: f.Strict}
		}
	default:
		return nil, requestError(fmt.Sprintf("go-openai can ask for text and JSON, not for %q", kind))
	}
	return out, nil
}

type requestError string

func (e requestError) Error() string     { return string(e) }
func (e requestError) ErrorType() string { return "invalid_request" }

const errNoModel = requestError("request names no model and Options.Model is empty")

// keepsNone returns what is wrong with a request to an API that keeps no
// conversations, if it goes on with one.
func keepsNone(r *llm.Request) error {
	if r.ConversationID == "" && r.PreviousResponseID == "" {
		return nil
	}
	return requestError(fmt.Sprintf("the API keeps no conversation, such as %q: send its messages", cmp.Or(r.ConversationID, r.PreviousResponseID)))
}

// number returns v in go-openai's form, which leaves out zero. A zero that was
// asked for is sent as the smallest number above it.
func number(v *float64) float32 {
	switch {
	case v == nil:
		return 0
	case *v == 0:
		return math.SmallestNonzeroFloat32
	}
	return float32(*v)
}

// reasons reports whether OpenAI's API takes max_completion_tokens alone for
// the model.
func reasons(model string) bool {
	name := model[strings.LastIndexByte(model, '/')+1:]
	for _, p := range []string{"o1", "o3", "o4", "gpt-5"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func message(m *llm.Message) (openai.ChatCompletionMessage, error) {
	out := openai.ChatCompletionMessage{Role: string(m.Role), Name: m.Name, ToolCallID: m.ToolCallID}
	for _, c := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, openai.ToolCall{ID: c.ID, Type: openai.ToolTypeFunction,
			Function: openai.FunctionCall{Name: c.Name, Arguments: c.Arguments}})
	}
	mixed := false
	for i := range m.Parts {
		mixed = mixed || m.Parts[i].Media != nil
	}
	if !mixed {
		out.Content = m.Text()
		return out, nil
	}
	for i := range m.Parts {
		p, err := part(&m.Parts[i])
		if err != nil {
			return out, fmt.Errorf("part %d: %w", i, err)
		}
		out.MultiContent = append(out.MultiContent, p)
	}
	return out, nil
}

func part(p *llm.Part) (openai.ChatMessagePart, error) {
	if p.Media == nil {
		return openai.ChatMessagePart{Type: openai.ChatMessagePartTypeText, Text: p.Text}, nil
	}
	if p.Media.Kind != "image" {
		return openai.ChatMessagePart{}, requestError(fmt.Sprintf("go-openai can send text and images, not %q", p.Media.Kind))
	}
	return openai.ChatMessagePart{Type: openai.ChatMessagePartTypeImageURL, ImageURL: &openai.ChatMessageImageURL{
		URL: p.Media.Address(), Detail: openai.ImageURLDetail(p.Media.Detail)}}, nil
}
