package token

import (
	"cmp"

	"github.com/callspan/callspan/llm"
)

// A Meter counts the tokens of chat, completion and embedding calls as OpenAI
// bills them. It is an [llm.EmbedMeter]; the zero value is ready, and its methods
// may be called concurrently. The first count of a model waits for its
// vocabulary, see [Preload].
//
// The rules are derived from recorded calls with the provider's own figures;
// they are exact for text and for most uses of tools. Pictures, sounds and
// files in messages are not counted: what they cost depends on their size,
// which a request need not hold.
type Meter struct {
	// Model is used for requests that name no model. Models that are not
	// OpenAI's are counted like gpt-4o.
	Model string
	// API is [llm.APIResponses] for calls to OpenAI's Responses API, which
	// presents tools in other words than chat completions, and
	// [llm.APICompletions] for text completions, whose prompt is the request's
	// [llm.Request.Transcript] and nothing else. See [llm.Endpoint].
	API string
}

// Estimate counts the prompt of req and the answer in resp, which may be nil
// or unfinished. Reasoning that the provider does not show is not in it. ok is
// false only if req is nil.
func (m Meter) Estimate(req *llm.Request, resp *llm.Response) (u llm.Usage, ok bool) {
	d, ok := m.dialect(req)
	if !ok {
		return u, false
	}
	makeup := m.split(&d, req)
	u.Input = makeup.Total()
	if resp != nil {
		for i := range resp.Choices {
			if m.API == llm.APICompletions {
				u.Output += d.enc.Count(resp.Choices[i].Text)
				continue
			}
			out, reasoning := d.answer(req, &resp.Choices[i])
			u.Output += out
			u.Reasoning += reasoning
		}
	}
	return u, true
}

// Split counts the prompt of req by source; the total is the Input of Estimate.
// A message is counted whole, and a token that spans two of its parts belongs
// to the one that holds its first byte. ok is false only if req is nil.
func (m Meter) Split(req *llm.Request) (makeup llm.Makeup, ok bool) {
	d, ok := m.dialect(req)
	if ok {
		makeup = m.split(&d, req)
	}
	return makeup, ok
}

func (m Meter) split(d *dialect, req *llm.Request) (makeup llm.Makeup) {
	if m.API == llm.APICompletions {
		d.transcript(req, &makeup)
	} else {
		d.prompt(req, &makeup)
	}
	return makeup
}

// EstimateEmbed counts the inputs of req, around which nothing is billed. ok is
// false only if req is nil.
func (m Meter) EstimateEmbed(req *llm.EmbedRequest) (u llm.Usage, ok bool) {
	if req == nil {
		return u, false
	}
	e, err := Get(encodingOrFallback(cmp.Or(req.Model, m.Model)))
	if err != nil {
		return u, false
	}
	for _, text := range req.Inputs {
		u.Input += e.Count(text)
	}
	return u, true
}

// Count counts a text by itself, with the encoding of m.Model. It is an
// [llm.Counter].
func (m Meter) Count(text string) int {
	e, err := Get(encodingOrFallback(m.Model))
	if err != nil {
		return 0 // the program was built without its vocabularies
	}
	return e.Count(text)
}

func (m Meter) dialect(req *llm.Request) (d dialect, ok bool) {
	if req == nil {
		return d, false
	}
	model := cmp.Or(req.Model, m.Model)
	e, err := Get(encodingOrFallback(model))
	if err != nil {
		return d, false
	}
	return dialectOf(e, model, m.API == llm.APIResponses), true
}

// answer counts one choice, and the part of it that is visible reasoning.
func (d *dialect) answer(req *llm.Request, c *llm.Choice) (out, reasoning int) {
	reasoning = d.enc.Count(c.Reasoning)
	out = reasoning + d.enc.Count(c.Text) + d.enc.Count(c.Refusal)
	switch n := len(c.ToolCalls); {
	case n == 0:
		if out > 0 && c.Finish != "length" {
			out += d.ending
			if len(req.Tools) > 0 {
				out += d.withTools
			}
		}
	case n == 1 && d.forced(req) != "":
		// The prompt ends in the name already.
		out += d.enc.Count(c.ToolCalls[0].Arguments)
		if d.responses {
			out += d.ending
		}
	default:
		out += 4
		if n > 1 {
			out += 7 * n // the calls are the arguments of one
		}
		for i := range c.ToolCalls {
			out += d.recipient(c.ToolCalls[i].Name) + d.enc.Count(c.ToolCalls[i].Arguments)
		}
	}
	return out, reasoning
}
