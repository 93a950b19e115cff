package callback

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// Model returns a model that announces every call of m as a run, to the
// handlers of the call's context and to local. Announcing twice is announcing
// once: a model that announces its own calls is only given more handlers.
//
// The run begins when the sequence is ranged over and ends at the first of: the
// end of the sequence, an error, a break, a panic, or the end of the context
// while the consumer holds a chunk. Chunks and errors pass unchanged.
func Model(m llm.Model, local ...Handler) llm.Model {
	if isNil(m) {
		m = noModel{}
	}
	if a, ok := m.(Announcer); ok {
		if len(local) == 0 {
			return m
		}
		return a.WithHandlers(local...)
	}
	return &announced{model: m, local: local}
}

// An Announcer is a model that announces its own calls as runs. WithHandlers
// returns it with further handlers of its own.
type Announcer interface {
	llm.Model
	WithHandlers(local ...Handler) llm.Model
}

// noModel stands for a model that is nil, so that a call is an error and not a
// panic.
type noModel struct{}

var errNoModel error = nilError("model is nil")

// A nilError says what is nil that a call needs.
type nilError string

func (e nilError) Error() string { return string(e) }

// ErrorType returns "invalid_request".
func (nilError) ErrorType() string { return "invalid_request" }

// Chat yields the error.
func (noModel) Chat(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) { yield(llm.Chunk{}, errNoModel) }
}

type announced struct {
	model llm.Model
	local []Handler
}

func (m *announced) WithHandlers(local ...Handler) llm.Model {
	return &announced{m.model, append(m.local[:len(m.local):len(m.local)], local...)}
}

func (m *announced) Endpoint() llm.Endpoint { return endpointOf(m.model) }

func (m *announced) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return Stream(ctx, func() *Info {
		info := &Info{Kind: KindLLM, Input: req, Endpoint: endpointOf(m.model)}
		if q, ok := m.model.(interface{ Meter() llm.Meter }); ok {
			info.Meter = q.Meter()
		}
		if q, ok := m.model.(interface{ Prices() *price.Book }); ok {
			info.Prices = q.Prices()
		}
		info.Name = info.Model()
		return info
	}, m.local, func(ctx context.Context) iter.Seq2[llm.Chunk, error] {
		return m.model.Chat(ctx, req)
	})
}

func endpointOf(m llm.Model) llm.Endpoint {
	if q, ok := m.(interface{ Endpoint() llm.Endpoint }); ok {
		return q.Endpoint()
	}
	return llm.Endpoint{}
}

// Stream announces the sequence that body returns as one run, with the endings
// of [Model]. A sequence that a [Budget] cuts off ends with its error, which is
// also the one that the caller gets wherever a budget's error has ended the
// context. info is asked for only if someone listens. Chunks go to the
// handlers if the run is a model's; a step that passes on the chunks of its
// models has the text of the last answer as its output.
func Stream(ctx context.Context, info func() *Info, local []Handler,
	body func(context.Context) iter.Seq2[llm.Chunk, error]) iter.Seq2[llm.Chunk, error] {
	var used atomic.Bool
	return func(yield func(llm.Chunk, error) bool) {
		if used.Swap(true) {
			yield(llm.Chunk{}, llm.ErrConsumed)
			return
		}
		ctx := usable(ctx)
		if !Enabled(ctx, local...) {
			if seq := body(ctx); seq != nil {
				seq(yield)
			}
			return
		}
		s := &stream{acc: accumulators.Get().(*llm.Accumulator)}
		i := info()
		if i == nil {
			i = &Info{}
		}
		i.stream = s
		ctx, s.run = Start(ctx, i, local...)
		s.res.Err = ErrGoexit // stands if the sequence does not return
		defer s.run.End(&s.res)
		if err := s.run.refused(); err != nil {
			s.finish(i.Kind == KindLLM, err)
			yield(llm.Chunk{}, err)
			return
		}
		s.relay(ctx, body(ctx), yield)
	}
}

// accumulators are used again: their buffers are as long as an answer.
var accumulators = sync.Pool{New: func() any { return new(llm.Accumulator) }}

// A stream is one announced sequence while it is ranged over.
type stream struct {
	run *Active
	acc *llm.Accumulator
	res Result

	answered bool // an answer that a step passes on has come to its end

	// Who may end the run. While a chunk is being read, that read ends it, with
	// the real error; while the consumer holds a chunk, the context and Abandon may.
	state    atomic.Int32
	settled  atomic.Pointer[settlement] // what a run ends with whose consumer leaves; nil if it is broken off
	canceled atomic.Bool
	ending   sync.Mutex // held while the run is ended from outside, which leaving the loop waits for
}

