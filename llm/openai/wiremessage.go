package openai

import (
	"cmp"
	"encoding/base64"

	"github.com/callspan/callspan/llm"
)

// The messages of a request, in the forms of chat completions and of responses.

type wireCall struct {
	ID       string       `json:"id"`
	Function wireFunction `json:"function"`
	Custom   wireFunction `json:"custom"`
}

type wireFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
	Input     string `json:"input"` // of a custom tool
}

// readMessages reads the messages of a chat, where s stands before them.
func readMessages(s *scanner) (out []llm.Message) {
	if s.peek() != '[' {
		s.skip()
		return nil
	}
	for s.array(); s.element(); {
		var m llm.Message
		if s.peek() != '{' {
			s.skip()
			out = append(out, m)
			continue
		}
		var calls, call []byte
		refusal := ""
		for s.object(); s.key(); {
			switch string(s.name) {
			case "role":
				m.Role = llm.Role(s.loose())
			case "name":
				m.Name = s.loose()
			case "content":
				m.Parts = readContent(s)
			case "refusal":
				refusal = s.loose()
			case "tool_calls":
				calls = s.raw()
			case "function_call":
				call = s.raw()
			case "tool_call_id":
				m.ToolCallID = s.loose()
			default:
				s.skip()
			}
		}
		if m.Role == "function" { // the API before tools
			m.Role = llm.RoleTool
		}
		if refusal != "" {
			m.Parts = append(m.Parts, llm.Part{Text: refusal})
		}
		for _, c := range value[[]wireCall](calls) {
			m.ToolCalls = append(m.ToolCalls, llm.ToolCall{ID: c.ID, Name: c.Function.Name + c.Custom.Name, Arguments: c.Function.Arguments + c.Custom.Input})
		}
		if present(call) {
			c := value[wireFunction](call)
			m.ToolCalls = append(m.ToolCalls, llm.ToolCall{Name: c.Name, Arguments: c.Arguments})
		}
		out = append(out, m)
	}
	return out
}

// readContent reads the content of a message: a text, or a list of parts.
func readContent(s *scanner) (out []llm.Part) {
	switch s.peek() {
	case '"':
		return []llm.Part{{Text: s.string()}}
	case '[':
		for s.array(); s.element(); {
			if s.peek() != '{' {
				s.skip()
			} else if p, ok := contentPart(s); ok {
				out = append(out, p)
			}
		}
	default:
		s.skip()
	}
	return out
}

// parts reads a content that has been set apart.
func parts(raw []byte) []llm.Part {
	if len(raw) == 0 {
		return nil
	}
	return readContent(&scanner{b: raw})
}

// contentPart reads one part, in the forms of chat completions and of responses.
func contentPart(s *scanner) (p llm.Part, ok bool) {
	var kind, text, refusal, detail, url, format string
	var data []byte
	var file struct{ data, id, url string }
	for s.object(); s.key(); {
		switch string(s.name) {
		case "type":
			kind = s.loose()
		case "text":
			text = s.loose()
		case "refusal":
			refusal = s.loose()
		case "detail":
			detail = s.loose()
		case "image_url":
			if s.peek() != '{' {
				url = s.loose()
				continue
			}
			for s.object(); s.key(); {
				switch string(s.name) {
				case "url":
					url = s.loose()
				case "detail":
					detail = s.loose()
				default:
					s.skip()
				}
			}
		case "input_audio":
			if s.peek() != '{' {
				s.skip()
				continue
			}
			for s.object(); s.key(); {
				switch {
				case string(s.name) == "data" && s.peek() == '"':
					data = decodeBase64(s.bytes())
				case string(s.name) == "format":
					format = s.loose()
				default:
					s.skip()
				}
			}
		case "file":
			if s.peek() != '{' {
				s.skip()
				continue
			}
			for s.object(); s.key(); {
				switch string(s.name) {
				case "file_data":
					file.data = s.loose()
				case "file_id":
					file.id = s.loose()
				default:
					s.skip()
				}
			}
		case "file_data":
			file.data = s.loose()
		case "file_id":
			file.id = s.loose()
		case "file_url":
			file.url = s.loose()
		default:
			s.skip()
		}
	}
	switch kind {
	case "text", "input_text", "output_text", "summary_text", "reasoning_text":
		return llm.Part{Text: text}, true
	case "refusal":
		return llm.Part{Text: refusal}, true
	case "image_url", "input_image":
		return llm.Part{Media: &llm.Media{Kind: "image", URL: cmp.Or(url, file.id), Detail: detail}}, true
	case "input_audio":
		return llm.Part{Media: &llm.Media{Kind: "audio", Data: data, MIMEType: "audio/" + format}}, true
	case "file", "input_file":
		return llm.Part{Media: &llm.Media{Kind: "file", URL: cmp.Or(file.url, file.data, file.id)}}, true
	}
	return p, false
}

// decodeBase64 returns nil for what is none.
func decodeBase64(text []byte) []byte {
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return nil
	}
	return out[:n]
}

// readInput reads the input of the responses API: a text, or a list of items.
func readInput(instructions string, raw []byte) []llm.Message {
	var out []llm.Message
	if instructions != "" {
		m := llm.System(instructions)
		m.Apart = true
		out = append(out, m)
	}
	s := scanner{b: raw}
	switch s.peek() {
	case '"':
		return append(out, llm.User(s.string()))
	case '[':
	default:
		return out
	}
	for s.array(); s.element(); {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		var kind, role, id, name, arguments string
		var content, summary, output []byte
		for s.object(); s.key(); {
			switch string(s.name) {
			case "type":
				kind = s.loose()
			case "role":
				role = s.loose()
			case "content":
				content = s.raw()
			case "summary":
				summary = s.raw()
			case "call_id":
				id = s.loose()
			case "name":
				name = s.loose()
			case "arguments", "input": // the latter of a custom tool
				arguments = s.loose()
			case "output":
				output = s.raw()
			default:
				s.skip()
			}
		}
		switch kind {
		case "function_call", "custom_tool_call":
			out = append(out, llm.Message{Role: llm.RoleAssistant,
				ToolCalls: []llm.ToolCall{{ID: id, Name: name, Arguments: arguments}}})
		case "function_call_output", "custom_tool_call_output":
			out = append(out, llm.Message{Role: llm.RoleTool, ToolCallID: id, Parts: parts(output)})
		case "reasoning":
			out = append(out, llm.Message{Role: llm.RoleAssistant, Parts: parts(summary)})
		default:
			if role != "" {
				out = append(out, llm.Message{Role: llm.Role(role), Parts: parts(content)})
			}
		}
	}
	return out
}
