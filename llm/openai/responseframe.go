package openai

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A responseFrame is one event of a stream of the responses API, or the body of
// a response without streaming.
type responseFrame struct {
	whole    bool
	failure  error // the API's, of this frame
	ended    bool  // the response is complete, incomplete or failed
	out      []llm.Chunk
	meta     llm.Meta
	tools    bool    // the answer calls tools
	later    bool    // the answer is made in the background
	media    bool    // some of the answer is sound, pictures, or else what no chunk holds
	said     bool    // some of the answer has come
	came     indices // of the outputs of which some has
	streamed indices // of those, the ones of which more came than whole parts
	begun    indices // of the outputs that are calls, which have been announced
	head     eventHead
}

// An eventHead is what go-openai's value of an event has, but for whole objects
// and texts, which only few events of a response hold and which are odd.
type eventHead struct {
	kind, item, delta                  string
	sequence, output, content, summary int
	logprobs, padding                  []byte
	odd                                bool // as the scanner says
}

// decode reads one event, or the whole response.
func (f *responseFrame) decode(raw []byte) error {
	f.out, f.failure = f.out[:0], nil
	var (
		item, resp, cause, all []byte
	)
	if f.whole {
		if blank(raw) {
			return llm.ErrEmpty
		}
		if !json.Valid(raw) {
			return malformed(raw, errSyntax)
		}
		f.response(raw)
		return nil
	}
	e := &f.head
	lastKind, lastItem := e.kind, e.item
	*e = eventHead{}
	s := scanner{b: raw}
	var seen keys
	for s.object(); s.key(); {
		switch string(s.name) {
		case "type":
			s.once(&seen, 1)
			e.kind = s.known(lastKind)
		case "sequence_number":
			s.once(&seen, 2)
			e.sequence = s.count()
		case "item_id":
			s.once(&seen, 4)
			e.item = s.label(lastItem)
		case "output_index":
			s.once(&seen, 8)
			e.output = s.int()
		case "content_index":
			s.once(&seen, 16)
			e.content = s.count()
		case "summary_index":
			s.once(&seen, 32)
			e.summary = s.count()
		case "delta":
			s.once(&seen, 64)
			e.delta = s.label("") // which some kinds have as an object
		case "logprobs":
			s.once(&seen, 128)
			e.logprobs = s.value()
		case "obfuscation":
			s.once(&seen, 256)
			e.padding = s.letters()
		case "item":
			item = s.pass()
		case "response":
			resp = s.pass()
		case "error":
			cause = s.pass()
		case "text", "arguments":
			all = s.pass()
		case "refusal", "input":
			all = s.value()
		case "part", "annotation", "partial_image_b64", "partial_image_index", "param", "code", "message":
			s.pass()
		default:
			s.other()
		}
	}
	s.end()
	if s.err != nil {
		return malformed(raw, s.err)
	}
	e.odd = s.odd
	kind, delta := e.kind, e.delta
	// Some servers send no deltas of an output, but each of its parts when it is done.
	if part, done := strings.CutSuffix(kind, ".done"); !done {
		if delta != "" {
			f.streamed.add(e.output)
		}
	} else if all != nil && !f.streamed.has(e.output) && json.Unmarshal(all, &delta) == nil {
		kind = part + ".delta"
	}
	switch kind {
	case "response.output_text.delta":
		f.part(llm.Chunk{Text: delta})
	case "response.refusal.delta":
		f.part(llm.Chunk{Refusal: delta})
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
		f.part(llm.Chunk{Reasoning: delta})
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		f.call(llm.ToolDelta{Index: e.output, Arguments: delta})
		if delta != "" {
			f.came.add(e.output)
		}
	case "response.image_generation_call.partial_image":
		f.media = true
	case "response.output_item.added":
		var it responseItem
		if json.Unmarshal(item, &it) == nil && it.call() {
			f.call(llm.ToolDelta{Index: e.output, ID: it.CallID, Name: it.Name})
			f.begun.add(e.output)
		}
	case "response.output_item.done":
		var it responseItem
		if !f.came.has(e.output) && item != nil && readItem(item, &it) && !(it.call() && it.Arguments+it.Input == "" && f.begun.has(e.output)) {
			f.item(e.output, &it)
		}
	case "response.created", "response.in_progress", "response.queued":
		f.facts(resp)
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
		f.finish(resp, e.kind[len("response."):])
	case "error":
		if f.ended = true; said(cause) {
			f.failure = frameError(cause)
		} else {
			f.failure = ownError(raw)
		}
	default:
		if strings.HasPrefix(e.kind, "response.") {
			// Sound, code, calls of the provider's own tools.
			f.media = f.media || e.delta != "" && strings.HasSuffix(e.kind, ".delta")
		} else if f.failure = errorBody(raw); f.failure != nil { // in the form of the other APIs
			f.ended = true
		}
	}
	return nil
}

