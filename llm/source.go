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
func (r *Request) SourceOf(i int, p Part) Source {
	if p.Source != SourceAuto {
		return p.Source
	}
	m := &r.Messages[i]
	switch m.Role {
	case RoleSystem, RoleDeveloper:
		return SourceSystem
	case RoleTool:
		return SourceTools
	case RoleAssistant:
		if len(m.ToolCalls) > 0 {
			return SourceTools
		}
		return SourceHistory
	}
	for _, later := range r.Messages[i+1:] {
		if later.Role == RoleAssistant && len(later.ToolCalls) == 0 {
			return SourceHistory
		}
	}
	return SourceInput
}
