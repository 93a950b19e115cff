package llm

import "slices"

// Transcript returns the messages of r as one text in parts, for models that
// continue a text instead of answering messages: the prompt is the parts'
// texts, joined without a separator. Every part names its source; what stands
// around the messages is [SourceOverhead].
//
// A message alone is its own text. Otherwise each message is a line behind the
// name of who speaks, as LangChain writes conversations, and an open line waits
// for the answer:
//
//	You sell flowers.
//
//	Human: Roses, please.
//	AI: How many?
//	Human: Three.
//	AI:
//
// System messages at the beginning are texts above the lines, later ones are
// lines. If the last message is the assistant's, the model goes on with it.
// Media and tool calls are not in the text.
func (r *Request) Transcript() []Part {
	msgs, source := r.Messages, r.Sourcer()
	parts := make([]Part, 0, 3*len(msgs)+1)
	if len(msgs) == 1 {
		return appendTexts(parts, &msgs[0], 0, source)
	}
	var around []byte // that has come since the last text
	flush := func() {
		if len(around) > 0 {
			parts = append(parts, Part{Text: string(around), Source: SourceOverhead})
			around = around[:0]
		}
	}
	spoken := false // the lines have begun
	for i := range msgs {
		m := &msgs[i]
		switch {
		case i == 0:
		case spoken:
			around = append(around, "\n"...)
		default:
			around = append(around, "\n\n"...)
		}
		first := slices.IndexFunc(m.Parts, Part.isText)
		system := m.Role == RoleSystem || m.Role == RoleDeveloper
		if spoken = spoken || !system; spoken {
			around = append(around, speaker(m.Role)+":"...)
		}
		switch {
		case first >= 0 && spoken: // the blank is one token with the first word
			flush()
			parts = append(parts, Part{Text: " ", Source: source(i, m.Parts[first])})
		case first >= 0:
			flush()
		case spoken:
			around = append(around, ' ')
		}
		parts = appendTexts(parts, m, i, source)
	}
	if spoken && msgs[len(msgs)-1].Role != RoleAssistant {
		around = append(around, "\n"+speaker(RoleAssistant)+":"...)
	}
	flush()
	return parts
}

func (p Part) isText() bool { return p.Media == nil }

// appendTexts appends the texts of m, which is message i, each with its source.
func appendTexts(parts []Part, m *Message, i int, source func(int, Part) Source) []Part {
	for _, p := range m.Parts {
		if p.isText() {
			parts = append(parts, Part{Text: p.Text, Source: source(i, p)})
		}
	}
	return parts
}

// speaker returns the name under which a role speaks in a transcript:
// LangChain's, else the role itself.
func speaker(r Role) string {
	switch r {
	case RoleSystem, RoleDeveloper:
		return "System"
	case RoleUser:
		return "Human"
	case RoleAssistant:
		return "AI"
	case RoleTool:
		return "Tool"
	}
	return string(r)
}
