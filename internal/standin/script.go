package standin

import (
	"time"
)

// A Script is an answer as steps, played in order. A script that ends, ends
// the response cleanly. The nil script plays the ordinary answer.
type Script []Step

// A Step does what its fields say, in the order in which they stand here.
type Step struct {
	Wait time.Duration // counted from when the step before was due

	Status int // sends the response head, with Header
	Header map[string]string

	// Skip leaves out, and then Play plays, the ordinary answer from where it
	// stands up to and including its N-th piece of this part, by default the last
	// one. A part that does not come any more is nothing to play.
	Skip Part
	Play Part
	N    int

	Frame string // sent as one server-sent event: "data: " + Frame
	Raw   string // sent as it is
	Bytes []byte // sent as it is, for what is no text

	Times int // how often all of the above is done: 0 is once, -1 until the client gives up
	End   End // how the response ends; nothing after it is played

	part    Part // what an ordinary step is
	reports bool // the usage goes out with it
}

// A Part names the pieces of an ordinary answer, in the order in which they
// come.
type Part string

// The parts of an ordinary answer. A stream has all but PartBody, an answer in
// one piece has PartHead and PartBody.
const (
	PartHead    Part = "head"    // status and headers
	PartRole    Part = "role"    // per choice, the frame that names the role
	PartContent Part = "content" // frames of text, reasoning, refusal and tool calls
	PartFinish  Part = "finish"  // per choice, the frame with its finish reason
	PartUsage   Part = "usage"   // the frame with the usage, if asked for
	PartDone    Part = "done"    // [DONE]
	PartBody    Part = "body"
	PartAll     Part = "all" // all that is left
)

// An End is a way for a response to end other than cleanly.
type End string

// The ends of a response. What was sent just before a reset may be lost with
// it on systems other than Linux.
const (
	EndStall End = "stall" // says no more, until the client gives up
	EndAbort End = "abort" // closes the connection in the middle of the body
	EndReset End = "reset" // resets the TCP connection
)

// A Scenario is a course of events for the requests of a test, as data.
type Scenario struct {
	Name  string
	About string // what it imitates

	// Responses holds the script for each request; the last one serves all later
	// requests too.
	Responses []Script

	expected *expectations // if the scenario's own entry says what they are
}

// Script returns the script for r. It fits [API.Script].
func (s Scenario) Script(r *Request) Script {
	if len(s.Responses) == 0 {
		return nil
	}
	return s.Responses[min(r.Index, len(s.Responses)-1)]
}

// take cuts from rest the steps up to and including the n-th of a part, the
// last one if n is 0.
func take(rest Script, part Part, n int) (taken, left Script) {
	if part == PartAll {
		return rest, nil
	}
	end, seen := 0, 0
	for i, s := range rest {
		if s.part == part {
			end, seen = i+1, seen+1
			if seen == n {
				break
			}
		}
	}
	return rest[:end], rest[end:]
}
