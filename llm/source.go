package llm

// A Source says where a part of a prompt comes from, so that a trace can tell
// what the prompt tokens were spent on.
type Source uint8

// The sources of prompt tokens. SourceOverhead is what the provider adds around
// the parts: role names and separators.
const (
	SourceAuto Source = iota // not said: derived, see [Request.SourceOf]
	SourceSystem
	SourceTemplate
	SourceHistory
	SourceSummary
	SourceRetrieved
	SourceTools // tool definitions, calls and results
	SourceInput
	SourceOverhead
	numSources
)

var sourceNames = [numSources]string{
	"auto", "system", "template", "history", "summary", "retrieved", "tools", "input", "overhead",
}

// String returns the lower-case name of s, as span attributes use it.
func (s Source) String() string {
	if s >= numSources {
		return "unknown"
	}
	return sourceNames[s]
}

// Sources returns every source that can hold tokens, in the order in which a
// report shows them.
func Sources() []Source {
	return []Source{SourceSystem, SourceTemplate, SourceHistory, SourceSummary,
		SourceRetrieved, SourceTools, SourceInput, SourceOverhead}
}

// A Makeup is the number of prompt tokens from each [Source]. Index it by Source.
type Makeup [numSources]int

// Add adds o to m, source by source.
func (m *Makeup) Add(o *Makeup) {
	for i, n := range o {
		m[i] += n
	}
}

// Total returns the tokens of all sources.
func (m Makeup) Total() int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// SourceOf returns the source of part p of message i. A part that names its
// source keeps it. Otherwise the role and the position decide: system and
// developer messages are SourceSystem, tool messages and assistant messages
// that call tools are SourceTools, the user messages after the last assistant
// message are SourceInput, and what lies before is SourceHistory.
//
// It may look at all messages. Who asks for many parts takes [Request.Sourcer].
func (r *Request) SourceOf(i int, p Part) Source { return r.Sourcer()(i, p) }

// Sourcer returns a function that does what SourceOf does and has looked through
// the messages already, so that asking it of every part of a long conversation
// takes time in proportion to its length. The messages must not change meanwhile.
func (r *Request) Sourcer() func(i int, p Part) Source {
	answered := len(r.Messages) - 1 // the last message that answers, -1 if none does
	for answered >= 0 && !r.Messages[answered].answers() {
		answered--
	}
	return func(i int, p Part) Source {
		if p.Source != SourceAuto && p.Source < numSources {
			return p.Source
		}
		m := &r.Messages[i]
		switch {
		case m.Role == RoleSystem, m.Role == RoleDeveloper:
			return SourceSystem
		case m.Role == RoleTool, m.Role == RoleAssistant && !m.answers():
			return SourceTools
		case i <= answered:
			return SourceHistory
		}
		return SourceInput
	}
}

// answers reports whether m is an answer that calls no tools.
func (m *Message) answers() bool { return m.Role == RoleAssistant && len(m.ToolCalls) == 0 }
