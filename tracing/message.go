package tracing

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A message is one of the conventions' message schema, with its texts as they
// may be recorded and not yet bounded.
type message struct {
	role, name string
	parts      []part
	finish     string // of an answer
}

// A part is any of the schema's parts; which fields it has follows from its
// kind.
type part struct {
	kind     partKind
	text     string // content, arguments, response, uri or file_id
	id, name string // of a tool call
	modality string
	mime     string
}

type partKind string

const (
	partText      partKind = "text"
	partReasoning partKind = "reasoning"
	partCall      partKind = "tool_call"
	partResponse  partKind = "tool_call_response"
	partURI       partKind = "uri"
	partFile      partKind = "file"
	partBlob      partKind = "blob"
)

// maxWord bounds names and ids, which are words as a rule.
const maxWord = 256

// word returns a name or an id as it may be recorded.
func (r *recorder) word(s string) string { return cut(r.scrub(s), maxWord) }

// term returns a word as it is if the conventions or this package name it, for
// readers go by it.
func (r *recorder) term(s string) string {
	switch s {
	case "system", "developer", "user", "assistant", "tool", // roles
		"stop", "length", "content_filter", "tool_call", "error", // finish reasons
		"image", "audio", "video", "file", // modalities
		"function", "custom", "mcp", "web_search", "file_search", "code_interpreter", "image_generation": // tools
		return s
	}
	return r.word(s)
}

func (r *recorder) parts(s string) []part { return []part{{kind: partText, text: r.text(s)}} }

func (r *recorder) message(m *llm.Message) message {
	out := message{role: r.term(string(m.Role))}
	if m.Name != "" {
		out.name = cut(r.text(m.Name), maxWord)
	}
	if m.Role == llm.RoleTool {
		out.parts = append(r.room(1), part{kind: partResponse, id: r.word(m.ToolCallID), text: r.text(m.Text())})
		return out
	}
	out.parts = r.room(len(m.Parts) + len(m.ToolCalls))
	for i := range m.Parts {
		if p := &m.Parts[i]; p.Media != nil {
			out.parts = append(out.parts, r.media(p.Media))
		} else {
			out.parts = append(out.parts, part{kind: partText, text: r.text(p.Text)})
		}
	}
	out.parts = r.addCalls(out.parts, m.ToolCalls)
	return out
}

// room returns room for n parts. Those of all messages share few arrays.
func (r *recorder) room(n int) []part {
	if len(r.spare) < n {
		r.spare = make([]part, max(n, 32))
	}
	out := r.spare[:0:n]
	r.spare = r.spare[n:]
	return out
}

// choice records an answer. Its message has to have a finish reason, also of a
// model that gives none.
func (r *recorder) choice(c *llm.Choice, finish string) message {
	switch {
	case finish == "tool_calls", finish == "function_call", finish == "" && len(c.ToolCalls) > 0:
		finish = "tool_call"
	case finish == "":
		finish = "stop"
	}
	out := message{role: "assistant", finish: r.term(finish), parts: r.room(3 + len(c.ToolCalls))}
	for _, p := range [...]part{{kind: partReasoning, text: c.Reasoning}, {kind: partText, text: c.Text}, {kind: partText, text: c.Refusal}} {
		if p.text != "" {
			p.text = r.text(p.text)
			out.parts = append(out.parts, p)
		}
	}
	out.parts = r.addCalls(out.parts, c.ToolCalls)
	return out
}

func (r *recorder) addCalls(parts []part, calls []llm.ToolCall) []part {
	for _, c := range calls {
		parts = append(parts, part{kind: partCall, id: r.word(c.ID), name: r.word(c.Name), text: r.json(c.Arguments)})
	}
	return parts
}

// fileID matches how APIs name a file that was uploaded: "file-6F2ks",
// "file_01Ab".
var fileID = regexp.MustCompile(`^[A-Za-z0-9]+[-_][A-Za-z0-9_-]{1,128}$`)

// media records where a medium lies, not its bytes, which no redactor can read.
// What is as long as bytes are and no address is taken for bytes.
func (r *recorder) media(m *llm.Media) part {
	const scheme = "data:"
	isData := len(m.URL) >= len(scheme) && strings.EqualFold(m.URL[:len(scheme)], scheme)
	switch {
	case m.URL == "", isData, len(m.URL) > maxWord && !strings.Contains(cut(m.URL, maxWord), ":"):
	case fileID.MatchString(m.URL):
		return part{kind: partFile, modality: r.term(m.Kind), text: r.text(m.URL)}
	default:
		return part{kind: partURI, modality: r.term(m.Kind), text: r.text(m.URL)}
	}
	mime := m.MIMEType
	if isData {
		mime, _, _ = strings.Cut(cut(m.URL[len(scheme):], maxWord), ",")
		mime, _, _ = strings.Cut(mime, ";")
	}
	return part{kind: partBlob, modality: r.term(m.Kind), mime: r.word(mime)}
}

// append appends m as JSON with each text cut to limit bytes, and returns how
// many bytes that left out.
func (m *message) append(b []byte, limit int) (_ []byte, lost int) {
	b = appendField(append(b, '{'), "role", m.role)
	if m.name != "" {
		b = appendField(append(b, ','), "name", m.name)
	}
	b, lost = appendParts(append(b, `,"parts":[`...), m.parts, limit)
	b = append(b, ']')
	if m.finish != "" {
		b = appendField(append(b, ','), "finish_reason", m.finish)
	}
	return append(b, '}'), lost
}

func appendParts(b []byte, parts []part, limit int) (_ []byte, lost int) {
	for i := range parts {
		if i > 0 {
			b = append(b, ',')
		}
		var n int
		b, n = parts[i].append(b, limit)
		lost += n
	}
	return b, lost
}

func (p *part) append(b []byte, limit int) (_ []byte, lost int) {
	b = appendField(append(b, '{'), "type", string(p.kind))
	text := p.text
	if p.kind != partCall {
		text, lost = shorten(text, limit)
	}
	switch p.kind {
	case partText, partReasoning:
		b = appendField(append(b, ','), "content", text)
	case partURI, partFile:
		name := "uri"
		if p.kind == partFile {
			name = "file_id"
		}
		b = appendField(append(b, ','), "modality", p.modality)
		b = appendField(append(b, ','), name, text)
	case partBlob:
		b = appendField(append(b, ','), "content", "")
		b = appendField(append(b, ','), "modality", p.modality)
		if p.mime != "" {
			b = appendField(append(b, ','), "mime_type", p.mime)
		}
	case partResponse, partCall:
		if p.id != "" {
			b = appendField(append(b, ','), "id", p.id)
		}
		if p.kind == partResponse {
			b = appendField(append(b, ','), "response", text)
			break
		}
		b = appendField(append(b, ','), "name", p.name)
		if text != "" {
			text, lost = shortenJSON(text, limit)
			b = append(append(b, `,"arguments":`...), text...)
		}
	}
	return append(b, '}'), lost
}

// size returns how many bytes of text m has.
func (m *message) size() (n int) {
	for i := range m.parts {
		n += len(m.parts[i].text)
	}
	return n
}

// json returns a text that should be JSON as JSON that may be recorded: what is
// none, as the model broke it off, as a string.
func (r *recorder) json(s string) string {
	switch {
	case s == "":
		return ""
	case r.hash != nil:
		return string(append(appendField([]byte{'{'}, "hash", r.hash.sum(s)), '}'))
	}
	s = r.scrub(s)
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) == nil {
		return b.String()
	}
	return string(appendString(nil, s))
}
