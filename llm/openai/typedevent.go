package openai

import (
	"bytes"
	"encoding/json"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// typed reads an event of the responses API that brings a piece of text, as the
// functions of typedframe.go read theirs. Others, of which a response has few,
// hold whole objects.
func (f *responseFrame) typed(raw []byte, out *openai.ResponseStreamEvent) bool {
	if len(raw) < 2 || raw[0] != '{' || raw[len(raw)-1] != '}' {
		return false
	}
	f.out, f.failure = f.out[:0], nil
	s := scanner{b: raw}
	var seen keys
	for s.object(); s.key(); {
		odd := false
		switch string(s.name) {
		case "type":
			f.kind = s.known(f.kind)
			out.Type, odd = openai.ResponseStreamEventType(f.kind), seen.again(1)
		case "sequence_number":
			out.SequenceNumber, odd = s.int(), seen.again(2)
		case "item_id":
			f.item = s.known(f.item)
			out.ItemID, odd = f.item, seen.again(4)
		case "output_index":
			out.OutputIndex, odd = s.int(), seen.again(8)
		case "content_index":
			out.ContentIndex, odd = s.int(), seen.again(16)
		case "summary_index":
			out.SummaryIndex, odd = s.int(), seen.again(32)
		case "delta":
			out.Delta, odd = s.string(), seen.again(64)
		case "logprobs":
			if v := s.raw(); string(v) == "[]" {
				out.Logprobs = []openai.ResponseLogprob{}
			} else {
				odd = s.err != nil || json.Unmarshal(v, &out.Logprobs) != nil
			}
			odd = odd || seen.again(128)
		case "obfuscation":
			out.Obfuscation, odd = s.string(), seen.again(256)
		case "response", "item", "part", "annotation", "text", "arguments", "partial_image_b64", "partial_image_index",
			"code", "message", "param", "error":
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
	if s.end(); s.err != nil {
		return false
	}
	switch out.Type {
	case openai.ResponseStreamEventOutputTextDelta:
		f.text(llm.Chunk{Text: out.Delta})
	case openai.ResponseStreamEventRefusalDelta:
		f.text(llm.Chunk{Refusal: out.Delta})
	case openai.ResponseStreamEventReasoningTextDelta, openai.ResponseStreamEventReasoningSummaryTextDelta:
		f.text(llm.Chunk{Reasoning: out.Delta})
	case openai.ResponseStreamEventFunctionArgumentsDelta, openai.ResponseStreamEventCustomToolInputDelta:
		f.call(llm.ToolDelta{Index: out.OutputIndex, Arguments: out.Delta})
	default:
		return false
	}
	out.Raw = bytes.Clone(raw)
	return true
}
