package openai

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/callspan/callspan/llm"
)

// A frame is one event of a stream, or the body of a response without
// streaming, in the union of what providers send: enough both for a run and, if
// it is not odd, for go-openai's value. It is reused from event to event, so that
// what repeats in each of them (id, model) is stored once.
type frame struct {
	whole    bool    // a response without streaming
	text     bool    // of a text completion
	reasons  bool    // the server names finish reasons, be it as null
	media    bool    // some of the answer is sound or pictures
	spoken   indices // of the choices of which text has come
	meta     llm.Meta
	newFacts bool // meta has changed since it was last handed out
	head     *frameHead
	choices  []frameChoice
	tools    []toolDelta
	usage    *llm.Usage
	counted  []byte // the raw value of "usage", if it is one, whatever it says
	failure  error  // the API's, of this frame
	inner    error  // that of a choice or of an extension
	message  []byte // the raw value of "message", which only an error has
	timings  []byte // the raw value of "timings", which llama.cpp sends last

	last template
	own  frameHead     // of a frame that does not fit the template
	room []frameChoice // for its choices
}

// A frameHead is what go-openai's value of a frame has beside choices and usage.
type frameHead struct {
	id, object, model, fingerprint string
	created                        int
	listed                         bool // there are choices, be it none
	odd                            bool // as the scanner says
}

// decode reads one frame.
func (f *frame) decode(raw []byte) error {
	f.tools, f.usage, f.counted, f.failure, f.inner, f.message, f.timings = f.tools[:0], nil, nil, nil, nil, nil, nil
	if f.last.read(raw) {
		f.head, f.choices = &f.last.head, f.last.choice[:]
		return nil
	}
	f.head, f.choices = &f.own, f.room[:0]
	if f.whole && blank(raw) {
		return llm.ErrEmpty
	}
	s := scanner{b: raw}
	f.read(&s)
	s.end()
	f.fail(raw)
	f.readTimings()
	f.head.odd, f.room = s.odd, f.choices
	if f.media && f.usage != nil && f.usage.Output == 0 {
		f.usage = nil // nobody could count it instead
	}
	if f.whole && f.media && f.usage != nil { // else who counts the words would take them for all of it
		for i := range f.choices {
			f.choices[i].content = cmp.Or(f.choices[i].content, f.choices[i].spoken)
		}
	}
	if s.err == nil {
		f.last.learn(raw, f)
		return nil
	}
	return malformed(raw, s.err)
}

// usageOnly reports whether the frame is what include_usage brings.
func (f *frame) usageOnly() bool {
	return f.counted != nil && len(f.choices) == 0 && f.failure == nil
}

// withoutUsage returns what include_usage brought, which was decoded from raw, as
// a frame for a caller who did not ask for it; nil if he would not have seen
// anything of it. It has an empty choice, as many callers count on one.
func (f *frame) withoutUsage(raw []byte) []byte {
	if f.timings == nil {
		return nil
	}
	out := make([]byte, 0, len(raw))
	s := scanner{b: raw}
	for s.object(); s.key(); {
		name, err := json.Marshal(string(s.name))
		value := s.raw()
		switch string(name) {
		case `"usage"`:
			continue
		case `"choices"`:
			if value = []byte(`[{"index":0,"delta":{},"finish_reason":null}]`); f.text {
				value = []byte(`[{"index":0,"text":"","finish_reason":null}]`)
			}
		}
		if err != nil {
			return nil
		}
		out = append(append(append(append(out, ','), name...), ':'), value...)
	}
	if out = append(out, '}'); s.err != nil || len(out) >= len(raw) {
		return nil // there is no room for more
	}
	out[0] = '{'
	return out
}

// blank reports whether a body has nothing in it.
func blank(raw []byte) bool { return len(bytes.TrimSpace(raw)) == 0 }

// malformed says what is wrong with a JSON text in which err was found.
func malformed(raw []byte, err error) error {
	// The scanner knows that something is wrong; encoding/json says it better.
	var any json.RawMessage
	if better := json.Unmarshal(raw, &any); better != nil {
		err = better
	}
	return fmt.Errorf("%w: %w", llm.ErrMalformed, err)
}

