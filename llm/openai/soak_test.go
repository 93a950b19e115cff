package openai_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/token"
	"go.uber.org/goleak"
)

var (
	soakHours = flag.Int("soak", 1, "hours of virtual time in TestSoak")
	soakSeed  = flag.Uint64("soakseed", 1, "the first seed in TestSoak; each makes ten minutes")
)

// TestSoak is hours of traffic in virtual time, over real HTTP clients and a
// real HTTP server that are connected in memory. Each call draws how the server,
// the caller and a handler behave, the door and the API, and is made twice at
// the same moment, with the door and without it. The caller sees the same, piece
// by piece and at the same times; the run ends once, with what the draw makes
// true; no goroutine, connection or memory stays behind.
func TestSoak(t *testing.T) {
	defer slog.SetLogLoggerLevel(slog.SetLogLoggerLevel(slog.LevelError + 1)) // handlers panic, which is reported
	for _, api := range soakAPIs {
		token.Meter{Model: api.model}.Count("loaded outside of the bubbles, which it would outlive")
	}
	panics, wanted := callback.Panics(), int64(0)
	drawn, seeds, played := map[string]int{}, 6**soakHours, 0
	for i := range seeds {
		seed := *soakSeed + uint64(i)
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			s := new(soak)
			defer func() {
				wanted += s.panics
				if t.Failed() {
					t.Logf("again: go test ./llm/openai -run 'TestSoak/seed_%d$' -soakseed=%d", seed, seed)
				}
			}()
			synctest.Test(t, func(t *testing.T) {
				s.start(t, seed)
				for end := time.Now().Add(10 * time.Minute); time.Now().Before(end) && !t.Failed(); {
					s.round()
				}
				s.stop()
			})
			played++
			for name, n := range s.drawn {
				drawn[name] += n
			}
			if left := s.kept(); left > 0 {
				t.Errorf("%d of %d calls are kept in memory", left, 2*s.calls)
			}
		})
	}
	for i := 0; i < 1000 && callback.Panics()-panics < wanted; i++ {
		runtime.Gosched() // one may still be on its way out of a clean-up
	}
	if got := callback.Panics() - panics; got != wanted {
		t.Errorf("%d panics of handlers are counted, there were %d", got, wanted)
	}
	if t.Failed() || played < seeds {
		return
	}
	t.Logf("drawn: %v", drawn)
	for _, name := range soakNames() {
		if drawn[name] == 0 {
			t.Errorf("no call drew %q: give it more weight, or more hours", name)
		}
	}
}

// A soak is ten minutes of traffic.
type soak struct {
	t       *testing.T
	rand    *rand.Rand
	server  *soakServer
	base    *http.Transport
	clients *soakClients
	before  goleak.Option // the goroutines there were

	ctx    context.Context // of the calls, which are counted
	count  *callback.Count
	want   callback.Total // that they add up to
	calls  int
	panics int64
	drawn  map[string]int
	plays  []weak.Pointer[soakPlay]
}

func (s *soak) start(t *testing.T, seed uint64) {
	*s = soak{t: t, rand: rand.New(rand.NewPCG(seed, 0)), server: startSoakServer(), drawn: map[string]int{}}
	s.base = &http.Transport{DialContext: s.server.net.dial}
	s.clients = newSoakClients(&soakWitness{s.base})
	s.ctx, s.count = callback.WithCount(context.Background())
	synctest.Wait()
	s.before = goleak.IgnoreCurrent()
}

// stop checks that everything adds up and nothing is left.
func (s *soak) stop() {
	s.rest()
	got := s.count.Total()
	got.Makeup, got.Cost, got.Unpriced = s.want.Makeup, s.want.Cost, s.want.Unpriced
	if got != s.want {
		s.t.Errorf("counted %+v\nwant %+v", got, s.want)
	}
	if err := s.server.http.Shutdown(context.Background()); err != nil {
		s.t.Error(err)
	}
	if err := <-s.server.ended; !errors.Is(err, http.ErrServerClosed) {
		s.t.Error(err)
	}
	s.server, s.base, s.clients, s.ctx, s.count = nil, nil, nil, nil, nil
}

