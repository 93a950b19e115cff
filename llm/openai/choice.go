package openai

import (
	"errors"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A frameChoice is a choice of a frame.
type frameChoice struct {
	index                            int
	content, reasoning, refusal, end string
	tools                            int    // how many of frame.tools are its own
	media                            bool   // it has sound or pictures, which no chunk holds
	spoken                           string // the words of the sound of a whole response

	// For go-openai's value alone.
	role, thoughts    string // thoughts is reasoning_content
	listed            bool   // there are tool calls, be it none
	logprobs, filters []byte
}

// A toolDelta is a piece of a tool call.
type toolDelta struct {
	llm.ToolDelta
	kind    string
	indexed bool // it names its index
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
	f.choices = append(f.choices, frameChoice{})
	c := &f.choices[len(f.choices)-1]
	var other []byte
	var seen keys
	read := false
	for s.object(); s.key(); {
		switch string(s.name) {
		case "index":
			s.once(&seen, 1)
			if c.index = s.int(); c.index < 0 || c.index >= maxChoices {
				s.fail(errIndex)
			}
		case "finish_reason":
			s.once(&seen, 2)
			f.reasons = true
			b := s.bytes()
			if c.end = finishReason(b); c.end == finishError && f.inner == nil {
				f.inner = finishFailure()
			}
			s.odd = s.odd || len(b) > 0 && c.end == ""
		case "text":
			if f.text {
				s.once(&seen, 4)
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
			s.once(&seen, 4)
			read = read || s.peek() == '{'
			f.readDelta(s, c)
		case "logprobs":
			s.once(&seen, 8)
			c.logprobs = s.value()
		case "content_filter_results":
			s.once(&seen, 16)
			c.filters = s.value()
		case "error":
			f.readInner(s)
		case "message":
			if !f.whole || f.text {
				other = s.raw()
				continue
			}
			read = read || s.peek() == '{'
			f.readDelta(s, c)
		default:
			s.other()
		}
	}
	switch {
	case s.err != nil:
	case other != nil && !read:
		s.odd = true
		if !f.whole && f.spoken.has(c.index) {
			return // MiniMax sends all of the answer again at its end
		}
		o := scanner{b: other, depth: s.depth}
		f.readDelta(&o, c)
		s.err = o.err
	case c.content != "" || c.reasoning != "":
		f.spoken.add(c.index)
	}
}

// finishError is OpenRouter's finish reason of a choice that failed.
const finishError = "error"

func finishFailure() error {
	return &llm.Error{Type: inBand, Message: `the finish reason is "error"`}
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
	var seen keys
	for s.object(); s.key(); {
		switch string(s.name) {
		case "content":
			s.once(&seen, 1)
			if s.peek() == '[' {
				s.odd = true
				readParts(s, c)
			} else {
				c.content = s.string()
			}
		case "role":
			s.once(&seen, 2)
			c.role = s.label("assistant")
		case "reasoning_content":
			s.once(&seen, 4)
			if c.thoughts = s.label(""); c.thoughts != "" {
				c.reasoning = c.thoughts
			}
		case "reasoning": // some providers send both names with the same text
			if text := s.loose(); text != "" {
				c.reasoning = text
			}
		case "reasoning_details":
			details = s.raw()
		case "refusal":
			s.once(&seen, 8)
			c.refusal = s.string()
		case "tool_calls":
			s.once(&seen, 16)
			c.listed = s.peek() == '['
			s.array()
			for i := 0; s.element(); i++ {
				f.readTool(s, i)
				c.tools++
			}
		case "audio", "images":
			sound := s.name[0] == 'a'
			if v := s.value(); len(v) > len("{}") {
				c.media, f.media = true, true
				if sound && f.whole {
					c.spoken = transcript(v)
				}
			}
		case "function_call":
			if s.peek() == '{' {
				s.odd = true
				f.tools = append(f.tools, toolDelta{})
				readFunction(s, &f.tools[len(f.tools)-1])
				c.tools++
				// Some servers always send one, mostly with nothing in it.
				if t := &f.tools[len(f.tools)-1]; t.Name == "" && t.Arguments == "" {
					f.tools = f.tools[:len(f.tools)-1]
					c.tools--
				}
			} else {
				s.pass()
			}
		default:
			s.other()
		}
	}
	if details != nil && c.reasoning == "" && s.err == nil {
		c.reasoning = readDetails(details)
	}
}

// transcript reads the words of a sound.
func transcript(raw []byte) (text string) {
	s := scanner{b: raw}
	if s.peek() != '{' {
		return ""
	}
	for s.object(); s.key(); {
		if string(s.name) == "transcript" {
			text = s.loose()
		} else {
			s.skip()
		}
	}
	return text
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
	f.tools = append(f.tools, toolDelta{ToolDelta: llm.ToolDelta{Index: position}})
	t := &f.tools[len(f.tools)-1]
	var seen keys
	for s.object(); s.key(); {
		switch string(s.name) {
		case "index":
			s.once(&seen, 1)
			if s.peek() == 'n' {
				s.skip()
			} else {
				t.Index, t.indexed = s.int(), true
			}
		case "id":
			s.once(&seen, 2)
			t.ID = s.string()
		case "type":
			s.once(&seen, 4)
			t.kind = s.label("function")
		case "function":
			s.once(&seen, 8)
			readFunction(s, t)
		case "custom": // a tool whose input is free text
			s.odd = true
			if s.peek() == '{' {
				readFunction(s, t)
			} else {
				s.skip()
			}
		default:
			s.other()
		}
	}
}

func readFunction(s *scanner, t *toolDelta) {
	var seen keys
	for s.object(); s.key(); {
		switch string(s.name) {
		case "name":
			s.once(&seen, 1)
			t.Name = s.string()
		case "input": // of a custom tool
			s.odd = true
			t.Arguments = s.loose()
		case "arguments":
			s.once(&seen, 2)
			if k := s.peek(); k == '{' || k == '[' {
				s.odd = true
				t.Arguments = string(s.raw()) // some servers send the object itself
			} else {
				t.Arguments = s.string()
			}
		default:
			s.other()
		}
	}
}
