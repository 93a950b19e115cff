package chain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// An identity is what a runner says of itself, to handlers and in errors.
type identity struct {
	kind     string // its name if it has none
	name     string
	handlers []callback.Handler
	tags     []string
}

// String returns how errors call the runner: sequence "story".
func (id identity) String() string {
	if id.name == "" || id.name == id.kind {
		return id.kind
	}
	return id.kind + " " + strconv.Quote(id.name)
}

func (id identity) info(in any) *callback.Info {
	name := id.name
	if name == "" {
		name = id.kind
	}
	return &callback.Info{Kind: callback.KindChain, Name: name, Input: in, Tags: id.tags}
}

// fault returns an error of a runner that cannot work as it is made, or with
// what it is given. Trying again is of no use.
func (id identity) fault(format string, args ...any) error {
	return &faultError{id.String() + " " + fmt.Sprintf(format, args...)}
}

type faultError struct{ text string }

func (e *faultError) Error() string { return e.text }

// ErrorType returns "invalid_request", as the adapters of models say of calls
// that they cannot make.
func (e *faultError) ErrorType() string { return "invalid_request" }

// run runs do as a run. If nobody listens, it is just the call.
func run[I, O any](ctx context.Context, id identity, in I, do func(context.Context) (O, error)) (O, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if !callback.Enabled(ctx, id.handlers...) {
		return do(ctx)
	}
	return callback.Do(ctx, id.info(in), id.handlers, do)
}

// stream runs body as a run that streams what body hands on. Once hand has said
// no, body returns nil.
func stream[I any](ctx context.Context, id identity, in I,
	body func(ctx context.Context, hand func(llm.Chunk) bool) error) iter.Seq2[llm.Chunk, error] {
	if ctx == nil {
		ctx = context.Background()
	}
	return callback.Stream(ctx, func() *callback.Info { return id.info(in) }, id.handlers,
		func(ctx context.Context) iter.Seq2[llm.Chunk, error] {
			return func(yield func(llm.Chunk, error) bool) {
				if err := body(ctx, func(c llm.Chunk) bool { return yield(c, nil) }); err != nil {
					yield(llm.Chunk{}, err)
				}
			}
		})
}

// at returns how errors call a part, by the list that it is in and its name:
// Steps[1] "poem".
func at(list string, i int, part any) string {
	s := list + "[" + strconv.Itoa(i) + "]"
	name := ""
	switch p := part.(type) {
	case interface{ identity() identity }:
		name = p.identity().name
	case interface{ Endpoint() llm.Endpoint }:
		name = p.Endpoint().Model
	}
	if name != "" {
		s += " " + strconv.Quote(name)
	}
	return s
}

// ended returns why ctx has ended, nil if it has not. The error is also the
// context's own.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
