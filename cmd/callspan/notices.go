package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/callspan/callspan/internal/visible"
)

// notices are lines on stderr about the delivery. While an answer streams they
// wait, so that they do not stand in the middle of it. Methods may be called
// concurrently.
type notices struct {
	w    io.Writer
	here string // host:port of the receiver in this process

	mu    sync.Mutex
	held  bool
	lines []string // that wait
	told  bool     // by the exporter
}

// report takes an error of the exporter.
func (n *notices) report(err error) {
	n.mu.Lock()
	n.told = true
	n.mu.Unlock()
	n.say(err)
}

// reported reports whether there was one.
func (n *notices) reported() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.told
}

// say prints err on a line of its own, when it may.
func (n *notices) say(err error) {
	text := strings.ReplaceAll(err.Error(), "http://"+n.here, "the receiver in this process")
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, visible.Line(text))
	n.flush()
}

// hold has lines wait until release.
func (n *notices) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = true
}

func (n *notices) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = false
	n.flush()
}

func (n *notices) flush() {
	if n.held {
		return
	}
	for _, line := range n.lines {
		fmt.Fprintf(n.w, "callspan: %s\n", line)
	}
	n.lines = nil
}
