package standin

// A Reply is what the model answers.
type Reply struct {
	// Choices are the answers. A request for more of them than there are gets
	// them in rotation.
	Choices []Choice

	// Usage is reported to the client; nil counts it.
	Usage *Usage
}

// A Choice is one answer.
type Choice struct {
	Reasoning string // shown before the answer, as reasoning_content
	Text      string
	Refusal   string
	ToolCalls []ToolCall
	Finish    string // "" derives it: "tool_calls", "length" or "stop"

	// HiddenReasoning is the number of reasoning tokens that are billed and not shown.
	HiddenReasoning int
}

// A ToolCall asks for a function to be run. An empty ID is filled in.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string
}

// Text is a reply of one text.
func Text(s string) Reply { return Reply{Choices: []Choice{{Text: s}}} }

// Usage is what a call used, in tokens: Cached is part of Prompt, Reasoning is
// part of Completion.
type Usage struct {
	Prompt, Cached, Completion, Reasoning int
}

func (u *Usage) add(o Usage) {
	u.Prompt += o.Prompt
	u.Cached += o.Cached
	u.Completion += o.Completion
	u.Reasoning += o.Reasoning
}
