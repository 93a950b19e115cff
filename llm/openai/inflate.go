package openai

import (
	"errors"
	"io"
	"iter"
)

// An inflater decompresses a body piece by piece, on the goroutine of whoever
// gives it the pieces. It has to be stopped.
type inflater struct {
	feed feeder
	next func() ([]byte, bool) // nil when it wants more
	stop func()
}

func newInflater(open func(io.Reader) (io.Reader, error)) *inflater {
	f := new(inflater)
	f.next, f.stop = iter.Pull(func(yield func([]byte) bool) {
		f.feed.more = func() bool { return yield(nil) }
		r, err := open(&f.feed)
		buf := make([]byte, 16<<10)
		for err == nil {
			var n int
			if n, err = r.Read(buf); n > 0 && !yield(buf[:n]) {
				return
			}
		}
		// What is broken is the client's to notice; nothing more is read along.
	})
	return f
}

// end hands out what is left when no more comes.
func (f *inflater) end(out func([]byte)) {
	f.feed.ended = true
	f.write(nil, out)
}

// write hands out what comes out of p, in pieces that are valid during the call.
func (f *inflater) write(p []byte, out func([]byte)) {
	f.feed.left = p
	for {
		piece, ok := f.next()
		if !ok || piece == nil {
			break
		}
		out(piece)
	}
	f.feed.left = nil
}

// A feeder is a reader that asks for more when it has run dry.
type feeder struct {
	left  []byte
	ended bool // there is no more
	more  func() bool
}

// Read implements [io.Reader].
func (f *feeder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(f.left) == 0 {
		if f.ended {
			return 0, io.EOF
		}
		if !f.more() {
			return 0, errStopped
		}
	}
	n := copy(p, f.left)
	f.left = f.left[n:]
	return n, nil
}

var errStopped = errors.New("stopped")
