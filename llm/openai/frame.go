package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A frame is one event of a stream, or the body of a response without
// streaming, in the union of what providers send. It is reused from event to
// event, so that what repeats in each of them (id, model) is stored once.
type frame struct {
	whole    bool // a response without streaming
	text     bool // of a text completion
	reasons  bool // the server names finish reasons, be it as null
	meta     llm.Meta
	newFacts bool // meta has changed since it was last handed out
	choices  []frameChoice
	tools    []toolDelta
	usage    *llm.Usage
	counted  bool   // there is a usage, whatever it says
	failure  []byte // the raw value of "error"
	last     template
}

type frameChoice struct {
	index                            int
	content, reasoning, refusal, end string
	tools                            int // how many of frame.tools are its own
}

type toolDelta struct{ llm.ToolDelta }

// decode reads one frame.
func (f *frame) decode(raw []byte) error {
	f.reset()
	if c, ok := f.last.read(raw); ok {
		f.last.misses = 0
		f.choices = append(f.choices, c)
		return nil
	}
	s := scanner{b: raw}
	f.read(&s)
	s.end()
	if s.err == nil {
		f.last.learn(raw, f)
		return nil
	}
	return malformed(raw, s.err)
}

func (f *frame) reset() {
	f.choices, f.tools, f.usage, f.counted, f.failure = f.choices[:0], f.tools[:0], nil, false, nil
}

// usageOnly reports whether the frame is what include_usage brings.
func (f *frame) usageOnly() bool {
	return f.counted && len(f.choices) == 0 && f.failure == nil
}

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
	for s.object(); s.key(); {
		switch string(s.name) {
		case "id":
			f.fact(&f.meta.ID, s)
		case "model":
			f.fact(&f.meta.Model, s)
		case "system_fingerprint":
			f.fact(&f.meta.SystemFingerprint, s)
		case "service_tier":
			f.fact(&f.meta.ServiceTier, s)
		case "choices":
			for s.array(); s.element(); {
				f.readChoice(s)
			}
		case "usage":
			v := s.raw()
			f.counted = present(v)
			f.readUsage(v)
		case "x_groq":
			for s.object(); s.key(); {
				if string(s.name) == "usage" {
					f.readUsage(s.raw())
				} else {
					s.skip()
				}
			}
		case "error":
			if v := s.raw(); string(v) != "null" {
				f.failure = v
			}
		default:
			s.skip()
		}
	}
}

// fact reads a string that is the same in most frames.
func (f *frame) fact(dst *string, s *scanner) {
	b := s.bytes()
	if len(b) > 0 && string(b) != *dst {
		*dst = string(b)
		f.newFacts = true
	}
}

// maxChoices bounds the index of a choice: no API allows more, and what puts
// answers together has room for so many.
const maxChoices = 128

var errIndex = errors.New("index of a choice out of range")

// readChoice reads a choice, whose content stands in "delta" in a stream, in
// "message" in a whole response, and in "text" in either of a text completion.
// Perplexity sends both of the former: an empty delta with a message, and with a
// delta all of the message so far. The other one counts where the one that is
// due is missing.
func (f *frame) readChoice(s *scanner) {
	var c frameChoice
	var other []byte
	read := false
	for s.object(); s.key(); {
		switch string(s.name) {
		case "index":
			if c.index = s.int(); c.index < 0 || c.index >= maxChoices {
				s.fail(errIndex)
			}
		case "finish_reason":
			f.reasons = true
			c.end = finishReason(s.bytes())
		case "text":
			if f.text {
				read = s.peek() == '"'
				c.content = s.string()
			} else {
				s.skip() // the same as the content, from some servers
			}
		case "delta":
			if f.whole || f.text {
				other = s.raw()
				continue
			}
			read = read || s.peek() == '{'
			f.readDelta(s, &c)
		case "message":
			if !f.whole || f.text {
				other = s.raw()
				continue
			}
			read = read || s.peek() == '{'
			f.readDelta(s, &c)
		default:
			s.skip()
		}
	}
	if other != nil && !read && s.err == nil {
		o := scanner{b: other, depth: s.depth}
		f.readDelta(&o, &c)
		s.err = o.err
	}
	f.choices = append(f.choices, c)
}

