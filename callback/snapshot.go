package callback

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/callspan/callspan/llm"
)

// What a run is given and returns belongs to the program, which goes on with it
// after the event. A handler that looks at it later, on another goroutine, gets a
// snapshot.

// info returns i with the values in it as they are now.
func (b *typebook) info(i *Info) *Info {
	input, copied := b.snapshot(i.Input)
	metadata, cloned := i.Metadata, false // the map itself is nobody else's
	for k, v := range i.Metadata {
		if now, copied := b.snapshot(v); copied {
			if !cloned {
				metadata, cloned = maps.Clone(metadata), true
			}
			metadata[k] = now
		}
	}
	if !copied && !cloned {
		return i
	}
	s := *i
	s.Input, s.Metadata = input, metadata
	return &s
}

// result returns r with the output as it is now. The rest is the run's own.
func (b *typebook) result(r *Result) *Result {
	output, copied := b.snapshot(r.Output)
	if !copied {
		return r
	}
	s := *r
	s.Output = output
	return &s
}

// snapshot returns v as it is now, and whether that is a copy: of maps, slices and
// what pointers lead to. Not copied are unexported fields but for what they hold
// themselves, what has a lock in it, errors, functions, channels, and the bytes of
// media.
func (b *typebook) snapshot(v any) (now any, copied bool) {
	switch v := v.(type) {
	case nil, string, bool, int, float64, time.Time, error, llm.ToolCall, Attempt, *llm.EmbedResponse, *llm.Media:
		return v, false
	case *llm.Request:
		return snapshotRequest(v), true
	case []llm.Message:
		return snapshotMessages(v), true
	case []llm.Document:
		docs := slices.Clone(v)
		for i := range docs {
			docs[i].Metadata = maps.Clone(docs[i].Metadata)
		}
		return docs, true
	case *ToolCall:
		s := snapshotOf(v)
		if s != nil {
			s.Arguments, _ = b.snapshot(s.Arguments)
		}
		return s, true
	case *Search:
		return snapshotOf(v), true
	case *MemoryChange:
		return snapshotOf(v), true
	}
	if b.still(reflect.TypeOf(v)) {
		return v, false
	}
	return (&copier{types: b}).value(v), true
}

func snapshotRequest(r *llm.Request) *llm.Request {
	if r == nil {
		return nil
	}
	s := *r
	s.Messages = snapshotMessages(r.Messages)
	s.Stop, s.Tools = slices.Clone(r.Stop), slices.Clone(r.Tools)
	for _, p := range []**float64{&s.Temperature, &s.TopP, &s.FrequencyPenalty, &s.PresencePenalty} {
		*p = snapshotOf(*p)
	}
	s.Seed, s.Format = snapshotOf(r.Seed), snapshotOf(r.Format)
	return &s
}

func snapshotOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// snapshotMessages copies messages but for the bytes of media.
func snapshotMessages(ms []llm.Message) []llm.Message {
	if ms == nil {
		return nil
	}
	n := 0
	for i := range ms {
		n += len(ms[i].Parts)
	}
	parts := make([]llm.Part, 0, n) // of all messages
	out := slices.Clone(ms)
	for i := range out {
		if out[i].Parts != nil {
			begin := len(parts)
			parts = append(parts, out[i].Parts...)
			out[i].Parts = parts[begin:len(parts):len(parts)]
		}
		out[i].ToolCalls = slices.Clone(out[i].ToolCalls)
	}
	return out
}
