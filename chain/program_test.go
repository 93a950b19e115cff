package chain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
)

// A ledger is told of every run and adds up by itself what the runs came to.
type ledger struct {
	mu      sync.Mutex
	open    map[callback.ID]bool
	ends    int
	wrong   []string
	usage   llm.Usage
	calls   int
	failed  int
	root    callback.Total
	hasRoot bool
}

func (l *ledger) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[i.ID] = true
	return ctx, &entry{l, i}
}

type entry struct {
	l *ledger
	i *callback.Info
}

func (e *entry) End(res *callback.Result) {
	l := e.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open[e.i.ID] {
		l.wrong = append(l.wrong, fmt.Sprintf("%s %s ended twice", e.i.Kind, e.i.Name))
	}
	delete(l.open, e.i.ID)
	l.ends++
	if e.i.Kind == callback.KindLLM && res.Total.Calls == 1 {
		l.calls++
		if res.Err != nil {
			l.failed++
		}
		if res.Usage != nil {
			l.usage.Add(res.Usage)
		}
	}
	if e.i.Parent.IsZero() {
		l.root, l.hasRoot = res.Total, true
	}
}

// A program makes random programs of everything that starts runs. Its models
// add up what they report.
type program struct {
	*rand.Rand
	reported struct {
		sync.Mutex
		llm.Usage
	}
	lossy    bool           // something may end a call before what it reports is read
	detached sync.WaitGroup // runs that may outlive their parents
	outlive  bool
	cancel   context.CancelFunc
	calls    atomic.Int32
	after    int32 // how many model calls are made before the context is cancelled; 0 is never
}

var errThorn = errors.New("thorn")

// model answers with random chunks, and fails in many ways.
func (p *program) model() llm.Model {
	n, fault := p.IntN(5), p.IntN(8)
	input, output := p.IntN(50), p.IntN(50)
	if fault <= 2 {
		p.lossy = true
	}
	return callback.Model(llm.ModelFunc(func(ctx context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			if p.after > 0 && p.calls.Add(1) == p.after {
				p.cancel()
			}
			for range n {
				if ctx.Err() != nil {
					yield(llm.Chunk{}, ctx.Err())
					return
				}
				if !yield(llm.Chunk{Text: "rose "}, nil) {
					return
				}
			}
			switch fault {
			case 0:
				yield(llm.Chunk{}, errThorn)
				return
			case 1:
				panic(errThorn)
			case 2:
				return // empty, or without usage
			}
			p.reported.Lock()
			p.reported.Add(&llm.Usage{Input: input, Output: output})
			p.reported.Unlock()
			yield(llm.Chunk{Finish: "stop", Usage: &llm.Usage{Input: input, Output: output}}, nil)
		}
	}))
}

type text = chain.Runner[string, string]

// node returns a random tree.
func (p *program) node(depth int) text {
	kind := p.IntN(11)
	if depth == 0 {
		kind %= 3
	}
	child := func() text { return p.node(depth - 1) }
	children := func() (cs []text) {
		for range 1 + p.IntN(3) {
			cs = append(cs, child())
		}
		return cs
	}
	switch kind {
	case 0, 1:
		m, stream, stop := p.model(), p.IntN(2) == 0, p.IntN(6)
		return chain.Func[string, string](func(ctx context.Context, in string) (out string, err error) {
			req := &llm.Request{Messages: []llm.Message{llm.User(in)}, Stream: stream}
			for c, err := range m.Chat(ctx, req) {
				if err != nil {
					return out, err
				}
				if out += c.Text; len(out) == 5*stop { // breaks off after some chunks
					return out, nil
				}
			}
			return out, nil
		})
	case 2:
		p.lossy = true
		exit := p.IntN(2) == 0
		return &chain.Step[string, string]{Name: "fault", Do: func(ctx context.Context, in string) (string, error) {
			if exit {
				return "", errThorn
			}
			panic(errThorn)
		}}
	case 3:
		return chain.Pipe("pipe", child(), child())
	case 4:
		p.lossy = true // the first failure cancels the others
		par := &chain.Parallel[string, string]{Steps: children()}
		return chain.Func[string, string](func(ctx context.Context, in string) (string, error) {
			out, err := par.Run(ctx, in)
			return fmt.Sprint(out), err
		})
	case 5:
		return &chain.Retry[string, string]{Step: child(), Attempts: 1 + p.IntN(3), Wait: time.Nanosecond}
	case 6:
		return &chain.Fallback[string, string]{Steps: children()}
	case 7:
		first, other := p.IntN(2) == 0, child()
		return &chain.Branch[string, string]{Cases: []chain.Case[string, string]{{If: func(string) bool { return first }, Then: child()}}, Default: other}
	case 8:
		return p.agent(child())
	case 9:
		inner := child()
		p.outlive = true
		return &chain.Step[string, string]{Name: "detaches", Do: func(ctx context.Context, in string) (string, error) {
			p.detached.Go(func() {
				defer func() { recover() }()
				inner.Run(ctx, in)
			})
			return in, nil
		}}
	default:
		inner := child()
		return chain.Func[string, string](func(ctx context.Context, in string) (string, error) {
			ctx, count := callback.WithCount(ctx) // nests
			out, err := inner.Run(ctx, in)
			if t := count.Total(); t.Failed > t.Calls {
				panic("more failures than calls")
			}
			return out, err
		})
	}
}

