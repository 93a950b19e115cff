package callback

import (
	"math"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// A demand is what a call is going to use at least, as far as one can tell
// before it is made.
type demand struct {
	need     Spend
	input    int         // tokens of the prompt
	output   int         // tokens of the answer
	prompt   price.Money // what the prompt costs
	rate     price.Money // what a token of the answer costs
	priced   bool
	unpriced string // the model, if it has no price and is a provider's
}

const (
	maxPrompt  = 1 << 30 // so that a faulty meter cannot make sums overflow
	maxAnswer  = 1 << 24 // a larger MaxTokens is as good as none
	maxChoices = 128
)

// demand estimates the run.
func (a *Active) demand() demand {
	d := demand{input: a.promptTokens(), output: a.answerTokens()}
	d.prompt, d.rate, d.priced = a.rates(d.input)
	if !d.priced && a.info.Endpoint != (llm.Endpoint{}) {
		d.unpriced = nameOf(a.info)
	}
	d.need = Spend{Tokens: d.input + d.output, Cost: d.prompt.Add(times(d.rate, d.output)), Calls: 1}
	return d
}

// promptTokens counts the prompt, with the meter if there is one.
func (a *Active) promptTokens() int {
	n := 0
	switch in := a.info.Input.(type) {
	case *llm.Request:
		if in == nil {
			break
		}
		if a.info.Meter != nil {
			if m, ok := splitContained(a.info.Meter, in); ok {
				return min(max(m.Total(), 0), maxPrompt)
			}
		}
		n = weighRequest(in)
	case *llm.EmbedRequest:
		if in == nil {
			break
		}
		if m, ok := a.info.Meter.(llm.EmbedMeter); ok {
			if u, ok := estimateEmbedContained(m, in); ok {
				return min(max(u.Input, 0), maxPrompt)
			}
		}
		for _, s := range in.Inputs {
			n += weigh(s)
		}
	case string:
		n = weigh(in)
	}
	return min((n+weightOfToken-1)/weightOfToken, maxPrompt)
}

// weightOfToken is what a token weighs: four bytes of ASCII or three of others.
// On the flower shop's dialogue, in English and in Chinese, that is within a
// tenth of gpt-4o's tokens.
const weightOfToken = 12

// weigh estimates a text without a tokenizer.
func weigh(s string) int {
	n := 3 * len(s)
	for i := range len(s) {
		n += int(s[i] >> 7)
	}
	return n
}

func weighRequest(r *llm.Request) int {
	n := 0
	for i := range r.Messages {
		m := &r.Messages[i]
		for _, p := range m.Parts {
			n += weigh(p.Text)
		}
		for _, c := range m.ToolCalls {
			n += weigh(c.Name) + weigh(c.Arguments)
		}
	}
	for i := range r.Tools {
		t := &r.Tools[i]
		n += weigh(t.Name) + weigh(t.Description) + weigh(string(t.Parameters))
	}
	if r.Format != nil {
		n += weigh(string(r.Format.Schema))
	}
	return n
}

// answerTokens returns the room that an answer needs: one token, or all that it
// may come to if it cannot be cut off.
func (a *Active) answerTokens() int {
	if a.info.Kind != KindLLM {
		return 0
	}
	req, ok := a.info.Input.(*llm.Request)
	if !ok || req == nil || req.Stream || req.MaxTokens <= 0 || req.MaxTokens > maxAnswer {
		return 1
	}
	return req.MaxTokens * min(max(req.Choices, 1), maxChoices)
}

// rates returns what the prompt costs and what each token of the answer adds.
func (a *Active) rates(input int) (prompt, token price.Money, ok bool) {
	prompt, ok = a.price(llm.Usage{Input: input})
	switch a.info.Kind {
	case KindLLM:
		if ok {
			token, ok = a.price(llm.Usage{Input: input, Output: 1})
			token -= prompt
		}
	case KindEmbedding:
	default: // may be billed by other things than tokens
		if !ok {
			prompt, ok = a.price(llm.Usage{})
		}
	}
	if !ok {
		return 0, 0, false
	}
	return prompt, token, true
}

// price returns what u costs at the model that is asked.
func (a *Active) price(u llm.Usage) (price.Money, bool) {
	q := price.Query{Provider: a.info.Endpoint.Provider, Model: a.info.Model(), Usage: u, At: a.info.Started}
	if req, ok := a.info.Input.(*llm.Request); ok && req != nil {
		q.ServiceTier = req.ServiceTier
	}
	c, ok := a.info.book().Cost(q)
	if !ok && q.ServiceTier != "" {
		q.ServiceTier = "" // the response will say what it was
		c, ok = a.info.book().Cost(q)
	}
	return c.Total, ok
}

// book returns the prices that hold for the run.
func (i *Info) book() *price.Book {
	if i.Prices != nil {
		return i.Prices
	}
	return price.Default()
}

// nameOf names the model of a run for people.
func nameOf(i *Info) string {
	name := i.Model()
	if name == "" {
		name = "a model without a name"
	}
	if i.Endpoint.Provider != "" {
		name += " at " + i.Endpoint.Provider
	}
	return name
}

// times returns n times m, at most the largest amount there is.
func times(m price.Money, n int) price.Money {
	if n > 0 && m > math.MaxInt64/price.Money(n) {
		return math.MaxInt64
	}
	return m * price.Money(n)
}
