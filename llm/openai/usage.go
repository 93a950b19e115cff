package openai

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// wireUsage is the union of the usage objects that providers send. Some have the
// names of the responses API in chats, or those of chats in responses.
type wireUsage struct {
	Prompt        tokens    `json:"prompt_tokens"`
	PromptParts   wireParts `json:"prompt_tokens_details"`
	Input         tokens    `json:"input_tokens"`
	InputParts    wireParts `json:"input_tokens_details"`
	Completion    tokens    `json:"completion_tokens"`
	CompleteParts wireParts `json:"completion_tokens_details"`
	Output        tokens    `json:"output_tokens"`
	OutputParts   wireParts `json:"output_tokens_details"`
	Total         tokens    `json:"total_tokens"`

	CacheHit    tokens `json:"prompt_cache_hit_tokens"`     // DeepSeek
	Cached      tokens `json:"cached_tokens"`               // Together, Moonshot
	CacheWrites tokens `json:"cache_creation_input_tokens"` // Anthropic's dialect
	CacheReads  tokens `json:"cache_read_input_tokens"`

	Cost        json.RawMessage `json:"cost"`              // OpenRouter, Vercel: a number; Perplexity, Charm: an object
	Ticks       int64           `json:"cost_in_usd_ticks"` // xAI: 1e-10 USD each
	Estimated   json.RawMessage `json:"estimated_cost"`    // DeepInfra, also through Hugging Face
	OwnKey      bool            `json:"is_byok"`           // OpenRouter: Cost is its fee alone
	CostDetails struct {
		Upstream json.RawMessage `json:"upstream_inference_cost"`
	} `json:"cost_details"`
}

// wireParts are the parts of a side of the usage.
type wireParts struct {
	Cached     tokens `json:"cached_tokens"`
	CacheWrite tokens `json:"cache_write_tokens"` // OpenAI from GPT-5.6 on, OpenRouter
	Creation   tokens `json:"cache_creation_tokens"`
	Audio      tokens `json:"audio_tokens"`
	Reasoning  tokens `json:"reasoning_tokens"`
	Accepted   tokens `json:"accepted_prediction_tokens"`
	Rejected   tokens `json:"rejected_prediction_tokens"`
}

// wireTimings are the tokens that llama.cpp, and what follows it, counts with
// every answer, asked for its usage or not.
type wireTimings struct {
	Cached    tokens `json:"cache_n"`
	Prompt    tokens `json:"prompt_n"` // without the cached ones
	Predicted tokens `json:"predicted_n"`
}

// complete returns u with what it lacks of them; u may be nil.
func (w *wireTimings) complete(u *llm.Usage) *llm.Usage {
	prompt := w.Cached.n + w.Prompt.n
	switch {
	case !w.Cached.known || !w.Prompt.known || !w.Predicted.known || prompt == 0:
	case u == nil:
		return &llm.Usage{Input: prompt, CacheRead: w.Cached.n, Output: w.Predicted.n}
	case u.Input == prompt && u.CacheRead == 0:
		u.CacheRead = w.Cached.n
	}
	return u
}

// tokens is a number of tokens as a provider says it. What is negative, absurd or
// no whole number says nothing.
type tokens struct {
	n     int
	known bool
}

// maxTokens is the largest number of tokens that is believed: no call uses a
// trillion, and sums stay within an int.
const maxTokens = min(1<<40, math.MaxInt)

// UnmarshalJSON implements [json.Unmarshaler]. An integer may be written as 10.0
// or 1e1.
func (t *tokens) UnmarshalJSON(raw []byte) error {
	*t = tokens{}
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		v, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || v != math.Trunc(v) || math.Abs(v) > maxTokens {
			return nil
		}
		n = int(v)
	}
	if n >= 0 && n <= maxTokens {
		*t = tokens{n, true}
	}
	return nil
}

// or returns t, or what the other name of the same has.
func (t tokens) or(other tokens) tokens {
	if other.known && (!t.known || other.n > t.n) {
		return other
	}
	return t
}

// read decodes raw and reports whether it could.
func (w *wireUsage) read(raw []byte) bool {
	err := json.Unmarshal(raw, w)
	// One odd field must not cost the others: the decoder fills in what fits and
	// goes on.
	var odd *json.UnmarshalTypeError
	return err == nil || errors.As(err, &odd)
}