// agent returns an agent whose model asks for a tool that runs inner, once.
func (p *program) agent(inner text) text {
	p.lossy = true // what goes wrong in a tool is told to the model
	use := tool.Must(tool.New("use", "", func(ctx context.Context, in struct {
		Text string `json:"text"`
	}) (string, error) {
		return inner.Run(ctx, in.Text)
	}))
	model := callback.Model(llm.ModelFunc(func(_ context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			last := req.Messages[len(req.Messages)-1]
			if last.Role == llm.RoleTool {
				yield(llm.Chunk{Text: "done", Finish: "stop", Usage: &llm.Usage{Input: 2, Output: 1}}, nil)
				return
			}
			for i := range 2 {
				if !yield(llm.Chunk{Tool: &llm.ToolDelta{Index: i, ID: fmt.Sprint("call", i), Name: "use", Arguments: `{"text":"x"}`}}, nil) {
					return
				}
			}
			yield(llm.Chunk{Finish: "tool_calls", Usage: &llm.Usage{Input: 1, Output: 1}}, nil)
		}
	}))
	return &agent.Agent{Model: model, Tools: tool.Set{use}}
}

// TestRandomPrograms: whatever a program is made of, every run ends once, and
// the ledger, the counter and the totals on the root agree.
func TestRandomPrograms(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		p := &program{Rand: rand.New(rand.NewPCG(seed, 1))}
		root := p.node(4)
		l := &ledger{open: map[callback.ID]bool{}}
		ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), l))
		ctx, p.cancel = context.WithCancel(ctx)
		if p.IntN(4) == 0 {
			p.after, p.lossy = int32(1+p.IntN(6)), true
		}
		exits := p.IntN(10) == 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { recover() }()
			whole := &chain.Step[string, string]{Name: "root", Do: func(ctx context.Context, in string) (string, error) {
				defer func() {
					if exits {
						runtime.Goexit()
					}
				}()
				return root.Run(ctx, in)
			}}
			whole.Run(ctx, "roses?")
		}()
		<-done
		p.detached.Wait()
		p.cancel()

		got := count.Total()
		if len(l.open) > 0 || len(l.wrong) > 0 || got.Open != 0 {
			t.Errorf("seed %d: %d runs did not end, %v, %d open", seed, len(l.open), l.wrong, got.Open)
		}
		if got.Usage != l.usage || got.Calls != l.calls || got.Failed != l.failed {
			t.Errorf("seed %d: counted %+v in %d calls, %d failed; the ledger has %+v in %d, %d", seed, got.Usage, got.Calls, got.Failed, l.usage, l.calls, l.failed)
		}
		if !l.hasRoot {
			t.Errorf("seed %d: no root", seed)
		} else if !p.outlive && (l.root.Usage != got.Usage || l.root.Calls != got.Calls || l.root.Failed != got.Failed || l.root.Open != 0) {
			t.Errorf("seed %d: the root has %+v, the counter %+v", seed, l.root, got)
		}
		if !p.lossy && got.Usage != p.reported.Usage {
			t.Errorf("seed %d: counted %+v, reported %+v", seed, got.Usage, p.reported.Usage)
		}
	}
}
