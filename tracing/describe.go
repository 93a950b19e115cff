package tracing

import (
	"errors"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
)

func (r *run) describeResponse(a *attrs, res *callback.Result) {
	resp := res.Response
	if resp == nil {
		return
	}
	a.str(keyResponseID, resp.ID)
	a.str(keyResponseModel, resp.Model)
	if openAI(r.info.Endpoint.Provider) {
		a.str(keyResponseTier, resp.ServiceTier)
		a.str(keyFingerprint, resp.SystemFingerprint)
	}
	reasons := finishReasons(resp, res.Err != nil || res.Stopped)
	if len(resp.Choices) == 0 && errors.Is(res.Err, llm.ErrTruncated) {
		reasons = []string{"error"} // of sound, or of what else no choice holds
	}
	a.strs(keyFinishReasons, reasons, maxWord)
}

// finishReasons returns one reason per choice. Where one was due and never
// came, it is "error".
func finishReasons(resp *llm.Response, broken bool) []string {
	reasons := make([]string, len(resp.Choices))
	known := false
	for i := range resp.Choices {
		reasons[i] = resp.Choices[i].Finish
		if reasons[i] == "" {
			reasons[i] = "error"
		} else {
			known = true
		}
	}
	if !known && !broken {
		return nil // a model that does not give reasons
	}
	return reasons
}

func describeUsage(a *attrs, op string, res *callback.Result) {
	defer describeCost(a, op, res)
	u := res.Usage
	if u == nil {
		return
	}
	if tokens(op, u) {
		a.int(keyInputTokens, u.Input)
		if op != opEmbeddings {
			a.int(keyOutputTokens, u.Output)
		}
	}
	a.positive(keyCacheRead, u.CacheRead)
	a.positive(keyCacheWrite, u.CacheWrite)
	a.positive(keyReasoning, u.Reasoning)
	a.positive(keyAudioInput, u.AudioInput)
	a.positive(keyImageInput, u.ImageInput)
	a.positive(keyAudioOutput, u.AudioOutput)
	a.positive(keyAccepted, u.AcceptedPrediction)
	a.positive(keyRejected, u.RejectedPrediction)
	a.positive(keyImages, u.Images)
	if res.UsageSource == llm.UsageEstimated {
		a.str(keyUsageSource, string(res.UsageSource))
	}
	describeMakeup(a, prefixPrompt, &res.Makeup)
}

// tokens reports whether u counts tokens: images and audio may be billed by
// other things.
func tokens(op string, u *llm.Usage) bool {
	return op != opGenerate || u.Total() > 0
}

func describeCost(a *attrs, op string, res *callback.Result) {
	switch {
	case res.Priced:
		a.add(keyCost.Float64(res.Cost.USD()))
		if res.CostReported {
			a.str(keyCostSource, "provider")
		}
	case res.Usage != nil, op == opGenerate && res.Err == nil && !res.Stopped:
		a.add(keyUnpriced.Bool(true)) // sound is billed by its length, which nothing reports
	}
}

// Keys of the prompt's make-up, made once.
var makeupKeys = func() map[string][]attribute.Key {
	m := map[string][]attribute.Key{}
	for _, prefix := range []string{prefixPrompt, prefixTotalPrompt} {
		for _, s := range llm.Sources() {
			m[prefix] = append(m[prefix], attribute.Key(prefix+s.String()+suffixTokens))
		}
	}
	return m
}()

func describeMakeup(a *attrs, prefix string, m *llm.Makeup) {
	for i, s := range llm.Sources() {
		a.positive(makeupKeys[prefix][i], m[s])
	}
}

func (r *run) describeStream(a *attrs, res *callback.Result, logs []*tokenLog) {
	req, ok := r.info.Input.(*llm.Request)
	if !ok || req == nil || !req.Stream || res.FirstToken <= 0 {
		return
	}
	a.add(keyFirstChunk.Float64(res.FirstToken.Seconds()))
	a.int(keyChunks, res.Tokens)
	spread, stall := pace(logs)
	if res.Tokens > 1 {
		a.add(keyLongestStall.Float64(stall.Seconds()))
	}
	if res.Usage == nil {
		return
	}
	if n := res.Usage.Output - hiddenReasoning(res); n > 1 && spread > 0 {
		a.add(keyTokensSecond.Float64(float64(n-1) / spread.Seconds()))
	}
}

// hiddenReasoning returns the reasoning tokens that were used but not streamed.
func hiddenReasoning(res *callback.Result) int {
	if res.Response != nil {
		for i := range res.Response.Choices {
			if res.Response.Choices[i].Reasoning != "" {
				return 0
			}
		}
	}
	return res.Usage.Reasoning
}

func describeTotal(a *attrs, t *callback.Total) {
	a.int(keyTotalCalls, t.Calls)
	a.int(keyTotalInput, t.Usage.Input)
	a.int(keyTotalOutput, t.Usage.Output)
	a.positive(keyTotalCached, t.Usage.CacheRead)
	a.positive(keyTotalReason, t.Usage.Reasoning)
	if t.Unpriced < t.Calls || t.Calls == 0 {
		a.add(keyTotalCost.Float64(t.Cost.USD()))
	}
	a.positive(keyTotalFailed, t.Failed)
	a.positive(keyTotalRefused, t.Refused)
	a.positive(keyTotalEstimate, t.Estimated)
	a.positive(keyTotalUnpriced, t.Unpriced)
	a.positive(keyTotalOpen, t.Open)
	describeMakeup(a, prefixTotalPrompt, &t.Makeup)
}
