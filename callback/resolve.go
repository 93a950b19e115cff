package callback

import (
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// resolve settles what the run used and cost, and adds it to every sum.
func (a *Active) resolve(res *Result) {
	var own Total
	if a.info.Kind.billed() {
		// A model that is made of models (a router, a fallback) has used
		// nothing itself: its parts have said what they used. One that embeds
		// its prompt or has it checked first is no such model.
		if a.sum.has(a.info.Kind) {
			res.Usage, res.UsageSource = nil, llm.UsageAbsent
		} else {
			a.resolveUsage(res)
			a.resolveCost(res)
			own = a.ownTotal(res)
		}
	}
	name := modelName(a.info, answerOf(res))
	if a.sum.outer != nil {
		a.sum.outer.add(&own, name)
	}
	res.Total = a.sum.snapshot()
	res.Total.add(&own)
}

// resolveUsage takes the first that is there: what the run's owner measured,
// what the provider reported, what the meter counts. A call that failed before
// anything came back is not billed, so it is not counted either.
func (a *Active) resolveUsage(res *Result) {
	resp := answerOf(res)
	switch {
	case res.Usage != nil:
		if res.UsageSource == llm.UsageAbsent {
			res.UsageSource = llm.UsageReported
		}
	case resp != nil && resp.Usage != nil:
		a.reported(res, resp)
	default:
		a.estimate(res)
	}
	if res.Usage == nil || a.info.Meter == nil {
		return
	}
	req, ok := a.info.Input.(*llm.Request)
	if !ok || req == nil {
		return
	}
	if m, ok := splitContained(a.info.Meter, req); ok {
		res.Makeup = billed(m, res.Usage.Input)
	}
}

// reported takes what the provider reported. A prompt has tokens, and so has an
// answer with something in it: a side that is zero was not reported, and the
// meter counts it. Where the meter cannot tell, nothing is known; where there is
// none, the model's word counts.
func (a *Active) reported(res *Result, resp *llm.Response) {
	noInput, noOutput := resp.Usage.Input <= 0, resp.Usage.Output <= 0 && answers(resp)
	req, ok := a.info.Input.(*llm.Request)
	if !noInput && !noOutput || a.info.Meter == nil || !ok || req == nil {
		res.Usage, res.UsageSource = resp.Usage, llm.UsageReported
		return
	}
	count, ok := estimateContained(a.info.Meter, req, resp)
	if !ok || noInput && count.Input <= 0 || noOutput && count.Output <= 0 {
		return
	}
	u := *resp.Usage // the consumer may have it
	if noInput {
		u.Input = max(count.Input, u.CacheRead+u.CacheWrite, u.AudioInput)
	}
	if noOutput {
		u.Output = max(count.Output, u.Reasoning, u.AudioOutput)
		u.Reasoning = max(u.Reasoning, count.Reasoning)
	}
	res.Usage, res.UsageSource = &u, llm.UsageEstimated
}

// answers reports whether there is something in a response.
func answers(resp *llm.Response) bool {
	for i := range resp.Choices {
		c := &resp.Choices[i]
		if c.Text != "" || c.Reasoning != "" || c.Refusal != "" || len(c.ToolCalls) > 0 {
			return true
		}
	}
	return false
}

func (a *Active) estimate(res *Result) {
	var u llm.Usage
	var ok bool
	switch req := a.info.Input.(type) {
	case *llm.EmbedRequest:
		u, ok = a.estimateEmbed(req, res)
	case *llm.Request:
		if req == nil || a.info.Meter == nil || res.Err != nil && a.count == 0 {
			return
		}
		resp := res.Response
		if resp == nil {
			resp = new(llm.Response)
		}
		u, ok = estimateContained(a.info.Meter, req, resp)
		// Of an answer in which there is nothing to count, as it is sound, a picture or
		// yet to come, it is not known what it took; of one that nobody waited for, that
		// nothing came.
		ok = ok && u.Input > 0 && (u.Output > 0 || res.Stopped)
	}
	if ok {
		res.Usage, res.UsageSource = &u, llm.UsageEstimated
	}
}

// resolveCost takes the provider's own figure, else the book's price for the
// model that answered, else for the model that was asked.
func (a *Active) resolveCost(res *Result) {
	resp := answerOf(res)
	if resp != nil && resp.Cost != "" {
		if m, err := price.ParseUSD(resp.Cost); err == nil && m >= 0 {
			res.Cost, res.Priced, res.CostReported = m, true, true
			return
		}
	}
	if res.Usage == nil {
		return
	}
	book := a.info.Prices
	if book == nil {
		book = price.Default()
	}
	q := price.Query{Provider: a.info.Endpoint.Provider, Usage: *res.Usage, At: a.info.Started}
	asked := a.info.Model()
	if resp != nil {
		q.ServiceTier = resp.ServiceTier
		q.Model = resp.Model
	}
	if q.Model == "" {
		q.Model = asked
	}
	c, ok := book.Cost(q)
	if !ok && asked != "" && asked != q.Model {
		q.Model = asked
		c, ok = book.Cost(q)
	}
	if ok {
		res.Cost, res.Priced = c.Total, true
	}
}

func (a *Active) ownTotal(res *Result) Total {
	if a.notMade(res) {
		return Total{Refused: 1}
	}
	t := Total{Calls: 1, Cost: res.Cost, Makeup: res.Makeup}
	if res.Usage != nil {
		t.Usage = *res.Usage
		if !res.Priced {
			t.Unpriced = 1
		}
	}
	if res.UsageSource == llm.UsageEstimated {
		t.Estimated = 1
	}
	if res.Err != nil {
		t.Failed = 1
	}
	return t
}
