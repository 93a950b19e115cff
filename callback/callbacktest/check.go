package callbacktest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
)

// Test checks the handlers that newHandler makes, each check a subtest with a
// handler of its own. A handler that has a method Close or Shutdown, with or
// without a context, is closed after its check; what newHandler starts and that
// does not stop, it should start outside.
func Test(t *testing.T, newHandler func() callback.Handler) {
	sound := true
	for _, s := range scenarios() {
		sound = t.Run(s.name, func(t *testing.T) {
			if s.alone && !sound {
				t.Skip("what is found above comes first")
			}
			for _, finding := range check(newHandler, s) {
				t.Error(finding)
			}
		}) && sound
	}
}

// Check does what [Test] does and returns the findings, joined; nil if there
// are none.
func Check(newHandler func() callback.Handler) error {
	var all []error
	for _, s := range scenarios() {
		if s.alone && len(all) > 0 {
			continue
		}
		for _, finding := range check(newHandler, s) {
			all = append(all, fmt.Errorf("%s: %s", s.name, finding))
		}
	}
	return errors.Join(all...)
}

const (
	patience = 30 * time.Second // for a scenario, which takes milliseconds
	farewell = 2 * time.Second  // for goroutines to end
	findings = 8                // of a scenario are enough
)

// A scenario makes runs that the handler of its context is told of.
type scenario struct {
	name string
	run  func(k *kit, ctx context.Context)

	// Alone with the handler: what watches it would order its calls, and so hide
	// data races from the race detector. Only for handlers of which nothing else
	// is known to be wrong, since nothing stops them.
	alone bool
}

// A kit watches one handler during one scenario.
type kit struct {
	alone   bool // see scenario
	mu      sync.Mutex
	found   []string
	calls   map[*call]bool // in progress
	witness witness
	family  family // the goroutines of the scenario
	watched []watched
	times   map[string][]time.Duration // nil if nobody wants to know
}

// A call is a method of the handler in progress.
type call struct {
	method string
	since  time.Time
}

// check runs s with a new handler and returns what is wrong with it.
func check(newHandler func() callback.Handler, s scenario) []string {
	k := &kit{calls: make(map[*call]bool), alone: s.alone}
	k.witness.k = k
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.family.join()
		h := k.make(newHandler)
		if h == nil {
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if s.alone {
			ctx = callback.WithHandlers(ctx, h)
		} else {
			ctx = callback.WithHandlers(ctx, k.probe(h), &k.witness)
		}
		s.run(k, ctx)
		k.witness.settle()
		k.judgeSpeed()
		k.close(h)
		k.compare()
		k.judgeGoroutines()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		k.reportBlocked()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.found
}

// make returns the handler to check, nil if there is none.
func (k *kit) make(newHandler func() callback.Handler) (h callback.Handler) {
	defer func() {
		if p := recover(); p != nil {
			k.report("making the handler panics: %v", p)
			h = nil
		}
	}()
	if h = newHandler(); isNil(h) {
		k.report("there is no handler: newHandler returned nil")
		return nil
	}
	if !reflect.ValueOf(h).Comparable() {
		k.report("values of type %T cannot be compared, so that a handler given twice is told twice: use a pointer", h)
	}
	return h
}

// close closes h if it can be closed.
func (k *kit) close(h callback.Handler) {
	var err error
	defer func() {
		if p := recover(); p != nil {
			k.report("closing the handler panics: %v", p)
		} else if err != nil {
			k.report("closing the handler fails: %v", err)
		}
	}()
	ctx := context.Background()
	switch c := h.(type) {
	case interface{ Close() error }:
		err = c.Close()
	case interface{ Close() }:
		c.Close()
	case interface{ Close(context.Context) error }:
		err = c.Close(ctx)
	case interface{ Shutdown(context.Context) error }:
		err = c.Shutdown(ctx)
	}
}

// report notes what is wrong, once.
func (k *kit) report(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.found {
		if f == text {
			return
		}
	}
	if len(k.found) < findings {
		k.found = append(k.found, text)
	}
}

// goes runs fn n times side by side.
func (k *kit) goes(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if !k.alone {
				k.family.join()
			}
			fn(i)
		})
	}
	wg.Wait()
}

// reportBlocked says which calls have not returned.
func (k *kit) reportBlocked() {
	k.mu.Lock()
	waiting := slices.Collect(maps.Keys(k.calls))
	k.mu.Unlock()
	for _, c := range waiting {
		k.report("%s has not returned after %v", c.method, time.Since(c.since).Round(time.Second))
	}
	if len(waiting) == 0 {
		k.report("the runs are not over after %v", patience)
	}
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan, reflect.Slice:
		return r.IsNil()
	}
	return false
}
