package callback

import (
	"time"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// Result tells how a run ended. Whoever ran it fills in the first block; the
// second is resolved once, when the run ends, so that a span, a log line and a
// counter cannot disagree.
type Result struct {
	Output   any           // of a step, tool or retriever
	Response *llm.Response // of a model run: what had arrived, also on failure
	Usage    *llm.Usage    // of the run itself; nil if it is not known
	Err      error         // why the run failed; nil if it did not
	Stopped  bool          // the consumer broke off, which is no failure

	UsageSource  llm.UsageSource // whether Usage was reported or counted here
	Makeup       llm.Makeup      // where the tokens of Usage.Input came from, which they add up to; all zero if not known
	Cost         price.Money     // of the run itself
	Priced       bool            // whether Cost is known
	CostReported bool            // whether Cost is the provider's own figure
	Total        Total           // of the run and all its descendants that have ended
	Ended        time.Time       // when the run ended; Info.Started is when it began
	FirstToken   time.Duration   // from the start to the first chunk with content; 0 if none came
	Tokens       int             // chunks with content
}

// A Total sums up runs. Only calls of models use tokens and money, those that
// embed texts or make media included.
type Total struct {
	Usage     llm.Usage   // of calls that failed or were stopped too
	Makeup    llm.Makeup  // where the tokens of Usage.Input came from, of the calls that tell
	Cost      price.Money // of the calls whose price is known, see Unpriced
	Calls     int         // calls of models that have ended
	Failed    int         // of Calls, those with an error
	Refused   int         // calls that a Budget refused before anything was sent; not among Calls
	Estimated int         // of Calls, those whose usage was counted here
	Unpriced  int         // of Calls, those with usage but no known price
	Open      int         // runs below that have not ended
}

func (t *Total) add(o *Total) {
	t.Usage.Add(&o.Usage)
	t.Makeup.Add(&o.Makeup)
	t.Cost = t.Cost.Add(o.Cost)
	t.Calls += o.Calls
	t.Failed += o.Failed
	t.Refused += o.Refused
	t.Estimated += o.Estimated
	t.Unpriced += o.Unpriced
}
