package chain

import (
	"context"
	"iter"

	"github.com/callspan/callspan/llm"
)

// A Runner takes an input and gives an output: a [Step], a [Conversation], an
// agent, and whatever is composed of runners. What it does appears as runs.
type Runner[I, O any] interface {
	Run(ctx context.Context, in I) (O, error)
}

// A Streamer is a Runner of text that also gives its answer in pieces. The
// sequence is like a model's: lazy, used once, its last item may be an error.
type Streamer[I any] interface {
	Runner[I, string]
	Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error]
}

// Func makes a Runner of a function. It is no run of its own.
type Func[I, O any] func(ctx context.Context, in I) (O, error)

// Run calls f.
func (f Func[I, O]) Run(ctx context.Context, in I) (O, error) { return f(ctx, in) }
