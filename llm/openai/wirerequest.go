package openai

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A wireRequest is what a program of any kind sends, as far as it is observed.
// What is not as expected is left out: the API is the judge of a request.
type wireRequest struct {
	*llm.Request
	embed   *llm.EmbedRequest
	partial bool // the prompt goes on from what the provider keeps
	settled bool // whether the stream brings its usage is not to be changed
}

// readRequest reads the body of a request to api, as far as it goes. ok is false
// if it is not a whole JSON object.
func readRequest(api string, body []byte) (w wireRequest, ok bool) {
	var (
		r                       = &llm.Request{}
		e                       = &llm.EmbedRequest{}
		instructions            string
		prompt, input           []byte
		tools, functions        []byte
		stored, format, options []byte
	)
	w.Request = r
	s := scanner{b: body}
	if s.peek() != '{' {
		s.fail(errSyntax)
	}
	for s.object(); s.key(); {
		switch string(s.name) {
		case "model":
			r.Model = s.loose()
		case "stream":
			r.Stream = string(s.raw()) == "true"
		case "stream_options":
			options = s.raw()
		case "max_tokens", "max_completion_tokens", "max_output_tokens":
			r.MaxTokens = max(r.MaxTokens, value[int](s.raw()))
		case "temperature":
			r.Temperature = value[*float64](s.raw())
		case "top_p":
			r.TopP = value[*float64](s.raw())
		case "frequency_penalty":
			r.FrequencyPenalty = value[*float64](s.raw())
		case "presence_penalty":
			r.PresencePenalty = value[*float64](s.raw())
		case "seed":
			r.Seed = value[*int](s.raw())
		case "stop":
			r.Stop = texts(s.raw())
		case "n":
			r.Choices = value[int](s.raw())
		case "reasoning_effort":
			r.ReasoningEffort = s.loose()
		case "reasoning":
			if api == llm.APIResponses {
				r.ReasoningEffort = value[struct{ Effort string }](s.raw()).Effort
			} else {
				s.skip()
			}
		case "service_tier":
			r.ServiceTier = s.loose()
		case "user":
			r.User = s.loose()
		case "tools":
			tools = s.raw()
		case "functions":
			functions = s.raw()
		case "tool_choice":
			r.ToolChoice = readChoice(s.raw())
		case "response_format", "text":
			due := string(s.name) == "text" == (api == llm.APIResponses)
			if v := s.raw(); due {
				format = v
			}
		case "messages":
			if api == llm.APIChat {
				r.Messages = readMessages(&s)
			} else {
				s.skip()
			}
		case "prompt":
			prompt = s.raw()
		case "input":
			input = s.raw()
		case "instructions":
			instructions = s.loose()
		case "dimensions":
			e.Dimensions = value[int](s.raw())
		case "previous_response_id", "conversation":
			if v := s.raw(); present(v) {
				stored = v
			}
		default:
			s.skip()
		}
	}
	s.end()
	switch ok = s.err == nil; api {
	case apiEmbeddings:
		e.Model, e.User, e.Inputs = r.Model, r.User, texts(input)
		w.Request, w.embed = nil, e
		return w, ok
	case llm.APIResponses:
		r.Format = readFormat(value[struct{ Format json.RawMessage }](format).Format)
		r.Messages = readInput(instructions, input)
		// A stored prompt is an object here, not a text.
		w.partial = present(stored) || present(prompt)
		w.settled = true
	case llm.APICompletions:
		for _, p := range texts(prompt) {
			r.Messages = append(r.Messages, llm.User(p))
		}
	default:
		r.Format = readFormat(format)
	}
	r.Tools = readTools(tools, functions)
	if present(options) {
		var o map[string]json.RawMessage
		err := json.Unmarshal(options, &o)
		usage, said := o["include_usage"]
		w.settled, r.StreamUsage = w.settled || said || err != nil, string(usage) == "true"
	}
	return w, ok
}

// value reads a JSON value as far as it fits.
func value[T any](raw []byte) (v T) {
	read(raw, &v)
	return v
}

