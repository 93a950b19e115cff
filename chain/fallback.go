package chain

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Fallback runs its first step, the next one if that fails, and so on. It is
// LangChain's with_fallbacks. Each try is a run of its own below the one of the
// Fallback, which gets a [callback.EventRetry] when it goes on. If all fail, the
// error names each with its own, which errors.Is and errors.As find. It does not
// go on once the context has ended, nor from a turn that has its answer and is
// remembered when its memory could not be summarized.
type Fallback[I, O any] struct {
	Name     string             // of the run; "fallback" by default
	Steps    []Runner[I, O]     // in the order in which they are tried
	Handlers []callback.Handler // see the whole alone, not the steps
	Tags     []string           // of this run alone
}

// Run returns what the first step that succeeds does.
func (f *Fallback[I, O]) Run(ctx context.Context, in I) (O, error) {
	return run(ctx, f.identity(), in, func(ctx context.Context) (out O, err error) {
		err = members(ctx, f.identity(), "Steps", f.Steps, func(s Runner[I, O]) (bool, error) {
			out, err = s.Run(ctx, in)
			return true, err
		})
		return out, err
	})
}

// Stream streams the first step that gives content. Once there was some, a
// failure is final. It is for steps whose output is a string.
func (f *Fallback[I, O]) Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, f.identity(), in, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		return members(ctx, f.identity(), "Steps", f.Steps, func(s Runner[I, O]) (bool, error) {
			to := relay{to: hand}
			err := to.end(feed(ctx, s, in, to.hand))
			return !to.handed, err
		})
	})
}

func (f *Fallback[I, O]) identity() identity {
	return identity{"fallback", f.Name, f.Handlers, f.Tags}
}

// A FallbackModel is a model made of several, of which each is asked if the one
// before it fails without having brought any content. The rules are those of
// [Fallback]: the call is a run, and each try is a model run below it. Leave
// Request.Model empty, so that each model uses its own name. A call that brings
// nothing has failed.
type FallbackModel struct {
	Name     string             // of the run; "fallback" by default
	Models   []llm.Model        // in the order in which they are asked
	Handlers []callback.Handler // see the whole alone, not the models
	Tags     []string           // of this run alone
}

var _ callback.Announcer = (*FallbackModel)(nil)

// Chat implements [llm.Model]. The run has no input: that is of the model runs.
func (f *FallbackModel) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return stream[any](ctx, f.identity(), nil, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		return members(ctx, f.identity(), "Models", f.Models, func(m llm.Model) (bool, error) {
			to := relay{to: hand}
			err := to.chat(ctx, m, req)
			return !to.handed, err
		})
	})
}

// Endpoint says where the calls go, as far as it is the same for all models.
func (f *FallbackModel) Endpoint() llm.Endpoint {
	var all llm.Endpoint
	for i, m := range f.Models {
		e := endpointOf(m)
		if i == 0 {
			all = e
		}
		if e.Provider != all.Provider {
			all.Provider = ""
		}
		if e.Model != all.Model {
			all.Model = ""
		}
		if e.Address != all.Address || e.Port != all.Port {
			all.Address, all.Port = "", 0
		}
		if e.API != all.API {
			all.API = ""
		}
	}
	return all
}

// WithHandlers returns the model with further handlers, which see its own run.
func (f *FallbackModel) WithHandlers(hs ...callback.Handler) llm.Model {
	c := *f
	c.Handlers = append(slices.Clip(f.Handlers), hs...)
	return &c
}

func (f *FallbackModel) identity() identity {
	return identity{"fallback", f.Name, f.Handlers, f.Tags}
}

// members calls try with one member after the other until one succeeds. try
// says whether another may follow.
func members[M any](ctx context.Context, id identity, list string, all []M, try func(M) (again bool, err error)) error {
	if len(all) == 0 {
		return id.fault("has no %s", list)
	}
	for i, m := range all {
		if missing(m) {
			return id.fault("has nil in %s[%d]", list, i)
		}
	}
	failed := &fallbackError{id: id}
	for i, m := range all {
		again, err := try(m)
		if err == nil || !again || ctx.Err() != nil || turnKept(err) {
			return err
		}
		failed.errs = append(failed.errs, err)
		failed.names = append(failed.names, at(list, i, m))
		if i+1 < len(all) {
			callback.Emit(ctx, callback.Event{Kind: callback.EventRetry, Data: callback.Attempt{Number: i + 1, Err: err}})
		}
	}
	return failed
}

// A fallbackError holds the errors of all members.
type fallbackError struct {
	id    identity
	names []string
	errs  []error
}

// Error names each member with its error.
func (e *fallbackError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: all have failed", e.id)
	for i, err := range e.errs {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %v", sep, e.names[i], err)
	}
	return b.String()
}

// Unwrap returns the errors in order.
func (e *fallbackError) Unwrap() []error { return e.errs }

// permanent reports whether there is no member that may succeed.
func (e *fallbackError) permanent() bool {
	return !slices.ContainsFunc(e.errs, func(err error) bool { return !permanent(err) })
}
