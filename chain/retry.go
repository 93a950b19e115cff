package chain

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Retry runs a step again if it fails. It is LangChain's with_retry. Each try
// is a run of its own below the one of the Retry, where its tokens and money are
// counted; before each wait the run gets a [callback.EventRetry].
//
// It waits twice as long after each try, less up to half of it at random so
// that clients do not come back together, and at least as long as the provider
// asked for ([llm.Error]). It does not wait beyond the end of the context, nor
// beyond MaxWait because a provider asks for it: the error then comes at once.
//
// What cannot succeed is not tried again: a request that the provider refuses
// (status 400 to 499, except for 408, 409 and 429 while there is quota left), a
// runner or a prompt that is not complete, an answer that its limit of tokens cut
// off, a spent [callback.Budget], a panic, and whatever was cancelled. Nor is a turn that has its answer and is remembered
// when its memory could not be summarized. A deadline of the try's own is tried
// again.
type Retry[I, O any] struct {
	Name     string // of the run; "retry" by default
	Step     Runner[I, O]
	Attempts int                  // tries in all; 0 is 3
	Wait     time.Duration        // before the second try; 0 is 500 ms
	MaxWait  time.Duration        // before any try; 0 is a minute, or Wait if that is more
	If       func(err error) bool // whether to try again after err; nil always does
	Handlers []callback.Handler   // see the whole alone, not the tries
	Tags     []string             // of this run alone
}

// Run returns what the first try that succeeds does. The last error says how
// many tries there were if there was more than one.
func (r *Retry[I, O]) Run(ctx context.Context, in I) (O, error) {
	return run(ctx, r.identity(), in, func(ctx context.Context) (out O, err error) {
		err = r.policy().do(ctx, func() (bool, error) {
			out, err = r.Step.Run(ctx, in)
			return true, err
		})
		return out, err
	})
}

// Stream streams the first try that gives content. Once there was some, a
// failure is final. It is for steps whose output is a string.
func (r *Retry[I, O]) Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, r.identity(), in, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		return r.policy().do(ctx, func() (bool, error) {
			to := relay{to: hand}
			err := to.end(feed(ctx, r.Step, in, to.hand))
			return !to.handed, err
		})
	})
}

func (r *Retry[I, O]) policy() *policy {
	return &policy{id: r.identity(), what: r.Step, need: "Step", attempts: r.Attempts, wait: r.Wait, max: r.MaxWait, may: r.If}
}

func (r *Retry[I, O]) identity() identity { return identity{"retry", r.Name, r.Handlers, r.Tags} }

// A RetryModel is a model whose calls are tried again if they fail before they
// have brought any content. The rules are those of [Retry]: the call is a run,
// and each try is a model run below it. A call that brings nothing has failed.
type RetryModel struct {
	Name     string // of the run; "retry" by default
	Model    llm.Model
	Attempts int                  // tries in all; 0 is 3
	Wait     time.Duration        // before the second try; 0 is 500 ms
	MaxWait  time.Duration        // before any try; 0 is a minute, or Wait if that is more
	If       func(err error) bool // whether to try again after err; nil always does
	Handlers []callback.Handler   // see the whole alone, not the tries
	Tags     []string             // of this run alone
}

var _ callback.Announcer = (*RetryModel)(nil)

// Chat implements [llm.Model]. The run has no input: that is of the model runs.
func (r *RetryModel) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return stream[any](ctx, r.identity(), nil, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		p := &policy{id: r.identity(), what: r.Model, need: "Model", attempts: r.Attempts, wait: r.Wait, max: r.MaxWait, may: r.If}
		return p.do(ctx, func() (bool, error) {
			to := relay{to: hand}
			err := to.chat(ctx, r.Model, req)
			return !to.handed, err
		})
	})
}

// Endpoint says where the calls go, if Model does.
func (r *RetryModel) Endpoint() llm.Endpoint { return endpointOf(r.Model) }

// endpointOf returns where the calls of m go, as far as it says so.
func endpointOf(m llm.Model) llm.Endpoint {
	if q, ok := m.(interface{ Endpoint() llm.Endpoint }); ok && !missing(m) {
		return q.Endpoint()
	}
	return llm.Endpoint{}
}

// WithHandlers returns the model with further handlers, which see its own run.
func (r *RetryModel) WithHandlers(hs ...callback.Handler) llm.Model {
	c := *r
	c.Handlers = append(slices.Clip(r.Handlers), hs...)
	return &c
}

func (r *RetryModel) identity() identity { return identity{"retry", r.Name, r.Handlers, r.Tags} }