// rest fails if a connection or a goroutine is left while nothing happens.
func (s *soak) rest() {
	s.base.CloseIdleConnections()
	time.Sleep(time.Millisecond)
	if open, _ := s.server.connections(); open > 0 {
		s.t.Errorf("%d connections are left open", open)
	}
	if err := goleak.Find(s.before); err != nil {
		s.t.Error(err)
	}
}

// kept returns how much of the calls is still in memory.
func (s *soak) kept() (left int) {
	for range 100 {
		runtime.GC()
		left = 0
		for _, p := range s.plays {
			if p.Value() != nil {
				left++
			}
		}
		if left == 0 {
			break
		}
	}
	return left
}

// round makes some calls at once, and looks at what comes of them.
func (s *soak) round() {
	calls := make([]*soakCall, 1+s.rand.IntN(10))
	dropping := s.rand.IntN(8) == 0 // seldom, as it takes the garbage collector
	for i := range calls {
		s.calls++
		calls[i] = drawSoakCall(s.rand, s.calls, dropping)
		s.server.expect(calls[i].number, calls[i].script)
		for _, name := range calls[i].names() {
			s.drawn[name]++
		}
	}
	if !s.perform(calls) {
		return
	}
	s.drop(calls)
	for _, c := range calls {
		c.release()
	}
	time.Sleep(time.Millisecond) // for the server to notice
	if _, active := s.server.connections(); active > 0 {
		s.t.Errorf("%d connections are in use for nothing", active)
	}
	for _, c := range calls {
		c.check(s)
	}
	if s.rand.IntN(2) == 0 {
		s.rest()
	}
	time.Sleep(millis(s.rand, 2000))
}

// perform makes the calls, and reports whether all callers come back.
func (s *soak) perform(calls []*soakCall) bool {
	var all sync.WaitGroup
	for _, c := range calls {
		c.bare = newSoakPlay(c, context.Background(), nil)
		c.ours = newSoakPlay(c, s.ctx, newSoakHandlers(c))
		for _, p := range []*soakPlay{c.bare, c.ours} {
			s.plays = append(s.plays, weak.Make(p))
			all.Go(func() {
				time.Sleep(c.start)
				p.perform(s.clients)
			})
		}
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(24 * time.Hour):
	}
	for _, c := range calls {
		if bare, ours := c.bare.done.Load(), c.ours.done.Load(); !bare || !ours {
			s.t.Errorf("%v\nhangs: %v, without the door: %v", c, !ours, !bare)
		}
		c.release()
	}
	<-done
	return false
}

// drop waits until what callers have dropped is collected, and ends with tracing
// what they hold on to.
func (s *soak) drop(calls []*soakCall) {
	dropped := slices.DeleteFunc(slices.Clone(calls), func(c *soakCall) bool { return c.caller != drops })
	for _, c := range dropped {
		if c.ours.pulled != nil {
			c.ours.handlers.tracer.Shutdown(context.Background())
			c.ours.pulled()
		}
		if c.bare.pulled != nil {
			c.bare.pulled()
		}
	}
	// The clean-up is done outside of the bubble, so time stands still.
	for i := 0; i < 500 && slices.ContainsFunc(dropped, func(c *soakCall) bool { return !c.ours.handlers.told() }); i++ {
		runtime.GC()
		runtime.Gosched()
	}
}

// add adds what a run says to what is to be counted.
func (s *soak) add(res *callback.Result) {
	s.want.Calls++
	if res.Usage != nil {
		s.want.Usage.Add(res.Usage)
	}
	if res.UsageSource == llm.UsageEstimated {
		s.want.Estimated++
	}
	if res.Err != nil {
		s.want.Failed++
	}
}
