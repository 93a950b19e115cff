package tracing

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
)

// Content is recorded as JSON strings in the form of the conventions' message
// schemas: backends of today parse strings and not structured attributes.

// maxText bounds each text that is recorded. It is cut before it is encoded, so
// that the JSON stays whole.
const maxText = 32 << 10

// text returns s as it may be recorded: redacted, bounded and valid UTF-8. What
// a redactor fails on is not recorded.
func (t *Tracer) text(s string) (out string) {
	defer func() {
		if p := recover(); p != nil {
			otel.Handle(fmt.Errorf("callspan: the redactor panicked: %v", p))
			out = "[redactor failed]"
		}
	}()
	if t.conf.redact != nil {
		s = t.conf.redact(s)
	}
	return valid(cut(s, maxText))
}

type jsonMessage struct {
	Role   string     `json:"role"`
	Name   string     `json:"name,omitempty"`
	Parts  []jsonPart `json:"parts"`
	Finish string     `json:"finish_reason,omitempty"`
}

// A jsonPart is any of the schema's parts; which fields it has follows from its
// type.
type jsonPart struct {
	Type      string          `json:"type"`
	Content   *string         `json:"content,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Response  *string         `json:"response,omitempty"`
	Modality  string          `json:"modality,omitempty"`
	MIMEType  string          `json:"mime_type,omitempty"`
	URI       string          `json:"uri,omitempty"`
}

type jsonTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

func (t *Tracer) describeContent(a *attrs, info *callback.Info, res *callback.Result) {
	if req, ok := info.Input.(*llm.Request); ok && req != nil {
		msgs := make([]jsonMessage, len(req.Messages))
		for i := range req.Messages {
			msgs[i] = t.message(&req.Messages[i])
		}
		addJSON(a, keyInputMessages, msgs)
		if len(req.Tools) > 0 {
			tools := make([]jsonTool, len(req.Tools))
			for i, d := range req.Tools {
				tools[i] = jsonTool{Type: "function", Name: valid(d.Name), Description: t.text(d.Description)}
				if p := []byte(t.text(string(d.Parameters))); json.Valid(p) {
					tools[i].Parameters = p
				}
			}
			addJSON(a, keyToolDefinitions, tools)
		}
	}
	if res.Response != nil && len(res.Response.Choices) > 0 {
		reasons := finishReasons(res.Response, true)
		msgs := make([]jsonMessage, len(res.Response.Choices))
		for i := range res.Response.Choices {
			msgs[i] = t.choice(&res.Response.Choices[i], reasons[i])
		}
		addJSON(a, keyOutputMessages, msgs)
	}
	t.describeStepContent(a, info, res)
	if op := kindOf(info).op; op == opWorkflow || op == opAgent {
		if s, ok := info.Input.(string); ok {
			addJSON(a, keyInputMessages, []jsonMessage{{Role: "user", Parts: t.texts(s)}})
		}
		if s, ok := res.Output.(string); ok && s != "" {
			addJSON(a, keyOutputMessages, []jsonMessage{{Role: "assistant", Parts: t.texts(s), Finish: "stop"}})
		}
	}
}

func addJSON(a *attrs, key attribute.Key, v any) {
	if b, err := json.Marshal(v); err == nil {
		a.str(key, string(b))
	}
}

// marshalContained encodes a value of the user's, whose methods may panic.
func marshalContained(v any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encode %T: panic: %v", v, p)
		}
	}()
	return json.Marshal(v)
}

func (t *Tracer) texts(s string) []jsonPart {
	s = t.text(s)
	return []jsonPart{{Type: "text", Content: &s}}
}

func (t *Tracer) message(m *llm.Message) jsonMessage {
	j := jsonMessage{Role: valid(string(m.Role)), Name: valid(m.Name), Parts: []jsonPart{}}
	if m.Role == llm.RoleTool {
		s := t.text(m.Text())
		j.Parts = append(j.Parts, jsonPart{Type: "tool_call_response", ID: valid(m.ToolCallID), Response: &s})
		return j
	}
	for i := range m.Parts {
		if p := &m.Parts[i]; p.Media != nil {
			j.Parts = append(j.Parts, t.media(p.Media))
		} else {
			j.Parts = append(j.Parts, t.texts(p.Text)...)
		}
	}
	return t.addCalls(j, m.ToolCalls)
}

func (t *Tracer) choice(c *llm.Choice, finish string) jsonMessage {
	if finish == "tool_calls" || finish == "function_call" {
		finish = "tool_call"
	}
	j := jsonMessage{Role: "assistant", Finish: valid(finish), Parts: []jsonPart{}}
	if c.Reasoning != "" {
		s := t.text(c.Reasoning)
		j.Parts = append(j.Parts, jsonPart{Type: "reasoning", Content: &s})
	}
	if c.Text != "" {
		j.Parts = append(j.Parts, t.texts(c.Text)...)
	}
	if c.Refusal != "" {
		j.Parts = append(j.Parts, t.texts(c.Refusal)...)
	}
	return t.addCalls(j, c.ToolCalls)
}

func (t *Tracer) addCalls(j jsonMessage, calls []llm.ToolCall) jsonMessage {
	for _, c := range calls {
		p := jsonPart{Type: "tool_call", ID: valid(c.ID), Name: valid(c.Name)}
		args := t.text(c.Arguments)
		if json.Valid([]byte(args)) {
			p.Arguments = json.RawMessage(args)
		} else if b, err := json.Marshal(args); err == nil {
			p.Arguments = b // broken, cut or redacted: as text
		}
		j.Parts = append(j.Parts, p)
	}
	return j
}

// media records where a medium lies and how large it is, not its bytes.
func (t *Tracer) media(m *llm.Media) jsonPart {
	if m.URL != "" && len(m.URL) <= 2048 {
		return jsonPart{Type: "uri", Modality: valid(m.Kind), URI: t.text(m.URL)}
	}
	data := m.Data
	if len(data) > 256 {
		data = nil
	}
	s := base64.StdEncoding.EncodeToString(data)
	return jsonPart{Type: "blob", Modality: valid(m.Kind), MIMEType: valid(m.MIMEType), Content: &s}
}
