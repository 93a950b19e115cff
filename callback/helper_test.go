package callback_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// recorder is a handler that notes what it is told, one line for each call.
type recorder struct {
	name string
	mu   sync.Mutex
	log  []string
	ends []*callback.Result
	info []*callback.Info
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *recorder) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	r.note("start %s", info.Name)
	r.mu.Lock()
	r.info = append(r.info, info)
	r.mu.Unlock()
	return ctx, &recording{r, info}
}

// last returns the result of the run that ended last, and how many ended.
func (r *recorder) last(t *testing.T) (*callback.Result, int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ends) == 0 {
		t.Fatal("no run has ended")
	}
	return r.ends[len(r.ends)-1], len(r.ends)
}

type recording struct {
	r    *recorder
	info *callback.Info
}

func (r *recording) Token(c llm.Chunk) { r.r.note("token %s %q", r.info.Name, c.Text) }

func (r *recording) Event(e callback.Event) { r.r.note("event %s %s", r.info.Name, e.Kind) }

func (r *recording) End(res *callback.Result) {
	r.r.note("end %s %s", r.info.Name, callback.ErrorType(res.Err))
	r.r.mu.Lock()
	defer r.r.mu.Unlock()
	r.r.ends = append(r.r.ends, res)
}

// says is a model that answers with the given texts and then stops, or fails.
type says struct {
	texts  []string
	err    error
	usage  *llm.Usage
	silent bool // no finish reason
}

func (m says) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "gpt-4o-mini"}
}

func (m says) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		for _, t := range m.texts {
			if err := ctx.Err(); err != nil {
				yield(llm.Chunk{}, err)
				return
			}
			if !yield(llm.Chunk{Text: t}, nil) {
				return
			}
		}
		if m.err != nil {
			yield(llm.Chunk{}, m.err)
			return
		}
		if !m.silent {
			yield(llm.Chunk{Finish: "stop", Usage: m.usage}, nil)
		}
	}
}

// chain runs fn as a chain run of the given name.
func chain(ctx context.Context, name string, fn func(context.Context) error, local ...callback.Handler) error {
	_, err := callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: name}, local,
		func(ctx context.Context) (any, error) { return nil, fn(ctx) })
	return err
}

var question = &llm.Request{Messages: []llm.Message{llm.User("roses?")}, Stream: true}
