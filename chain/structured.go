package chain

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/schema"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// A Structured has a model answer with a value of type O. It is LangChain's
// with_structured_output. Do not copy it after use.
//
// The JSON schema of O is sent with the request. It describes what encoding/json
// reads into O: names and optional fields (omitempty, omitzero) are those of json
// tags, descriptions for the model come from jsonschema tags. It is strict, so
// that a provider that knows strict schemas holds the model to it, unless O has a
// map or an any in it. An O that is not an object, such as a slice, is asked for
// inside of one. What types have which schema says package tool; a type that has
// none is an error that names the field.
//
// The answer may stand in a Markdown fence. It is checked against the schema,
// read into O, and checked by its method Validate() error if *O has one. If it
// is not valid, it goes back to the model once, in a second call below the same
// run, with what is wrong with it; a [callback.EventRetry] marks that.
type Structured[I, O any] struct {
	Name     string // of the run; "structured" by default
	Prompt   prompt.Template[I]
	Model    llm.Model
	Request  llm.Request        // settings of each call; Messages are put before the prompt's, Format may name and describe the schema
	Handlers []callback.Handler // see this step alone, not its prompt and model
	Tags     []string           // of this run alone

	once  sync.Once
	shape *shape[O]
	err   error
}

// Run returns the value that the model answered with. If there is none, the
// error is an [*AnswerError] that holds the answer. An O that has no schema is
// an error before anything is sent.
func (s *Structured[I, O]) Run(ctx context.Context, in I) (O, error) {
	return run(ctx, s.identity(), in, func(ctx context.Context) (out O, err error) {
		s.once.Do(func() { s.shape, s.err = shapeOf[O]() })
		if s.err != nil {
			return out, s.identity().fault("cannot make a JSON schema of %v: %v; %s", reflect.TypeFor[O](), s.err, schema.WayOut(s.err, "use another type"))
		}
		req, err := compose(ctx, s.identity(), s.Prompt, s.Model, s.Request, in)
		if err != nil {
			return out, err
		}
		req.Format = s.shape.format(req.Format)
		for try := 1; ; try++ {
			answer, _, err := ask(ctx, s.identity(), s.Model, req, nil)
			if err != nil {
				return out, err
			}
			out, invalid := s.read(answer)
			if invalid == nil {
				return out, nil
			}
			if invalid.Reason != reasonInvalid || try == 2 {
				return out, invalid
			}
			callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: try, Err: invalid}})
			req = repair(req, invalid)
		}
	})
}

// read returns the value of an answer, or why it has none.
func (s *Structured[I, O]) read(answer *llm.Response) (out O, invalid *AnswerError) {
	c := &answer.Choices[0]
	e := &AnswerError{Reason: reasonInvalid, Text: c.Text, step: s.identity().String()}
	switch {
	case c.Refusal != "":
		e.Reason, e.Text = reasonRefusal, c.Refusal
	case c.Finish == reasonLength || c.Finish == reasonFilter:
		e.Reason = c.Finish
	default:
		v, err := s.shape.read(c.Text)
		if err == nil {
			return v, nil
		}
		e.Err = err
	}
	return out, e
}

// maxHint bounds what is repeated to the model of its own mistake.
const maxHint = 1 << 10

// repair returns the request that sends an invalid answer back.
func repair(req *llm.Request, e *AnswerError) *llm.Request {
	again := *req
	again.Messages = slices.Clip(req.Messages)
	if e.Text != "" {
		again.Messages = append(again.Messages, llm.Assistant(e.Text).From(llm.SourceHistory))
	}
	wrong := e.Err.Error()
	if misfit, ok := errors.AsType[*schema.Misfit](e.Err); ok {
		wrong = misfit.Detail()
	}
	if len(wrong) > maxHint {
		wrong = strings.ToValidUTF8(wrong[:maxHint], "") + "..."
	}
	again.Messages = append(again.Messages, llm.User(
		"This answer is not valid: "+wrong+".\nAnswer again, with nothing but JSON that fits the schema.").From(llm.SourceTemplate))
	return &again
}

func (s *Structured[I, O]) identity() identity {
	return identity{"structured", s.Name, s.Handlers, s.Tags}
}