const (
	reading int32 = iota
	held
	over
)

func (s *stream) relay(ctx context.Context, seq iter.Seq2[llm.Chunk, error], yield func(llm.Chunk, error) bool) {
	model := s.run.info.Kind == KindLLM
	watch := ctx.Done() != nil
	if watch {
		stop := context.AfterFunc(ctx, func() {
			s.canceled.Store(true)
			s.endHeld(context.Cause(ctx))
		})
		defer stop()
	}
	defer s.settle(model)
	if seq == nil {
		seq = func(func(llm.Chunk, error) bool) {}
	}
	for c, err := range seq {
		if err != nil {
			err = overBudget(ctx, err)
		}
		if s.state.Load() == over {
			if !c.Hidden && !yield(c, err) || err != nil {
				return
			}
			continue
		}
		if err != nil {
			s.finish(model, err)
			yield(c, err)
			return
		}
		var cut *BudgetError
		if model {
			cut = s.run.token(&c)
		}
		if !model && c.Choice == 0 {
			if s.answered && c.HasContent() {
				s.acc.Reset()
				s.answered = false
			}
			s.answered = s.answered || c.Finish != ""
		}
		s.acc.Add(&c)
		if cut != nil {
			s.finish(model, cut)
			if c.Hidden || yield(c, nil) {
				yield(llm.Chunk{}, cut)
			}
			return
		}
		if c.Hidden {
			continue
		}
		s.state.Store(held)
		if watch && s.canceled.Load() {
			s.endHeld(context.Cause(ctx))
		}
		more := yield(c, nil)
		if !more && watch && ctx.Err() != nil {
			s.endHeld(context.Cause(ctx)) // what watches the context may be late
		}
		if !s.state.CompareAndSwap(held, reading) {
			if !more {
				return
			}
			continue
		}
		if !more {
			// Leaving the loop ends what runs below first.
			s.res.Stopped = true
			break
		}
	}
	switch {
	case s.state.Load() == over:
	case model && s.acc.Empty() && !s.res.Stopped:
		s.finish(model, llm.ErrEmpty)
	default:
		s.finish(model, nil)
	}
}

// finish ends the run with what has arrived. The consumer may still go on.
func (s *stream) finish(model bool, err error) {
	s.res.Err = err
	s.fill(model)
	s.run.end(&s.res, nil)
}

// fill takes what has arrived into the result, and gives the accumulator back.
func (s *stream) fill(model bool) {
	resp := s.acc.Response()
	s.acc.Reset()
	accumulators.Put(s.acc)
	s.acc = nil
	if model {
		s.res.Response = resp
	} else if s.res.Output == nil {
		s.res.Output = resp.Text()
	}
}

// settle keeps what has arrived for the End that sees a panic or a Goexit.
func (s *stream) settle(model bool) {
	s.ending.Lock()
	defer s.ending.Unlock()
	mine := s.state.Load() == reading || s.state.CompareAndSwap(held, reading)
	if mine && s.acc != nil {
		s.fill(model)
	}
}

// A settlement is what a run has come to before it ends.
type settlement struct{ err error }

// endHeld ends the run from outside, unless a read is in flight: with err if it
// is not settled. It reports whether it did.
func (s *stream) endHeld(err error) bool {
	s.ending.Lock()
	defer s.ending.Unlock()
	if !s.state.CompareAndSwap(held, over) {
		return false
	}
	if done := s.settled.Load(); done != nil {
		err = done.err
	}
	s.finish(s.run.info.Kind == KindLLM, err)
	return true
}

// Abandon ends the run that info describes with err, if it is a sequence whose
// consumer holds a chunk and may never ask for the next: an iter.Pull that
// nobody stopped. What had arrived is in its result. It reports whether it did;
// a run that is at work is left to end by itself. It is for handlers that shut
// down, and may be called from any goroutine.
func Abandon(info *Info, err error) bool {
	return info != nil && info.stream != nil && info.stream.endHeld(err)
}

// withContext says of an error that is the cause of ctx's end also how ctx
// ended. The network's libraries return the cause alone.
func withContext(ctx context.Context, err error) error {
	ended := ctx.Err()
	if ended == nil || errors.Is(err, ended) || !errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w: %w", ended, err)
}
