package agent_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
)

// The chunks of the agent below: a text, two fragments and an end, then the
// tools run, then a text and an end.
const (
	inText = iota + 1
	inCall
	_
	beforeTools
	inAnswer
	atEnd
)

// TestEndings: whenever and however the consumer or the context ends it, every
// run ends once and says how.
func TestEndings(t *testing.T) {
	type reader struct {
		name    string
		read    func(seq iter.Seq2[llm.Chunk, error], at int, cancel context.CancelFunc) error
		errType string // of the agent's run
		stopped bool
	}
	readers := []reader{
		{"breaks", func(seq iter.Seq2[llm.Chunk, error], at int, _ context.CancelFunc) error {
			n := 0
			for range seq {
				if n++; n == at {
					break
				}
			}
			return nil
		}, "", true},
		{"stops a pull", func(seq iter.Seq2[llm.Chunk, error], at int, _ context.CancelFunc) error {
			next, stop := iter.Pull2(seq)
			defer stop()
			for range at {
				next()
			}
			return nil
		}, "", true},
		{"cancels", func(seq iter.Seq2[llm.Chunk, error], at int, cancel context.CancelFunc) (last error) {
			n := 0
			for _, err := range seq {
				if n++; n == at {
					cancel()
					synctest.Wait()
				}
				last = err
			}
			return last
		}, "canceled", false},
		{"runs out of time", func(seq iter.Seq2[llm.Chunk, error], at int, _ context.CancelFunc) (last error) {
			n := 0
			for _, err := range seq {
				if n++; n == at {
					time.Sleep(2 * time.Hour)
				}
				last = err
			}
			return last
		}, "timeout", false},
		{"panics", func(seq iter.Seq2[llm.Chunk, error], at int, _ context.CancelFunc) error {
			defer func() { recover() }()
			n := 0
			for range seq {
				if n++; n == at {
					panic("thorn")
				}
			}
			return nil
		}, "panic", false},
		{"exits the goroutine", func(seq iter.Seq2[llm.Chunk, error], at int, _ context.CancelFunc) error {
			done := make(chan struct{})
			go func() {
				defer close(done)
				n := 0
				for range seq {
					if n++; n == at {
						runtime.Goexit()
					}
				}
			}()
			<-done
			return nil
		}, "goexit", false},
	}
	for _, at := range []int{inText, inCall, beforeTools, inAnswer, atEnd} {
		for _, r := range readers {
			t.Run(fmt.Sprint(r.name, " at chunk ", at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := says(append([]llm.Chunk{{Text: "Let me see."}}, calls(`a stock {"flower":"rose"}`)...), text("stop", "Twelve."))
					l := &log{}
					a := &agent.Agent{Name: "florist", Model: m, Tools: tool.Set{stock()}}
					ctx, cancel := context.WithTimeout(callback.WithHandlers(t.Context(), l), time.Hour)
					defer cancel()
					err := r.read(a.Stream(ctx, "Roses?"), at, cancel)
					synctest.Wait()
					l.check(t)
					res := l.last[callback.KindAgent]
					if got := callback.ErrorType(res.Err); got != r.errType || res.Stopped != r.stopped {
						t.Errorf("the run ended with %v, stopped %v", res.Err, res.Stopped)
					}
					// Who goes on to read after the end of the context reads the end of
					// it, or the answer if it was there.
					if want := r.errType; (want == "canceled" || want == "timeout") && at < inAnswer && callback.ErrorType(err) != want {
						t.Errorf("the consumer got %v", err)
					}
					if ran := strings.Contains(l.String(), "+tool"); ran != (at >= inAnswer) {
						t.Errorf("tools: %v\n%s", ran, l)
					}
				})
			})
		}
	}
}

// TestEndingsInTool: the end of the context while a tool runs ends the agent,
// once the tool has returned.
func TestEndingsInTool(t *testing.T) {
	closed := errors.New("shop closes")
	for _, tc := range []struct {
		name    string
		end     func(context.Context) (context.Context, context.CancelFunc)
		errType string
		is      error
	}{
		{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Minute, func() { cancel(closed) })
			return ctx, func() { cancel(nil) }
		}, "canceled", closed},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Minute)
		}, "timeout", context.DeadlineExceeded},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, ", stream ", stream), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					wait := tool.Must(tool.New("wait", "", tool.NoArguments(func(ctx context.Context) (string, error) {
						<-ctx.Done()
						time.Sleep(time.Second)
						return "", ctx.Err()
					})))
					l := &log{}
					a := &agent.Agent{Name: "florist", Model: says(calls("a wait {}", "b wait {}")), Tools: tool.Set{wait}}
					ctx, cancel := tc.end(callback.WithHandlers(t.Context(), l))
					defer cancel()
					began := time.Now()
					var err error
					if stream {
						for _, e := range a.Stream(ctx, "Wait.") {
							err = e
						}
					} else {
						_, err = a.Run(ctx, "Wait.")
					}
					if !errors.Is(err, tc.is) || callback.ErrorType(err) != tc.errType || time.Since(began) != 61*time.Second {
						t.Errorf("got %v after %s", err, time.Since(began))
					}
					synctest.Wait()
					l.check(t)
					for kind, want := range map[callback.Kind]string{callback.KindAgent: tc.errType, callback.KindTool: tc.errType, callback.KindLLM: ""} {
						if got := callback.ErrorType(l.last[kind].Err); got != want {
							t.Errorf("the %s ended with %q, want %q", kind, got, want)
						}
					}
				})
			})
		}
	}
}
