package chain

import (
	"context"
	"iter"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Branch runs the first case whose condition holds, else its default. It is
// LangChain's RunnableBranch. A choice that needs a model is a [Router]'s.
type Branch[I, O any] struct {
	Name     string             // of the run; "branch" by default
	Cases    []Case[I, O]       // in the order in which they are asked
	Default  Runner[I, O]       // without it, an input that fits no case is an error
	Handlers []callback.Handler // see the branch alone, not what it runs
	Tags     []string           // of this run alone
}

// A Case is a way that a [Branch] may take.
type Case[I, O any] struct {
	If   func(in I) bool // whether it is taken
	Then Runner[I, O]    // what is run then
}

// Run runs the case that fits.
func (b *Branch[I, O]) Run(ctx context.Context, in I) (O, error) {
	return run(ctx, b.identity(), in, func(ctx context.Context) (out O, err error) {
		chosen, err := b.choose(in)
		if err != nil {
			return out, err
		}
		return chosen.Run(ctx, in)
	})
}

// Stream streams the case that fits. It is for branches whose output is a
// string.
func (b *Branch[I, O]) Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, b.identity(), in, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		chosen, err := b.choose(in)
		if err != nil {
			return err
		}
		return feed(ctx, chosen, in, hand)
	})
}

func (b *Branch[I, O]) choose(in I) (Runner[I, O], error) {
	id := b.identity()
	if len(b.Cases) == 0 {
		return nil, id.fault("has no Cases")
	}
	for i, c := range b.Cases {
		switch {
		case c.If == nil:
			return nil, id.fault("has Cases[%d] without If", i)
		case missing(c.Then):
			return nil, id.fault("has Cases[%d] without Then", i)
		}
	}
	for _, c := range b.Cases {
		if c.If(in) {
			return c.Then, nil
		}
	}
	if missing(b.Default) {
		return nil, id.fault("has no case for the input and no Default")
	}
	return b.Default, nil
}

func (b *Branch[I, O]) identity() identity { return identity{"branch", b.Name, b.Handlers, b.Tags} }
