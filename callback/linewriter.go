package callback

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
)

// A lineWriter keeps what goes wrong to itself. One call of Write is one line.
type lineWriter struct {
	name   string
	closer io.Closer // nil if the writer is somebody else's

	mu     sync.Mutex
	w      io.Writer // nil when closed
	torn   bool      // the last line is not whole
	first  error
	lost   int
	closed error // what closing said
}

var errFileClosed = errors.New("the handler is closed")

// Write writes a line, or counts it as lost.
func (l *lineWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		l.lose(errFileClosed)
		return len(line), nil
	}
	text := line
	if l.torn {
		text = append([]byte{'\n'}, line...)
	}
	n, err := writeContained(l.w, text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		l.torn = l.torn || n > 0
		l.lose(err)
	} else {
		l.torn = false
	}
	return len(line), nil
}

func writeContained(w io.Writer, b []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = newPanicError(p)
		}
	}()
	return w.Write(b)
}

// lose counts a line that is not written, and reports the first.
func (l *lineWriter) lose(err error) {
	if l.lost++; l.lost > 1 {
		return
	}
	l.first = err
	slog.Error("callback: file handler cannot write; further lines that are lost are counted", "file", l.name, "error", err)
}

func (l *lineWriter) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.errLocked()
}

// errLocked returns what was lost, and what closing said.
func (l *lineWriter) errLocked() error {
	if l.first == nil {
		return l.closed
	}
	lost := fmt.Errorf("file handler %s: %s lost: %w", l.name, plural(l.lost, "line"), l.first)
	if l.closed == nil {
		return lost
	}
	return fmt.Errorf("%w; %w", lost, l.closed)
}

func (l *lineWriter) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		return fmt.Errorf("sync file handler %s: %w", l.name, errFileClosed)
	}
	lost := l.errLocked()
	s, ok := l.w.(interface{ Sync() error })
	if !ok {
		return lost
	}
	err := s.Sync()
	switch {
	case err == nil, errors.Is(err, syscall.EINVAL), errors.Is(err, errors.ErrUnsupported): // no disk: a terminal, a pipe
		return lost
	case lost != nil:
		return fmt.Errorf("%w; sync: %w", lost, err)
	}
	return fmt.Errorf("sync file handler %s: %w", l.name, err)
}

func (l *lineWriter) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w != nil {
		l.w = nil
		if l.closer != nil {
			if err := l.closer.Close(); err != nil {
				l.closed = fmt.Errorf("close file handler %s: %w", l.name, err)
			}
		}
	}
	return l.errLocked()
}
