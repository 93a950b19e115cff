package openai

import (
	"bytes"
	"slices"
)

// A filter leaves out of a stream the event that holds the usage and nothing
// else, which the client did not ask for. Of one that holds llama.cpp's timings
// too, which are on the event before unless the usage is asked for, it leaves out
// the usage. All other bytes pass as they came and when they came; only the
// beginning of an event that may still turn out to be that one waits for the end
// of its line.
type filter struct {
	out    []byte // passed, but for lack of room not read yet
	err    error  // what came with out
	held   []byte // the beginning of an event that may be the usage
	joined []byte // held and what follows it
	frame  frame

	passing bool // the line that goes on has been passed so far
	within  bool // the event has lines that have passed
	dropped bool // the line before was an event of its own and is left out
}

// maxUsageEvent is more than any provider's event with the usage has.
const maxUsageEvent = 8 << 10

// ready reports whether there is something to read.
func (f *filter) ready() bool { return len(f.out) > 0 || f.err != nil }

// read returns what is left of the last take.
func (f *filter) read(p []byte) (int, error) {
	n := copy(p, f.out)
	f.out = f.out[n:]
	if len(f.out) > 0 {
		return n, nil
	}
	err := f.err
	f.err = nil
	return n, err
}

// take lets pass what may pass of the n bytes in p that came with err, and
// returns how many bytes are in p now.
func (f *filter) take(p []byte, n int, err error) (int, error) {
	if len(f.held) == 0 {
		return f.pass(p[:n], err != nil), err
	}
	f.joined = append(append(f.joined[:0], f.held...), p[:n]...)
	f.held = f.held[:0]
	f.out = f.joined[:f.pass(f.joined, err != nil)]
	f.err = err
	return f.read(p)
}

// pass moves what passes to the front of b, and returns how much that is. At
// the end nothing is held.
func (f *filter) pass(b []byte, end bool) int {
	passed := 0
	for i := 0; i < len(b); {
		head := f.head(b[i:])
		line, whole := b[i+head:], false
		if feed := bytes.IndexByte(line, '\n'); feed >= 0 {
			line, whole = line[:feed+1], true
		}
		if head > 0 {
			f.dropped = false
		}
		shown, held := f.show(line, whole, end, maxUsageEvent-head)
		if held {
			f.held = append(f.held, b[i:]...)
			return passed
		}
		if f.dropped {
			i += head
		} else if head > 0 {
			passed += copy(b[passed:], b[i:i+head])
			i += head
		}
		i += len(line)
		if passed+len(shown) != i {
			copy(b[passed:], shown)
		}
		passed += len(shown)
	}
	return passed
}

// head returns how much of b is lines that begin an event and only name it. They
// share its fate: there are clients that take a name without data for an event.
func (f *filter) head(b []byte) int {
	n := 0
	for !f.passing && !f.within && names(b[n:]) {
		feed := bytes.IndexByte(b[n:min(len(b), maxUsageEvent)], '\n')
		if feed < 0 {
			break
		}
		n += feed + 1
	}
	return n
}

// names reports whether a line, or what begins like this, is one that names an
// event.
func names(line []byte) bool {
	for _, key := range nameKeys {
		if n := min(len(key), len(line)); n > 0 && string(line[:n]) == key[:n] {
			return true
		}
	}
	return false
}

// show returns what passes now of a line, or of as much of one as there is: all,
// none, or less, where it is left out. held says that what follows will tell.
// room is how much more may be held of lines that only name the event.
func (f *filter) show(line []byte, whole, end bool, room int) (shown []byte, held bool) {
	if f.passing {
		f.passing = !whole
		return line, false
	}
	if !whole && !end {
		// A CR may be the beginning of an empty line.
		if len(line) == 0 || mayBeUsage(line) || string(line) == "\r" || !f.within && len(line) < room && names(line) {
			return nil, true
		}
		f.passing, f.within, f.dropped = true, true, false
		return line, false
	}
	dropped := f.dropped
	f.dropped = false
	switch {
	case len(bytes.TrimRight(line, "\r\n")) == 0:
		f.within = false
		if dropped {
			return nil, false
		}
		return line, false
	case mayBeUsage(line) && f.usageOnly(line):
		if line = f.beside(line); line == nil {
			f.dropped = !f.within
			return nil, false
		}
	}
	f.within, f.passing = true, !whole
	return line, false
}

// beside returns the line of a usage event with what the client would have seen
// elsewhere had nobody asked for the usage; nil if there is nothing.
func (f *filter) beside(line []byte) []byte {
	data := bytes.TrimSpace(line[len(dataKey):])
	rest := f.frame.withoutUsage(data)
	if rest == nil {
		return nil
	}
	before, after, _ := bytes.Cut(line, data)
	return slices.Concat(before, rest, after)
}

var (
	dataKey    = []byte("data:")
	choicesKey = []byte(`"choices"`)
	nameKeys   = [...]string{"event:", "id:", "retry:"}
)

// mayBeUsage reports whether a line that begins like this can be the usage. It
// is quick to say no: other events have a choice early on.
func mayBeUsage(line []byte) bool {
	if len(line) < len(dataKey) {
		return bytes.HasPrefix(dataKey, line)
	}
	data, ok := bytes.CutPrefix(line, dataKey)
	if !ok || len(line) > maxUsageEvent {
		return false
	}
	data = bytes.TrimLeft(data, " ")
	if len(data) > 0 && data[0] != '{' {
		return false
	}
	i := bytes.Index(data, choicesKey)
	if i < 0 {
		return true
	}
	list := bytes.TrimLeft(data[i+len(choicesKey):], " :")
	if len(list) == 0 || list[0] != '[' {
		return true
	}
	list = bytes.TrimLeft(list[1:], " ")
	return len(list) == 0 || list[0] == ']'
}

// usageOnly reports whether a line is what include_usage brings.
func (f *filter) usageOnly(line []byte) bool {
	data, ok := bytes.CutPrefix(line, dataKey)
	return ok && f.frame.decode(bytes.TrimSpace(data)) == nil && f.frame.usageOnly()
}
