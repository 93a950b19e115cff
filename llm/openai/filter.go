package openai

import "bytes"

// A filter passes on the bytes of a stream but for the event that holds the
// usage and nothing else, which the client did not ask for. Events pass when
// they are whole, as nobody can use them before; one that is longer than such an
// event can be passes as it comes.
type filter struct {
	out     []byte // passed, from next on not read yet
	next    int
	held    []byte // of an event that is not whole
	line    int    // where in held the last line begins
	seen    int    // how far held has been searched for line feeds
	passing bool   // the event is a long one
	err     error  // what comes after the bytes
	frame   frame
}

// maxUsageEvent is more than any provider's event with the usage has.
const maxUsageEvent = 8 << 10

func (f *filter) ready() bool { return f.next < len(f.out) }

// read returns bytes that have passed.
func (f *filter) read(p []byte) int {
	n := copy(p, f.out[f.next:])
	f.next += n
	if f.next == len(f.out) {
		f.out, f.next = f.out[:0], 0
	}
	return n
}

// write takes the next bytes of the stream, and what came with them.
func (f *filter) write(p []byte, err error) {
	f.held = append(f.held, p...)
	begin := 0
	for {
		i := bytes.IndexByte(f.held[f.seen:], '\n')
		if i < 0 {
			f.seen = len(f.held)
			break
		}
		end := f.seen + i
		empty := len(bytes.TrimSuffix(f.held[f.line:end], []byte("\r"))) == 0
		f.seen, f.line = end+1, end+1
		if !empty {
			continue
		}
		if f.passing || !f.usageOnly(f.held[begin:f.seen]) {
			f.out = append(f.out, f.held[begin:f.seen]...)
		}
		f.passing = false
		begin = f.seen
	}
	if err != nil {
		f.err = err
	}
	if f.passing || err != nil || len(f.held)-begin > maxUsageEvent {
		f.out = append(f.out, f.held[begin:]...)
		f.passing = true
		begin = len(f.held)
	}
	f.held = f.held[:copy(f.held, f.held[begin:])]
	f.line -= min(begin, f.line)
	f.seen -= begin
}

var (
	usageKey = []byte(`"usage"`)
	dataKey  = []byte("data:")
)

// usageOnly reports whether an event is what include_usage brings.
func (f *filter) usageOnly(event []byte) bool {
	if !bytes.Contains(event, usageKey) {
		return false
	}
	data, ok := bytes.CutPrefix(bytes.TrimSpace(event), dataKey)
	if !ok || bytes.IndexByte(bytes.TrimSpace(data), '\n') >= 0 {
		return false
	}
	return f.frame.decode(bytes.TrimSpace(data)) == nil && f.frame.usageOnly()
}
