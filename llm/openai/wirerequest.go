package openai

import (
	"bytes"
	"encoding/json"
	"slices"
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

// readRequest reads the body of a request to api. ok is false if it is no JSON
// object.
func readRequest(api string, body []byte) (w wireRequest, ok bool) {
	var o struct {
		Model               string          `json:"model"`
		Stream              bool            `json:"stream"`
		StreamOptions       json.RawMessage `json:"stream_options"`
		MaxTokens           int             `json:"max_tokens"`
		MaxCompletionTokens int             `json:"max_completion_tokens"`
		MaxOutputTokens     int             `json:"max_output_tokens"`
		Temperature         *float64        `json:"temperature"`
		TopP                *float64        `json:"top_p"`
		FrequencyPenalty    *float64        `json:"frequency_penalty"`
		PresencePenalty     *float64        `json:"presence_penalty"`
		Seed                *int            `json:"seed"`
		Stop                json.RawMessage `json:"stop"`
		N                   int             `json:"n"`
		ReasoningEffort     string          `json:"reasoning_effort"`
		Reasoning           json.RawMessage `json:"reasoning"`
		ServiceTier         string          `json:"service_tier"`
		User                string          `json:"user"`
		Tools               json.RawMessage `json:"tools"`
		Functions           json.RawMessage `json:"functions"`
		ToolChoice          json.RawMessage `json:"tool_choice"`
		ResponseFormat      json.RawMessage `json:"response_format"`
		Text                json.RawMessage `json:"text"`
		Messages            json.RawMessage `json:"messages"`
		Prompt              json.RawMessage `json:"prompt"`
		Input               json.RawMessage `json:"input"`
		Instructions        string          `json:"instructions"`
		Dimensions          int             `json:"dimensions"`

		Previous     json.RawMessage `json:"previous_response_id"`
		Conversation json.RawMessage `json:"conversation"`
	}
	// An error that names a field leaves the others read.
	if err := json.Unmarshal(body, &o); err != nil && !mistyped(err) {
		return w, false
	}
	if api == apiEmbeddings {
		w.embed = &llm.EmbedRequest{Model: o.Model, Dimensions: o.Dimensions, User: o.User, Inputs: texts(o.Input)}
		return w, true
	}
	r := &llm.Request{
		Model: o.Model, Stream: o.Stream,
		MaxTokens:   max(o.MaxTokens, o.MaxCompletionTokens, o.MaxOutputTokens),
		Temperature: o.Temperature, TopP: o.TopP,
		FrequencyPenalty: o.FrequencyPenalty, PresencePenalty: o.PresencePenalty,
		Seed: o.Seed, Stop: texts(o.Stop), Choices: o.N,
		ReasoningEffort: o.ReasoningEffort, ServiceTier: o.ServiceTier, User: o.User,
		Tools: readTools(o.Tools, o.Functions), ToolChoice: readChoice(o.ToolChoice),
	}
	w.Request = r
	var options struct {
		IncludeUsage *bool `json:"include_usage"`
	}
	read(o.StreamOptions, &options)
	if options.IncludeUsage != nil {
		w.settled, r.StreamUsage = true, *options.IncludeUsage
	}
	switch api {
	case llm.APIResponses:
		var reasoning struct {
			Effort string `json:"effort"`
		}
		read(o.Reasoning, &reasoning)
		r.ReasoningEffort = reasoning.Effort
		var text struct {
			Format json.RawMessage `json:"format"`
		}
		read(o.Text, &text)
		r.Format = readFormat(text.Format)
		r.Messages = readInput(o.Instructions, o.Input)
		// A stored prompt is an object here, not a text.
		w.partial = present(o.Previous) || present(o.Conversation) || present(o.Prompt)
		w.settled = true
	case llm.APICompletions:
		for _, p := range texts(o.Prompt) {
			r.Messages = append(r.Messages, llm.User(p))
		}
	default:
		r.Format = readFormat(o.ResponseFormat)
		r.Messages = readMessages(o.Messages)
	}
	return w, true
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
func texts(raw json.RawMessage) []string {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return nil
	case raw[0] == '"':
		var s string
		read(raw, &s)
		return []string{s}
	}
	var list []json.RawMessage
	read(raw, &list)
	var out []string
	for _, item := range list {
		var s string
		if json.Unmarshal(item, &s) == nil {
			out = append(out, s)
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

func readMessages(raw json.RawMessage) []llm.Message {
	var list []struct {
		Role       string          `json:"role"`
		Name       string          `json:"name"`
		Content    json.RawMessage `json:"content"`
		Refusal    string          `json:"refusal"`
		ToolCalls  []wireCall      `json:"tool_calls"`
		Call       json.RawMessage `json:"function_call"`
		ToolCallID string          `json:"tool_call_id"`
	}
	read(raw, &list)
	out := make([]llm.Message, len(list))
	for i, m := range list {
		out[i] = llm.Message{Role: llm.Role(m.Role), Name: m.Name, ToolCallID: m.ToolCallID, Parts: readContent(m.Content)}
		if m.Role == "function" { // the API before tools
			out[i].Role = llm.RoleTool
		}
		if m.Refusal != "" {
			out[i].Parts = append(out[i].Parts, llm.Part{Text: m.Refusal})
		}
		for _, c := range m.ToolCalls {
			out[i].ToolCalls = append(out[i].ToolCalls, llm.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
		if present(m.Call) {
			var c struct{ Name, Arguments string }
			read(m.Call, &c)
			out[i].ToolCalls = append(out[i].ToolCalls, llm.ToolCall{Name: c.Name, Arguments: c.Arguments})
		}
	}
	return out
}

// readContent reads the content of a message: a text, or a list of parts.
func readContent(raw json.RawMessage) []llm.Part {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		var s string
		read(raw, &s)
		return []llm.Part{{Text: s}}
	}
	var list []json.RawMessage
	read(raw, &list)
	var out []llm.Part
	for _, item := range list {
		if p, ok := contentPart(item); ok {
			out = append(out, p)
		}
	}
	return out
}

// contentPart reads one part, in the forms of chat completions and of responses.
func contentPart(raw json.RawMessage) (p llm.Part, ok bool) {
	var o struct {
		Type     string          `json:"type"`
		Text     string          `json:"text"`
		Refusal  string          `json:"refusal"`
		ImageURL json.RawMessage `json:"image_url"`
		Detail   string          `json:"detail"`
		Audio    struct {
			Data   []byte `json:"data"`
			Format string `json:"format"`
		} `json:"input_audio"`
		File struct {
			ID   string `json:"file_id"`
			Data string `json:"file_data"`
		} `json:"file"`
		FileID   string `json:"file_id"`
		FileURL  string `json:"file_url"`
		FileData string `json:"file_data"`
	}
	read(raw, &o)
	switch o.Type {
	case "text", "input_text", "output_text", "summary_text", "reasoning_text":
		return llm.Part{Text: o.Text}, true
	case "refusal":
		return llm.Part{Text: o.Refusal}, true
	case "image_url", "input_image":
		m := &llm.Media{Kind: "image", Detail: o.Detail}
		if json.Unmarshal(o.ImageURL, &m.URL) != nil {
			var u struct{ URL, Detail string }
			read(o.ImageURL, &u)
			m.URL, m.Detail = u.URL, u.Detail
		}
		return llm.Part{Media: m}, true
	case "input_audio":
		return llm.Part{Media: &llm.Media{Kind: "audio", Data: o.Audio.Data, MIMEType: "audio/" + o.Audio.Format}}, true
	case "file", "input_file":
		url := o.FileURL
		for _, s := range []string{o.File.Data, o.FileData, o.File.ID, o.FileID} {
			if url == "" {
				url = s
			}
		}
		return llm.Part{Media: &llm.Media{Kind: "file", URL: url}}, true
	}
	return p, false
}

// readInput reads the input of the responses API: a text, or a list of items.
func readInput(instructions string, raw json.RawMessage) []llm.Message {
	var out []llm.Message
	if instructions != "" {
		out = append(out, llm.System(instructions))
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return out
	}
	if raw[0] == '"' {
		return append(out, llm.User(texts(raw)[0]))
	}
	var items []struct {
		Type      string          `json:"type"`
		Role      string          `json:"role"`
		Content   json.RawMessage `json:"content"`
		Summary   json.RawMessage `json:"summary"`
		CallID    string          `json:"call_id"`
		Name      string          `json:"name"`
		Arguments string          `json:"arguments"`
		Output    json.RawMessage `json:"output"`
	}
	read(raw, &items)
	for _, it := range items {
		switch it.Type {
		case "function_call", "custom_tool_call":
			out = append(out, llm.Message{Role: llm.RoleAssistant,
				ToolCalls: []llm.ToolCall{{ID: it.CallID, Name: it.Name, Arguments: it.Arguments}}})
		case "function_call_output", "custom_tool_call_output":
			out = append(out, llm.Message{Role: llm.RoleTool, ToolCallID: it.CallID, Parts: readContent(it.Output)})
		case "reasoning":
			out = append(out, llm.Message{Role: llm.RoleAssistant, Parts: readContent(it.Summary)})
		default:
			if it.Role != "" {
				out = append(out, llm.Message{Role: llm.Role(it.Role), Parts: readContent(it.Content)})
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

// askUsage returns body with stream_options.include_usage. It must be a JSON
// object that does not have it.
func askUsage(body []byte) []byte {
	s := scanner{b: body}
	at, insert := -1, `,"stream_options":{"include_usage":true}`
	for s.object(); s.key(); {
		value := s.raw()
		if string(s.name) != "stream_options" {
			continue
		}
		begin := s.i - len(value)
		rest := bytes.TrimSpace(bytes.TrimPrefix(value, []byte("{")))
		switch {
		case len(value) == 0 || value[0] != '{': // null
			return slices.Concat(body[:begin], []byte(`{"include_usage":true}`), body[s.i:])
		case rest[0] == '}':
			at, insert = begin+1, `"include_usage":true`
		default:
			at, insert = begin+1, `"include_usage":true,`
		}
	}
	if s.err != nil {
		return body
	}
	if at < 0 {
		at = s.i - 1 // the closing brace
	}
	return slices.Concat(body[:at], []byte(insert), body[at:])
}
