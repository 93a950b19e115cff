package standin

import "strings"

// OpenAI's chat completions on the wire, fields in the order in which the API
// sends them.

type completion struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	Created           int64           `json:"created"`
	Model             string          `json:"model"`
	Choices           []messageChoice `json:"choices"`
	Usage             any             `json:"usage"`
	ServiceTier       string          `json:"service_tier"`
	SystemFingerprint string          `json:"system_fingerprint"`
}

type messageChoice struct {
	Index        int     `json:"index"`
	Message      message `json:"message"`
	Logprobs     *string `json:"logprobs"`
	FinishReason string  `json:"finish_reason"`
}

type message struct {
	Role             string     `json:"role"`
	Content          *string    `json:"content"`
	ReasoningContent string     `json:"reasoning_content,omitempty"`
	ToolCalls        []wireTool `json:"tool_calls,omitempty"`
	Refusal          *string    `json:"refusal"`
	Annotations      []string   `json:"annotations"`
}

type wireTool struct {
	Index    *int         `json:"index,omitempty"`
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function wireFunction `json:"function"`
}

type wireFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type chunk struct {
	ID                string `json:"id"`
	Object            string `json:"object"`
	Created           int64  `json:"created"`
	Model             string `json:"model"`
	ServiceTier       string `json:"service_tier"`
	SystemFingerprint string `json:"system_fingerprint"`
	Choices           []any  `json:"choices"`
	Usage             any    `json:"usage,omitempty"`
}

type choiceFrame struct {
	Index        int     `json:"index"`
	Delta        any     `json:"delta"`
	Logprobs     *string `json:"logprobs"`
	FinishReason *string `json:"finish_reason"`
}

func (an *answer) chunk(choices []any, usage any) any {
	if an.text {
		return textCompletion{ID: an.id, Object: "text_completion", Created: an.created, Choices: choices, Model: an.model, Usage: usage}
	}
	return chunk{ID: an.id, Object: "chat.completion.chunk", Created: an.created, Model: an.model,
		ServiceTier: "default", SystemFingerprint: fingerprint, Choices: choices, Usage: usage}
}

func (an *answer) wireUsage() any {
	if an.text {
		return textUsage{an.usage.Prompt, an.usage.Completion, an.usage.Prompt + an.usage.Completion}
	}
	return wireUsage(an.usage)
}

func wireUsage(u Usage) any {
	type prompt struct {
		Cached int `json:"cached_tokens"`
		Audio  int `json:"audio_tokens"`
	}
	type output struct {
		Reasoning int `json:"reasoning_tokens"`
		Audio     int `json:"audio_tokens"`
		Accepted  int `json:"accepted_prediction_tokens"`
		Rejected  int `json:"rejected_prediction_tokens"`
	}
	return struct {
		Prompt        int    `json:"prompt_tokens"`
		Completion    int    `json:"completion_tokens"`
		Total         int    `json:"total_tokens"`
		PromptDetails prompt `json:"prompt_tokens_details"`
		OutputDetails output `json:"completion_tokens_details"`
	}{u.Prompt, u.Completion, u.Prompt + u.Completion, prompt{Cached: u.Cached}, output{Reasoning: u.Reasoning}}
}

// message returns c as the i-th choice of a body.
func (c *pieces) message(i int) messageChoice {
	m := message{Role: "assistant", Annotations: []string{}, ReasoningContent: strings.Join(c.reasoning, "")}
	if text := strings.Join(c.text, ""); text != "" || len(c.ToolCalls)+len(c.refusal) == 0 {
		m.Content = &text
	}
	if refusal := strings.Join(c.refusal, ""); refusal != "" {
		m.Refusal = &refusal
	}
	for n, t := range c.ToolCalls {
		m.ToolCalls = append(m.ToolCalls, wireTool{ID: t.ID, Type: "function",
			Function: wireFunction{Name: t.Name, Arguments: strings.Join(c.arguments[n], "")}})
	}
	return messageChoice{Index: i, Message: m, FinishReason: c.finish}
}

// opening returns the delta that names the role and holds nothing else.
func (c *pieces) opening() any {
	d := struct {
		Role    string  `json:"role"`
		Content *string `json:"content"`
		Refusal *string `json:"refusal"`
	}{Role: "assistant"}
	if len(c.ToolCalls) == 0 {
		d.Content = new(string)
	}
	return d
}

// deltas returns the content of c as one delta per chunk.
func (c *pieces) deltas() []any {
	type delta struct {
		Reasoning string     `json:"reasoning_content,omitempty"`
		Content   string     `json:"content,omitempty"`
		Refusal   string     `json:"refusal,omitempty"`
		ToolCalls []wireTool `json:"tool_calls,omitempty"`
	}
	var out []any
	for _, s := range c.reasoning {
		out = append(out, delta{Reasoning: s})
	}
	for _, s := range c.text {
		out = append(out, delta{Content: s})
	}
	for _, s := range c.refusal {
		out = append(out, delta{Refusal: s})
	}
	for i, t := range c.ToolCalls {
		out = append(out, delta{ToolCalls: []wireTool{{Index: &i, ID: t.ID, Type: "function", Function: wireFunction{Name: t.Name}}}})
		for _, s := range c.arguments[i] {
			out = append(out, delta{ToolCalls: []wireTool{{Index: &i, Function: wireFunction{Arguments: s}}}})
		}
	}
	return out
}
