package chain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// A script is a model that answers each call with the next of its replies, and
// again with the last one.
type script struct {
	name    string
	replies []reply

	mu       sync.Mutex
	requests []*llm.Request
}

// A reply is the texts of an answer and how it ends: with err, with a reason
// for which "stop" stands if nothing is said, or with nothing at all.
type reply struct {
	texts   []string
	refusal string
	calls   bool // of a tool
	finish  string
	err     error
	silent  bool
	panics  any
	takes   time.Duration
}

func says(texts ...string) reply { return reply{texts: texts} }

func fails(err error) reply { return reply{err: err} }

func plays(name string, replies ...reply) *script { return &script{name: name, replies: replies} }

func (s *script) Endpoint() llm.Endpoint { return llm.Endpoint{Model: s.name} }

func (s *script) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		s.mu.Lock()
		r := s.replies[min(len(s.requests), len(s.replies)-1)]
		s.requests = append(s.requests, req)
		s.mu.Unlock()
		if r.takes > 0 {
			select {
			case <-time.After(r.takes):
			case <-ctx.Done():
			}
		}
		if r.panics != nil {
			panic(r.panics)
		}
		if !r.silent && !yield(llm.Chunk{Meta: &llm.Meta{ID: "r"}}, nil) {
			return
		}
		if r.refusal != "" && !yield(llm.Chunk{Refusal: r.refusal}, nil) {
			return
		}
		for _, t := range r.texts {
			if err := ctx.Err(); err != nil {
				yield(llm.Chunk{}, err)
				return
			}
			if !yield(llm.Chunk{Text: t}, nil) {
				return
			}
		}
		if r.calls && !yield(llm.Chunk{Tool: &llm.ToolDelta{ID: "call_1", Name: "stock", Arguments: "{}"}}, nil) {
			return
		}
		switch {
		case ctx.Err() != nil:
			yield(llm.Chunk{}, ctx.Err())
		case r.err != nil:
			yield(llm.Chunk{}, r.err)
		case !r.silent:
			if r.finish == "" {
				r.finish = "stop"
			}
			yield(llm.Chunk{Finish: r.finish, Usage: &llm.Usage{Input: 10, Output: len(r.texts)}}, nil)
		}
	}
}

// asked returns the messages of call i, a line each.
func (s *script) asked(i int) string {
	var lines []string
	for j, m := range s.requests[i].Messages {
		lines = append(lines, fmt.Sprintf("%s (%s): %s", m.Role, s.requests[i].SourceOf(j, m.Parts[0]), m.Text()))
	}
	return strings.Join(lines, "\n")
}

// A tree is a handler that notes the runs, and prints them below each other in
// the order in which they started.
type tree struct {
	mu    sync.Mutex
	nodes []*node
}

type node struct {
	t      *tree
	info   *callback.Info
	events []string
	res    *callback.Result
	ends   int
}

func (t *tree) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &node{t: t, info: info}
	t.nodes = append(t.nodes, n)
	return ctx, n
}

func (n *node) Event(e callback.Event) {
	n.t.mu.Lock()
	defer n.t.mu.Unlock()
	line := fmt.Sprintf("%s: %v", e.Kind, e.Data)
	if a, ok := e.Data.(callback.Attempt); ok {
		line = fmt.Sprintf("%s: try %d failed, %s", e.Kind, a.Number, callback.ErrorType(a.Err))
	}
	n.events = append(n.events, strings.ReplaceAll(line, "\n", " / "))
}

func (n *node) End(res *callback.Result) {
	n.t.mu.Lock()
	defer n.t.mu.Unlock()
	n.res = res
	n.ends++
}

// String returns the tree: kind and name, after a dash what went wrong, events
// in brackets. Names in sorted are those of runs whose children come in no order.
func (t *tree) String() string { return t.print() }

func (t *tree) print(sorted ...string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.below(callback.ID{}, "", false, sorted), "\n")
}

func (t *tree) below(parent callback.ID, indent string, sort bool, sorted []string) (lines []string) {
	var parts []string
	for _, n := range t.nodes {
		if n.info.Parent != parent {
			continue
		}
		line := strings.TrimRight(indent+string(n.info.Kind)+" "+n.info.Name, " ")
		switch {
		case n.ends != 1:
			line += fmt.Sprintf(" - ended %d times", n.ends)
		case n.res.Err != nil:
			line += " - " + callback.ErrorType(n.res.Err)
		case n.res.Stopped:
			line += " - stopped"
		}
		own := []string{line}
		for _, e := range n.events {
			own = append(own, indent+"  ["+e+"]")
		}
		own = append(own, t.below(n.info.ID, indent+"  ", slices.Contains(sorted, n.info.Name), sorted)...)
		parts = append(parts, strings.Join(own, "\n"))
	}
	if sort {
		slices.Sort(parts)
	}
	return parts
}

// root returns the result of the first run.
func (t *tree) root() *callback.Result { return t.nodes[0].res }

// same fails t unless got is want, whose indentation does not count.
func same(t *testing.T, what string, got any, want string) {
	t.Helper()
	lines := strings.Split(strings.Trim(want, "\n"), "\n")
	cut := len(lines[0]) - len(strings.TrimLeft(lines[0], "\t"))
	for i, l := range lines {
		lines[i] = l[min(cut, len(l)-len(strings.TrimLeft(l, "\t"))):]
	}
	want = strings.TrimRight(strings.Join(lines, "\n"), "\n\t")
	if g := fmt.Sprint(got); g != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, g, want)
	}
}

// question is a step that asks m.
func question(m llm.Model) *chain.LLM[string] {
	return &chain.LLM[string]{Name: "ask", Prompt: prompt.Must(prompt.New[string]("{question}", prompt.Named("question"))), Model: m}
}

// upper is a step that does not stream.
func upper(name string) *chain.Step[string, string] {
	return &chain.Step[string, string]{Name: name, Do: func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil }}
}

func failing(name string, err error) *chain.Step[string, string] {
	return &chain.Step[string, string]{Name: name, Do: func(context.Context, string) (string, error) { return "", err }}
}

// last has a step do its work when nobody else in the bubble can go on.
func last(s *chain.Step[string, string]) *chain.Step[string, string] {
	return &chain.Step[string, string]{Name: s.Name, Do: func(ctx context.Context, in string) (string, error) {
		synctest.Wait()
		return s.Do(ctx, in)
	}}
}

// slow is a step that takes a second, unless its context ends.
func slow(name string) *chain.Step[string, string] {
	return &chain.Step[string, string]{Name: name, Do: func(ctx context.Context, s string) (string, error) {
		select {
		case <-time.After(time.Second):
			return name, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}}
}

var (
	errLost    = errors.New("connection lost")
	overloaded = &llm.Error{Status: 503, Message: "overloaded"}
	refused    = &llm.Error{Status: 400, Code: "bad_request", Message: "no such model"}
)

// streamed collects a stream: its chunks' texts between bars, and its error.
func streamed(seq iter.Seq2[llm.Chunk, error]) string {
	var b strings.Builder
	for c, err := range seq {
		if err != nil {
			return b.String() + "error: " + err.Error()
		}
		b.WriteString(c.Text + c.Refusal + "|")
	}
	return b.String()
}

type seqOfChunks = iter.Seq2[llm.Chunk, error]
