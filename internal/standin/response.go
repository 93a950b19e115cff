package standin

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// The responses API on the wire, fields in the order in which the API sends
// them. A stream's events have names, and the last one holds the whole response.

type responseObject struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Created     int64             `json:"created_at"`
	Status      string            `json:"status"`
	Error       *string           `json:"error"`
	Incomplete  *incomplete       `json:"incomplete_details"`
	Model       string            `json:"model"`
	Output      []any             `json:"output"`
	ServiceTier string            `json:"service_tier"`
	Text        any               `json:"text"`
	Usage       any               `json:"usage"`
	Metadata    map[string]string `json:"metadata"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type responsePart struct {
	Type        string    `json:"type"`
	Annotations *[]string `json:"annotations,omitempty"`
	Logprobs    *[]string `json:"logprobs,omitempty"`
	Text        *string   `json:"text,omitempty"`
	Refusal     *string   `json:"refusal,omitempty"`
}

type responseItem struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Status    string          `json:"status,omitempty"`
	Arguments *string         `json:"arguments,omitempty"`
	CallID    string          `json:"call_id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Content   *[]responsePart `json:"content,omitempty"`
	Summary   *[]responsePart `json:"summary,omitempty"`
	Role      string          `json:"role,omitempty"`
}

// responseUsage is u as this API reports it.
func responseUsage(u Usage) any {
	type input struct {
		Cached int `json:"cached_tokens"`
	}
	type output struct {
		Reasoning int `json:"reasoning_tokens"`
	}
	return struct {
		Input         int    `json:"input_tokens"`
		InputDetails  input  `json:"input_tokens_details"`
		Output        int    `json:"output_tokens"`
		OutputDetails output `json:"output_tokens_details"`
		Total         int    `json:"total_tokens"`
	}{u.Prompt, input{u.Cached}, u.Completion, output{u.Reasoning}, u.Prompt + u.Completion}
}

// items returns what c holds as the items of an output.
func (c *pieces) items() (out []responseItem) {
	if text := strings.Join(c.reasoning, ""); text != "" {
		out = append(out, responseItem{ID: "rs_" + randomText(48), Type: "reasoning", Summary: &[]responsePart{{Type: "summary_text", Text: &text}}})
	}
	text, refusal := strings.Join(c.text, ""), strings.Join(c.refusal, "")
	if text != "" || refusal != "" || len(c.ToolCalls) == 0 {
		part := textPart(text)
		if refusal != "" {
			part = responsePart{Type: "refusal", Refusal: &refusal}
		}
		out = append(out, responseItem{ID: "msg_" + randomText(48), Type: "message", Status: "completed", Content: &[]responsePart{part}, Role: "assistant"})
	}
	for i, t := range c.ToolCalls {
		arguments := strings.Join(c.arguments[i], "")
		out = append(out, responseItem{ID: "fc_" + randomText(48), Type: "function_call", Status: "completed", Arguments: &arguments, CallID: t.ID, Name: t.Name})
	}
	return out
}

func textPart(text string) responsePart {
	return responsePart{Type: "output_text", Annotations: &[]string{}, Logprobs: &[]string{}, Text: &text}
}

// response returns the object that holds the output, which is nil while there is
// none.
func (an *answer) response(output []responseItem) responseObject {
	r := responseObject{ID: an.id, Object: "response", Created: an.created, Status: "in_progress", Model: an.model, Output: []any{},
		ServiceTier: "default", Text: json.RawMessage(`{"format":{"type":"text"},"verbosity":"medium"}`), Metadata: map[string]string{}}
	for _, it := range output {
		r.Output = append(r.Output, it)
	}
	if output != nil {
		r.Status, r.Usage = "completed", responseUsage(an.usage)
		if an.choices[0].finish == "length" {
			r.Status, r.Incomplete = "incomplete", &incomplete{"max_output_tokens"}
		}
	}
	return r
}

func (an *answer) responseBody() {
	head := an.head(typeJSON)
	head.Wait = an.pace.FirstToken + time.Duration(max(an.usage.Completion-1, 0))*an.pace.interval()
	an.script = Script{head, {part: PartBody, reports: true, Raw: marshal(an.response(an.choices[0].items())) + "\n"}}
}