// finishReason returns b as a string without allocating the usual ones.
func finishReason(b []byte) string {
	switch string(b) {
	case "", "null":
		return ""
	case "stop":
		return "stop"
	case "length":
		return "length"
	case "tool_calls":
		return "tool_calls"
	case "content_filter":
		return "content_filter"
	}
	return string(b)
}

func (f *frame) readDelta(s *scanner, c *frameChoice) {
	var details []byte
	for s.object(); s.key(); {
		switch string(s.name) {
		case "content":
			if s.peek() == '[' {
				readParts(s, c)
			} else {
				c.content = s.string()
			}
		case "reasoning_content", "reasoning":
			// Some providers send both names with the same text.
			if k := s.peek(); k != '"' && k != 'n' {
				s.skip() // a field that OpenAI does not have may be anything
			} else if text := s.string(); text != "" {
				c.reasoning = text
			}
		case "reasoning_details":
			details = s.raw()
		case "refusal":
			c.refusal = s.string()
		case "tool_calls":
			s.array()
			for i := 0; s.element(); i++ {
				f.readTool(s, i)
				c.tools++
			}
		case "function_call":
			if s.peek() == '{' {
				f.tools = append(f.tools, toolDelta{})
				f.readFunction(s, &f.tools[len(f.tools)-1])
				c.tools++
				// Some servers always send one, mostly with nothing in it.
				if t := &f.tools[len(f.tools)-1]; t.Name == "" && t.Arguments == "" {
					f.tools = f.tools[:len(f.tools)-1]
					c.tools--
				}
			} else {
				s.skip()
			}
		default:
			s.skip()
		}
	}
	if details != nil && c.reasoning == "" && s.err == nil {
		c.reasoning = readDetails(details)
	}
}

// readDetails reads reasoning_details, OpenRouter's form of reasoning: texts,
// summaries, and encrypted parts, which nobody can read. Most servers send the
// same as plain text too.
func readDetails(raw []byte) string {
	var text strings.Builder
	s := scanner{b: raw}
	if s.peek() != '[' {
		return ""
	}
	for s.array(); s.element(); {
		for s.object(); s.key(); {
			switch string(s.name) {
			case "text", "summary":
				text.WriteString(s.string())
			default:
				s.skip()
			}
		}
	}
	return text.String()
}

// readParts reads content in the form of an array, as Mistral's reasoning
// models stream it: text parts, and thinking parts that hold text parts.
func readParts(s *scanner, c *frameChoice) {
	var text, thinking strings.Builder
	for s.array(); s.element(); {
		readPart(s, &text, &thinking)
	}
	c.content = text.String()
	if thinking.Len() > 0 {
		c.reasoning = thinking.String()
	}
}

func readPart(s *scanner, text, thinking *strings.Builder) {
	for s.object(); s.key(); {
		switch string(s.name) {
		case "text":
			text.WriteString(s.string())
		case "thinking":
			if s.peek() != '[' {
				thinking.WriteString(s.string())
				continue
			}
			for s.array(); s.element(); {
				readPart(s, thinking, thinking)
			}
		default:
			s.skip()
		}
	}
}

func (f *frame) readTool(s *scanner, position int) {
	f.tools = append(f.tools, toolDelta{llm.ToolDelta{Index: position}})
	t := &f.tools[len(f.tools)-1]
	for s.object(); s.key(); {
		switch string(s.name) {
		case "index":
			if s.peek() == 'n' {
				s.skip()
			} else {
				t.Index = s.int()
			}
		case "id":
			t.ID = s.string()
		case "function":
			f.readFunction(s, t)
		default:
			s.skip()
		}
	}
}

func (f *frame) readFunction(s *scanner, t *toolDelta) {
	for s.object(); s.key(); {
		switch string(s.name) {
		case "name":
			t.Name = s.string()
		case "arguments":
			if k := s.peek(); k == '{' || k == '[' {
				t.Arguments = string(s.raw()) // some servers send the object itself
			} else {
				t.Arguments = s.string()
			}
		default:
			s.skip()
		}
	}
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
	// A prompt has tokens. What says otherwise says nothing.
	if w.PromptTokens > 0 || w.CompletionTokens > 0 {
		u := w.usage()
		f.usage = &u
	}
	if cost := w.cost(); cost != "" && cost != f.meta.Cost {
		f.meta.Cost, f.newFacts = cost, true
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