// mistyped reports whether err is about the type of a value in valid JSON.
func mistyped(err error) bool {
	_, ok := err.(*json.UnmarshalTypeError)
	return ok
}

// read decodes raw into v as far as it fits.
func read(raw json.RawMessage, v any) {
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, v) // what does not fit is left out
	}
}

// texts reads a text or a list of texts. Lists of token ids have no text.
func texts(raw []byte) (out []string) {
	s := scanner{b: raw}
	switch s.peek() {
	case '"':
		return []string{s.string()}
	case '[':
		for s.array(); s.element(); {
			if s.peek() == '"' {
				out = append(out, s.string())
			} else {
				s.skip()
			}
		}
	}
	return out
}

// apiEmbeddings names the API of embeddings, which has no name of its own in
// the conventions.
const apiEmbeddings = "embeddings"

type wireCall struct {
	ID       string `json:"id"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
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
			m.ToolCalls = append(m.ToolCalls, llm.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
		if present(call) {
			c := value[struct{ Name, Arguments string }](call)
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
		return llm.Part{Media: &llm.Media{Kind: "image", URL: url, Detail: detail}}, true
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
		out = append(out, llm.System(instructions))
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

func readTools(tools, functions json.RawMessage) []llm.Tool {
	type definition struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      bool            `json:"strict"`
	}
	var list []struct {
		definition        // the responses API and the one before tools
		Type       string `json:"type"`
		Function   *definition
	}
	read(tools, &list)
	var out []llm.Tool
	for _, t := range list {
		d := t.definition
		if t.Function != nil {
			d = *t.Function
		}
		if d.Name == "" {
			d.Name = t.Type // a tool of the provider's own
		}
		out = append(out, llm.Tool(d))
	}
	var old []definition
	read(functions, &old)
	for _, d := range old {
		out = append(out, llm.Tool(d))
	}
	return out
}

// readChoice reads tool_choice: a word, or an object that names a tool.
func readChoice(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s
	}
	var o struct {
		Name     string
		Function struct{ Name string }
	}
	read(raw, &o)
	return strings.TrimSpace(o.Name + o.Function.Name)
}

// readFormat reads response_format and the responses API's text.format.
func readFormat(raw json.RawMessage) *llm.Format {
	type schema struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Schema      json.RawMessage `json:"schema"`
		Strict      bool            `json:"strict"`
	}
	var o struct {
		schema
		Type   string  `json:"type"`
		Nested *schema `json:"json_schema"`
	}
	read(raw, &o)
	switch o.Type {
	case "json_object":
		return &llm.Format{}
	case "json_schema":
		s := o.schema
		if o.Nested != nil {
			s = *o.Nested
		}
		f := llm.Format(s)
		return &f
	}
	return nil
}

// usageEdit says which bytes of body to replace, and by what, so that it has
// stream_options.include_usage. ok is false if body is not a JSON object, or one
// whose stream_options are the API's to judge.
func usageEdit(body []byte) (at, end int, insert string, ok bool) {
	s := scanner{b: body}
	if s.peek() != '{' {
		return 0, 0, "", false
	}
	fields := 0
	for s.object(); s.key(); fields++ {
		options := string(s.name) == "stream_options"
		value := s.raw()
		if !options || s.err != nil {
			continue
		}
		end = s.i
		at = end - len(value)
		insert = `{"include_usage":true}`
		switch value[0] {
		case 'n':
		case '{':
			at++
			insert = `"include_usage":true`
			if bytes.TrimSpace(value[1:])[0] != '}' {
				insert += ","
			}
			end = at
		default:
			return 0, 0, "", false
		}
	}
	closing := s.i - 1
	s.end()
	if s.err != nil {
		return 0, 0, "", false
	}
	if insert == "" {
		at, end, insert = closing, closing, `"stream_options":{"include_usage":true}`
		if fields > 0 {
			insert = "," + insert
		}
	}
	return at, end, insert, true
}
