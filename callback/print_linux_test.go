//go:build amd64 || arm64

package callback_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/golden"
	"github.com/callspan/callspan/llm"
)

// A terminal is a pseudo terminal and what appears on it.
type terminal struct {
	*os.File
	mu    sync.Mutex
	more  sync.Cond
	shown []byte
	gone  bool
}

// newTerminal opens a terminal and begins to read what is written there.
func newTerminal(t *testing.T) *terminal {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	ioctl := func(request uintptr, v *int32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(v))); errno != 0 {
			t.Skip("no pseudo terminals here:", errno)
		}
	}
	var unlock, number int32
	ioctl(0x40045431, &unlock) // TIOCSPTLCK
	ioctl(0x80045430, &number) // TIOCGPTN
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	term := &terminal{File: slave}
	term.more.L = &term.mu
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			term.mu.Lock()
			term.shown = append(term.shown, b[:n]...)
			term.gone = err != nil
			term.more.Broadcast()
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { slave.Close(); <-done; master.Close() })
	return term
}

// wait returns what is shown once it contains text, or at the end.
func (term *terminal) wait(text string) string {
	late := time.AfterFunc(time.Minute, func() { term.Close() })
	defer late.Stop()
	term.mu.Lock()
	defer term.mu.Unlock()
	for {
		shown := strings.ReplaceAll(string(term.shown), "\r\n", "\n")
		if term.gone || strings.Contains(shown, text) {
			return shown
		}
		term.more.Wait()
	}
}

// all returns everything that is shown, and closes the terminal.
func (term *terminal) all() string {
	term.Close()
	return strings.ReplaceAll(term.wait("\x00"), "\x1b[", "^[")
}

func TestPrintTerminal(t *testing.T) {
	for _, tc := range []struct{ name, term, noColor string }{
		{"terminal", "xterm", ""}, {"NO_COLOR", "xterm", "1"}, {"dumb terminal", "dumb", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("TERM", tc.term)
			t.Setenv("NO_COLOR", tc.noColor)
			term := newTerminal(t)
			p := callback.Print(term.File)
			synctest.Test(t, func(t *testing.T) { tour(callback.WithHandlers(t.Context(), p)) })
			shown := term.all()
			if colored := strings.Contains(shown, "^["); colored != (tc.name == "terminal") {
				t.Errorf("coloured: %v", colored)
			}
			if tc.name != "dumb terminal" {
				golden.Equal(t, "testdata/print.txtar", tc.name, shown)
			}
		})
	}
}

// TestPrintStreams: a token is on the terminal before the consumer has it.
func TestPrintStreams(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	term := newTerminal(t)
	shown := "model gpt-4o-mini <- user: roses?\n  "
	for c := range callback.Model(says{texts: []string{"pink", " ro", "ses\nand", " lilies"}}, callback.Print(term.File)).Chat(t.Context(), question) {
		shown += strings.ReplaceAll(c.Text, "\n", "\n  ")
		if got := term.wait(shown); got != shown {
			t.Fatalf("shown %q, want %q", got, shown)
		}
	}
}

// script is a model whose chunks are sent by the test.
type script chan string

func (s script) says() llm.Model {
	return llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			for text := range s {
				if !yield(llm.Chunk{Text: text}, nil) {
					return
				}
			}
			yield(llm.Chunk{Finish: "stop"}, nil)
		}
	})
}

// TestPrintSideBySide: of several answers one streams and the others follow in
// one piece; lines in between are marked, and nothing is lost.
func TestPrintSideBySide(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for _, tc := range []struct {
		name string
		acts string // each letter lets its model say it, an upper-case one ends it; "." waits three seconds, "!" emits an event
		want string
	}{
		{"one after the other", "abA" + "bB", `
> Entering new shop chain...
  model <unknown> <- user: roses?
  <run 1> model <unknown> <- user: roses?
  <run 2>   a
  <run 2> model <unknown>: 0s, first token 0s
  <run 1>   bb
  <run 1> model <unknown>: 0s, first token 0s
> Finished chain. (0s, 2 calls)
`},
		{"the second ends first", "aabBaA", `
> Entering new shop chain...
  model <unknown> <- user: roses?
  <run 1> model <unknown> <- user: roses?
  <run 2>   aa
  <run 1>   b
  <run 1> model <unknown>: 0s, first token 0s
  <run 2>   …a
  <run 2> model <unknown>: 0s, first token 0s
> Finished chain. (0s, 2 calls)
`},
		{"the first pauses", "ab.bbaBA", `
> Entering new shop chain...
  model <unknown> <- user: roses?
  <run 1> model <unknown> <- user: roses?
  <run 2>   a
  <run 1>   bbb
  <run 1> model <unknown>: 3s, first token 0s
  <run 2>   …a
  <run 2> model <unknown>: 3s, first token 0s
> Finished chain. (3s, 2 calls)
`},
		{"the second follows at once", "abA!B", `
> Entering new shop chain...
  model <unknown> <- user: roses?
  <run 1> model <unknown> <- user: roses?
  <run 2>   a
  <run 2> model <unknown>: 0s, first token 0s
  <run 1>   b
watered
  <run 1> model <unknown>: 0s, first token 0s
> Finished chain. (0s, 2 calls)
`},
		{"a line in between", "a!aAB", `
> Entering new shop chain...
  model <unknown> <- user: roses?
  <run 1> model <unknown> <- user: roses?
  <run 2>   a
watered
  <run 2>   …a
  <run 2> model <unknown>: 0s, first token 0s
  <run 1> model <unknown>: 0s
> Finished chain. (0s, 2 calls)
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			term := newTerminal(t)
			p := callback.Print(term.File)
			synctest.Test(t, func(t *testing.T) {
				chain(callback.WithHandlers(t.Context(), p), "shop", func(ctx context.Context) error {
					models := map[string]script{"a": make(script), "b": make(script)}
					var wg sync.WaitGroup
					for _, name := range []string{"a", "b"} {
						wg.Go(func() { llm.Collect(callback.Model(models[name].says()).Chat(ctx, question)) })
						synctest.Wait()
					}
					for _, act := range strings.Split(tc.acts, "") {
						switch m := models[strings.ToLower(act)]; {
						case act == ".":
							time.Sleep(3 * time.Second)
						case act == "!":
							callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "watered"})
						case act == strings.ToUpper(act):
							close(m)
						default:
							m <- act
						}
						synctest.Wait()
					}
					wg.Wait()
					return nil
				})
			})
			if got := numbered(term.all()); got != strings.TrimPrefix(tc.want, "\n") {
				t.Errorf("shown\n%s\nwant%s", got, tc.want)
			}
		})
	}
}
