package openai_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A soakNet is a network in memory. Whoever waits for it does so as synctest
// wants it, so that time goes on.
type soakNet struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newSoakNet() *soakNet {
	return &soakNet{dialed: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept implements [net.Listener].
func (n *soakNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.dialed:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (n *soakNet) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements [net.Listener].
func (n *soakNet) Addr() net.Addr { return soakAddr{} }

func (n *soakNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	up, down := newSoakFlow(), newSoakFlow()
	select {
	case n.dialed <- &soakConn{in: up, out: down}:
		return &soakConn{in: down, out: up}, nil
	case <-n.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type soakAddr struct{}

func (soakAddr) Network() string { return "tcp" }
func (soakAddr) String() string  { return "memory" }

// A soakFlow is what is on its way in one direction of a connection. It arrives
// after a while, so that what was sent at one moment is there at one moment,
// whoever ran first.
type soakFlow struct {
	mu      sync.Mutex
	changed sync.Cond
	sent    []soakSent
	size    int  // of what is sent and, as far as the writer knows, not read
	expired bool // the reader's deadline has passed
	left    bool // the reader is gone
	ended   bool // the writer is
}

// A soakSent is something on its way.
type soakSent struct {
	at    time.Time // when it arrives
	bytes []byte
	err   error // in place of bytes: the end
}

// soakLatency is how long the way takes, and soakFlowSize how much a writer can
// be ahead of the reader: how eagerly somebody reads does not show in when things
// are sent.
const (
	soakLatency  = time.Microsecond
	soakFlowSize = 256 << 10
)

func newSoakFlow() *soakFlow {
	f := new(soakFlow)
	f.changed.L = &f.mu
	return f
}

// set changes the flow.
func (f *soakFlow) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.changed.Broadcast()
}

// send is called with the lock.
func (f *soakFlow) send(s soakSent) {
	s.at = time.Now().Add(soakLatency)
	f.sent = append(f.sent, s)
	f.size += len(s.bytes)
	time.AfterFunc(soakLatency, f.changed.Broadcast)
}

// A soakConn is one end of a connection.
type soakConn struct{ in, out *soakFlow }

// Read implements [net.Conn].
func (c *soakConn) Read(p []byte) (n int, err error) {
	f := c.in
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.left:
			return 0, &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}
		case f.expired:
			return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
		for len(f.sent) > 0 && n < len(p) && !f.sent[0].at.After(time.Now()) {
			s := &f.sent[0]
			if s.err != nil {
				if n == 0 {
					return 0, s.err
				}
				break
			}
			k := copy(p[n:], s.bytes)
			n += k
			if s.bytes = s.bytes[k:]; len(s.bytes) == 0 {
				f.sent = f.sent[1:]
			}
		}
		if n > 0 || len(p) == 0 {
			time.AfterFunc(soakLatency, func() { f.set(func() { f.size -= n }) })
			return n, nil
		}
		f.changed.Wait()
	}
}

// Write implements [net.Conn].
func (c *soakConn) Write(p []byte) (n int, err error) {
	f := c.out
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(p) {
		room := min(soakFlowSize-f.size, len(p)-n)
		switch {
		case f.ended:
			return n, &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
		case f.left:
			return n, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
		case room == 0:
			f.changed.Wait()
			continue
		}
		f.send(soakSent{bytes: bytes.Clone(p[n : n+room])})
		n += room
	}
	return n, nil
}

// Close implements [net.Conn].
func (c *soakConn) Close() error { return c.hangUp(io.EOF) }

// reset closes the connection so that the other end sees a failure.
func (c *soakConn) reset() { c.hangUp(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}) }

func (c *soakConn) hangUp(end error) error {
	c.in.set(func() { c.in.left = true })
	c.out.set(func() {
		if !c.out.ended {
			c.out.ended = true
			c.out.send(soakSent{err: end})
		}
	})
	return nil
}

// SetReadDeadline knows deadlines that have passed, with which a server ends a
// read, and none.
func (c *soakConn) SetReadDeadline(t time.Time) error {
	c.in.set(func() { c.in.expired = !t.IsZero() && !t.After(time.Now()) })
	return nil
}

// SetDeadline implements [net.Conn].
func (c *soakConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements [net.Conn].
func (c *soakConn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements [net.Conn].
func (c *soakConn) LocalAddr() net.Addr { return soakAddr{} }

// RemoteAddr implements [net.Conn].
func (c *soakConn) RemoteAddr() net.Addr { return soakAddr{} }
