package chain

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// A policy says when what has failed is tried again.
type policy struct {
	id        identity
	what      any    // is tried
	need      string // what it is called
	attempts  int
	wait, max time.Duration
	may       func(error) bool
}

// The defaults of a policy.
const (
	defaultAttempts = 3
	defaultWait     = 500 * time.Millisecond
	defaultMaxWait  = time.Minute
)

// complete sets the defaults, or says what is wrong.
func (p *policy) complete() error {
	switch {
	case missing(p.what):
		return p.id.fault("has no %s", p.need)
	case p.attempts < 0:
		return p.id.fault("has negative Attempts, %d", p.attempts)
	case p.wait < 0:
		return p.id.fault("has a negative Wait, %s", p.wait)
	case p.max < 0:
		return p.id.fault("has a negative MaxWait, %s", p.max)
	}
	if p.attempts == 0 {
		p.attempts = defaultAttempts
	}
	if p.wait == 0 {
		p.wait = defaultWait
	}
	if p.max == 0 {
		p.max = max(defaultMaxWait, p.wait)
	}
	return nil
}

// do calls try until it succeeds or there is no use in another try. try says
// whether there may be another.
func (p *policy) do(ctx context.Context, try func() (again bool, err error)) error {
	if err := p.complete(); err != nil {
		return err
	}
	for n := 1; ; n++ {
		again, err := try()
		if err == nil || !again || ctx.Err() != nil || permanent(err) || p.may != nil && !p.may(err) {
			return err
		}
		wait, err := p.next(ctx, n, err)
		if err != nil {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("%s: %w while waiting for try %d", p.id, err, n+1)
		}
	}
}

// next announces the wait before the try after try n, which failed with err, or
// returns why there is none.
func (p *policy) next(ctx context.Context, n int, err error) (time.Duration, error) {
	wait := p.wait
	for range n - 1 {
		if wait *= 2; wait >= p.max || wait <= 0 {
			break
		}
	}
	if wait <= 0 || wait > p.max {
		wait = p.max
	}
	wait -= rand.N(wait/2 + 1)
	if api, ok := errors.AsType[*llm.Error](err); ok {
		wait = max(wait, api.RetryAfter)
	}
	deadline, limited := ctx.Deadline()
	switch {
	case n >= p.attempts && n == 1:
		return 0, err
	case n >= p.attempts:
		return 0, fmt.Errorf("%s: %d tries failed, at last: %w", p.id, n, err)
	case wait > p.max:
		return 0, fmt.Errorf("%s: the provider asks to wait %s, which is longer than MaxWait, %s: %w", p.id, wait, p.max, err)
	case limited && time.Until(deadline) <= wait:
		return 0, fmt.Errorf("%s: no time is left for try %d, which would have to wait %s: %w", p.id, n+1, wait.Round(time.Millisecond), err)
	}
	callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: n, Wait: wait, Err: err}})
	return wait, nil
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-t.C:
		return nil
	}
}

// A judge is an error of several that knows whether trying again is of no use.
type judge interface {
	error
	permanent() bool
}

// permanent reports whether trying again is of no use after err.
func permanent(err error) (useless bool) {
	defer func() {
		if recover() != nil { // err's own methods, as of a nil pointer in it
			useless = true
		}
	}()
	if several, ok := errors.AsType[judge](err); ok {
		return several.permanent()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, llm.ErrNoMessages) || errors.Is(err, llm.ErrConsumed) || errors.Is(err, prompt.ErrEmpty) {
		return true
	}
	if turnKept(err) {
		return true
	}
	if a, ok := errors.AsType[*AnswerError](err); ok && (a.Reason == reasonLength || a.Reason == reasonTools) { // which another try is billed for too
		return true
	}
	switch callback.ErrorType(err) {
	case "invalid_request", "invalid_prompt", "empty_prompt", "empty_query", "no_documents", "budget_exceeded", "max_steps", "panic", "goexit":
		return true
	}
	api, ok := errors.AsType[*llm.Error](err)
	if !ok {
		return false
	}
	switch {
	case api.Code == "insufficient_quota", api.Type == "insufficient_quota", api.Type == "invalid_request_error" && api.Status == 0:
		return true
	case api.Status == 408, api.Status == 409, api.Status == 429:
		return false
	}
	return api.Status/100 == 4
}

// turnKept reports whether err is of a turn of a conversation that has its answer
// and is remembered, though its memory has failed. Another try would be
// remembered too.
func turnKept(err error) (is bool) {
	defer func() {
		if recover() != nil { // err's own methods
			is = false
		}
	}()
	var kept interface{ TurnKept() bool }
	return errors.As(err, &kept) && kept.TurnKept()
}
