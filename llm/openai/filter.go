package openai

import (
	"bytes"
	"slices"
)

// A filter leaves out of a stream the event that holds the usage and nothing
// else, which the client did not ask for. Of one that holds llama.cpp's timings
// too, which are on the event before unless the usage is asked for, it leaves out
// the usage. All other bytes pass as they came and
// when they came; only the beginning of a line that may still turn out to be
// that event waits for the line's end.
type filter struct {
	out    []byte // passed, but for lack of room not read yet
	err    error  // what came with out
	held   []byte // the beginning of a line that may be the usage
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
		line, whole := b[i:], false
		if feed := bytes.IndexByte(line, '\n'); feed >= 0 {
			line, whole = line[:feed+1], true
		}
		i += len(line)
		shown := f.show(line, whole, end)
		if passed+len(shown) != i {
			copy(b[passed:], shown)
		}
		passed += len(shown)
	}
	return passed
}

// show returns what passes now of a line, or of as much of one as there is: all,
// none, or less, if it is left out, in part or as a whole, or held.
func (f *filter) show(line []byte, whole, end bool) []byte {
	if f.passing {
		f.passing = !whole
		return line
	}
	if !whole && !end {
		// A CR may be the beginning of an empty line.
		if mayBeUsage(line) || string(line) == "\r" {
			f.held = append(f.held, line...)
			return nil
		}
		f.passing, f.within, f.dropped = true, true, false
		return line
	}
	dropped := f.dropped
	f.dropped = false
	switch {
	case len(bytes.TrimRight(line, "\r\n")) == 0:
		f.within = false
		if dropped {
			return nil
		}
		return line
	case mayBeUsage(line) && f.usageOnly(line):
		if line = f.beside(line); line == nil {
			f.dropped = !f.within
			return nil
		}
	}
	f.within, f.passing = true, !whole
	return line
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
