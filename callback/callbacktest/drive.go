package callbacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// What scenarios are made of. Each part also looks whether the caller gets what
// it would get without the handler.

// do runs fn as a step that returns out.
func (k *kit) do(ctx context.Context, info callback.Info, out any, fn func(context.Context)) {
	got, err := callback.Do(ctx, &info, nil, func(ctx context.Context) (any, error) { fn(ctx); return out, nil })
	if err != nil || !reflect.DeepEqual(got, out) {
		k.report("the caller of a step gets %v, %v instead of %v", got, err, out)
	}
}

// chat collects the answer of m, which should fail with want.
func (k *kit) chat(ctx context.Context, m answer, want error) {
	got, err := llm.Collect(callback.Model(m).Chat(ctx, ask()))
	var whole llm.Accumulator
	for _, c := range m.chunks {
		if !c.Hidden {
			whole.Add(&c)
		}
	}
	if err != want {
		k.report("the caller of a model gets the error %v instead of %v", err, want)
	}
	if plain := whole.Response(); !reflect.DeepEqual(got, plain) {
		k.report("the caller of a model gets the answer %.300q instead of %.300q", show(got), show(plain))
	}
}

func show(r *llm.Response) string {
	if b, err := json.Marshal(r); err == nil {
		return string(b)
	}
	return r.Text()
}

// panics runs fn, which should panic with want.
func (k *kit) panics(want any, fn func()) {
	defer func() {
		if p := recover(); p != want {
			k.report("the caller gets the panic %v instead of %v", p, want)
		}
	}()
	fn()
}

// ask returns a streamed request with room behind its slices, where nothing may
// be written.
func ask() *llm.Request {
	messages := make([]llm.Message, 0, 4)
	messages = append(messages, llm.System("You sell flowers."), llm.User("Roses?"))
	stop := make([]string, 1, 2)
	return &llm.Request{Model: "rose-1", Messages: messages, Stream: true, Stop: stop}
}

// tags returns one tag, and room for more.
func tags() []string { return append(make([]string, 0, 4), "own") }

// says returns the chunks of a streamed text, a word each.
func says(text string) []llm.Chunk {
	var chunks []llm.Chunk
	for i, word := range strings.Fields(text) {
		if i > 0 {
			word = " " + word
		}
		chunks = append(chunks, llm.Chunk{Text: word})
	}
	return append(chunks, llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: 12, Output: len(chunks)}})
}

// An answer is a model that gives the chunks and then fails with err.
type answer struct {
	chunks []llm.Chunk
	err    error
	begin  func(context.Context)
	until  context.Context // ends the answer
	polite bool            // lets others go first
}

func (answer) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "test", Model: "rose-1", API: llm.APIChat, Address: "localhost", Port: 80}
}

func (m answer) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		if m.begin != nil {
			m.begin(ctx)
		}
		for _, c := range m.chunks {
			if m.polite {
				runtime.Gosched()
			}
			if m.until != nil && m.until.Err() != nil {
				yield(llm.Chunk{}, fmt.Errorf("read: %w", m.until.Err()))
				return
			}
			if !yield(c, nil) {
				return
			}
		}
		if m.err != nil {
			yield(llm.Chunk{}, m.err)
		}
	}
}
