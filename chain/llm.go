package chain

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// An LLM writes a prompt from its input and has a model answer it. It is
// LangChain's LLMChain. Its run holds the run of the prompt, whose text is also
// an event of the run, and the run of the model.
type LLM[I any] struct {
	Name     string // of the run; "llm" by default
	Prompt   prompt.Template[I]
	Model    llm.Model
	Request  llm.Request        // settings of each call; Messages are put before the prompt's
	Handlers []callback.Handler // see this step alone, not its prompt and model
	Tags     []string           // of this run alone
}

// Run returns the text of the answer, also if MaxTokens cut it short. On failure
// it returns what had arrived together with the error. An answer that is nothing
// but a refusal or calls of tools, or was cut off before any text came, is an
// [*AnswerError].
func (l *LLM[I]) Run(ctx context.Context, in I) (string, error) {
	return run(ctx, l.identity(), in, func(ctx context.Context) (string, error) {
		req, err := l.request(ctx, in)
		if err != nil {
			return "", err
		}
		answer, _, err := ask(ctx, l.identity(), l.Model, req, nil)
		return answer.Text(), err
	})
}

// Stream returns the answer chunk by chunk. It ends as that of Run does, but that
// calls of tools are no error: their chunks have been seen.
func (l *LLM[I]) Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, l.identity(), in, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		req, err := l.request(ctx, in)
		if err != nil {
			return err
		}
		req.Stream = true
		_, _, err = ask(ctx, l.identity(), l.Model, req, hand)
		return err
	})
}

func (l *LLM[I]) request(ctx context.Context, in I) (*llm.Request, error) {
	return compose(ctx, l.identity(), l.Prompt, l.Model, l.Request, in)
}

func (l *LLM[I]) identity() identity { return identity{"llm", l.Name, l.Handlers, l.Tags} }

// compose returns the request that asks m with the prompt for in.
func compose[I any](ctx context.Context, id identity, t prompt.Template[I], m llm.Model, settings llm.Request, in I) (*llm.Request, error) {
	switch {
	case missing(t):
		return nil, id.fault("has no Prompt")
	case missing(m):
		return nil, id.fault("has no Model")
	}
	messages, err := format(ctx, t, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	if callback.Enabled(ctx) {
		callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: transcript(messages)})
	}
	settings.Messages = slices.Concat(settings.Messages, messages)
	return &settings, nil
}

// format writes the prompt for in, as a run.
func format[I any](ctx context.Context, t prompt.Template[I], in I) ([]llm.Message, error) {
	write := func(context.Context) ([]llm.Message, error) {
		messages, err := t.Messages(in)
		if err == nil && blank(messages) {
			err = prompt.ErrEmpty
		}
		return messages, err
	}
	if !callback.Enabled(ctx) {
		return write(ctx)
	}
	return callback.Do(ctx, &callback.Info{Kind: callback.KindPrompt, Name: cmp.Or(t.Name(), "prompt"), Input: in}, nil, write)
}

// blank reports whether messages say nothing.
func blank(messages []llm.Message) bool {
	for _, m := range messages {
		for _, p := range m.Parts {
			if p.Media != nil || strings.TrimSpace(p.Text) != "" {
				return false
			}
		}
	}
	return true
}

// transcript returns messages as one text.
func transcript(messages []llm.Message) string {
	var b strings.Builder
	for _, p := range (&llm.Request{Messages: messages}).Transcript() {
		b.WriteString(p.Text)
	}
	return b.String()
}

// ask makes one call of m and gives its chunks to hand, if that is not nil. It
// returns the answer, what had arrived of it on failure, and whether hand
// stopped it. A call that brings nothing fails, and so does one that is refused,
// or cut off before any text came, or brings calls of tools that nobody would see.
func ask(ctx context.Context, id identity, m llm.Model, req *llm.Request, hand func(llm.Chunk) bool) (answer *llm.Response, stopped bool, err error) {
	var acc llm.Accumulator
	for c, err := range callback.Model(m).Chat(ctx, req) {
		if err != nil {
			return acc.Response(), false, err
		}
		acc.Add(&c)
		if hand != nil && !hand(c) {
			return acc.Response(), true, nil
		}
	}
	answer = acc.Response()
	if acc.Empty() {
		return answer, false, llm.ErrEmpty
	}
	switch c := &answer.Choices[0]; {
	case c.Text != "":
	case c.Refusal != "":
		return answer, false, id.refused(answer)
	case (c.Finish == reasonLength || c.Finish == reasonFilter) && len(c.ToolCalls) == 0:
		return answer, false, &AnswerError{Reason: c.Finish, step: id.String()}
	case hand == nil: // who takes chunks has the calls
		return answer, false, id.unrun(answer)
	}
	return answer, false, nil
}
