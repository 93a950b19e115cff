package llm

import (
	"encoding/base64"
	"strings"
)

// Role says who speaks in a [Message].
type Role string

// The roles of the chat APIs.
const (
	RoleSystem    Role = "system"
	RoleDeveloper Role = "developer"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// A Message is one entry of a conversation.
type Message struct {
	Role       Role       // who speaks
	Name       string     // optional name of the speaker
	Parts      []Part     // what is said, in order
	ToolCalls  []ToolCall // what an assistant message asks to be run
	ToolCallID string     // the call that a tool message answers

	// Apart says that a system message is no entry of the conversation but goes to
	// the model apart from it, as the instructions of OpenAI's responses do. APIs
	// that have no such place take it as an entry.
	Apart bool
}

// A Part is a piece of a message that has one origin: a text, or a medium.
// One message may hold parts of several origins, such as a template with
// retrieved documents pasted into it.
type Part struct {
	Text   string // "" beside a medium
	Media  *Media // nil for text
	Source Source // where the part comes from; zero derives it, see [Request.SourceOf]
}

// Media is an image, a sound or a file inside a message, by address or by value.
type Media struct {
	Kind     string // "image", "audio" or "file"
	URL      string // where it lies, a data: address, or the id of a file at the provider
	Data     []byte // or its bytes
	MIMEType string // of Data
	Detail   string // for images: "low", "high" or "auto"
}

// Address returns the URL of m, a data: URL if it is held by value.
func (m *Media) Address() string {
	if m.URL != "" || len(m.Data) == 0 {
		return m.URL
	}
	return "data:" + m.MIMEType + ";base64," + base64.StdEncoding.EncodeToString(m.Data)
}

// A ToolCall is a model's wish to have a function run.
type ToolCall struct {
	ID        string // by which the tool's message answers it
	Name      string // of the tool
	Arguments string // JSON, as the model wrote it
}

// System returns a system message of one text.
func System(text string) Message { return text1(RoleSystem, text) }

// User returns a user message of one text.
func User(text string) Message { return text1(RoleUser, text) }

// Assistant returns an assistant message of one text.
func Assistant(text string) Message { return text1(RoleAssistant, text) }

func text1(role Role, text string) Message {
	return Message{Role: role, Parts: []Part{{Text: text}}}
}

// From returns a copy of m whose parts all have the given source.
func (m Message) From(s Source) Message {
	parts := make([]Part, len(m.Parts))
	copy(parts, m.Parts)
	for i := range parts {
		parts[i].Source = s
	}
	m.Parts = parts
	return m
}

// Text returns the text parts of m, joined without a separator, as providers
// join them.
func (m Message) Text() string {
	if len(m.Parts) == 1 {
		return m.Parts[0].Text
	}
	var b strings.Builder
	for _, p := range m.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}
