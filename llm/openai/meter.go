package openai

import (
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/token"
)

// meterOf returns the meter of a call. known says whether its prompt is all there.
func meterOf(model, api string, known bool) llm.Meter {
	if !known {
		return unmetered{}
	}
	return token.Meter{Model: model, API: api}
}

// unmetered is the meter of a call of which nothing can be counted. What is
// missing in a provider's report stays unknown then.
type unmetered struct{}

// Estimate implements [llm.Meter].
func (unmetered) Estimate(*llm.Request, *llm.Response) (u llm.Usage, ok bool) { return u, false }

// Split implements [llm.Meter].
func (unmetered) Split(*llm.Request) (m llm.Makeup, ok bool) { return m, false }
