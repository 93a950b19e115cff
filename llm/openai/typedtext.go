package openai

import "github.com/sashabaranov/go-openai"

// completion reads a chunk of a text completion.
func (f *frame) completion(raw []byte, out *openai.CompletionResponse) bool {
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
			out.Object, odd = s.known("text_completion"), seen.again(2)
		case "created":
			out.Created, odd = int64(s.int()), seen.again(4)
		case "model":
			out.Model, odd = f.same(&f.meta.Model, &s), seen.again(8)
		case "system_fingerprint":
			f.fact(&f.meta.SystemFingerprint, &s)
		case "service_tier":
			f.fact(&f.meta.ServiceTier, &s)
		case "choices":
			out.Choices, odd = f.textChoices(&s), seen.again(16)
		case "usage":
			odd = seen.again(32) || !f.typedUsage(&s, &out.Usage)
		case "error", "x_groq":
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

func (f *frame) textChoices(s *scanner) (out []openai.CompletionChoice) {
	if s.peek() == 'n' {
		s.skip()
		return nil
	}
	for s.array(); s.element(); {
		if out == nil {
			out = make([]openai.CompletionChoice, 0, 1)
		}
		out = append(out, openai.CompletionChoice{})
		if !f.textChoice(s, &out[len(out)-1]) {
			s.fail(errUnusual)
		}
	}
	if out == nil {
		out = []openai.CompletionChoice{}
	}
	return out
}

func (f *frame) textChoice(s *scanner, out *openai.CompletionChoice) bool {
	var c frameChoice
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "index":
			out.Index, odd = f.index(s, &c), seen.again(1)
		case "finish_reason":
			end, ok := f.finish(s, &c)
			out.FinishReason, odd = end, !ok || seen.again(2)
		case "text":
			c.content, odd = s.string(), seen.again(4)
			out.Text = c.content
		case "logprobs":
			odd = !s.into(&out.LogProbs) || seen.again(8)
		case "delta", "message":
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
	f.choices = append(f.choices, c)
	return true
}
