package memory

import (
	"cmp"
	"context"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// A SummaryBuffer keeps the last turns as they were said and a summary of those
// before, within a number of tokens for both. When a turn makes it too large,
// one call of a model folds as many of the oldest turns as it takes. It is
// LangChain's ConversationSummaryBufferMemory, where the limit leaves out the
// summary, and turns are cut in half.
//
// If the call fails, Save returns the error, all turns stay as they were said,
// beyond the limit for now, and the next Save tries again. The zero value with a
// Model works. Set the fields before use.
type SummaryBuffer struct {
	Model         llm.Model   // writes the summaries
	MaxTokens     int         // of everything; 0 is 2000
	SummaryTokens int         // of the summary at most; 0 is 300, but no more than half of MaxTokens
	Request       llm.Request // settings of the call; its MaxTokens is SummaryTokens if 0

	// Language of the prompt: "en", "zh", or "" to go by the conversation's.
	Language string
	Prompt   prompt.Template[Fold] // instead of the one that is built in

	// Count counts the tokens of a text; nil estimates them.
	Count llm.Counter

	digest digest
}

// Load returns the summary and the turns after it.
func (s *SummaryBuffer) Load(context.Context, llm.Message) ([]llm.Message, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.digest.load(), nil
}

func (s *SummaryBuffer) check() error {
	return cmp.Or(checkLimit(s.Name(), "MaxTokens", s.MaxTokens), checkLimit(s.Name(), "SummaryTokens", s.SummaryTokens))
}

// Save adds the messages of a turn, and folds the oldest ones if it must.
func (s *SummaryBuffer) Save(ctx context.Context, messages ...llm.Message) error {
	if err := s.check(); err != nil {
		return err
	}
	limit := cmp.Or(s.MaxTokens, defaultMaxTokens)
	room := min(cmp.Or(s.SummaryTokens, defaultSummaryTokens), limit/2)
	by := &summarizer{
		owner: s.Name(), model: s.Model, request: s.Request, limit: room,
		prompt: s.Prompt, language: s.Language, count: counter(s.Count),
	}
	return s.digest.save(ctx, by, messages, func() int {
		turns := s.digest.turns
		if _, tokens := size(turns); s.digest.tokens+tokens <= limit {
			return 0
		}
		return len(turns) - len(newest(turns, limit-room))
	})
}

// Clear forgets everything.
func (s *SummaryBuffer) Clear(context.Context) error {
	s.digest.clear()
	return nil
}

// Size returns the number of messages, of which the summary is one, and their
// tokens, -1 without Count.
func (s *SummaryBuffer) Size() (messages, tokens int) {
	messages, tokens = s.digest.size()
	return messages, told(tokens, s.Count)
}

// Name returns "summary_buffer".
func (s *SummaryBuffer) Name() string { return "summary_buffer" }

// String returns what Load does, as [Transcript] shows it.
func (s *SummaryBuffer) String() string { return Transcript(s.digest.load()) }
