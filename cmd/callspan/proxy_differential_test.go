package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
)

// A pair is a bare reverse proxy and ours, before the same target.
type pair struct {
	target     *scripted
	bare, ours *httptest.Server
	ends       chan string // the session of a run that has ended
	started    atomic.Int64
	printed    lines // by the servers
}

func newPair(tb testing.TB) *pair {
	p := &pair{target: newScripted(tb), ends: make(chan string, 100)}
	to := &url.URL{Scheme: "http", Host: p.target.listener.Addr().String()}
	serve := func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(&p.printed, "", 0)
		s.Start()
		tb.Cleanup(s.Close)
		return s
	}
	p.bare, p.ours = serve(reverse(to)), serve(ours(to, p))
	return p
}

func (p *pair) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	p.started.Add(1)
	return ctx, sessionRun{info.Session, p.ends}
}

type sessionRun struct {
	id   string
	ends chan<- string
}

func (r sessionRun) End(*callback.Result) { r.ends <- r.id }

// lines collects what a logger prints.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(p))
	return len(p), nil
}

// A scripted server reads a request and sends the bytes of a trial, whatever
// they are.
type scripted struct {
	listener net.Listener
	trial    atomic.Pointer[trial]
	seen     chan request
}

// A request is one as the target sees it.
type request struct {
	head string
	body []byte
}

func newScripted(tb testing.TB) *scripted {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &scripted{listener: l, seen: make(chan request, 100)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.serve(conn) })
		}
	})
	tb.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return s
}

func (s *scripted) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	for _, name := range []string{"Content-Length", "Accept-Encoding", headerSession, headerUser} { // which the proxy changes on purpose
		r.Header.Del(name)
	}
	t := s.trial.Load()
	s.seen <- request{fmt.Sprintln(r.Method, r.RequestURI, r.Proto, r.Host, r.Header, r.TransferEncoding, r.Trailer, err), body}
	answer := t.answer
	if t.usage != nil && bytes.Contains(body, []byte(`"include_usage":true`)) {
		answer = t.usage
	}
	for n := t.pieces; n > 0; n-- {
		at := len(answer) / n
		if _, err := conn.Write(answer[:at]); err != nil {
			return
		}
		answer = answer[at:]
	}
	if t.reset {
		conn.(*net.TCPConn).SetLinger(0)
	}
}

// last returns the request that came last, nothing if there is none.
func (s *scripted) last() (r request) {
	for len(s.seen) > 0 {
		r = <-s.seen
	}
	return r
}

// A sight is what a caller sees of a call.
type sight struct {
	early []string // answers before the answer
	head  string
	body  string
	tail  string // trailer, and how it ends
}

// broken is the tail of an answer that breaks off before its body.
const broken = "broken off"

// see sends the bytes of a trial's request and reads what comes back.
func see(tb testing.TB, server *httptest.Server, t *trial) (v sight) {
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) // far beyond what a call takes
	if _, err := conn.Write(t.request); err != nil {
		tb.Fatal(err)
	}
	method, _, _ := strings.Cut(string(t.request), " ")
	var resp *http.Response
	for r := bufio.NewReader(conn); ; {
		if resp, err = http.ReadResponse(r, &http.Request{Method: method}); err != nil {
			return sight{early: v.early, tail: broken}
		}
		resp.Header.Del("Date")
		resp.Header.Del("Trailer") // whose order is that of a map
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
		v.early = append(v.early, fmt.Sprintln(resp.Status, resp.Header))
	}
	body, err := io.ReadAll(resp.Body)
	switch {
	case len(body) == 0 && (err != nil || resp.ProtoMinor == 0): // which cannot tell its end
		// Whether the head of such an answer gets out is up to a timer of every reverse proxy.
		return sight{early: v.early, tail: broken}
	case len(body) == 0: // so is how it is framed
		resp.Header.Del("Content-Length")
		resp.TransferEncoding = nil
	}
	if resp.StatusCode == http.StatusBadGateway { // the proxy's own, which names ports
		body = address.ReplaceAll(body, []byte("loopback"))
		resp.Header.Del("Content-Length")
	}
	v.head = fmt.Sprintln(resp.Proto, resp.Status, resp.Header, resp.TransferEncoding, resp.Close)
	v.body, v.tail = string(body), fmt.Sprintln(resp.Trailer, err)
	return v
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// sameRequest reports whether b is a, but for the usage that it asks for.
func sameRequest(a, b request) bool {
	if a.head != b.head {
		return false
	}
	if bytes.Equal(a.body, b.body) {
		return true
	}
	var x, y map[string]any
	if json.Unmarshal(a.body, &x) != nil || json.Unmarshal(b.body, &y) != nil {
		return false
	}
	delete(x, "stream_options")
	delete(y, "stream_options")
	return reflect.DeepEqual(x, y)
}

// try makes a call through both proxies.
func (p *pair) try(tb testing.TB, t *trial, session string) {
	p.target.trial.Store(t)
	bare, asked := see(tb, p.bare, t), p.target.last()
	ours, passed := see(tb, p.ours, t), p.target.last()
	if !reflect.DeepEqual(bare, ours) {
		tb.Errorf("of %.700q\nto %.700q\nthe caller sees %.700q\nwithout us     %.700q", t.answer, t.request, ours, bare)
	}
	if !sameRequest(asked, passed) {
		tb.Errorf("of %.700q\nthe target sees %.700q\nwithout us      %.700q", t.request, passed, asked)
	}
	if !t.run {
		return
	}
	select {
	case id := <-p.ends:
		if id != session {
			tb.Fatalf("a run ends of call %s, want %s", id, session)
		}
	case <-time.After(time.Minute):
		tb.Fatalf("the run does not end of %.700q", t.request)
	}
}

// rest fails tb if more has happened than was looked at.
func (p *pair) rest(tb testing.TB, runs int) {
	p.bare.Close()
	p.ours.Close()
	if n := p.started.Load(); n != int64(runs) || len(p.ends) > 0 || len(p.target.seen) > 0 {
		tb.Errorf("%d runs of %d calls, %d more ends and %d more requests", n, runs, len(p.ends), len(p.target.seen))
	}
	if len(p.printed.text) > 0 {
		tb.Errorf("the servers print %.700q", p.printed.text)
	}
}

// TestProxyDifferential: whatever is called and answered, the caller and the
// target see what they see through a bare reverse proxy, and a call is one run.
func TestProxyDifferential(t *testing.T) {
	p := newPair(t)
	runs := 0
	for i := range 1500 {
		session := strconv.Itoa(i)
		tr := newTrial(uint64(i), session, nil)
		if tr.run {
			runs++
		}
		if p.try(t, tr, session); t.Failed() {
			t.Fatalf("trial %d", i)
		}
	}
	p.rest(t, runs)
}

// FuzzProxy is TestProxyDifferential with answers that the fuzzer makes up.
func FuzzProxy(f *testing.F) {
	for i, content := range contents {
		f.Add(uint64(i), []byte(content))
	}
	p := newPair(f)
	calls := 0
	f.Fuzz(func(t *testing.T, seed uint64, content []byte) {
		calls++
		session := strconv.Itoa(calls)
		p.try(t, newTrial(seed, session, content), session)
	})
}
