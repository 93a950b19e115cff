package backends

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

const (
	startLimit = 30 * time.Second // until it is ready; a second is usual
	stopLimit  = 10 * time.Second // until it is killed
)

// A service says how to start a program that serves.
type service struct {
	path   string
	args   []string
	env    []string // besides the test's own
	listen []string // variables of its environment that say where to listen
	ready  string   // a URL with such variables, which answers 200 when it is ready
}

// start starts s and waits until it is ready. It returns the addresses on which
// s listens, all of them free ports of the loopback interface. When t ends, s is
// stopped; if t failed, it says what s wrote.
func (s service) start(t testing.TB) map[string]string {
	t.Helper()
	// Between choosing a port and listening on it somebody else may take it.
	for try := 1; ; try++ {
		addrs, err := free(s.listen)
		if err != nil {
			t.Fatal(fmt.Errorf("start %s: %w", s.path, err))
		}
		p := &process{cmd: exec.Command(s.path, s.args...), ended: make(chan struct{})}
		p.cmd.Env = append(os.Environ(), s.env...)
		for name, addr := range addrs {
			p.cmd.Env = append(p.cmd.Env, name+"="+addr)
		}
		p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			_ = p.cmd.Wait() // what it wrote says more
			close(p.ended)
		}()
		url := os.Expand(s.ready, func(name string) string { return addrs[name] })
		if err = p.wait(t.Context(), url); err == nil {
			t.Cleanup(func() {
				p.stop()
				if t.Failed() {
					t.Logf("%s wrote:\n%s", s.path, p.log.tail())
				}
			})
			return addrs
		}
		p.stop()
		if try == 3 {
			t.Fatalf("start %s: %v\n%s", s.path, err, p.log.tail())
		}
	}
}

// free returns an address for each name.
func free(names []string) (map[string]string, error) {
	addrs := map[string]string{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // not before all are chosen
		addrs[name] = l.Addr().String()
	}
	return addrs, nil
}

// A process is a service that was started.
type process struct {
	cmd   *exec.Cmd
	log   log
	ended chan struct{}
}

// wait waits until url answers 200.
func (p *process) wait(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not ready after %v", startLimit))
	defer cancel()
	for {
		if _, err := get(ctx, url); err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks p to end and makes it, if it does not.
func (p *process) stop() {
	if p.cmd.Process.Signal(os.Interrupt) != nil {
		_ = p.cmd.Process.Kill() // where there are no signals
	}
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// A log keeps what a process writes.
type log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write keeps b.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *log) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tail(l.all.Bytes())
}

// get returns the body of a page. A status other than 200 is an error.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // no connection outlives the test
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{url, resp.StatusCode, tail(b.Bytes())}
	}
	return b.Bytes(), nil
}

// A statusError is an answer other than 200.
type statusError struct {
	url    string
	status int
	body   string
}

// Error tells the address, the status and what the server says.
func (e *statusError) Error() string { return fmt.Sprintf("get %s: %d %s", e.url, e.status, e.body) }
