package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleBuffer() {
	ctx := context.Background()
	var m memory.Buffer
	memory.Save(ctx, &m, llm.User("My sister likes pink roses."), llm.Assistant("A lovely choice."))
	history, _ := memory.Load(ctx, &m, llm.User("Do you remember?"))
	fmt.Println(len(history), "messages")
	fmt.Println(&m)
	// Output:
	// 2 messages
	// Human: My sister likes pink roses.
	// AI: A lovely choice.
}

func TestBuffer(t *testing.T) {
	ctx := t.Context()
	m := &memory.Buffer{Count: func(s string) int { return len(s) }}
	m.Save(ctx, llm.User("abc").From(llm.SourceInput), llm.Assistant("de"))
	m.Save(ctx, llm.Message{Role: llm.RoleTool, Parts: []llm.Part{{Text: "f"}}})
	got, err := m.Load(ctx, llm.User("?"))
	if err != nil || len(got) != 3 {
		t.Fatalf("loaded %v, %v", got, err)
	}
	if got[0].Parts[0].Source != llm.SourceHistory || got[2].Parts[0].Source != llm.SourceAuto {
		t.Errorf("sources %v and %v: what is saved is history, tools stay tools", got[0].Parts[0].Source, got[2].Parts[0].Source)
	}
	if n, tokens := m.Size(); n != 3 || tokens != 6 {
		t.Errorf("size %d, %d tokens", n, tokens)
	}
	got[0] = llm.User("changed")
	if again, _ := m.Load(ctx, llm.User("?")); again[0].Text() != "abc" {
		t.Error("a loaded slice is shared")
	}
	m.Clear(ctx)
	if n, tokens := m.Size(); n != 0 || tokens != 0 {
		t.Errorf("after clear: %d messages, %d tokens", n, tokens)
	}
}

func TestBufferConcurrentSafe(t *testing.T) {
	var m memory.Buffer
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				m.Save(t.Context(), llm.User("a"), llm.Assistant("b"))
				m.Load(t.Context(), llm.User("?"))
				m.Size()
			}
		})
	}
	wg.Wait()
	if n, _ := m.Size(); n != 1600 {
		t.Errorf("%d messages", n)
	}
}

type watcher struct {
	infos []*callback.Info
	ends  []*callback.Result
}

func (w *watcher) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	w.infos = append(w.infos, i)
	return ctx, w
}
func (w *watcher) End(r *callback.Result) { w.ends = append(w.ends, r) }

type broken struct{ memory.Buffer }

var errBroken = errors.New("disk is gone")

func (*broken) Save(context.Context, ...llm.Message) error { return errBroken }

// TestNil: a memory that is nil is an error that says so, and a nil context is
// as good as an empty one.
func TestNil(t *testing.T) {
	var none context.Context
	var seen callback.Funcs
	for name, ctx := range map[string]context.Context{"nil context": none, "observed": callback.WithHandlers(t.Context(), &seen)} {
		for _, m := range []memory.Memory{nil, (*memory.Buffer)(nil), (*memory.Summary)(nil)} {
			_, err := memory.Load(ctx, m, llm.User("?"))
			for op, err := range map[string]error{"load": err, "save": memory.Save(ctx, m, llm.User("x")), "clear": memory.Clear(ctx, m)} {
				if err == nil || err.Error() != op+" memory: memory is nil" || callback.ErrorType(err) != "invalid_request" {
					t.Errorf("%s, %s of %T: %v of type %s", name, op, m, err, callback.ErrorType(err))
				}
			}
		}
		m := asks{}
		_, err := memory.Load(ctx, m, llm.User("?"))
		if err := errors.Join(err, memory.Save(ctx, m), memory.Clear(ctx, m)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// asks asks its context.
type asks struct{}

func (asks) Load(ctx context.Context, _ llm.Message) ([]llm.Message, error) { return nil, ctx.Err() }
func (asks) Save(ctx context.Context, _ ...llm.Message) error               { return ctx.Err() }
func (asks) Clear(ctx context.Context) error                                { return ctx.Err() }

// answered loads so many messages and tells nothing of itself.
type answered int

func (n answered) Load(context.Context, llm.Message) ([]llm.Message, error) {
	return make([]llm.Message, n), nil
}
func (answered) Save(context.Context, ...llm.Message) error { return nil }
func (answered) Clear(context.Context) error                { return nil }

// TestRuns: each use of a memory is a run that tells its size before and after, if
// the memory tells it, and how many messages were loaded or saved.
func TestRuns(t *testing.T) {
	w := &watcher{}
	ctx := callback.WithHandlers(t.Context(), w)
	m := &memory.Buffer{Count: func(s string) int { return len(s) }}
	memory.Save(ctx, m, llm.User("abc"))
	memory.Load(ctx, m, llm.User("?"))
	memory.Clear(ctx, m)
	memory.Save(ctx, &broken{}, llm.User("abc"))
	narrow := &memory.Window{Turns: 1}
	for range 2 {
		memory.Save(ctx, narrow, llm.User("a"), llm.Assistant("b"))
	}
	memory.Load(ctx, narrow, llm.User("?"))
	memory.Load(ctx, answered(3), llm.User("?"))
	memory.Load(ctx, answered(0), llm.User("?"))
	memory.Save(ctx, answered(3), llm.User("a"), llm.Assistant("b"))
	memory.Save(ctx, answered(3))
	memory.Clear(ctx, answered(3))
	want := []string{
		"save buffer 0/0 1 -> 1/3 1", "load buffer 1/3 0 -> 1/3 1", "clear buffer 1/3 0 -> 0/0 0", "save buffer 0/-1 1 -> disk is gone",
		"save window 0/-1 2 -> 2/-1 2", "save window 2/-1 2 -> 2/-1 2", "load window 2/-1 0 -> 2/-1 2",
		"load memory -1/-1 0 -> -1/-1 3", "load memory -1/-1 0 -> -1/-1 0", "save memory -1/-1 2 -> -1/-1 2", "save memory -1/-1 0 -> -1/-1 0",
		"clear memory -1/-1 0 -> -1/-1 0",
	}
	if len(w.infos) != len(want) {
		t.Fatalf("%d runs, want %d", len(w.infos), len(want))
	}
	for i, info := range w.infos {
		b := info.Input.(*callback.MemoryChange)
		got := fmt.Sprintf("%s %s %d/%d %d -> ", b.Operation, info.Name, b.Messages, b.Tokens, b.Records)
		if res := w.ends[i]; res.Err != nil {
			got += res.Err.Error()
		} else {
			a := res.Output.(*callback.MemoryChange)
			got += fmt.Sprintf("%d/%d %d", a.Messages, a.Tokens, a.Records)
		}
		if info.Kind != callback.KindMemory || got != want[i] {
			t.Errorf("run %d: %s, want %s", i, got, want[i])
		}
	}
}
