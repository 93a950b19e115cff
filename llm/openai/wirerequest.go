package openai

import (
	"cmp"
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

// readRequest reads the body of a request to api, as far as it goes. ok is false
// if it is not a whole JSON object.
func readRequest(api string, body []byte) (w wireRequest, ok bool) {
	var (
		r                      = &llm.Request{}
		e                      = &llm.EmbedRequest{}
		instructions           string
		prompt, input          []byte
		tools, functions       []byte
		conversation, previous []byte
		format, options        []byte
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
		case "modalities":
			r.OutputType = cmp.Or(modality(texts(s.raw())), r.OutputType)
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
		case "encoding_format":
			e.EncodingFormat = s.loose()
		case "dimensions":
			e.Dimensions = value[int](s.raw())
		case "previous_response_id":
			previous = s.raw()
		case "conversation":
			conversation = s.raw()
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
		setFormat(r, value[struct{ Format json.RawMessage }](format).Format)
		r.Messages = readInput(instructions, input)
		r.ConversationID, r.PreviousResponseID = readID(conversation), readID(previous)
		// A stored prompt is an object here, not a text.
		w.partial = present(conversation) || present(previous) || present(prompt)
		w.settled = true
	case llm.APICompletions:
		for _, p := range texts(prompt) {
			r.Messages = append(r.Messages, llm.User(p))
		}
	default:
		setFormat(r, format)
	}
	r.Tools = readTools(tools, functions)
	if present(options) {
		var said bool
		r.StreamUsage, said = readOptions(options)
		w.settled = w.settled || said
	}
	return w, ok
}

// readOptions reads stream_options: whether usage is asked for, and whether the
// client has said so or not, or what only the API can judge.
func readOptions(raw []byte) (usage, said bool) {
	s := scanner{b: raw}
	if s.peek() != '{' {
		return false, true
	}
	for s.object(); s.key(); {
		if string(s.name) == "include_usage" {
			usage, said = string(s.raw()) == "true", true
		} else {
			s.skip()
		}
	}
	return usage, said || s.err != nil
}

// readID reads what names a thing: its id, or an object that has it.
func readID(raw []byte) string {
	s := scanner{b: raw}
	if s.peek() == '{' {
		return value[struct{ ID string }](raw).ID
	}
	return s.loose()
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
		Custom     *definition
	}
	read(tools, &list)
	var out []llm.Tool
	for _, t := range list {
		d := t.definition
		if t.Function != nil {
			d = *t.Function
		} else if t.Custom != nil {
			d = *t.Custom
		}
		tool := llm.Tool{Name: cmp.Or(d.Name, t.Type), Description: d.Description, Parameters: d.Parameters, Strict: d.Strict}
		if t.Type != "function" {
			tool.Type = t.Type
		}
		out = append(out, tool)
	}
	var old []definition
	read(functions, &old)
	for _, d := range old {
		out = append(out, llm.Tool{Name: d.Name, Description: d.Description, Parameters: d.Parameters, Strict: d.Strict})
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
		Custom   struct{ Name string }
	}
	read(raw, &o)
	return strings.TrimSpace(o.Name + o.Function.Name + o.Custom.Name)
}

// setFormat reads response_format and the responses API's text.format.
func setFormat(r *llm.Request, raw json.RawMessage) {
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
	case "text":
		r.OutputType = cmp.Or(r.OutputType, "text")
	case "json_object":
		r.Format = &llm.Format{}
	case "json_schema":
		s := o.schema
		if o.Nested != nil {
			s = *o.Nested
		}
		f := llm.Format(s)
		r.Format = &f
	}
}

// modality returns what the modalities of an answer come to: whatever else they
// are, text comes with it.
func modality(names []string) string {
	switch {
	case slices.Contains(names, "audio"):
		return "speech"
	case slices.Contains(names, "image"):
		return "image"
	case slices.Contains(names, "text"):
		return "text"
	}
	return ""
}
