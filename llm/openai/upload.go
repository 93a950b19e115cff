package openai

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
)

// An upload is the body of a request, read before it is sent so that its run
// can say what is asked.
type upload struct {
	body  []byte
	rest  io.ReadCloser // what has not been read; nil if nothing is left
	added int           // bytes that were not in the client's
	undo  func()        // takes the question for the usage out again
}

// maxBody bounds the requests that are read before they are sent. Of what is
// longer, a beginning of headBody bytes is read, and the prompt is not known.
const (
	maxBody  = 64 << 20
	headBody = 64 << 10
)

// readUpload reads what req sends. What goes wrong is left to whoever sends the
// rest: the client gets the error from there, as it does without us.
func readUpload(req *http.Request) *upload {
	limit := int64(maxBody)
	if req.ContentLength > limit {
		limit = headBody
	}
	read := func() *upload {
		buf := new(bytes.Buffer)
		if n := req.ContentLength; n > 0 {
			buf = bytes.NewBuffer(make([]byte, 0, min(n, limit)+bytes.MinRead))
		}
		n, err := buf.ReadFrom(io.LimitReader(req.Body, limit))
		u := &upload{body: buf.Bytes()}
		if err != nil {
			u.rest = failing{err, req.Body}
		} else if n == limit {
			u.rest = req.Body
		} else {
			req.Body.Close()
		}
		return u
	}
	done := req.Context().Done()
	if req.GetBody != nil || done == nil {
		return read() // from memory, as a rule
	}
	all := make(chan *upload, 1)
	go func() { all <- read() }()
	select {
	case u := <-all:
		return u
	case <-done:
		return &upload{rest: failing{context.Cause(req.Context()), req.Body}}
	}
}

// A failing is a body that cannot be read on.
type failing struct {
	err error
	io.Closer
}

// Read implements [io.Reader].
func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (u *upload) close() {
	if u.rest != nil {
		u.rest.Close()
	}
}

// askUsage makes the request ask for its usage, and reports whether it does. It
// changes body where it is, which nothing that was read from it refers to.
func (u *upload) askUsage() bool {
	if u.rest != nil {
		return false
	}
	at, end, insert, ok := usageEdit(u.body)
	if !ok {
		return false
	}
	before := bytes.Clone(u.body[at:end])
	u.body = slices.Replace(u.body, at, end, []byte(insert)...)
	u.added = len(insert) - len(before)
	u.undo = func() {
		u.body = slices.Concat(u.body[:at], before, u.body[at+len(insert):]) // what was sent may still be read
		u.added = 0
	}
	return true
}

// usageEdit says which bytes of body to replace, and by what, so that it has
// stream_options.include_usage. ok is false if body is not a JSON object, or one
// whose stream_options are the API's to judge.
func usageEdit(body []byte) (at, end int, insert string, ok bool) {
	s := scanner{b: body}
	if s.peek() != '{' {
		return 0, 0, "", false
	}
	fields := 0
	for s.object(); s.key(); fields++ {
		options := string(s.name) == "stream_options"
		value := s.raw()
		if !options || s.err != nil {
			continue
		}
		end = s.i
		at = end - len(value)
		insert = `{"include_usage":true}`
		switch value[0] {
		case 'n':
		case '{':
			at++
			insert = `"include_usage":true`
			if bytes.TrimSpace(value[1:])[0] != '}' {
				insert += ","
			}
			end = at
		default:
			return 0, 0, "", false
		}
	}
	closing := s.i - 1
	s.end()
	if s.err != nil {
		return 0, 0, "", false
	}
	if insert == "" {
		at, end, insert = closing, closing, `"stream_options":{"include_usage":true}`
		if fields > 0 {
			insert = "," + insert
		}
	}
	return at, end, insert, true
}

// inMemory returns what is to be sent, as a reader that net/http knows to be in
// memory: head and body of the request then leave in one piece.
func inMemory(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }

// request returns a copy of req that sends the upload.
func (u *upload) request(ctx context.Context, req *http.Request) *http.Request {
	out := req.WithContext(ctx)
	if u.rest != nil {
		out.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(u.body), u.rest), u.rest}
		return out
	}
	if req.Body == http.NoBody {
		return out
	}
	body := u.body // the next request may have another
	out.Body = inMemory(body)
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) { return inMemory(body), nil }
	}
	if req.ContentLength > 0 {
		out.ContentLength += int64(u.added)
	}
	return out
}

// send sends the upload in place of req. plain has the answer come uncompressed.
func (u *upload) send(ctx context.Context, req *http.Request, plain bool, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	sent := u.request(ctx, req)
	if codings := accept(req.Header["Accept-Encoding"], plain); len(codings) > 0 && !signed(req.Header) {
		sent.Header = req.Header.Clone()
		sent.Header["Accept-Encoding"] = codings
	}
	resp, err := send(sent)
	if resp != nil && resp.Request == sent {
		resp.Request = req
	}
	return resp, err
}
