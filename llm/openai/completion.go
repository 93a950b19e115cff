package openai

import (
	"context"
	"fmt"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// NewCompletion returns a text completion model, which continues a prompt
// instead of answering messages: gpt-3.5-turbo-instruct, davinci-002, the
// text-davinci-003 of old, and base models on servers of one's own.
//
// The prompt is the request's [llm.Request.Transcript]: a message alone is its
// text as it is, a conversation is lines of "Human:" and "AI:". As nothing else
// tells the model where its line ends, such requests do well to have "\nHuman:"
// in Stop. Without MaxTokens, OpenAI's answers end after 16 tokens. Tools,
// formats and media, which no prompt can hold, are errors.
//
// In all else it is like the model of [New].
func NewCompletion(cfg openai.ClientConfig, o Options) *Model {
	return newModel(cfg, o, llm.APICompletions, (*backend).completion)
}

// A completionCall is a call of the completions API.
type completionCall openai.CompletionRequest

func (r *completionCall) plain(ctx context.Context, c *openai.Client) error {
	_, err := c.CreateCompletion(ctx, openai.CompletionRequest(*r))
	return r.explain(err)
}

func (r *completionCall) stream(ctx context.Context, c *openai.Client, usage bool) (stream, error) {
	r.StreamOptions = streamOptions(usage)
	s, err := c.CreateCompletionStream(ctx, openai.CompletionRequest(*r))
	return s, r.explain(err)
}

func (r *completionCall) explain(err error) error {
	return otherAPI(err, r.Model, "answers messages and continues no prompt: use New")
}

// completion translates r into go-openai's form.
func (b *backend) completion(r *llm.Request) (call, error) {
	model, err := b.model(r.Model)
	if err != nil {
		return nil, err
	}
	if err := promptable(r); err != nil {
		return nil, fmt.Errorf("text model %q: %w", model, err)
	}
	prompt := llm.Message{Parts: r.Transcript()}.Text()
	if prompt == "" {
		return nil, requestError("prompt is empty: the messages hold no text")
	}
	return &completionCall{
		Model:            model,
		Prompt:           prompt,
		MaxTokens:        r.MaxTokens,
		N:                r.Choices,
		Stop:             r.Stop,
		Seed:             r.Seed,
		Temperature:      number(r.Temperature),
		TopP:             number(r.TopP),
		FrequencyPenalty: number(r.FrequencyPenalty),
		PresencePenalty:  number(r.PresencePenalty),
		User:             r.User,
	}, nil
}

// promptable returns what of r a prompt and the completions API cannot say.
func promptable(r *llm.Request) error {
	switch {
	case len(r.Tools) > 0:
		return requestError(fmt.Sprintf("a prompt cannot offer tools, such as %q", r.Tools[0].Name))
	case r.ToolChoice != "" && r.ToolChoice != "none":
		return requestError(fmt.Sprintf("a prompt cannot ask for the tool %q", r.ToolChoice))
	case r.Format != nil:
		return requestError("a prompt cannot ask for a format")
	case r.OutputType != "" && r.OutputType != "text":
		return requestError(fmt.Sprintf("a prompt cannot ask for %q", r.OutputType))
	case r.ReasoningEffort != "":
		return requestError("the completions API knows no reasoning effort")
	case r.ServiceTier != "":
		return requestError("the completions API knows no service tier")
	}
	if err := keepsNone(r); err != nil {
		return err
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Role == llm.RoleTool || len(m.ToolCalls) > 0 {
			return requestError(fmt.Sprintf("message %d: a prompt cannot hold calls of tools and their results", i))
		}
		for j := range m.Parts {
			if media := m.Parts[j].Media; media != nil {
				return requestError(fmt.Sprintf("message %d: part %d: a prompt cannot hold media, such as %q", i, j, media.Kind))
			}
		}
	}
	return nil
}
