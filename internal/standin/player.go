package standin

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	typeJSON   = "application/json"
	typeStream = "text/event-stream; charset=utf-8"
)

// A player plays one script as the response to one request.
type player struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	ctx      context.Context
	due      time.Time // when the last step was
	stream   bool      // the client asked for a stream
	headed   bool      // the response head is sent
	over     bool      // nothing more can be sent
	ordinary Script    // what is left of the ordinary answer
	reported func()    // told before the usage goes out
}

func newPlayer(w http.ResponseWriter, ctx context.Context, stream bool) *player {
	return &player{w: w, control: http.NewResponseController(w), ctx: ctx, due: time.Now(), stream: stream}
}

// play plays script over the ordinary answer, or that answer if script is nil.
func (p *player) play(script, ordinary Script) {
	p.ordinary = ordinary
	if script == nil {
		script = Script{{Play: PartAll}}
	}
	p.steps(script)
	if !p.over {
		p.head(http.StatusOK, nil)
	}
}

func (p *player) steps(script Script) {
	for i := range script {
		p.step(&script[i])
		if p.over {
			return
		}
	}
}

func (p *player) step(s *Step) {
	for n := 0; !p.over && (n < max(s.Times, 1) || s.Times < 0); n++ {
		p.once(s)
	}
	if p.over {
		return
	}
	switch s.End {
	case EndStall:
		<-p.ctx.Done()
		p.over = true
	case EndAbort:
		panic(http.ErrAbortHandler) // how net/http is told to cut the connection
	case EndReset:
		p.reset()
	}
}

func (p *player) once(s *Step) {
	p.wait(s.Wait)
	if p.over {
		return
	}
	if s.Status != 0 {
		p.head(s.Status, s.Header)
	}
	if s.Skip != "" {
		_, p.ordinary = take(p.ordinary, s.Skip, s.N)
	}
	if s.Play != "" {
		var now Script
		now, p.ordinary = take(p.ordinary, s.Play, s.N)
		p.steps(now)
	}
	if p.reported != nil && s.reports {
		p.reported()
	}
	if s.Frame != "" {
		p.send("data: " + s.Frame + "\n\n")
	}
	if s.Raw != "" {
		p.send(s.Raw)
	}
	if len(s.Bytes) > 0 {
		p.send(string(s.Bytes))
	}
}

// wait sleeps until d after the step before was due, so that a pace does not
// drift.
func (p *player) wait(d time.Duration) {
	if p.ctx.Err() != nil {
		p.over = true
		return
	}
	if d <= 0 {
		return
	}
	p.due = p.due.Add(d)
	t := time.NewTimer(time.Until(p.due))
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.ctx.Done():
		p.over = true
	}
}

// head sends the response head, unless it is sent. Without a Content-Type of its own a success
// has the one that the client asked for, an error has JSON.
func (p *player) head(status int, header map[string]string) {
	if p.headed {
		return
	}
	h := p.w.Header()
	if p.stream && status < http.StatusBadRequest {
		h.Set("Content-Type", typeStream)
	} else {
		h.Set("Content-Type", typeJSON)
	}
	for k, v := range header {
		h.Set(k, v)
	}
	p.w.WriteHeader(status)
	p.headed = true
	p.flush()
}

func (p *player) send(s string) {
	p.head(http.StatusOK, nil)
	if _, err := p.w.Write([]byte(s)); err != nil {
		p.over = true
		return
	}
	p.flush()
}

func (p *player) flush() {
	if p.control.Flush() != nil {
		p.over = true
	}
}

// reset closes the connection so that the client's system is told of a reset
// rather than of an end.
func (p *player) reset() {
	conn, _, err := p.control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: net/http resets the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is gone
	}
	_ = conn.Close()
	p.over = true
}
