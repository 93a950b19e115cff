package agent_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	"go.uber.org/goleak"
)

var _ chain.Streamer[string] = (*agent.Agent)(nil)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // tools panic here on purpose
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// A script is a model that gives its answers in turn, and repeats the last. It
// keeps what it was asked.
type script struct {
	answers  [][]llm.Chunk
	mu       sync.Mutex
	requests []*llm.Request
}

func says(answers ...[]llm.Chunk) *script { return &script{answers: answers} }

func (s *script) Chat(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		s.mu.Lock()
		n := len(s.requests)
		s.requests = append(s.requests, req)
		s.mu.Unlock()
		if ctx.Err() != nil {
			yield(llm.Chunk{}, ctx.Err())
			return
		}
		for _, c := range s.answers[min(n, len(s.answers)-1)] {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// text is an answer in pieces that ends for that reason.
func text(finish string, pieces ...string) []llm.Chunk {
	var cs []llm.Chunk
	for _, p := range pieces {
		cs = append(cs, llm.Chunk{Text: p})
	}
	return append(cs, llm.Chunk{Finish: finish, Usage: &llm.Usage{Input: 10, Output: len(pieces)}})
}

// calls is an answer that asks for tools: "id name arguments" each.
func calls(asks ...string) []llm.Chunk {
	var cs []llm.Chunk
	for i, ask := range asks {
		f := strings.SplitN(ask, " ", 3)
		cs = append(cs, llm.Chunk{Tool: &llm.ToolDelta{Index: i, ID: f[0], Name: f[1]}}, llm.Chunk{Tool: &llm.ToolDelta{Index: i, Arguments: f[2]}})
	}
	return append(cs, llm.Chunk{Finish: "tool_calls", Usage: &llm.Usage{Input: 20, Output: 5}})
}

// show writes a message on one line.
func show(m llm.Message) string {
	s := string(m.Role)
	if m.ToolCallID != "" {
		s += " " + m.ToolCallID
	}
	if t := m.Text(); t != "" {
		s += ": " + t
	}
	for _, c := range m.ToolCalls {
		s += fmt.Sprintf(" [%s %s %s]", c.ID, c.Name, c.Arguments)
	}
	return s
}

func showAll(ms []llm.Message) string {
	var lines []string
	for _, m := range ms {
		lines = append(lines, show(m))
	}
	return strings.Join(lines, "\n")
}

type query struct {
	Flower string `json:"flower"`
}

// stock and price are two tools of a shop.
func stock() *tool.Tool {
	return tool.Must(tool.New("stock", "How many stems are in stock.", func(context.Context, query) (int, error) { return 12, nil }))
}

func price() *tool.Tool {
	return tool.Must(tool.New("price", "What a stem costs.", func(_ context.Context, q query) (string, error) { return "2.50", nil }))
}

// A log is a handler that notes how runs nest and end, one line each.
type log struct {
	mu    sync.Mutex
	lines []string
	depth map[callback.ID]int
	ends  map[callback.ID]int
	last  map[callback.Kind]*callback.Result
	out   map[string]any // output by name
}

func (l *log) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.depth == nil {
		l.depth, l.ends = map[callback.ID]int{}, map[callback.ID]int{}
		l.last, l.out = map[callback.Kind]*callback.Result{}, map[string]any{}
	}
	d := 0
	if !i.Parent.IsZero() {
		d = l.depth[i.Parent] + 1
	}
	l.depth[i.ID] = d
	l.add(d, "+", i, "")
	return ctx, &logged{l, i}
}

func (l *log) add(depth int, sign string, i *callback.Info, more string) {
	line := strings.Repeat("  ", depth) + sign + string(i.Kind)
	if i.Name != "" {
		line += " " + i.Name
	}
	if c, ok := i.Input.(*callback.ToolCall); ok && sign == "+" {
		line += " " + c.ID
	}
	l.lines = append(l.lines, line+more)
}

type logged struct {
	l *log
	i *callback.Info
}

func (r *logged) Event(e callback.Event) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	data := fmt.Sprint(e.Data)
	if c, ok := e.Data.(llm.ToolCall); ok {
		data = c.ID + " " + c.Name
	}
	r.l.add(r.l.depth[r.i.ID]+1, "*", &callback.Info{Kind: callback.Kind(e.Kind)}, " "+data)
}

func (r *logged) End(res *callback.Result) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	r.l.ends[r.i.ID]++
	r.l.last[r.i.Kind], r.l.out[r.i.Name] = res, res.Output
	more := ""
	if res.Err != nil {
		more = " " + callback.ErrorType(res.Err)
	}
	if res.Stopped {
		more += " stopped"
	}
	r.l.add(r.l.depth[r.i.ID], "-", r.i, more)
}

// check fails t unless every run ended once.
func (l *log) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.depth {
		if l.ends[id] != 1 {
			t.Errorf("a run ended %d times in\n%s", l.ends[id], strings.Join(l.lines, "\n"))
		}
	}
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
