package callbacktest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/callback/callbacktest"
	"github.com/callspan/callspan/llm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler is made of functions; those that are nil do nothing.
type handler struct {
	start func(ctx context.Context, info *callback.Info) (context.Context, callback.Run)
	token func(r *run, c llm.Chunk)
	event func(r *run, e callback.Event)
	end   func(r *run, res *callback.Result)
	close func() error
}

func (h *handler) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	r := &run{h: h, ctx: ctx, info: info}
	if h.start != nil {
		var other callback.Run
		if ctx, other = h.start(ctx, info); other != nil {
			return ctx, other
		}
	}
	return ctx, r
}

func (h *handler) Close() error {
	if h.close != nil {
		return h.close()
	}
	return nil
}

type run struct {
	h    *handler
	ctx  context.Context
	info *callback.Info
	own  []llm.Chunk
}

func (r *run) Token(c llm.Chunk) {
	r.own = append(r.own, c) // chunks may be kept
	if r.h.token != nil {
		r.h.token(r, c)
	}
}

func (r *run) Event(e callback.Event) {
	if r.h.event != nil {
		r.h.event(r, e)
	}
}

func (r *run) End(res *callback.Result) {
	if r.h.end != nil {
		r.h.end(r, res)
	}
}

// onStart is a handler whose Start does fn and then what is right.
func onStart(fn func(ctx context.Context, info *callback.Info)) *handler {
	return &handler{start: func(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
		fn(ctx, info)
		return ctx, nil
	}}
}

type byValue struct{ _ []string }

func (byValue) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, nil
}

// spans opens spans whose ids are made by the functions.
type spans struct{ trace, span func(n int) string }

type spanKey struct{}

func (s *spans) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	n, _ := ctx.Value(spanKey{}).(int)
	return context.WithValue(ctx, spanKey{}, n+1), nil
}

func (s *spans) SpanIDs(ctx context.Context) (string, string) {
	n, _ := ctx.Value(spanKey{}).(int)
	return s.trace(n), s.span(n)
}

// TestGoodHandlers: the kit has nothing against handlers that are right.
func TestGoodHandlers(t *testing.T) {
	hex := func(digits int) func(int) string { return func(n int) string { return fmt.Sprintf("%0*x", digits, n) } }
	for name, make := range map[string]func() callback.Handler{
		"looks at everything": func() callback.Handler { return &handler{} },
		"looks at nothing":    func() callback.Handler { return &callback.Funcs{} },
		"declines": func() callback.Handler {
			return &handler{start: func(context.Context, *callback.Info) (context.Context, callback.Run) { return nil, nil }}
		},
		"adds to the context": func() callback.Handler {
			return &handler{start: func(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
				return context.WithValue(ctx, spanKey{}, info.Name), nil
			}}
		},
		"a context that ends with the run": func() callback.Handler {
			return &handler{start: func(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
				ctx, cancel := context.WithCancel(ctx)
				return ctx, &run{h: &handler{end: func(*run, *callback.Result) { cancel() }}}
			}}
		},
		"opens spans": func() callback.Handler { return &spans{hex(32), hex(16)} },
		"a goroutine that ends with Close": func() callback.Handler {
			quit, done := make(chan struct{}), make(chan struct{})
			go func() { defer close(done); <-quit }()
			return &handler{close: func() error { close(quit); <-done; return nil }}
		},
		"starts runs of its own, where it is not told": func() callback.Handler {
			return &handler{end: func(*run, *callback.Result) {
				_, run := callback.Start(context.Background(), &callback.Info{}, &callback.Funcs{})
				run.End(nil)
			}}
		},
	} {
		t.Run(name, func(t *testing.T) { callbacktest.Test(t, make) })
	}
}

