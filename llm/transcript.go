package llm

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
	msgs := r.Messages
	if len(msgs) == 1 {
		return r.appendMessage(nil, 0)
	}
	parts := make([]Part, 0, 3*len(msgs)+1)
	around := func(text string) {
		if n := len(parts); n > 0 && parts[n-1].Source == SourceOverhead {
			parts[n-1].Text += text
		} else if text != "" {
			parts = append(parts, Part{Text: text, Source: SourceOverhead})
		}
	}
	spoken := false // the lines have begun
	for i := range msgs {
		before := "\n"
		switch {
		case i == 0:
			before = ""
		case !spoken:
			before = "\n\n"
		}
		system := msgs[i].Role == RoleSystem || msgs[i].Role == RoleDeveloper
		if spoken = spoken || !system; !spoken {
			around(before)
			parts = r.appendMessage(parts, i)
			continue
		}
		around(before + speaker(msgs[i].Role) + ":")
		n := len(parts)
		parts = r.appendMessage(append(parts, Part{Text: " ", Source: SourceOverhead}), i)
		if n+1 < len(parts) {
			parts[n].Source = parts[n+1].Source // the blank is one token with the first word
		}
	}
	if spoken && msgs[len(msgs)-1].Role != RoleAssistant {
		around("\n" + speaker(RoleAssistant) + ":")
	}
	return parts
}

// appendMessage appends the texts of message i, each with its source.
func (r *Request) appendMessage(parts []Part, i int) []Part {
	for _, p := range r.Messages[i].Parts {
		if p.Media == nil {
			parts = append(parts, Part{Text: p.Text, Source: r.SourceOf(i, p)})
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
