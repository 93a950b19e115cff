package tracing

import (
	"cmp"
	"slices"
	"time"

	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A tokenLog is what is known of the tokens of one choice: when they came and,
// where content is captured, what they say. The events are built of it when the
// span ends.
type tokenLog struct {
	choice int
	at     []time.Duration // when each chunk came, from the span's start
	words
	choices []int64 // of each chunk, in a log merged from several
}

// The words of a choice are the text of its chunks.
type words struct {
	text  []byte // of all chunks
	flows []flow // what the text consists of
	ends  []int  // where each chunk's text ends in text
}

// add appends what chunk n says, counted from 1.
func (w *words) add(c *llm.Chunk, n int) {
	w.reach(n - 1)
	w.put(flowReasoning, c.Reasoning)
	w.put(flowText, c.Text)
	w.put(flowRefusal, c.Refusal)
	if c.Tool != nil {
		w.put(flowTools+2*c.Tool.Index, c.Tool.Name)
		w.put(flowTools+2*c.Tool.Index+1, c.Tool.Arguments)
	}
	w.reach(n)
	w.ends[n-1] = len(w.text)
}

func (w *words) reset() { w.text, w.flows, w.ends = w.text[:0], w.flows[:0], w.ends[:0] }

// reach has chunks up to n; those that are not there yet say nothing.
func (w *words) reach(n int) {
	for len(w.ends) < n {
		w.ends = append(w.ends, len(w.text))
	}
}

// pace returns the time between the first and the last chunk, and the longest
// between two chunks of one choice.
func pace(logs []*tokenLog) (spread, stall time.Duration) {
	var first, last time.Duration
	for i, l := range logs {
		if i == 0 || l.at[0] < first {
			first = l.at[0]
		}
		last = max(last, l.at[len(l.at)-1])
		for j := 1; j < len(l.at); j++ {
			stall = max(stall, l.at[j]-l.at[j-1])
		}
	}
	return last - first, stall
}

// textOf returns the text of the chunks from up to, not including, to.
func (w *words) textOf(from, to int) string {
	if len(w.ends) == 0 {
		return ""
	}
	begin := 0
	if from > 0 {
		begin = w.ends[from-1]
	}
	return string(w.text[begin:w.ends[to-1]])
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
	offsets := make([]int64, 0, min(len(l.at), 64))
	fold(len(l.at), single, groups, func(from, to int) {
		offsets = offsets[:0]
		for _, at := range l.at[from:to] {
			offsets = append(offsets, at.Microseconds())
		}
		attrs[0] = keyTokenIndex.Int(from)
		attrs[1] = keyTokenOffsets.Int64Slice(offsets)
		opts[1] = plain
		if len(l.choices) > 0 {
			attrs[:extra+1][extra] = keyTokenChoices.Int64Slice(l.choices[from:to])
			opts[1] = full
		} else if text, _ := shorten(valid(l.textOf(from, to)), limits.text); text != "" && texts+len(text) <= limits.whole {
			texts += len(text)
			attrs[:extra+1][extra] = keyTokenText.String(text)
			opts[1] = full
		}
		opts[0] = trace.WithTimestamp(start.Add(l.at[from].Truncate(time.Microsecond)))
		span.AddEvent(name, opts...)
		name = eventToken
	})
	return texts
}

// merge puts the chunks of all choices into one log in the order of time, for
// an answer with more choices than the span has room for events. The choice of
// each chunk is kept, its text is not: that is in the output messages.
func merge(logs []*tokenLog) *tokenLog {
	type chunk struct {
		at     time.Duration
		choice int64
	}
	var all []chunk
	for _, l := range logs {
		for _, at := range l.at {
			all = append(all, chunk{at, int64(l.choice)})
		}
	}
	slices.SortStableFunc(all, func(a, b chunk) int { return cmp.Compare(a.at, b.at) })
	m := &tokenLog{}
	for _, c := range all {
		m.at = append(m.at, c.at)
		m.choices = append(m.choices, c.choice)
	}
	return m
}