// responseEvents is the answer as events: PartRole opens the response and its
// items, PartContent is their pieces, PartFinish closes them.
func (an *answer) responseEvents() {
	an.script = Script{an.head(typeStream)}
	c := &an.choices[0]
	items := c.items()
	sequence := 0
	event := func(part Part, wait time.Duration, kind, fields string) {
		raw := `{"type":"` + kind + `","sequence_number":` + marshal(sequence) + "," + fields + "}"
		sequence++
		an.script = append(an.script, Step{part: part, Wait: wait, Raw: "event: " + kind + "\ndata: " + raw + "\n\n"})
	}
	begun := `"response":` + marshal(an.response(nil))
	event(PartRole, 0, "response.created", begun)
	event(PartRole, 0, "response.in_progress", begun)
	wait := an.pace.FirstToken
	for i, it := range items {
		at := `"output_index":` + marshal(i) + ","
		of := `"item_id":"` + it.ID + `",` + at
		opened := it
		pieces, delta := c.text, "response.output_text.delta"
		inner := `"content_index":0,`
		last := func() {}
		switch it.Type {
		case "reasoning":
			pieces, delta, inner = c.reasoning, "response.reasoning_summary_text.delta", `"summary_index":0,`
			opened.Summary = &[]responsePart{}
		case "function_call":
			n := i - (len(items) - len(c.ToolCalls))
			pieces, delta, inner = c.arguments[n], "response.function_call_arguments.delta", ""
			opened.Status, opened.Arguments = "in_progress", new(string)
			last = func() {
				event(PartFinish, 0, "response.function_call_arguments.done", of+`"arguments":`+marshal(*it.Arguments))
			}
		default:
			opened.Status, opened.Content = "in_progress", &[]responsePart{}
		}
		event(PartRole, 0, "response.output_item.added", at+`"item":`+marshal(opened))
		if it.Type == "message" {
			whole := (*it.Content)[0]
			empty, done := textPart(""), "response.output_text.done"
			text := `"text":` + marshal(whole.Text) + `,"logprobs":[]`
			if whole.Refusal != nil {
				pieces, delta = c.refusal, "response.refusal.delta"
				empty, done, text = responsePart{Type: "refusal", Refusal: new(string)}, "response.refusal.done", `"refusal":`+marshal(whole.Refusal)
			}
			event(PartRole, 0, "response.content_part.added", of+inner+`"part":`+marshal(empty))
			last = func() {
				event(PartFinish, 0, done, of+inner+text)
				event(PartFinish, 0, "response.content_part.done", of+inner+`"part":`+marshal(whole))
			}
		}
		for _, s := range pieces {
			more := ""
			if delta == "response.output_text.delta" {
				more = `,"logprobs":[]`
			}
			event(PartContent, wait, delta, of+inner+`"delta":`+marshal(s)+more)
			wait = an.pace.interval()
		}
		last()
		event(PartFinish, 0, "response.output_item.done", at+`"item":`+marshal(it))
	}
	whole := an.response(items)
	event(PartFinish, 0, "response."+whole.Status, `"response":`+marshal(whole))
	an.script[len(an.script)-1].reports = true
}

// decodeInput reads the input of a response: a text, or a list of items.
func (r *Request) decodeInput(raw json.RawMessage, instructions string) error {
	if instructions != "" {
		r.Messages = append(r.Messages, Message{Role: "developer", Text: instructions})
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if text != "" {
			r.Messages = append(r.Messages, Message{Role: "user", Text: text})
		}
		return nil
	}
	var items []struct {
		wireMessage
		CallID    string `json:"call_id"`
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
		Output    string `json:"output"`
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	for _, it := range items {
		m := Message{Role: it.Role, Name: it.Name}
		switch {
		case it.Arguments != "":
			m = Message{Role: "assistant", ToolCalls: []ToolCall{{ID: it.CallID, Name: it.Name, Arguments: it.Arguments}}}
		case it.CallID != "":
			m = Message{Role: "tool", Text: it.Output, ToolCallID: it.CallID}
		default:
			var err error
			if m.Text, err = it.text(); err != nil {
				return err
			}
		}
		r.Messages = append(r.Messages, m)
	}
	return nil
}

// noInput is what OpenAI says of a response that is asked for without an input.
func noInput() *Failure {
	return &Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "missing_required_parameter", Param: "input",
		Message: "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."}
}
