package standin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// A Request is a request as it was received, with what a reply needs decoded.
type Request struct {
	Index  int // how many requests of a model came before this one
	Method string
	Path   string
	Header http.Header // the value of Authorization is left out
	Body   []byte

	Model        string
	Messages     []Message
	Tools        json.RawMessage // the definitions as sent
	Stream       bool
	IncludeUsage bool
	Choices      int // answers wanted, at least 1
	MaxTokens    int // 0 = no limit

	Prompt     string   // of a text completion
	Inputs     []string // of an embedding
	Dimensions int      // asked for, 0 = the model's own
	Base64     bool     // vectors are asked for in base64

	invalid error // why Body could not be decoded
}

// A Message is one entry of a conversation.
type Message struct {
	Role       string
	Name       string
	Text       string // the text parts joined
	ToolCalls  []ToolCall
	ToolCallID string
}

// LastUser returns the text of the last user message. In the prompt of a text
// completion that is what follows the last "Human:", up to the open line "AI:";
// a prompt without these is the user's as it is.
func (r *Request) LastUser() string {
	if r.Prompt != "" {
		lines, ok := strings.CutSuffix(strings.TrimRight(r.Prompt, " "), "\nAI:")
		if !ok {
			return r.Prompt
		}
		begin := strings.LastIndex("\n"+lines, "\nHuman:")
		if begin < 0 {
			return r.Prompt
		}
		return strings.TrimSpace(lines[begin+len("Human:"):])
	}
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == "user" {
			return r.Messages[i].Text
		}
	}
	return ""
}

func (r *Request) decode() {
	r.Choices = 1
	if method(r.Path) != http.MethodPost || r.Method != http.MethodPost {
		return
	}
	var in struct {
		Model         string          `json:"model"`
		Messages      []wireMessage   `json:"messages"`
		Tools         json.RawMessage `json:"tools"`
		Stream        bool            `json:"stream"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
		N                   int `json:"n"`
		MaxTokens           int `json:"max_tokens"`
		MaxCompletionTokens int `json:"max_completion_tokens"`

		Prompt         texts           `json:"prompt"`
		Input          json.RawMessage `json:"input"`
		Dimensions     int             `json:"dimensions"`
		EncodingFormat string          `json:"encoding_format"`

		Instructions    string `json:"instructions"`
		MaxOutputTokens int    `json:"max_output_tokens"`
	}
	if r.invalid = json.Unmarshal(r.Body, &in); r.invalid != nil {
		return
	}
	r.Model, r.Tools, r.Stream = in.Model, in.Tools, in.Stream
	r.IncludeUsage = in.StreamOptions.IncludeUsage
	r.Choices = max(in.N, 1)
	r.MaxTokens = max(in.MaxTokens, in.MaxCompletionTokens, in.MaxOutputTokens)
	r.Prompt = strings.Join(in.Prompt, "\n")
	switch {
	case len(in.Input) == 0:
	case r.Path == pathResponses:
		r.invalid = r.decodeInput(in.Input, in.Instructions)
	default:
		r.invalid = json.Unmarshal(in.Input, (*texts)(&r.Inputs))
	}
	if r.invalid != nil {
		return
	}
	r.Dimensions, r.Base64 = in.Dimensions, in.EncodingFormat == "base64"
	for _, m := range in.Messages {
		msg := Message{Role: m.Role, Name: m.Name, ToolCallID: m.ToolCallID}
		if msg.Text, r.invalid = m.text(); r.invalid != nil {
			return
		}
		for _, c := range m.ToolCalls {
			msg.ToolCalls = append(msg.ToolCalls, ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
		r.Messages = append(r.Messages, msg)
	}
}

// texts is a text or a list of them.
type texts []string

// UnmarshalJSON takes either.
func (t *texts) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		*t = make(texts, 1)
		return json.Unmarshal(data, &(*t)[0])
	}
	return json.Unmarshal(data, (*[]string)(t))
}

type wireMessage struct {
	Role       string          `json:"role"`
	Name       string          `json:"name"`
	Content    json.RawMessage `json:"content"`
	ToolCallID string          `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// text reads the content of a message: absent, null, a string or a list of parts.
func (m *wireMessage) text() (string, error) {
	if len(m.Content) == 0 {
		return "", nil
	}
	switch m.Content[0] {
	case '[':
		var parts []struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(m.Content, &parts); err != nil {
			return "", err
		}
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(p.Text)
		}
		return b.String(), nil
	case '"', 'n':
		var s string
		err := json.Unmarshal(m.Content, &s)
		return s, err
	}
	return "", errors.New("content is neither a string nor a list")
}

// check returns what OpenAI would say against r, if anything.
func (r *Request) check() *Failure {
	bad := func(param, message string) *Failure {
		return &Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Param: param, Message: message}
	}
	switch {
	case r.invalid != nil:
		return bad("", "We could not parse the JSON body of your request: "+r.invalid.Error())
	case r.Model == "":
		return bad("", "you must provide a model parameter")
	case r.Path == pathEmbeddings:
		return r.checkInputs()
	case r.Path == pathCompletions:
		return nil
	case r.Path == pathResponses && len(r.Messages) == 0:
		return noInput()
	case len(r.Messages) == 0:
		f := bad("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
		f.Code = "empty_array"
		return f
	}
	return nil
}
