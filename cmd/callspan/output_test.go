package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// unwritable is an output that fails.
type unwritable struct{ err error }

func (b unwritable) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "stdout", Err: b.err}
}

// TestUnwritableOutput: what cannot be printed is an error, unless the reader has
// seen enough.
func TestUnwritableOutput(t *testing.T) {
	full, closed := errors.New("no space left on device"), error(syscall.EPIPE)
	for _, tc := range []struct {
		name   string
		args   []string
		err    error
		code   int
		stderr string
	}{
		{"version", []string{"version"}, full, exitFailed, "callspan: print: write stdout: no space left on device\n"},
		{"help", nil, full, exitFailed, "callspan: print: write stdout: no space left on device\n"},
		{"help of a command", []string{"doctor", "-h"}, full, exitFailed, "callspan: print: write stdout: no space left on device\n"},
		{"demo", []string{"demo", "--speed", "0"}, full, exitFailed, "callspan: print: write stdout: no space left on device\n"},
		{"demo in JSON", []string{"demo", "--speed", "0", "--format", "json"}, full, exitFailed, "callspan: print: write stdout: no space left on device\n"},
		{"closed pipe", []string{"version"}, closed, exitOK, ""},
		{"closed pipe in this process", []string{"version"}, io.ErrClosedPipe, exitOK, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stderr strings.Builder
			code := run(tc.args, process{stdout: unwritable{tc.err}, stderr: &stderr, env: func(string) string { return "" }, interrupts: context.WithCancel})
			if code != tc.code || stderr.String() != tc.stderr {
				t.Errorf("exit %d, stderr %q", code, stderr.String())
			}
		})
	}
}