// usage returns the usage, nil if w tells of neither side. A side that is not
// known is zero, and the parts that are known of it are left as they are: the
// run counts it instead.
func (w *wireUsage) usage() *llm.Usage {
	p, i, c, o := &w.PromptParts, &w.InputParts, &w.CompleteParts, &w.OutputParts
	u := &llm.Usage{
		CacheRead:          max(p.Cached.n, i.Cached.n, w.CacheHit.n, w.Cached.n, w.CacheReads.n),
		CacheWrite:         max(p.CacheWrite.n, i.CacheWrite.n, p.Creation.n, i.Creation.n, w.CacheWrites.n),
		Reasoning:          max(c.Reasoning.n, o.Reasoning.n),
		AudioInput:         max(p.Audio.n, i.Audio.n),
		AudioOutput:        max(c.Audio.n, o.Audio.n),
		AcceptedPrediction: max(c.Accepted.n, o.Accepted.n),
		RejectedPrediction: max(c.Rejected.n, o.Rejected.n),
	}
	cache := u.CacheRead + u.CacheWrite
	in, out, total := w.Prompt.or(w.Input), w.Completion.or(w.Output), w.Total.n
	switch {
	case in.n > 0:
	case in.known && cache > 0 && out.n > 0 && total == 0:
		in.n = cache // which is counted beside
	default:
		in.known = false // a prompt has tokens: what says otherwise says nothing
	}
	// The total tells a side that is missing, and of two that are there whether
	// parts are counted beside their whole, as xAI counts reasoning. What no part
	// explains is thinking that the provider bills as output without listing it,
	// as Gemini does.
	both := in.known && out.known
	switch beside := total - in.n - out.n; {
	case total == 0, beside < 0:
	case !in.known && out.n > 0:
		in = tokens{beside, beside > 0}
	case in.known && !out.known:
		out = tokens{beside, true}
	case !both, beside == 0:
	case beside == cache:
		in.n += cache
	case beside == cache+u.Reasoning && u.Reasoning > 0:
		in.n += cache
		out.n += u.Reasoning
	default:
		out.n += beside
	}
	if u.Input, u.Output = in.n, out.n; u.Input+u.Output == 0 {
		return nil
	}
	// Without a total, parts that do not fit into their whole are counted beside it.
	if in.known {
		if total == 0 && cache > u.Input {
			u.Input += cache
		}
		u.CacheRead = min(u.CacheRead, u.Input)
		u.CacheWrite = min(u.CacheWrite, u.Input-u.CacheRead)
		u.AudioInput = min(u.AudioInput, u.Input)
	}
	if out.known {
		if total == 0 && u.Reasoning > u.Output {
			u.Output += u.Reasoning
		}
		u.Reasoning = min(u.Reasoning, u.Output)
		u.AudioOutput = min(u.AudioOutput, u.Output)
	}
	return u
}

// cost returns what the provider says the call cost in USD, as decimal text.
func (w *wireUsage) cost() string {
	cost := amount(w.Cost)
	switch {
	case cost == "" && w.Ticks > 0:
		return (price.Money(min(w.Ticks, math.MaxInt64/tick)) * tick).String()
	case cost == "":
		return amount(w.Estimated)
	case w.OwnKey:
		fee, err := price.ParseUSD(cost)
		upstream, upErr := price.ParseUSD(amount(w.CostDetails.Upstream))
		if err == nil && upErr == nil {
			return fee.Add(upstream).String()
		}
	}
	return cost
}

// tick is xAI's unit of cost.
const tick = 100 // pico-USD

// amount reads an amount of money: a number, a text, or an object with a total.
func amount(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '{':
		var o struct {
			Total json.RawMessage `json:"total_cost"` // Perplexity
			USD   json.RawMessage `json:"usd"`        // Charm
		}
		if json.Unmarshal(raw, &o) != nil {
			return ""
		}
		for _, v := range []json.RawMessage{o.Total, o.USD} {
			if len(v) > 0 && v[0] != '{' && amount(v) != "" {
				return amount(v)
			}
		}
		return ""
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return string(raw)
	}
	return ""
}