// part hands out a part of the output that the event is about.
func (f *responseFrame) part(c llm.Chunk) {
	if f.text(c); c.HasContent() {
		f.came.add(f.head.output)
	}
}

func (f *responseFrame) text(c llm.Chunk) {
	if c.HasContent() {
		f.said = true
		f.out = append(f.out, c)
	}
}

func (f *responseFrame) call(d llm.ToolDelta) {
	f.tools = true
	f.out = append(f.out, llm.Chunk{Tool: &d})
}

// A responseObject is what the API says of a response as a whole.
type responseObject struct {
	ID      string            `json:"id"`
	Model   string            `json:"model"`
	Tier    string            `json:"service_tier"`
	Status  string            `json:"status"`
	Error   json.RawMessage   `json:"error"`
	Output  []json.RawMessage `json:"output"`
	Details struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Usage *wireUsage `json:"usage"`
}

// object reads what fits; a response may hold fields of any kind.
func object(raw []byte) (o responseObject) {
	if err := json.Unmarshal(raw, &o); err != nil && !mistyped(err) {
		return responseObject{}
	}
	return o
}

// facts hands out what is known of the response, where it is new.
func (f *responseFrame) facts(raw []byte) {
	o := object(raw)
	meta := llm.Meta{ID: o.ID, Model: o.Model, ServiceTier: o.Tier}
	if o.Usage != nil {
		meta.Cost = o.Usage.cost()
	}
	if meta != f.meta {
		f.meta = meta
		f.out = append(f.out, llm.Chunk{Meta: &meta})
	}
}

// response reads a whole response.
func (f *responseFrame) response(raw []byte) {
	f.items(raw)
	f.finish(raw, "")
}

// finish hands out how the response ended and what it used. status counts where
// the response has none of its own.
func (f *responseFrame) finish(raw []byte, status string) {
	f.ended = true
	f.facts(raw)
	if !f.whole && !f.said && !f.tools {
		f.items(raw) // which have not come before
	}
	o := object(raw)
	c := llm.Chunk{Finish: "stop"}
	switch status = cmp.Or(o.Status, status); {
	case status == "incomplete":
		switch c.Finish = o.Details.Reason; c.Finish {
		case "max_output_tokens", "":
			c.Finish = "length"
		}
	case said(o.Error): // also in place of a response
		c.Finish, f.failure = "", frameError(o.Error)
	case status == "failed" || status == "cancelled":
		c.Finish, f.failure = "", &llm.Error{Code: status, Message: "the response was " + status}
	case status == "queued" || status == "in_progress":
		c.Finish, f.later = "", true // it goes on in the background
	case status == "" && len(o.Output) == 0:
		c.Finish, f.failure = "", errorBody(raw) // it is no response
	case f.tools:
		c.Finish = "tool_calls"
	}
	if o.Usage != nil {
		c.Usage = o.Usage.usage()
	}
	if f.media && c.Usage != nil && c.Usage.Output == 0 {
		c.Usage = nil // nobody could count it instead
	}
	if c.Finish != "" || c.Usage != nil {
		f.out = append(f.out, c)
	}
}

// loose returns the next value if it is a string, and passes over others.
func (s *scanner) loose() string {
	if s.peek() == '"' {
		return s.string()
	}
	s.skip()
	return ""
}
