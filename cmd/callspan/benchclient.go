package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
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

var createdKey = []byte(`"created":`)

// chunks reads an answer of n chunks.
func chunks(ctx context.Context, client *http.Client, url string, n int) (r received, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", strings.NewReader(benchRequest))
	if err != nil {
		return r, err
	}
	req.Header.Set("X-Chunks", strconv.Itoa(n))
	begin := time.Now()
	resp, err := client.Do(req)
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
		_, after, ok := bytes.Cut(line, createdKey)
		if !ok {
			continue
		}
		if len(r.each) == 0 {
			r.first = time.Since(begin)
		}
		digits, _, _ := bytes.Cut(after, []byte(","))
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
func (o *benchOptions) firstChunks(ctx context.Context, client *http.Client, servers []*server) ([][]time.Duration, error) {
	all := make([][]time.Duration, len(servers))
	for i := range o.calls + warmUp {
		for j, s := range servers {
			r, err := chunks(ctx, client, s.url, 1)
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

// load streams o.streams answers at the same time and returns how long each
// chunk took. It also returns the cores that the server has used, less than 0 if
// that is not known.
func (o *benchOptions) load(ctx context.Context, client *http.Client, s *server) (all []time.Duration, cores float64, err error) {
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
			r, failed := chunks(ctx, client, s.url, n)
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

// at returns the percentile of what was measured.
func at(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)*percent/100].Round(time.Microsecond)
}