// TestFindings breaks one rule at a time.
func TestFindings(t *testing.T) {
	stuck := make(chan struct{})
	for _, tc := range []struct {
		name string
		make func() callback.Handler
		want string
	}{
		{"no handler", func() callback.Handler { return nil }, "newHandler returned nil"},
		{"a nil pointer", func() callback.Handler { return (*handler)(nil) }, "newHandler returned nil"},
		{"making panics", func() callback.Handler { panic("thorn") }, "making the handler panics: thorn"},
		{"a value that cannot be compared", func() callback.Handler { return byValue{} },
			"values of type callbacktest_test.byValue cannot be compared"},
		{"closing fails", func() callback.Handler { return &handler{close: func() error { return errors.New("lost") }} },
			"closing the handler fails: lost"},
		{"closing panics", func() callback.Handler { return &handler{close: func() error { panic("thorn") }} },
			"closing the handler panics: thorn"},

		{"a context of its own", func() callback.Handler {
			return &handler{start: func(context.Context, *callback.Info) (context.Context, callback.Run) {
				return context.Background(), nil
			}}
		}, "Start returns a context that has lost the values"},
		{"a context without end", func() callback.Handler {
			return &handler{start: func(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
				return context.WithoutCancel(ctx), nil
			}}
		}, "Start returns a context that does not end"},
		{"a context that has ended", func() callback.Handler {
			return &handler{start: func(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx, nil
			}}
		}, "Start returns a context that has ended"},
		{"a context that ends too early", func() callback.Handler {
			return &handler{start: func(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
				ctx, cancel := context.WithCancel(ctx)
				return ctx, &run{h: &handler{token: func(*run, llm.Chunk) { cancel() }, end: func(*run, *callback.Result) { cancel() }}}
			}}
		}, "the context that Start returned has ended before the run: context canceled"},
		{"a nil pointer as Run", func() callback.Handler {
			return &handler{start: func(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) { return ctx, (*run)(nil) }}
		}, "Start returns a nil *callbacktest_test.run as Run"},

		{"panic in Start", func() callback.Handler { return onStart(func(context.Context, *callback.Info) { panic("thorn") }) }, "Start panics: thorn"},
		{"panic in Token", func() callback.Handler { return &handler{token: func(*run, llm.Chunk) { panic("thorn") }} }, "Token panics: thorn"},
		{"panic in Event", func() callback.Handler {
			return &handler{event: func(_ *run, e callback.Event) { _ = e.Data.(string) }}
		}, "Event panics: interface conversion"},
		{"panic in End", func() callback.Handler {
			return &handler{end: func(_ *run, res *callback.Result) { _ = res.Response.Choices }}
		}, "End panics: runtime error: invalid memory address"},
		{"panic in SpanIDs", func() callback.Handler {
			return &spans{func(int) string { panic("thorn") }, nil}
		}, "SpanIDs panics: thorn"},
		{"trace ids of another form", func() callback.Handler {
			return &spans{func(int) string { return "trace" }, func(int) string { return "00f067aa0ba902b7" }}
		}, `SpanIDs gives "trace" and "00f067aa0ba902b7"`},
		{"span ids of another form", func() callback.Handler {
			return &spans{func(int) string { return "4bf92f3577b34da6a3ce929d0e0e4736" }, func(int) string { return "span" }}
		}, `SpanIDs gives "4bf92f3577b34da6a3ce929d0e0e4736" and "span"`},

		{"changes the description", func() callback.Handler { return onStart(func(_ context.Context, i *callback.Info) { i.Name += "!" }) },
			"Start changes Info.Name"},
		{"changes metadata", func() callback.Handler {
			return onStart(func(_ context.Context, i *callback.Info) {
				if i.Name == "shop" {
					i.Metadata["seen"] = true
				}
			})
		}, "Start changes Info.Metadata"},
		{"changes a tag", func() callback.Handler {
			return onStart(func(_ context.Context, i *callback.Info) {
				if i.Name == "tagged" {
					i.Tags[0] = strings.ToUpper(i.Tags[0])
				}
			})
		}, "Start changes Info.Tags"},
		{"appends to tags in place", func() callback.Handler {
			return onStart(func(_ context.Context, i *callback.Info) {
				if i.Name == "tagged" {
					_ = append(i.Tags, "seen")
				}
			})
		}, "Start changes Info.Tags"},
		{"redacts the request", func() callback.Handler {
			return onStart(func(_ context.Context, i *callback.Info) {
				if r, ok := i.Input.(*llm.Request); ok && r != nil && len(r.Messages) > 0 {
					r.Messages[0].Parts[0].Text = "***"
				}
			})
		}, "Start changes Info.Input"},
		{"appends to messages in place", func() callback.Handler {
			return onStart(func(_ context.Context, i *callback.Info) {
				if r, ok := i.Input.(*llm.Request); ok && r != nil {
					_ = append(r.Messages, llm.User("seen"))
				}
			})
		}, "Start changes Info.Input"},
		{"changes a chunk's usage", func() callback.Handler {
			return &handler{token: func(_ *run, c llm.Chunk) {
				if c.Usage != nil {
					c.Usage.Input = 0
				}
			}}
		}, "Token changes Chunk.Usage"},
		{"changes an event's data", func() callback.Handler {
			return &handler{event: func(_ *run, e callback.Event) {
				if m, ok := e.Data.(map[string]any); ok {
					delete(m, "pink")
				}
			}}
		}, "Event changes Event.Data"},
		{"changes the result", func() callback.Handler { return &handler{end: func(_ *run, res *callback.Result) { res.Err = nil }} },
			"End changes Result.Err"},
		{"redacts the answer", func() callback.Handler {
			return &handler{end: func(_ *run, res *callback.Result) {
				if res.Response.Text() != "" {
					res.Response.Choices[0].Text = "***"
				}
			}}
		}, "End changes Result.Response"},
		{"keeps and changes", func() callback.Handler {
			var kept []string // another name for what Info holds
			h := onStart(func(_ context.Context, i *callback.Info) {
				if i.Name == "tagged" {
					kept = i.Tags
				}
			})
			h.close = func() error {
				if kept != nil {
					kept[0] = "seen"
				}
				return nil
			}
			return h
		}, "the handler keeps Info.Tags and changes it later"},

		{"slow tokens", func() callback.Handler {
			return &handler{token: func(*run, llm.Chunk) { time.Sleep(2 * time.Millisecond) }}
		},
			"Token takes 2ms, and the caller waits"},
		{"slow starts", func() callback.Handler {
			return onStart(func(context.Context, *callback.Info) { time.Sleep(20 * time.Millisecond) })
		}, "Start takes 20ms, and the caller waits"},
		{"blocks", func() callback.Handler {
			return &handler{end: func(_ *run, res *callback.Result) { <-stuck }}
		}, "End has not returned after 30s"},
		{"leaves a goroutine", func() callback.Handler {
			go func() { <-stuck }()
			return &handler{}
		}, "a goroutine is left behind, started by github.com/callspan/callspan/callback/callbacktest_test.TestFindings."},
		{"leaves a goroutine for each run", func() callback.Handler {
			return &handler{end: func(r *run, _ *callback.Result) { go func() { <-stuck }() }}
		}, "a goroutine is left behind"},

		{"ends runs", func() callback.Handler {
			return onStart(func(_ context.Context, i *callback.Info) {
				if i.Kind == callback.KindLLM {
					go func() { time.Sleep(time.Millisecond); callback.Abandon(i, errors.New("enough")) }()
				}
			})
		}, "a run ended with an error _OTHER (enough) instead of success"},
		{"starts runs of which it is told", func() callback.Handler {
			return &handler{end: func(r *run, _ *callback.Result) {
				_, run := callback.Start(r.ctx, &callback.Info{Name: "judge"})
				run.End(nil)
			}}
		}, "End starts runs of which the handler is told in turn"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stuck = make(chan struct{})
				err := callbacktest.Check(tc.make)
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("found %v, want %s", err, tc.want)
				}
				close(stuck)
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestFindingsAreFew: a handler that does everything wrong gets a list that can
// be read.
func TestFindingsAreFew(t *testing.T) {
	var n atomic.Int64
	err := callbacktest.Check(func() callback.Handler {
		return onStart(func(context.Context, *callback.Info) { panic(n.Add(1)) })
	})
	if lines := strings.Count(fmt.Sprint(err), "\n"); err == nil || lines > 120 {
		t.Errorf("%d lines", lines)
	}
}

// TestSubtests: findings fail the subtest of their scenario, and races are found
// by the race detector. The broken handlers run in a process of their own.
func TestSubtests(t *testing.T) {
	const name = "CALLBACKTEST_BROKEN"
	n := 0
	broken := map[string]*handler{
		"panic":         {event: func(*run, callback.Event) { panic("thorn") }},
		"race in Start": onStart(func(context.Context, *callback.Info) { n++ }),
		"race in Token": {token: func(*run, llm.Chunk) { n++ }},
		"race in Event": {event: func(*run, callback.Event) { n++ }},
		"race in End":   {end: func(*run, *callback.Result) { n++ }},
	}
	if h := broken[os.Getenv(name)]; h != nil {
		callbacktest.Test(t, func() callback.Handler { return h })
		return
	}
	for which := range broken {
		want := "--- FAIL: TestSubtests/events_of_every_kind"
		if which != "panic" {
			if want = "WARNING: DATA RACE"; !raced {
				continue
			}
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestSubtests$", "-test.v")
		cmd.Env = append(os.Environ(), name+"="+which)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, no %q in\n%s", which, err, want, out)
		}
	}
}