func (f *frame) read(s *scanner) {
	object := f.head.object
	*f.head = frameHead{}
	var seen keys
	for s.object(); s.key(); {
		switch string(s.name) {
		case "id":
			s.once(&seen, 1)
			f.head.id = f.fact(&f.meta.ID, s)
		case "object":
			s.once(&seen, 2)
			f.head.object = s.label(object)
		case "created":
			s.once(&seen, 4)
			f.head.created = s.count()
		case "model":
			s.once(&seen, 8)
			f.head.model = f.fact(&f.meta.Model, s)
		case "system_fingerprint":
			s.once(&seen, 16)
			f.head.fingerprint = f.fact(&f.meta.SystemFingerprint, s)
		case "service_tier":
			f.fact(&f.meta.ServiceTier, s)
		case "choices":
			s.once(&seen, 32)
			f.head.listed = s.peek() == '['
			for s.array(); s.element(); {
				f.readChoice(s)
			}
		case "usage":
			s.once(&seen, 64)
			f.counted = s.value()
			f.readUsage(f.counted)
		case "prompt_annotations", "prompt_filter_results":
			s.pass()
		case "x_groq":
			for s.object(); s.key(); {
				switch string(s.name) {
				case "usage":
					f.readUsage(s.raw())
				case "error":
					f.readInner(s)
				default:
					s.skip()
				}
			}
		case "error":
			if v := s.value(); said(v) {
				f.failure = frameError(v)
			}
		case "base_resp":
			if err := baseError(s.value()); err != nil {
				f.inner = err
			}
		case "message":
			f.message = s.value()
		case "timings":
			f.timings = s.value()
		default:
			s.other()
		}
	}
}

// readInner reads the value of "error" within a part of the frame.
func (f *frame) readInner(s *scanner) {
	if v := s.value(); said(v) {
		f.inner = frameError(v)
	}
}

// fail settles the error of a frame that has been read from raw: its own, that of
// one of its parts, or the frame itself where it is no piece of an answer.
func (f *frame) fail(raw []byte) {
	switch {
	case f.failure != nil:
	case f.inner != nil:
		f.failure = f.inner
	case f.message != nil && !f.head.listed && f.counted == nil:
		f.failure = errorBody(raw)
	}
}

// fact reads a string that is the same in most frames. A template is of the
// facts that were last read.
func (f *frame) fact(dst *string, s *scanner) string {
	b := s.bytes()
	if len(b) == 0 {
		return ""
	}
	if string(b) != *dst {
		*dst = string(b)
		f.newFacts, f.last.before = true, nil
	}
	return *dst
}

// readUsage takes the usage of a frame; the last one counts. It comes once per
// answer as a rule, so the standard decoder will do.
func (f *frame) readUsage(raw []byte) {
	if !present(raw) {
		return
	}
	var w wireUsage
	if !w.read(raw) {
		return
	}
	if u := w.usage(); u != nil {
		f.usage = u
	}
	if cost := w.cost(); cost != "" && cost != f.meta.Cost {
		f.meta.Cost, f.newFacts = cost, true
	}
}

// readTimings takes the tokens that llama.cpp counts among its timings.
func (f *frame) readTimings() {
	var w wireTimings
	if f.timings != nil && json.Unmarshal(f.timings, &w) == nil {
		f.usage = w.complete(f.usage)
	}
}

// newMeta returns the facts if there are new ones, else nil.
func (f *frame) newMeta() *llm.Meta {
	if !f.newFacts {
		return nil
	}
	f.newFacts = false
	m := f.meta
	return &m
}

// chunks hands out the frame: one chunk for each choice and tool call, the
// first with the facts, the last with the usage. A frame with nothing but usage
// is marked hidden if it was not the caller who asked for it.
func (f *frame) chunks(hidden bool, yield func(llm.Chunk) bool) bool {
	meta := f.newMeta()
	if len(f.choices) == 0 {
		if meta == nil && f.usage == nil {
			return true
		}
		return yield(llm.Chunk{Meta: meta, Usage: f.usage, Hidden: hidden && f.usage != nil})
	}
	tools := f.tools
	for i := range f.choices {
		w := &f.choices[i]
		c := llm.Chunk{Choice: w.index, Text: w.content, Reasoning: w.reasoning, Refusal: w.refusal, Meta: meta}
		meta = nil
		own := tools[:w.tools]
		tools = tools[w.tools:]
		for j := range own {
			d := own[j].ToolDelta
			c.Tool = &d
			if j < len(own)-1 {
				if !yield(c) {
					return false
				}
				c = llm.Chunk{Choice: w.index}
			}
		}
		c.Finish = w.end
		if i == len(f.choices)-1 {
			c.Usage = f.usage
		}
		if !yield(c) {
			return false
		}
	}
	return true
}
