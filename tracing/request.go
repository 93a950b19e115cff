package tracing

import (
	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// describeRequest adds what a model is asked for, content aside.
func describeRequest(a *attrs, c *config, info *callback.Info, o owner) {
	switch r := info.Input.(type) {
	case *llm.Request:
		if r == nil {
			return
		}
		describeChat(a, c, r, info.Endpoint.Provider)
		if o.session == "" { // the program's own word goes first
			a.str(keyConversation, r.ConversationID)
		}
	case *llm.EmbedRequest:
		if r == nil {
			return
		}
		a.positive(keyInputs, len(r.Inputs)) // unknown where they are no texts
		a.positive(keyDimensions, r.Dimensions)
		if r.EncodingFormat != "" {
			a.strs(keyEncodings, []string{r.EncodingFormat}, maxWord)
		}
	}
}

func describeChat(a *attrs, c *config, r *llm.Request, provider string) {
	if r.Stream {
		a.add(keyStream.Bool(true))
	}
	a.positive(keyMaxTokens, r.MaxTokens)
	a.float(keyTemperature, r.Temperature)
	a.float(keyTopP, r.TopP)
	a.float(keyFrequencyPenalty, r.FrequencyPenalty)
	a.float(keyPresencePenalty, r.PresencePenalty)
	if r.Seed != nil {
		a.int(keySeed, *r.Seed)
	}
	a.strs(keyStop, c.stops(r.Stop), maxWord)
	if r.Choices > 1 {
		a.int(keyChoices, r.Choices)
	}
	if r.Format != nil {
		a.str(keyOutputType, "json")
	} else {
		a.str(keyOutputType, r.OutputType)
	}
	a.str(keyPrevious, r.PreviousResponseID)
	if openAI(provider) && r.ServiceTier != "auto" {
		a.str(keyRequestTier, r.ServiceTier)
	}
}

// maxStops bounds how many stop sequences a span shows. APIs take four or so.
const maxStops = 16

// stops returns the stop sequences of a request as they may be recorded: they
// are settings, which spans show whatever is captured, and words of the
// program's all the same.
func (c *config) stops(sequences []string) []string {
	if len(sequences) == 0 {
		return nil
	}
	out := make([]string, min(len(sequences), maxStops))
	for i := range out {
		if c.hash != nil {
			out[i] = c.hash.sum(sequences[i])
			continue
		}
		out[i] = cut(c.scrub(sequences[i]), maxWord)
	}
	return out
}
