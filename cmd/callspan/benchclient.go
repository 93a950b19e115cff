package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A received is when the chunks of an answer came: the first one after its
// request, each one after it was sent.
type received struct {
	first time.Duration
	each  []time.Duration
}

const benchRequest = `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Which flowers suit a birthday?"}]}`

// sentKey comes before the time at which a chunk was sent. It is the chunk's text,
// since nothing else differs between the chunks of an answer.
var sentKey = []byte(`"content":"`)

// A caller makes calls over one connection, one after the other. It is no
// http.Client, whose goroutines would take from the server what they need.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	base string
	hang func() bool // takes back that the end of the context closes conn
}

func dial(ctx context.Context, base string) (*caller, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &caller{conn, bufio.NewReader(conn), base, context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

func (c *caller) close() {
	c.hang()
	c.conn.Close()
}

// call asks for an answer of n chunks and reads it.
func (c *caller) call(n int) (r received, err error) {
	req, err := http.NewRequest("POST", c.base+"/v1/chat/completions", strings.NewReader(benchRequest))
	if err != nil {
		return r, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Chunks", strconv.Itoa(n))
	r.each = make([]time.Duration, 0, n)
	begin := time.Now()
	if err := req.Write(c.conn); err != nil {
		return r, err
	}
	resp, err := http.ReadResponse(c.in, req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			break
		}
		_, after, ok := bytes.Cut(line, sentKey)
		if !ok {
			continue
		}
		if len(r.each) == 0 {
			r.first = time.Since(begin)
		}
		digits, _, _ := bytes.Cut(after, []byte(`"`))
		sent, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			return r, err
		}
		r.each = append(r.each, time.Duration(time.Now().UnixNano()-sent))
	}
	if len(r.each) != n {
		return r, fmt.Errorf("%d chunks of %d arrived, status %s", len(r.each), n, resp.Status)
	}
	return r, nil
}

// warmUp is how many calls come before those that count.
const warmUp = 20

// firstChunks makes calls one after the other, at each of the servers in turn so
// that a slow moment meets all, and returns how long each server's first chunks
// took.
func (o *benchOptions) firstChunks(ctx context.Context, servers []*server) ([][]time.Duration, error) {
	callers := make([]*caller, len(servers))
	for i, s := range servers {
		c, err := dial(ctx, s.url)
		if err != nil {
			return nil, err
		}
		defer c.close()
		callers[i] = c
	}
	all := make([][]time.Duration, len(servers))
	for i := range o.calls + warmUp {
		for j, c := range callers {
			r, err := c.call(1)
			if err != nil {
				return nil, err
			}
			if i >= warmUp {
				all[j] = append(all[j], r.first)
			}
		}
	}
	return all, nil
}

// load streams o.streams answers at the same time, each over a connection of its
// own, and returns how long each chunk took. It also returns the cores that the
// server has used, less than 0 if that is not known.
func (o *benchOptions) load(ctx context.Context, s *server) (all []time.Duration, cores float64, err error) {
	begin, known := s.cpu()
	spread := min(time.Second, o.time) // not all begin at once
	n := max(1, int(o.time.Seconds()*o.rate))
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		failures int
	)
	for i := range o.streams {
		wg.Go(func() {
			time.Sleep(time.Duration(float64(spread) * float64(i) / float64(o.streams)))
			r, failed := stream(ctx, s.url, n)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, r.each...)
			if failed != nil {
				failures++
				err = fmt.Errorf("%d of %d streams failed, one with: %w", failures, o.streams, failed)
			}
		})
	}
	wg.Wait()
	end, ended := s.cpu()
	if known != nil || ended != nil {
		return all, -1, err
	}
	return all, (end - begin).Seconds() / o.time.Seconds(), err
}

// stream makes one call of n chunks.
func stream(ctx context.Context, base string, n int) (received, error) {
	c, err := dial(ctx, base)
	if err != nil {
		return received{}, err
	}
	defer c.close()
	return c.call(n)
}

// at returns the percentile of what was measured.
func at(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)*percent/100].Round(time.Microsecond)
}
