package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// A summarizer folds turns into a summary by calling a model.
type summarizer struct {
	owner    string // the memory's name, for errors
	model    llm.Model
	request  llm.Request
	prompt   prompt.Template[Fold]
	language string
	limit    int // tokens of a summary at most
	count    llm.Counter
}

// fold returns a summary of the old one and lines. The call is announced to the
// handlers of ctx, so that it appears below the memory's own run.
func (s *summarizer) fold(ctx context.Context, summary string, lines []llm.Message) (string, error) {
	if isNil(s.model) {
		return "", &fault{"it has no Model"}
	}
	f := Fold{Summary: summary, Lines: lines}
	template, err := s.template(&f)
	if err != nil {
		return "", err
	}
	messages, err := template.Messages(f)
	if err != nil {
		return "", err
	}
	req := s.request
	req.Messages = append(req.Messages[:len(req.Messages):len(req.Messages)], messages...)
	req.MaxTokens = cmp.Or(req.MaxTokens, s.limit)
	resp, err := llm.Collect(callback.Model(s.model).Chat(ctx, &req))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(resp.Text())
	if text == "" {
		return "", s.nothing(resp)
	}
	if resp.Choices[0].Finish == "length" {
		text = wholeSentences(text)
	}
	if text = s.clip(text); text == "" {
		return "", &fault{fmt.Sprintf("%d tokens have no room for a summary; raise MaxTokens", s.limit)}
	}
	return text, nil
}

// template returns the prompt for f, whose Words it sets.
func (s *summarizer) template(f *Fold) (prompt.Template[Fold], error) {
	language := s.language
	if language == "" {
		language = languageOf(f.Summary + Transcript(f.Lines))
	}
	// As many as surely fit: English has about 1.3 tokens a word, Chinese about
	// one a character, and models do not count well.
	f.Words = max(1, s.limit*6/10)
	if language == "zh" {
		f.Words = max(1, s.limit*8/10)
	}
	switch {
	case s.prompt == nil:
	case isNil(s.prompt):
		return nil, &fault{fmt.Sprintf("its Prompt is a nil %T", s.prompt)}
	default:
		return s.prompt, nil
	}
	prompts, err := foldPrompts()
	if err != nil {
		return nil, err
	}
	if prompts[language] == nil {
		return nil, &fault{fmt.Sprintf("there is no prompt in the language %q; use en or zh, or set Prompt", language)}
	}
	return prompts[language], nil
}

// nothing says why there is no summary in resp.
func (s *summarizer) nothing(resp *llm.Response) error {
	switch {
	case len(resp.Choices) > 0 && resp.Choices[0].Refusal != "":
		return errors.New("the model declined")
	case len(resp.Choices) > 0 && resp.Choices[0].Finish == "length":
		return errors.New("the answer ended at the limit of its tokens before it began, raise Request.MaxTokens")
	}
	return errors.New("the model answered without text")
}

// failed says what err means for the memory.
func (s *summarizer) failed(err error) error {
	return keptError{fmt.Errorf("summarize for %s memory: %w (the turn is kept as it is)", s.owner, err)}
}

// A keptError is of a save that has kept its turn all the same.
type keptError struct{ error }

func (e keptError) Unwrap() error { return e.error }

// TurnKept tells who would try again that the turn would then be kept twice.
func (keptError) TurnKept() bool { return true }

// clip cuts text so that its message has at most limit tokens, for models that
// do not heed the limit of the request.
func (s *summarizer) clip(text string) string {
	fits := func(t string) bool { return tokensOf(summaryMessage(t), s.count) <= s.limit }
	if fits(text) {
		return text
	}
	runes := []rune(text)
	short, long := 0, len(runes) // short fits, long does not
	for long-short > 1 {
		if half := (short + long) / 2; fits(string(runes[:half])) {
			short = half
		} else {
			long = half
		}
	}
	return wholeSentences(strings.TrimSpace(string(runes[:short])))
}

// wholeSentences cuts what follows the last end of a sentence, if that leaves
// at least half.
func wholeSentences(text string) string {
	end := 0
	for i, r := range text {
		next := i + utf8.RuneLen(r)
		switch {
		case strings.ContainsRune("。！？；\n", r):
			end = next
		case strings.ContainsRune(".!?;", r) && (next == len(text) || text[next] == ' '):
			end = next
		}
	}
	if end < len(text)/2 {
		return text
	}
	return strings.TrimSpace(text[:end])
}

// languageOf returns "zh" for text that is Chinese, else "en".
func languageOf(text string) string {
	han, other := 0, 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			return "en" // Japanese; that prompt asks for the conversation's language
		case unicode.Is(unicode.Han, r):
			han++
		case unicode.IsLetter(r):
			other++
		}
	}
	if han > 0 && 3*han >= other {
		return "zh" // a character says about as much as three letters
	}
	return "en"
}

// summaryMessage is how a summary stands in a prompt.
func summaryMessage(summary string) llm.Message {
	head := "Summary of the conversation so far: "
	if languageOf(summary) == "zh" {
		head = "此前对话的摘要："
	}
	return llm.System(head + summary).From(llm.SourceSummary)
}

// A fault is a memory that is not complete, or not there.
type fault struct{ text string }

func (f *fault) Error() string   { return f.text }
func (*fault) ErrorType() string { return "invalid_request" }
