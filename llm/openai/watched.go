package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

var errDropped = abandoned("stream was dropped without being closed")

func dropStream(run *callback.Call) { run.Abandon(errDropped) }

// A watched stream is one that a run is told of.
type watched[T any] struct {
	inner  stream
	run    *callback.Call
	answer *answer
	typed  typer[T]
	hidden bool               // the usage was asked for on the handlers' behalf
	each   func(c *llm.Chunk) // tells the run
	drop   runtime.Cleanup    // ends the run of a stream that nobody closed

	ended bool  // there is nothing more to tell
	cut   error // a budget's, which ends the stream
}

// begin starts the run of a stream and sends the request. The watched stream is
// nil if nobody listens.
func begin[T any, S stream](c *Client, ctx context.Context, api string, typed typer[T],
	describe func() request, send func(context.Context) (S, error)) (inner S, w *watched[T], err error) {
	ctx, run, err := c.open(ctx, describe)
	if err != nil {
		return inner, nil, err
	}
	if run == nil {
		inner, err = send(ctx)
		return inner, nil, err
	}
	returned := false
	defer endOther(run, &returned)
	ctx = withAttempts(ctx)
	inner, err = send(ctx)
	returned = true
	if err != nil {
		run.End(refusedError(err, attemptsOf(ctx).headers()))
		return inner, nil, run.Err(err)
	}
	w = &watched[T]{inner: inner, run: run, answer: newAnswer(api, false), typed: typed}
	w.each = func(c *llm.Chunk) {
		if err := run.Chunk(c); err != nil {
			w.cut = err
		}
	}
	run.Holding()
	return inner, w, nil
}

// recv returns the next frame as go-openai does.
func (w *watched[T]) recv() (out T, err error) {
	for {
		raw, err := w.pull()
		if err != nil {
			return out, err
		}
		caller, seen := w.typed.read(w.answer, raw, &out)
		w.tell(seen, caller)
		w.run.Holding()
		if caller != nil || seen != nil || !w.withheld() {
			return out, caller
		}
		var none T
		out = none
	}
}

// recvRaw returns the bytes of the next frame.
func (w *watched[T]) recvRaw() ([]byte, error) {
	for {
		raw, err := w.pull()
		if err != nil || raw == nil {
			return raw, err
		}
		seen := w.answer.decode(raw)
		w.tell(seen, nil)
		w.run.Holding()
		if seen != nil || !w.withheld() {
			return raw, nil
		}
		if rest := w.answer.frame.withoutUsage(raw); rest != nil {
			return rest, nil
		}
	}
}

// withheld reports whether the frame that was read is only there because the
// handlers wanted to know the usage.
func (w *watched[T]) withheld() bool { return w.hidden && w.answer.frame.usageOnly() }

// pull reads the next frame, and ends the run where the stream ends. Sometimes
// go-openai returns neither a frame nor an error.
func (w *watched[T]) pull() (raw []byte, err error) {
	if w.cut != nil {
		return nil, w.cut
	}
	returned := false
	defer endOther(w.run, &returned)
	w.run.Reading()
	raw, err = w.inner.RecvRaw()
	if err != nil || raw == nil {
		w.finish(err)
	}
	returned = true
	return raw, w.run.Err(err)
}

// finish ends the run where go-openai returned no frame.
func (w *watched[T]) finish(err error) {
	defer w.run.End(nil) // nobody reads on
	if w.ended {
		return
	}
	state := stateOf(w.inner)
	switch {
	case errors.Is(err, io.EOF):
		w.answer.done = w.answer.done || state.done || !state.known
		if err = w.answer.missing(); err != nil {
			var begun start
			begun.see(state.other)
			if said := state.failure(); said != nil {
				err = said // a plain error in place of a stream, or of its rest
			} else if w.answer.progress.empty() && begun.strange() {
				err = notEvents(headerOf(w.inner))
			}
		}
	case err == nil:
		if err = state.failure(); err == nil {
			err = llm.ErrMalformed
		}
	default:
		err = sentError(err)
	}
	w.end(err)
}

// tell tells the run of the frame that was read. seen is what is wrong with it,
// caller the error that the caller gets for it.
func (w *watched[T]) tell(seen, caller error) {
	if w.ended {
		return
	}
	if seen == nil {
		seen = w.answer.tell(w.hidden, w.each)
	}
	if seen == nil && caller != nil {
		seen = fmt.Errorf("%w: %w", llm.ErrMalformed, caller)
	}
	switch {
	case seen != nil:
		w.endWithin(seen)
	case w.answer.over():
		w.endWithin(w.answer.missing())
	default:
		w.run.Settle(w.answer.progress.complete(), nil)
	}
}

func (w *watched[T]) end(err error) {
	w.ended = true
	w.run.End(err)
	w.drop.Stop()
}

// endWithin ends the run before the stream has ended, which the caller may read
// on.
func (w *watched[T]) endWithin(err error) {
	w.run.Settle(true, err)
	w.end(err)
}

// leave says that the caller wants no more. What was to be done for a dropped
// stream is kept no longer: it holds the call's context, whose values may hold
// the stream.
func (w *watched[T]) leave() {
	if w != nil {
		w.run.Stop()
		w.drop.Stop()
	}
}
