package chain

import (
	"fmt"

	"github.com/callspan/callspan/llm"
)

// An AnswerError says that the model has answered, but not with what was asked
// for. Its message quotes no texts of the answer, as messages end up in traces
// and logs.
type AnswerError struct {
	// Reason is "refusal" if the model declines, "length" if the answer was cut
	// off at the limit of its tokens, "content_filter" if the provider cut it
	// off, "tool_calls" if the model asks for tools, which agents alone run, and
	// "invalid_answer" if it is not of the form that was asked for. It is also the
	// value of the span attribute error.type.
	Reason string
	Text   string // the answer as it came, or the words of the refusal
	Err    error  // what is wrong with an invalid answer

	step string
}

// Error says what is wrong and what helps.
func (e *AnswerError) Error() string {
	switch e.Reason {
	case reasonRefusal:
		return e.step + ": the model declined to answer"
	case reasonLength:
		return e.step + ": the answer was cut off at the limit of its tokens; raise Request.MaxTokens"
	case reasonFilter:
		return e.step + ": the answer was cut off by the provider's content filter"
	case reasonTools:
		return e.step + ": the model asks for tools, which nobody runs here; use an agent.Agent"
	}
	return fmt.Sprintf("%s: the answer is invalid: %v", e.step, e.Err)
}

// Unwrap returns what is wrong with an invalid answer.
func (e *AnswerError) Unwrap() error { return e.Err }

// ErrorType returns the reason.
func (e *AnswerError) ErrorType() string { return e.Reason }

const (
	reasonRefusal = "refusal"
	reasonLength  = "length"
	reasonFilter  = "content_filter"
	reasonTools   = "tool_calls"
	reasonInvalid = "invalid_answer"
)

// unrun returns the error of an answer that is nothing but calls of tools, else
// nil.
func (id identity) unrun(answer *llm.Response) error {
	if c := &answer.Choices[0]; c.Text == "" && c.Refusal == "" && len(c.ToolCalls) > 0 {
		return &AnswerError{Reason: reasonTools, step: id.String()}
	}
	return nil
}

func (id identity) refused(answer *llm.Response) error {
	return &AnswerError{Reason: reasonRefusal, Text: answer.Choices[0].Refusal, step: id.String()}
}
