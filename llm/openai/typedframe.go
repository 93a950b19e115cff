package openai

import (
	"encoding/json"

	"github.com/sashabaranov/go-openai"
)

// The functions of this file and of typedtext.go read a frame once for two: into
// go-openai's type, exactly as encoding/json fills it, and into the superset
// that a run is told of. They return false for any frame that is not as usual: a
// key that is written in another case or comes again, a value of another type
// than is due, an error. Such a frame is read again, by encoding/json for the
// caller.

// plainKey reports whether a key that is not one of a struct's tags, all of
// which are lower case, cannot be one in another case either.
func plainKey(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// keys is a set of keys that have been read.
type keys uint32

// again adds a key and reports whether it was there.
func (k *keys) again(bit keys) bool {
	was := *k&bit != 0
	*k |= bit
	return was
}

// chat reads a chunk of a chat.
func (f *frame) chat(raw []byte, out *openai.ChatCompletionStreamResponse) bool {
	f.reset()
	s := scanner{b: raw}
	if s.peek() != '{' {
		return false
	}
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "id":
			out.ID, odd = f.same(&f.meta.ID, &s), seen.again(1)
		case "object":
			out.Object, odd = s.known("chat.completion.chunk"), seen.again(2)
		case "created":
			out.Created, odd = int64(s.int()), seen.again(4)
		case "model":
			out.Model, odd = f.same(&f.meta.Model, &s), seen.again(8)
		case "system_fingerprint":
			out.SystemFingerprint, odd = f.same(&f.meta.SystemFingerprint, &s), seen.again(16)
		case "service_tier":
			f.fact(&f.meta.ServiceTier, &s)
		case "choices":
			out.Choices, odd = f.chatChoices(&s), seen.again(32)
		case "usage":
			odd = seen.again(64) || !f.typedUsage(&s, &out.Usage)
		case "error", "x_groq", "prompt_annotations", "prompt_filter_results":
			return false
		default:
			if !plainKey(s.name) {
				return false
			}
			s.skip()
		}
		if odd {
			return false
		}
	}
	s.end()
	return s.err == nil
}

// same reads a fact and returns it, without a new string if it is known.
func (f *frame) same(fact *string, s *scanner) string {
	v := s.known(*fact)
	if v != "" && v != *fact {
		*fact, f.newFacts = v, true
	}
	return v
}

// typedUsage reads the usage for both. It reports whether it could.
func (f *frame) typedUsage(s *scanner, out **openai.Usage) bool {
	v := s.raw()
	if f.counted = present(v); !f.counted {
		return true
	}
	f.readUsage(v)
	return json.Unmarshal(v, out) == nil
}

func (f *frame) chatChoices(s *scanner) (out []openai.ChatCompletionStreamChoice) {
	if s.peek() == 'n' {
		s.skip()
		return nil
	}
	for s.array(); s.element(); {
		if out == nil {
			out = make([]openai.ChatCompletionStreamChoice, 0, 1)
		}
		out = append(out, openai.ChatCompletionStreamChoice{})
		if !f.chatChoice(s, &out[len(out)-1]) {
			s.fail(errUnusual)
		}
	}
	if out == nil {
		out = []openai.ChatCompletionStreamChoice{}
	}
	return out
}

func (f *frame) chatChoice(s *scanner, out *openai.ChatCompletionStreamChoice) bool {
	var c frameChoice
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "index":
			out.Index, odd = f.index(s, &c), seen.again(1)
		case "finish_reason":
			end, ok := f.finish(s, &c)
			out.FinishReason, odd = openai.FinishReason(end), !ok || seen.again(2)
		case "delta":
			odd = !f.chatDelta(s, &c, &out.Delta) || seen.again(4)
		case "logprobs":
			odd = !s.into(&out.Logprobs) || seen.again(8)
		case "content_filter_results":
			odd = !s.into(&out.ContentFilterResults) || seen.again(16)
		case "message":
			return false // which may count in place of the delta
		default:
			if !plainKey(s.name) {
				return false
			}
			s.skip()
		}
		if odd {
			return false
		}
	}
	f.choices = append(f.choices, c)
	return true
}

func (f *frame) index(s *scanner, c *frameChoice) int {
	if c.index = s.int(); c.index < 0 || c.index >= maxChoices {
		s.fail(errIndex)
	}
	return c.index
}

// finish reads a finish reason. ok is false for the word null.
func (f *frame) finish(s *scanner, c *frameChoice) (end string, ok bool) {
	f.reasons = true
	b := s.bytes()
	c.end = finishReason(b)
	return c.end, len(b) == 0 || c.end != ""
}

func (f *frame) chatDelta(s *scanner, c *frameChoice, out *openai.ChatCompletionStreamChoiceDelta) bool {
	var details []byte
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "content":
			c.content, odd = s.string(), seen.again(1)
			out.Content = c.content
		case "role":
			out.Role, odd = s.known("assistant"), seen.again(2)
		case "reasoning_content":
			out.ReasoningContent, odd = s.string(), seen.again(4)
			if out.ReasoningContent != "" {
				c.reasoning = out.ReasoningContent
			}
		case "reasoning":
			if s.peek() != '"' {
				s.skip() // go-openai does not have it, so it may be anything
			} else if text := s.string(); text != "" {
				c.reasoning = text
			}
		case "reasoning_details":
			details = s.raw()
		case "refusal":
			c.refusal, odd = s.string(), seen.again(8)
			out.Refusal = c.refusal
		case "tool_calls":
			out.ToolCalls, odd = f.chatTools(s, c), seen.again(16)
		case "function_call":
			if s.peek() != 'n' {
				return false
			}
			s.skip()
		default:
			if !plainKey(s.name) {
				return false
			}
			s.skip()
		}
		if odd {
			return false
		}
	}
	if details != nil && c.reasoning == "" && s.err == nil {
		c.reasoning = readDetails(details)
	}
	return true
}

func (f *frame) chatTools(s *scanner, c *frameChoice) (out []openai.ToolCall) {
	if s.peek() == 'n' {
		s.skip()
		return nil
	}
	out = []openai.ToolCall{}
	for s.array(); s.element(); {
		out = append(out, openai.ToolCall{})
		if !f.chatTool(s, &out[len(out)-1], len(out)-1) {
			s.fail(errUnusual)
		}
		c.tools++
	}
	return out
}

func (f *frame) chatTool(s *scanner, out *openai.ToolCall, position int) bool {
	f.tools = append(f.tools, toolDelta{})
	t := &f.tools[len(f.tools)-1]
	t.Index = position
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "index":
			if odd = seen.again(1); s.peek() == 'n' {
				s.skip()
			} else {
				t.Index = s.int()
				n := t.Index
				out.Index = &n
			}
		case "id":
			t.ID, odd = s.string(), seen.again(2)
			out.ID = t.ID
		case "type":
			out.Type, odd = openai.ToolType(s.known("function")), seen.again(4)
		case "function":
			odd = !f.chatFunction(s, t, &out.Function) || seen.again(8)
		default:
			if !plainKey(s.name) {
				return false
			}
			s.skip()
		}
		if odd {
			return false
		}
	}
	return true
}

func (f *frame) chatFunction(s *scanner, t *toolDelta, out *openai.FunctionCall) bool {
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "name":
			t.Name, odd = s.string(), seen.again(1)
			out.Name = t.Name
		case "arguments":
			t.Arguments, odd = s.string(), seen.again(2)
			out.Arguments = t.Arguments
		default:
			if !plainKey(s.name) {
				return false
			}
			s.skip()
		}
		if odd {
			return false
		}
	}
	return true
}
