package openai

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// A tap keeps what go-openai drops of a response: the Retry-After header, the
// body of an answer without streaming, the last bytes of a stream. It reaches
// the HTTP client through the call's context.
type tap struct {
	header http.Header
	failed bool   // the status was not a success
	body   []byte // whole, unless it streams
	limit  int    // of the body's length
	start  start  // of a stream
	tail   []byte // the end of what has been read of a stream
}

type tapKey struct{}

func withTap(ctx context.Context) (context.Context, *tap) {
	t := &tap{limit: maxFrame}
	return context.WithValue(ctx, tapKey{}, t), t
}

// tapDoer is the HTTP client that go-openai is given.
type tapDoer struct{ next openai.HTTPDoer }

// Do sends req and taps the response. It also closes the body of a failed
// stream request, which go-openai reads but leaves open.
func (d *tapDoer) Do(req *http.Request) (*http.Response, error) {
	next := d.next
	if next == nil {
		next = http.DefaultClient
	}
	resp, err := next.Do(req)
	if err != nil {
		return resp, err
	}
	t, _ := req.Context().Value(tapKey{}).(*tap)
	if t == nil {
		return resp, nil
	}
	t.header = resp.Header
	t.failed = resp.StatusCode < 200 || resp.StatusCode >= 400
	if !t.failed && req.Header.Get("Accept") == "text/event-stream" {
		resp.Body = &tailReader{ReadCloser: resp.Body, tap: t}
		return resp, nil
	}
	t.body, err = io.ReadAll(io.LimitReader(resp.Body, int64(t.limit)+1))
	resp.Body.Close()
	if err == nil && len(t.body) > t.limit {
		err = fmt.Errorf("%w: more than %d MiB in one piece", llm.ErrMalformed, t.limit>>20)
	}
	if err != nil {
		t.body = nil // half of it would be taken for a broken answer
		return nil, err
	}
	unread := []byte("{}") // what is decoded here need not be decoded twice
	if t.failed {
		t.body = textWithoutKeys(t.body, req)
		unread = t.body
	}
	resp.Body = io.NopCloser(bytes.NewReader(unread))
	return resp, nil
}

// maxTail is how much of a stream's end is kept, for an error message in it.
const maxTail = 4 << 10

// maxFrame bounds what is held of a response at a time: a frame, or a whole
// body. Answers with images come to some megabytes.
const maxFrame = 32 << 20

var errLong = fmt.Errorf("%w: more than %d MiB in one piece", llm.ErrMalformed, maxFrame>>20)

type tailReader struct {
	io.ReadCloser
	tap  *tap
	line int // bytes since the last line feed
}

func (r *tailReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	t := r.tap
	t.start.see(p[:n])
	if feed := bytes.LastIndexByte(p[:n], '\n'); feed >= 0 {
		r.line = n - feed - 1
	} else if r.line += n; r.line > maxFrame {
		return 0, errLong
	}
	if n >= maxTail {
		t.tail = append(t.tail[:0], p[n-maxTail:n]...)
		return n, err
	}
	if over := len(t.tail) + n - maxTail; over > 0 {
		t.tail = t.tail[:copy(t.tail, t.tail[over:])]
	}
	t.tail = append(t.tail, p[:n]...)
	return n, err
}

// lastLine returns the data of the stream's last line if nothing ends it, nil
// if it is whole.
func (t *tap) lastLine() []byte {
	line := t.tail[bytes.LastIndexByte(t.tail, '\n')+1:]
	data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data:"))
	if data = bytes.TrimSpace(data); !ok || len(data) == 0 || string(data) == "[DONE]" {
		return nil
	}
	return data
}

// failure returns the error of a field "error" at the stream's end, as llama.cpp
// sent it.
func (t *tap) failure() error {
	for line := range bytes.Lines(t.tail) {
		if data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("error:")); ok {
			return errorBody(data)
		}
	}
	return nil
}

// done reports whether the stream said that it was whole.
func (t *tap) done() bool {
	for line := range bytes.Lines(t.tail) {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data:"))
		if ok && string(bytes.TrimSpace(data)) == "[DONE]" {
			return true
		}
	}
	return false
}
