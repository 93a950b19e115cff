package standin_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/standin"
	"github.com/sashabaranov/go-openai"
)

// TestResponseEvents: the events of a stream, and the body of a whole response.
func TestResponseEvents(t *testing.T) {
	s := start(t, &standin.API{Reply: replies(standin.Reply{Choices: []standin.Choice{{Reasoning: "Hm.", Text: "<Roses> now", ToolCalls: []standin.ToolCall{{ID: "call_1", Name: "stock", Arguments: "{}"}}}}})})
	status, got := postTo(t, s, "/responses", `{"model":"gpt-4o-mini","stream":true,"input":"Say a flower"}`)
	want := []string{
		`event: response.created` + "\n" + `data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_<>","object":"response","created_at":<>,"status":"in_progress",`,
		`data: {"type":"response.in_progress","sequence_number":1,"response":{`,
		`data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"rs_<>","type":"reasoning","summary":[]}}`,
		`data: {"type":"response.reasoning_summary_text.delta","sequence_number":3,"item_id":"rs_<>","output_index":0,"summary_index":0,"delta":"Hm."}`,
		`data: {"type":"response.output_item.done","sequence_number":4,"output_index":0,"item":{"id":"rs_<>","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]}}`,
		`data: {"type":"response.output_item.added","sequence_number":5,"output_index":1,"item":{"id":"msg_<>","type":"message","status":"in_progress","content":[],"role":"assistant"}}`,
		`data: {"type":"response.content_part.added","sequence_number":6,"item_id":"msg_<>","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}`,
		`data: {"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_<>","output_index":1,"content_index":0,"delta":"<Roses>","logprobs":[]}`,
		`data: {"type":"response.output_text.delta","sequence_number":8,"item_id":"msg_<>","output_index":1,"content_index":0,"delta":" now","logprobs":[]}`,
		`data: {"type":"response.output_text.done","sequence_number":9,"item_id":"msg_<>","output_index":1,"content_index":0,"text":"<Roses> now","logprobs":[]}`,
		`data: {"type":"response.content_part.done","sequence_number":10,"item_id":"msg_<>","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"<Roses> now"}}`,
		`data: {"type":"response.output_item.done","sequence_number":11,"output_index":1,`,
		`data: {"type":"response.output_item.added","sequence_number":12,"output_index":2,"item":{"id":"fc_<>","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"stock"}}`,
		`data: {"type":"response.function_call_arguments.delta","sequence_number":13,"item_id":"fc_<>","output_index":2,"delta":"{}"}`,
		`data: {"type":"response.function_call_arguments.done","sequence_number":14,"item_id":"fc_<>","output_index":2,"arguments":"{}"}`,
		`data: {"type":"response.output_item.done","sequence_number":15,"output_index":2,`,
		`data: {"type":"response.completed","sequence_number":16,"response":{"id":"resp_<>","object":"response","created_at":<>,"status":"completed",`,
	}
	events := strings.Split(strings.TrimSuffix(got, "\n\n"), "\n\n")
	if status != 200 || len(events) != len(want) {
		t.Fatalf("status %d, %d events, want %d:\n%s", status, len(events), len(want), got)
	}
	for i := range events {
		if !strings.Contains(events[i], want[i]) {
			t.Errorf("event %d is\n%s\nwant\n%s", i, events[i], want[i])
		}
	}
}

// TestResponseClient lets the real client read what is sent.
func TestResponseClient(t *testing.T) {
	for _, tc := range []struct {
		name   string
		reply  standin.Choice
		max    int
		input  any
		text   string // deltas of text and refusals
		last   string // the kind of the last event
		prompt int
		output int
	}{
		{"text", standin.Choice{Text: "Three pink roses"}, 0, "Roses?", "Three pink roses", "response.completed", 8, 3},
		{"limit", standin.Choice{Text: "Three pink roses"}, 2, "Roses?", "Three pink", "response.incomplete", 8, 2},
		{"refusal", standin.Choice{Refusal: "I cannot."}, 0, "Roses?", "I cannot.", "response.completed", 8, 2},
		{"tool", standin.Choice{ToolCalls: []standin.ToolCall{{Name: "stock", Arguments: "{}"}}}, 0, "Roses?", "", "response.completed", 8, 2},
		{"items", standin.Choice{Text: "Yes"}, 0, []any{
			openai.ResponseInputMessage{Role: "user", Content: "Roses?"},
			map[string]any{"type": "function_call", "call_id": "c", "name": "stock", "arguments": "{}"},
			openai.ResponseFunctionCallOutput{Type: "function_call_output", CallID: "c", Output: "7"},
		}, "Yes", "response.completed", 19, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api := &standin.API{Reply: replies(standin.Reply{Choices: []standin.Choice{tc.reply}})}
			c := client(start(t, api), "any")
			req := openai.CreateResponseRequest{Model: "gpt-4o-mini", Input: tc.input, MaxOutputTokens: tc.max}
			stream, err := c.CreateResponseStream(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			text := ""
			var last openai.ResponseStreamEvent
			for {
				e, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if e.Type == "response.output_text.delta" || e.Type == "response.refusal.delta" {
					text += e.Delta
				}
				last = e
			}
			if text != tc.text || string(last.Type) != tc.last {
				t.Errorf("text %q, ended by %q", text, last.Type)
			}
			whole, err := c.CreateResponse(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []*openai.CreateResponseResponse{&whole, last.Response} {
				if r == nil || r.Usage == nil || r.Usage.InputTokens != tc.prompt || r.Usage.OutputTokens != tc.output || len(r.Output) != 1 {
					t.Errorf("response %+v", r)
				}
			}
			if got, want := api.Reported(), (standin.Usage{Prompt: 2 * tc.prompt, Completion: 2 * tc.output}); got != want {
				t.Errorf("reported %+v, want %+v", got, want)
			}
		})
	}
}

func TestResponseRefused(t *testing.T) {
	s := start(t, &standin.API{})
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"model":"gpt-4o-mini"}`, http.StatusBadRequest, `\"input\"`},
		{`{"model":"gpt-4o-mini","input":7}`, http.StatusBadRequest, "could not parse"},
		{`{"model":"gpt-4o-mini","input":[{"role":"user","content":7}]}`, http.StatusBadRequest, "could not parse"},
		{`{"model":"davinci-002","input":"hi"}`, http.StatusBadRequest, "cannot be used with the Responses API"},
		{`{"model":"gpt-4o-mini","input":"hi","instructions":"Be kind"}`, http.StatusOK, "You said: hi"},
	} {
		if status, got := postTo(t, s, "/responses", tc.body); status != tc.status || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %d %s", tc.body, status, got)
		}
	}
}
