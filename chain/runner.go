package chain

import (
	"context"
	"iter"
	"reflect"

	"github.com/callspan/callspan/llm"
)

// A Runner takes an input and gives an output: a [Step], a [Conversation], an
// agent, and whatever is composed of runners. What it does appears as runs. The
// runners of this package may be used concurrently, unless they say otherwise,
// if what they are made of may.
type Runner[I, O any] interface {
	Run(ctx context.Context, in I) (O, error)
}

// A Streamer is a Runner of text that also gives its answer in pieces. The
// sequence is like a model's: lazy, used once, its last item may be an error.
//
// Composed runners of text are Streamers. They stream what their last or chosen
// part streams, and hand on the text of one that does not as one chunk. A run
// that is broken off, cancelled or panics ends as that of a [Conversation] does.
type Streamer[I any] interface {
	Runner[I, string]
	Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error]
}

// Func makes a Runner of a function. It is no run of its own: that is a [Step].
type Func[I, O any] func(ctx context.Context, in I) (O, error)

// Run calls f.
func (f Func[I, O]) Run(ctx context.Context, in I) (out O, err error) {
	if f == nil {
		return out, (identity{kind: "func"}).fault("is nil")
	}
	return f(ctx, in)
}

// missing reports whether r is nil, or a nil pointer or function.
func missing(r any) bool {
	if r == nil {
		return true
	}
	v := reflect.ValueOf(r)
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

// feed streams r: its chunks, or its text as one chunk, go to hand until that
// says no.
func feed[I, O any](ctx context.Context, r Runner[I, O], in I, hand func(llm.Chunk) bool) error {
	if s, ok := any(r).(Streamer[I]); ok {
		return pump(s.Stream(ctx, in), hand)
	}
	var out O
	if _, ok := any(out).(string); !ok {
		return (identity{kind: "stream"}).fault("of a runner whose output is %v; only text streams", reflect.TypeFor[O]())
	}
	out, err := r.Run(ctx, in)
	if err != nil {
		return err
	}
	hand(llm.Chunk{Text: any(out).(string)})
	return nil
}

// pump gives the chunks of seq to hand until that says no.
func pump(seq iter.Seq2[llm.Chunk, error], hand func(llm.Chunk) bool) error {
	for c, err := range seq {
		if err != nil {
			return err
		}
		if !hand(c) {
			break
		}
	}
	return nil
}
