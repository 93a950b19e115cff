package llm

// A Chunk is one piece of a streamed answer, or the whole answer of a call
// without streaming. A frame with n choices is n chunks.
type Chunk struct {
	Choice    int        // index of the choice it belongs to
	Text      string     // a piece of the answer
	Reasoning string     // visible reasoning, where the model shows it
	Refusal   string     // why the model declines
	Tool      *ToolDelta // a fragment of a tool call
	Finish    string     // why the choice ended; "" while it goes on
	Usage     *Usage     // what the call used, on the chunk that carries it
	Meta      *Meta      // facts about the response, on the chunks that bring new ones
	Hidden    bool       // for handlers only: what was asked for on their behalf

	// Every token is copied some times. In a multiple of 16 bytes that is half as
	// slow: the last two moves of a copy overlap otherwise, and the next copy waits
	// until both are in memory.
	_ [8]byte
}

// HasContent reports whether c carries output: text, reasoning, a refusal or a
// piece of a tool call. Such chunks are the tokens of a trace; role-only,
// finish and usage chunks are not.
func (c *Chunk) HasContent() bool {
	return c.Text != "" || c.Reasoning != "" || c.Refusal != "" || c.Tool != nil
}

// A ToolDelta is a fragment of a tool call. ID and Name come with the first
// fragment of an Index, Arguments in pieces.
type ToolDelta struct {
	Index     int    // of the call in the answer, from 0
	ID        string // of the call
	Name      string // of the tool
	Arguments string // a piece of the JSON
}

// Meta is what a provider says about a response besides its content.
type Meta struct {
	ID                string // of the response
	Model             string // the model that answered, often not the one asked
	ServiceTier       string // that served the call, often not the one asked
	SystemFingerprint string // changes when what serves the model does
	Cost              string // USD as decimal text, where the provider reports it
}

// Merge takes over the fields of o that are set.
func (m *Meta) Merge(o *Meta) {
	set := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	set(&m.ID, o.ID)
	set(&m.Model, o.Model)
	set(&m.ServiceTier, o.ServiceTier)
	set(&m.SystemFingerprint, o.SystemFingerprint)
	set(&m.Cost, o.Cost)
}

// A Response is a whole answer, or what had arrived of it when the call ended.
type Response struct {
	Meta
	Choices []Choice // one, unless the request asked for more
	Usage   *Usage   // as reported by the provider; nil if it said nothing
}

// A Choice is one of the answers of a [Response].
type Choice struct {
	Text      string
	Reasoning string     // visible reasoning, where the model shows it
	Refusal   string     // why the model declines
	ToolCalls []ToolCall // what the model asks to be run
	Finish    string     // "stop", "length", "tool_calls", ...; "" if it never came
}

// Text returns the text of the first choice.
func (r *Response) Text() string {
	if r == nil || len(r.Choices) == 0 {
		return ""
	}
	return r.Choices[0].Text
}

// Message returns the first choice as an assistant message, ready to be sent
// back as history.
func (r *Response) Message() Message {
	if r == nil || len(r.Choices) == 0 {
		return Assistant("")
	}
	c := r.Choices[0]
	m := Message{Role: RoleAssistant, ToolCalls: c.ToolCalls}
	if c.Text != "" || len(c.ToolCalls) == 0 {
		m.Parts = []Part{{Text: c.Text}}
	}
	return m
}
