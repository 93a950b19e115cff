package token

import "strings"

// A dialect is what a family of models has around the texts of a prompt, in
// tokens. Nothing published gives the figures; they are those with which
// recorded calls come out as they were billed, see TestAccuracyOfPrompts.
type dialect struct {
	enc       *Encoding
	responses bool // the Responses API
	reasoner  bool
	named     bool // a name stands in place of the role, not after it

	priming   int // where the answer begins
	message   int // each message, besides its role
	assistant int // each answer in the history, more than other messages
	calling   int // each message that calls tools, more than other messages
	result    int // each result of a tool, besides the name of the tool

	chapters     int  // what is added to the system message, of either kind
	tools        int  // the chapter on tools
	format       int  // the chapter on the schema of the answer
	instructions int  // a system message that is followed by tools
	alone        int  // tools without a system message
	hidden       int  // instructions on tools that nobody wrote
	choice       int  // a tool that must be called, besides its name
	silent       bool // it is not in the prompt

	ending    int // a text that was answered, unless it was cut
	withTools int // the same, if there were tools
}

func dialectOf(enc *Encoding, model string, responses bool) dialect {
	d := dialect{enc: enc, responses: responses, priming: 3, message: 3, result: 6, choice: 4}
	routed := strings.Contains(model, "/")
	switch model = baseModel(model); {
	case hasPrefix(model, "gpt-5"):
		d.reasoner, d.silent = true, true
		d.assistant, d.calling, d.instructions, d.ending = 2, 6, 3, 4
		if !routed { // routers speak the Responses API to these models
			d.hidden = 81
		}
	case hasPrefix(model, "o4"):
		d.reasoner = true
		d.calling, d.instructions = 3, 3
	case hasPrefix(model, "o1-mini"), hasPrefix(model, "o1-preview"):
	case hasPrefix(model, "o1"), hasPrefix(model, "o3"):
		d.reasoner = true
	case strings.HasSuffix(model, "turbo-0301"):
		d.message, d.named = 4, true
	}
	if d.reasoner {
		d.priming = 2
	} else {
		d.chapters, d.tools, d.format, d.withTools = 3, -4, 1, 1
	}
	if responses {
		d.chapters, d.hidden = 0, 0
		if d.reasoner {
			d.alone = 2
		} else {
			d.result, d.ending, d.choice = 4, 1, 5
		}
		if d.instructions > 0 {
			d.instructions = 2
			d.calling -= 2
		}
	}
	return d
}
