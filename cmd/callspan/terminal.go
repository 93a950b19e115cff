package main

import (
	"io"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/term"
)

// newScreen describes w: its width, and whether it shows colours.
func newScreen(w io.Writer, env func(string) string) screen {
	s := screen{w: w, width: 100}
	if o, ok := w.(*output); ok {
		w = o.w
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 0 {
			s.width = cols
		}
		s.color, s.terminal = colored(env), true
	}
	if cols, err := strconv.Atoi(env("COLUMNS")); err == nil && cols > 0 {
		s.width = cols
	}
	return s
}

// colored reports whether a terminal shows colours. One that does not say what it
// is shows none, except on Windows, where none says so.
func colored(env func(string) string) bool {
	kind := env("TERM")
	return env("NO_COLOR") == "" && kind != "dumb" && (kind != "" || runtime.GOOS == "windows")
}
