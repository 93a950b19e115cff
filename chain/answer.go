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
	// off, "invalid_answer" if it is not of the form that was asked for. It is
	// also the value of the span attribute error.type.
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
	reasonInvalid = "invalid_answer"
)

func (id identity) refused(answer *llm.Response) error {
	return &AnswerError{Reason: reasonRefusal, Text: answer.Choices[0].Refusal, step: id.String()}
}
