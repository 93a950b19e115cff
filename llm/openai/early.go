package openai

import (
	"bytes"
	"io"
)

// An early is a response's body that hands over its first bytes before it shows
// its end, where one read brings both. The end of an answer is the end of a run,
// which handlers take their time over; the first bytes wait for nobody.
type early struct {
	io.ReadCloser
	begun bool
	rest  []byte // the last event of the first piece, if it may end the answer
	err   error  // what came with it
}

// Read implements [io.Reader].
func (e *early) Read(p []byte) (int, error) {
	if e.waits() {
		n := copy(p, e.rest)
		if e.rest = e.rest[n:]; len(e.rest) > 0 {
			return n, nil
		}
		err := e.err
		e.rest, e.err = nil, nil
		return n, err
	}
	n, err := e.ReadCloser.Read(p)
	if e.begun || n == 0 {
		return n, err
	}
	e.begun = true
	if err == nil && !mayEnd(p[:n]) {
		return n, nil
	}
	e.err = err
	if cut := lastEvent(p[:n]); cut > 0 {
		e.rest = bytes.Clone(p[cut:n])
		n = cut
	}
	return n, nil
}

// waits reports whether something has come that Read has not returned.
func (e *early) waits() bool { return len(e.rest) > 0 || e.err != nil }

// over reports whether nothing waits but the body's end.
func (e *early) over() bool { return len(e.rest) == 0 && e.err == io.EOF }

// left takes what waits.
func (e *early) left() ([]byte, error) {
	rest, err := e.rest, e.err
	e.rest, e.err = nil, nil
	return rest, err
}

// mayEnd reports whether a piece of a stream may hold its last event.
func mayEnd(p []byte) bool {
	for _, mark := range []string{"[DONE]", `"response.completed"`, `"response.incomplete"`, `"response.failed"`} {
		if bytes.Contains(p, []byte(mark)) {
			return true
		}
	}
	return false
}

// lastEvent returns where the last event of a piece begins; 0 if there is only
// one.
func lastEvent(p []byte) int {
	p = bytes.TrimRight(p, "\r\n")
	cut := 0
	for _, empty := range []string{"\n\n", "\r\n\r\n", "\r\r"} {
		if i := bytes.LastIndex(p, []byte(empty)); i >= 0 {
			cut = max(cut, i+len(empty))
		}
	}
	return cut
}
