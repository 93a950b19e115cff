package main

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"syscall"
)

// An output is where a command prints. It keeps the first error: what was asked
// for is then not all there. Methods may be called concurrently.
type output struct {
	w io.Writer

	mu     sync.Mutex
	failed error
}

// Write implements [io.Writer].
func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.failed == nil {
			o.failed = err
		}
	}
	return n, err
}

// err returns why something is missing, unless whoever reads has seen enough and
// has gone, as head does.
func (o *output) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if gone(o.failed) {
		return nil
	}
	return o.failed
}

func gone(err error) bool {
	var code syscall.Errno
	if runtime.GOOS == "windows" && errors.As(err, &code) {
		return code == 109 || code == 232 // ERROR_BROKEN_PIPE, ERROR_NO_DATA
	}
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
