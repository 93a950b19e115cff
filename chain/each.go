package chain

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/callspan/callspan/callback"
)

// defaultLimit is how many runs go on at a time if nothing is said.
const defaultLimit = 8

// each calls do for every i below n, each on a goroutine of its own and at most
// limit at a time, and waits for all. It returns their errors and which of them
// came first, -1 if none did. That one cancels the others, unless all are to be
// run. What was not begun has the reason as its error. A panic goes on here, as
// a *callback.PanicError, once the others have ended.
func each(ctx context.Context, n, limit int, all bool, do func(ctx context.Context, i int) error) (errs []error, first int) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		fell  *callback.PanicError
		slots = make(chan struct{}, min(limit, n))
	)
	errs, first = make([]error, n), -1
	note := func(i int, err error, p *callback.PanicError) {
		mu.Lock()
		defer mu.Unlock()
		errs[i] = err
		if err == nil {
			return
		}
		if first < 0 {
			first = i
		}
		if p != nil && fell == nil {
			fell = p
		}
		if !all || p != nil {
			// In words: the others were cancelled, whatever became of this one.
			cancel(fmt.Errorf("run %d failed: %v", i+1, err))
		}
	}
	for i := range n {
		slots <- struct{}{}
		if err := ended(ctx); err != nil {
			note(i, err, nil)
			<-slots
			continue
		}
		wg.Go(func() {
			err := callback.ErrGoexit // stands if do does not return
			defer func() {
				var fell *callback.PanicError
				if p := recover(); p != nil {
					fell = panicked(p)
					err = fell
				}
				note(i, err, fell)
				<-slots
			}()
			err = do(ctx, i)
		})
	}
	wg.Wait()
	if fell != nil {
		panic(fell)
	}
	return errs, first
}

// panicked returns the error of a panic with value p, which keeps the stack.
func panicked(p any) *callback.PanicError {
	if e, ok := p.(*callback.PanicError); ok {
		return e
	}
	return &callback.PanicError{Value: p, Stack: debug.Stack()}
}

// limited returns how many runs may go on at a time.
func (id identity) limited(limit int) (int, error) {
	switch {
	case limit < 0:
		return 0, id.fault("has a negative Limit, %d", limit)
	case limit == 0:
		return defaultLimit, nil
	}
	return limit, nil
}
