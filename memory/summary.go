package memory

import (
	"cmp"
	"context"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// A Summary keeps a summary of the conversation, into which a model folds each
// turn when it is saved: one more call per turn, and a prompt that does not
// grow. It is LangChain's ConversationSummaryMemory, but for three things: the
// call is a run below the memory's own, so that a trace shows what it costs; a
// summary has a longest length; and a call that fails loses nothing.
//
// If the call fails, Save returns the error, the turn stays as it was said, and
// the next Save folds both. The zero value with a Model works. Set the fields
// before use.
type Summary struct {
	Model     llm.Model   // writes the summaries
	MaxTokens int         // of the summary at most; 0 is 300
	Request   llm.Request // settings of the call; its MaxTokens is that above if 0

	// Language of the prompt: "en", "zh", or "" to go by the conversation's.
	Language string
	Prompt   prompt.Template[Fold] // instead of the one that is built in

	// Count counts the tokens of a text; nil estimates them.
	Count llm.Counter

	digest digest
}

const defaultSummaryTokens = 300

// Load returns the summary, and the turns that could not be folded yet.
func (s *Summary) Load(context.Context, llm.Message) ([]llm.Message, error) {
	if err := checkLimit(s.Name(), "MaxTokens", s.MaxTokens); err != nil {
		return nil, err
	}
	return s.digest.load(), nil
}

// Save folds the messages of a turn into the summary.
func (s *Summary) Save(ctx context.Context, messages ...llm.Message) error {
	if err := checkLimit(s.Name(), "MaxTokens", s.MaxTokens); err != nil {
		return err
	}
	by := &summarizer{
		owner: s.Name(), model: s.Model, request: s.Request, limit: cmp.Or(s.MaxTokens, defaultSummaryTokens),
		prompt: s.Prompt, language: s.Language, count: counter(s.Count),
	}
	return s.digest.save(ctx, by, messages, func() int { return len(s.digest.turns) })
}

// Clear forgets everything.
func (s *Summary) Clear(context.Context) error {
	s.digest.clear()
	return nil
}

// Size returns the number of messages, of which the summary is one, and their
// tokens, -1 without Count.
func (s *Summary) Size() (messages, tokens int) {
	messages, tokens = s.digest.size()
	return messages, told(tokens, s.Count)
}

// Name returns "summary".
func (s *Summary) Name() string { return "summary" }

// String returns what Load does, as [Transcript] shows it.
func (s *Summary) String() string { return Transcript(s.digest.load()) }
