package openai

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// wireUsage is the union of the usage objects that providers send.
type wireUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	PromptDetails    struct {
		Cached     int `json:"cached_tokens"`
		CacheWrite int `json:"cache_write_tokens"` // OpenAI from GPT-5.6 on, OpenRouter
		Creation   int `json:"cache_creation_tokens"`
		Audio      int `json:"audio_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
		Audio     int `json:"audio_tokens"`
		Accepted  int `json:"accepted_prediction_tokens"`
		Rejected  int `json:"rejected_prediction_tokens"`
	} `json:"completion_tokens_details"`

	CacheHit    int `json:"prompt_cache_hit_tokens"`     // DeepSeek
	Cached      int `json:"cached_tokens"`               // Together, Moonshot
	CacheWrites int `json:"cache_creation_input_tokens"` // Anthropic's dialect
	CacheReads  int `json:"cache_read_input_tokens"`

	Cost        json.RawMessage `json:"cost"`              // OpenRouter, Vercel: a number; Perplexity, Charm: an object
	Ticks       int64           `json:"cost_in_usd_ticks"` // xAI: 1e-10 USD each
	Estimated   json.RawMessage `json:"estimated_cost"`    // DeepInfra, also through Hugging Face
	OwnKey      bool            `json:"is_byok"`           // OpenRouter: Cost is its fee alone
	CostDetails struct {
		Upstream json.RawMessage `json:"upstream_inference_cost"`
	} `json:"cost_details"`
}

// read decodes raw and reports whether it could.
func (w *wireUsage) read(raw []byte) bool {
	err := json.Unmarshal(raw, w)
	// One odd field must not cost the others: the decoder fills in what fits and
	// goes on.
	var odd *json.UnmarshalTypeError
	return err == nil || errors.As(err, &odd)
}

func (w *wireUsage) usage() llm.Usage {
	d, c := &w.PromptDetails, &w.CompletionDetails
	u := llm.Usage{
		Input:              max(w.PromptTokens, 0),
		Output:             max(w.CompletionTokens, 0),
		CacheRead:          max(d.Cached, w.CacheHit, w.Cached, w.CacheReads, 0),
		CacheWrite:         max(d.CacheWrite, d.Creation, w.CacheWrites, 0),
		Reasoning:          max(c.Reasoning, 0),
		AudioInput:         max(d.Audio, 0),
		AudioOutput:        max(c.Audio, 0),
		AcceptedPrediction: max(c.Accepted, 0),
		RejectedPrediction: max(c.Rejected, 0),
	}
	cache := u.CacheRead + u.CacheWrite
	if w.TotalTokens <= 0 {
		// Parts that do not fit into their whole are counted beside it.
		if cache > u.Input {
			u.Input += cache
		}
		if u.Reasoning > u.Output {
			u.Output += u.Reasoning
		}
		return u
	}
	// The total tells whether parts are counted beside their whole, as xAI
	// counts reasoning. What no part explains is thinking that the provider bills
	// as output without listing it, as Gemini does.
	switch beside := w.TotalTokens - u.Input - u.Output; {
	case beside <= 0:
	case beside == cache:
		u.Input += cache
	case beside == cache+u.Reasoning && u.Reasoning > 0:
		u.Input += cache
		u.Output += u.Reasoning
	default:
		u.Output += beside
	}
	u.CacheRead = min(u.CacheRead, u.Input)
	u.CacheWrite = min(u.CacheWrite, u.Input-u.CacheRead)
	u.Reasoning = min(u.Reasoning, u.Output)
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
