package agent

import (
	"cmp"
	"fmt"
)

// A StepsError ends an agent whose model still asks for tools when the limit is
// reached. The tools that it asked for last are not run.
type StepsError struct {
	Agent string
	Limit int // steps, all of which were made
}

// Error says what to do about it.
func (e *StepsError) Error() string {
	return fmt.Sprintf("agent %q has no answer after %d steps; raise MaxSteps if the task needs more", e.Agent, e.Limit)
}

// ErrorType returns "max_steps".
func (*StepsError) ErrorType() string { return "max_steps" }

// A RefusalError ends an agent whose model declines the task.
type RefusalError struct {
	Agent string
	Text  string // the model's words
}

// Error returns that the model refused. Its words are content, and stay out.
func (e *RefusalError) Error() string {
	return fmt.Sprintf("agent %q: the model refused the task", e.Agent)
}

// ErrorType returns "refusal".
func (*RefusalError) ErrorType() string { return "refusal" }

func (a *Agent) limit() int { return cmp.Or(a.MaxSteps, defaultSteps) }

func (a *Agent) exceeded() error { return &StepsError{Agent: a.name(), Limit: a.limit()} }

// A faultError is an error of an agent that cannot work as it is made, or with
// what it is given. Trying again is of no use.
type faultError struct{ error }

func (e faultError) Unwrap() error { return e.error }

// ErrorType returns "invalid_request", as the steps of a chain do.
func (faultError) ErrorType() string { return "invalid_request" }

func (a *Agent) fault(format string, args ...any) error { return faultError{a.errorf(format, args...)} }

func (a *Agent) errorf(format string, args ...any) error {
	return fmt.Errorf("agent %q: "+format, append([]any{a.name()}, args...)...)
}
