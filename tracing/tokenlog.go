package tracing

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A tokenLog holds the chunks of one choice while they stream. Adding to it is
// all that happens per token; the events are built when the span ends.
//
// One goroutine adds. For another one that may have to read meanwhile, size
// and array publish the offsets; a mutex would cost twice as much.
type tokenLog struct {
	choice  int
	offsets []int64 // of each chunk, in µs from the span's start
	text    []byte  // of all chunks, if content is captured
	flows   []flow  // what the text consists of
	ends    []int   // where each chunk's text ends in text
	choices []int64 // of each chunk, in a log merged from several

	array atomic.Pointer[[]int64] // the array of offsets
	size  atomic.Int64            // how many of them are there
}

var tokenLogs = sync.Pool{New: func() any { return new(tokenLog) }}

// maxPooled bounds the logs that are kept for reuse, so that one huge answer
// does not stay in memory.
const maxPooled = 1 << 14

func newTokenLog(choice int) *tokenLog {
	l := tokenLogs.Get().(*tokenLog)
	l.choice = choice
	return l
}

// release gives the log back, for another run to use.
func (l *tokenLog) release() {
	if cap(l.offsets) > maxPooled || cap(l.text) > 8*maxPooled {
		return
	}
	l.offsets, l.text, l.flows, l.ends = l.offsets[:0], l.text[:0], l.flows[:0], l.ends[:0]
	l.size.Store(0)
	tokenLogs.Put(l)
}

func (l *tokenLog) add(offset time.Duration, c *llm.Chunk, content bool) {
	if len(l.offsets) == cap(l.offsets) {
		l.grow()
	}
	l.offsets = append(l.offsets, offset.Microseconds())
	l.size.Store(int64(len(l.offsets)))
	if !content {
		return
	}
	l.put(flowReasoning, c.Reasoning)
	l.put(flowText, c.Text)
	l.put(flowRefusal, c.Refusal)
	if c.Tool != nil {
		l.put(flowTools+2*c.Tool.Index, c.Tool.Name)
		l.put(flowTools+2*c.Tool.Index+1, c.Tool.Arguments)
	}
	l.ends = append(l.ends, len(l.text))
}

func (l *tokenLog) grow() {
	bigger := make([]int64, len(l.offsets), max(64, 2*cap(l.offsets)))
	copy(bigger, l.offsets)
	l.offsets = bigger
	whole := bigger[:cap(bigger)]
	l.array.Store(&whole)
}

// published returns what another goroutine may read while chunks are added: the
// offsets. The size is read first, so that the array is one that holds them.
func (l *tokenLog) published() *tokenLog {
	n := l.size.Load()
	p := &tokenLog{choice: l.choice}
	if a := l.array.Load(); a != nil {
		p.offsets = slices.Clone((*a)[:n])
	}
	return p
}

// pace returns the time between the first and the last chunk, and the longest
// between two chunks of one choice.
func pace(logs []*tokenLog) (spread, stall time.Duration) {
	var first, last, longest int64
	for i, l := range logs {
		if n := len(l.offsets); n > 0 {
			if i == 0 || l.offsets[0] < first {
				first = l.offsets[0]
			}
			last = max(last, l.offsets[n-1])
		}
		for j := 1; j < len(l.offsets); j++ {
			longest = max(longest, l.offsets[j]-l.offsets[j-1])
		}
	}
	return time.Duration(last-first) * time.Microsecond, time.Duration(longest) * time.Microsecond
}

// textOf returns the text of the chunks from up to, not including, to.
func (l *tokenLog) textOf(from, to int) string {
	if len(l.ends) == 0 {
		return ""
	}
	begin := 0
	if from > 0 {
		begin = l.ends[from-1]
	}
	return string(l.text[begin:l.ends[to-1]])
}

// fold calls group for consecutive groups of n chunks: one each up to single,
// else at most groups of nearly equal length, of which the first and the last
// hold one chunk.
func fold(n, single, groups int, group func(from, to int)) {
	if n <= single || n <= groups {
		for i := range n {
			group(i, i+1)
		}
		return
	}
	if groups < 3 {
		// No room for a first and a last chunk of their own.
		for g := range groups {
			group(n*g/groups, n*(g+1)/groups)
		}
		return
	}
	group(0, 1)
	inner, m := groups-2, n-2
	for g := range inner {
		group(1+m*g/inner, 1+m*(g+1)/inner)
	}
	group(n-1, n)
}

// addEvents adds the events of all choices to the span, within the room that
// the span's limit leaves beside the other events it has. Their texts are
// bounded one by one and all together.
func (l eventLimits) addEvents(span trace.Span, start time.Time, logs []*tokenLog, other int, limits contentLimits) {
	single, groups := l.single, l.groups
	if l.span > 0 && len(logs) > 0 {
		room := max(l.span-other, 1) // where others fill it, the oldest gives way
		if room < 2*len(logs) {
			logs = []*tokenLog{merge(logs)}
		}
		room /= len(logs)
		single, groups = min(single, room), min(groups, room)
	}
	for _, log := range logs {
		limits.whole -= log.addEvents(span, start, single, groups, len(logs) > 1, limits)
	}
}

func (l *tokenLog) addEvents(span trace.Span, start time.Time, single, groups int, many bool, limits contentLimits) (texts int) {
	// The SDK copies the attributes when it applies the option, so one array
	// serves all events, and one option those with a text.
	attrs := make([]attribute.KeyValue, 2, 4)
	if many {
		attrs = append(attrs, keyTokenChoice.Int(l.choice))
	}
	extra := len(attrs)
	plain := trace.WithAttributes(attrs...)
	full := plain
	if len(l.ends) > 0 || len(l.choices) > 0 {
		full = trace.WithAttributes(attrs[:extra+1]...)
	}
	opts := []trace.EventOption{nil, nil}
	name := eventFirstToken
	fold(len(l.offsets), single, groups, func(from, to int) {
		attrs[0] = keyTokenIndex.Int(from)
		attrs[1] = keyTokenOffsets.Int64Slice(l.offsets[from:to])
		opts[1] = plain
		if len(l.choices) > 0 {
			attrs[:extra+1][extra] = keyTokenChoices.Int64Slice(l.choices[from:to])
			opts[1] = full
		} else if text, _ := shorten(valid(l.textOf(from, to)), limits.text); text != "" && texts+len(text) <= limits.whole {
			texts += len(text)
			attrs[:extra+1][extra] = keyTokenText.String(text)
			opts[1] = full
		}
		opts[0] = trace.WithTimestamp(start.Add(time.Duration(l.offsets[from]) * time.Microsecond))
		span.AddEvent(name, opts...)
		name = eventToken
	})
	return texts
}

// merge puts the chunks of all choices into one log in the order of time, for
// an answer with more choices than the span has room for events. The choice of
// each chunk is kept, its text is not: that is in the output messages.
func merge(logs []*tokenLog) *tokenLog {
	type chunk struct{ offset, choice int64 }
	var all []chunk
	for _, l := range logs {
		for _, o := range l.offsets {
			all = append(all, chunk{o, int64(l.choice)})
		}
	}
	slices.SortStableFunc(all, func(a, b chunk) int { return cmp.Compare(a.offset, b.offset) })
	m := &tokenLog{}
	for _, c := range all {
		m.offsets = append(m.offsets, c.offset)
		m.choices = append(m.choices, c.choice)
	}
	return m
}
