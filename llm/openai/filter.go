package openai

import "bytes"

// A filter leaves out of a stream the event that holds the usage and nothing
// else, which the client did not ask for. All other bytes pass as they came and
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
		if !f.passes(line, whole, end) {
			continue
		}
		if passed+len(line) != i {
			copy(b[passed:], line)
		}
		passed += len(line)
	}
	return passed
}

// passes reports whether a line, or as much of one as there is, passes now. If
// not, it is left out or held.
func (f *filter) passes(line []byte, whole, end bool) bool {
	if f.passing {
		f.passing = !whole
		return true
	}
	if !whole && !end {
		// A CR may be the beginning of an empty line.
		if mayBeUsage(line) || string(line) == "\r" {
			f.held = append(f.held, line...)
			return false
		}
		f.passing, f.within, f.dropped = true, true, false
		return true
	}
	dropped := f.dropped
	f.dropped = false
	switch {
	case len(bytes.TrimRight(line, "\r\n")) == 0:
		f.within = false
		return !dropped
	case mayBeUsage(line) && f.usageOnly(line):
		f.dropped = !f.within
		return false
	}
	f.within, f.passing = true, !whole
	return true
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
