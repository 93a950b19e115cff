package standin

import "strings"

// Text completions on the wire, fields in the order in which the API sends
// them. A stream's chunks have the form of a whole answer.

type textCompletion struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Choices []any  `json:"choices"`
	Model   string `json:"model"`
	Usage   any    `json:"usage,omitempty"`
}

type textChoice struct {
	Text         string  `json:"text"`
	Index        int     `json:"index"`
	Logprobs     *string `json:"logprobs"`
	FinishReason *string `json:"finish_reason"`
}

type textUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

func (an *answer) textBody() any {
	var choices []any
	for i, c := range an.choices {
		choices = append(choices, textChoice{Text: strings.Join(c.text, ""), Index: i, FinishReason: &c.finish})
	}
	return an.chunk(choices, an.wireUsage())
}

// texts returns the text of c in the pieces that become chunks.
func (c *pieces) texts() []any {
	out := make([]any, len(c.text))
	for i, s := range c.text {
		out[i] = s
	}
	return out
}
