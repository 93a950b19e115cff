package callbacktest

import (
	"bytes"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A family is the goroutines of a scenario. Those that they start, and that are
// not of the family, are the handler's.
type family struct {
	mu  sync.Mutex
	ids []int64
}

// join makes the calling goroutine one of the family.
func (f *family) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, goroutineID())
}

// goroutineID returns the number of the calling goroutine.
func goroutineID() int64 {
	var b [64]byte
	g, _ := parseGoroutine(b[:runtime.Stack(b[:], false)])
	return g.id
}

type goroutine struct {
	id, creator int64
	where       string // what started it
}

var (
	header  = regexp.MustCompile(`^goroutine (\d+) `)
	created = regexp.MustCompile(`(?m)^created by (.*) in goroutine (\d+)$`)
)

func parseGoroutine(stack []byte) (g goroutine, ok bool) {
	m := header.FindSubmatch(stack)
	if m == nil {
		return g, false
	}
	g.id, _ = strconv.ParseInt(string(m[1]), 10, 64)
	if m := created.FindSubmatch(stack); m != nil {
		g.where = string(m[1])
		g.creator, _ = strconv.ParseInt(string(m[2]), 10, 64)
	}
	return g, true
}

// goroutines returns all that there are.
func goroutines() []goroutine {
	b := make([]byte, 1<<16)
	for n := runtime.Stack(b, true); ; n = runtime.Stack(b, true) {
		if n < len(b) {
			b = b[:n]
			break
		}
		b = make([]byte, 2*len(b))
	}
	var all []goroutine
	for stack := range bytes.SplitSeq(b, []byte("\n\n")) {
		if g, ok := parseGoroutine(stack); ok {
			all = append(all, g)
		}
	}
	return all
}

// children returns what is left of the goroutines that the family started.
func (f *family) children() []goroutine {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(goroutines(), func(g goroutine) bool {
		return !slices.Contains(f.ids, g.creator) || slices.Contains(f.ids, g.id)
	})
}

// judgeGoroutines reports the handler's goroutines that do not end.
func (k *kit) judgeGoroutines() {
	var left []goroutine
	for wait := time.Duration(0); wait < farewell; wait = 2*wait + time.Millisecond {
		time.Sleep(wait)
		if left = k.family.children(); len(left) == 0 {
			return
		}
	}
	for _, g := range left {
		k.report("a goroutine is left behind, started by %s", g.where)
	}
}
