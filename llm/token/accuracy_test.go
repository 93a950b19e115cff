package token

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/callspan/callspan/llm"
)

// A recorded call: what was sent, and what OpenAI billed for it.
type recorded struct {
	ID            string
	Category      string
	Endpoint      string
	Model         string
	ResponseModel string `json:"response_model"`
	Features      []string
	Messages      []recordedItem
	Instructions  string
	Input         recordedInput
	Prompt        recordedInput
	Tools         []recordedTool
	ToolChoice    json.RawMessage `json:"tool_choice"`
	Format        *recordedFormat `json:"response_format"`
	Prompted      int             `json:"prompt_tokens"`
	Completed     int             `json:"completion_tokens"`
	Reasoned      int             `json:"reasoning_tokens"`
	Text          string          `json:"completion_text"`
	Choices       []struct {
		Content      string
		Refusal      string
		ToolCalls    []llm.ToolCall `json:"tool_calls"`
		FinishReason string         `json:"finish_reason"`
	}
}

type recordedItem struct {
	Type       string
	Role       llm.Role
	Name       string
	Content    recordedText
	ToolCallID string `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string
		Function llm.ToolCall
	} `json:"tool_calls"`
	CallID    string          `json:"call_id"`
	Arguments json.RawMessage // of a Responses item
	Output    recordedText
}

// recordedText is a text, or the text parts of an array.
type recordedText []string

func (t *recordedText) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = nil
		if string(data) != "null" {
			*t = recordedText{s}
		}
		return nil
	}
	var parts []struct{ Text string }
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*t = append(*t, p.Text)
	}
	return nil
}

func (t recordedText) parts() (parts []llm.Part) {
	for _, s := range t {
		parts = append(parts, llm.Part{Text: s})
	}
	return parts
}

// recordedInput is what was embedded or completed: texts, or tokens that the
// caller had made of them.
type recordedInput struct {
	texts  []string
	tokens int
}

func (in *recordedInput) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		list = []json.RawMessage{data}
	}
	for _, item := range list {
		var text *string
		var tokens []int
		switch {
		case json.Unmarshal(item, &text) == nil && text != nil:
			in.texts = append(in.texts, *text)
		case json.Unmarshal(item, &tokens) == nil:
			in.tokens += len(tokens)
		}
	}
	return nil
}

type recordedTool struct {
	Type string
	recordedFunction
	Function *recordedFunction
}

type recordedFunction struct {
	Name        string
	Description string
	Parameters  json.RawMessage
	Strict      bool
}

type recordedFormat struct {
	Type string
	recordedSchema
	JSONSchema *recordedSchema `json:"json_schema"`
}

type recordedSchema struct {
	Name        string
	Description string
	Schema      json.RawMessage
}

func (r *recorded) request() *llm.Request {
	req := &llm.Request{Model: cmp.Or(r.Model, r.ResponseModel)}
	if r.Instructions != "" {
		req.Messages = append(req.Messages, llm.System(r.Instructions))
	}
	joinable := false // whether a further function_call belongs to the message before
	for _, item := range r.Messages {
		m := llm.Message{Role: item.Role, Name: item.Name, Parts: item.Content.parts(), ToolCallID: item.ToolCallID}
		switch item.Type {
		case "function_call":
			var args string
			if json.Unmarshal(item.Arguments, &args) != nil {
				args = string(item.Arguments)
			}
			call := llm.ToolCall{ID: item.CallID, Name: item.Name, Arguments: args}
			if joinable {
				last := &req.Messages[len(req.Messages)-1]
				last.ToolCalls = append(last.ToolCalls, call)
				continue
			}
			joinable = true
			m = llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{call}}
		case "function_call_output":
			joinable = false
			m = llm.Message{Role: llm.RoleTool, ToolCallID: item.CallID, Parts: item.Output.parts()}
		case "", "message":
			joinable = false
			for _, c := range item.ToolCalls {
				c.Function.ID = c.ID
				m.ToolCalls = append(m.ToolCalls, c.Function)
			}
		default:
			continue
		}
		req.Messages = append(req.Messages, m)
	}
	for _, t := range r.Tools {
		f := t.recordedFunction
		if t.Function != nil {
			f = *t.Function
		}
		if t.Type == "function" {
			req.Tools = append(req.Tools, llm.Tool{Name: f.Name, Description: f.Description, Parameters: f.Parameters, Strict: f.Strict})
		}
	}
	var choice struct {
		Name     string
		Function struct{ Name string }
	}
	if json.Unmarshal(r.ToolChoice, &req.ToolChoice) != nil && json.Unmarshal(r.ToolChoice, &choice) == nil {
		req.ToolChoice = cmp.Or(choice.Name, choice.Function.Name)
	}
	if f := r.Format; f != nil {
		s := f.recordedSchema
		if f.JSONSchema != nil {
			s = *f.JSONSchema
		}
		if s.Schema != nil || f.Type == "json_object" {
			req.Format = &llm.Format{Name: s.Name, Description: s.Description, Schema: s.Schema}
		}
	}
	return req
}

func (r *recorded) response() *llm.Response {
	resp := &llm.Response{}
	for _, c := range r.Choices {
		resp.Choices = append(resp.Choices, llm.Choice{Text: c.Content, Refusal: c.Refusal, ToolCalls: c.ToolCalls, Finish: c.FinishReason})
	}
	if len(r.Choices) == 0 && r.Text != "" {
		resp.Choices = []llm.Choice{{Text: r.Text}}
	}
	return resp
}

// hidden reports whether the prompt held what the recording does not show.
func (r *recorded) hidden() bool {
	for _, f := range r.Features {
		switch f {
		case "hidden-history", "builtin-tools", "stored-prompt", "context-mgmt", "item:reasoning", "item:compaction",
			"item:item_reference", "item:additional_tools", "item:tool_search_call", "item:image_generation_call", "item:mcp_call":
			return true
		}
	}
	return false
}

func recordings(t *testing.T) (all []recorded) {
	t.Helper()
	dir := os.Getenv("CALLSPAN_RECORDED")
	if dir == "" {
		t.Skip("CALLSPAN_RECORDED names no directory with token_truth_sample.jsonl")
	}
	f, err := os.Open(filepath.Join(dir, "token_truth_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// tally compares counts with what was billed.
type tally struct {
	n, exact int
	off      float64
}

func (y *tally) add(got, billed int) {
	y.n++
	if got == billed {
		y.exact++
	}
	if billed > 0 {
		y.off += float64(max(got, billed)-min(got, billed)) / float64(billed)
	}
}

// holds fails the test if less than exact percent of the counts are right, or
// they are off by more than off percent on average.
func (y *tally) holds(t *testing.T, what string, exact, off float64) {
	t.Helper()
	gotExact := 100 * float64(y.exact) / float64(y.n)
	gotOff := 100 * y.off / float64(y.n)
	t.Logf("%-30s %3d calls, %5.1f%% exact, off by %.2f%%", what, y.n, gotExact, gotOff)
	if y.n == 0 || gotExact < exact || gotOff > off {
		t.Errorf("%s: want at least %.1f%% exact, off by at most %.2f%%", what, exact, off)
	}
}

func TestAccuracyOfPrompts(t *testing.T) {
	got := make(map[string]*tally)
	for _, r := range recordings(t) {
		if r.hidden() {
			continue
		}
		if got[r.Category] == nil {
			got[r.Category] = new(tally)
		}
		n := 0
		switch r.Endpoint {
		case "embeddings", "completions":
			m := Meter{Model: cmp.Or(r.Model, r.ResponseModel), API: r.Endpoint}
			n = r.Input.tokens + r.Prompt.tokens
			u, _ := m.EstimateEmbed(&llm.EmbedRequest{Inputs: r.Input.texts})
			n += u.Input
			for _, text := range r.Prompt.texts {
				makeup, _ := m.Split(&llm.Request{Messages: []llm.Message{llm.User(text)}})
				n += makeup.Total()
			}
		default:
			makeup, _ := Meter{API: r.Endpoint}.Split(r.request())
			n = makeup.Total()
		}
		got[r.Category].add(n, r.Prompted)
	}
	for _, bar := range []struct {
		category   string
		exact, off float64
	}{
		{"text", 100, 0},
		{"tools", 92, 0.2},
		{"tools+history", 93, 0.2},
		{"history-only", 100, 0},
		{"text+json_schema", 82, 0.2},
		{"tools+json_schema", 100, 0},
		{"responses", 82, 1.3},
		{"responses+json_schema", 100, 0},
		{"embeddings", 100, 0},
		{"completions", 100, 0},
	} {
		got[bar.category].holds(t, bar.category, bar.exact, bar.off)
		delete(got, bar.category)
	}
	for category := range got {
		t.Errorf("no bar for category %s", category)
	}
}

// TestAccuracyOfAnswers leaves out the models whose answers hold reasoning that
// nobody sees.
func TestAccuracyOfAnswers(t *testing.T) {
	var text, tools, several tally
	for _, r := range recordings(t) {
		resp := r.response()
		if len(resp.Choices) == 0 || r.hidden() || r.Endpoint == "completions" || dialectOf(nil, r.request().Model, false).reasoner {
			continue
		}
		u, _ := Meter{API: r.Endpoint}.Estimate(r.request(), resp)
		y := &text
		switch len(resp.Choices[0].ToolCalls) {
		case 0:
		case 1:
			y = &tools
		default:
			y = &several
		}
		y.add(u.Output, r.Completed)
	}
	text.holds(t, "answers: text", 88, 0.6)
	tools.holds(t, "answers: one tool call", 86, 1.8)
	several.holds(t, "answers: several tool calls", 60, 4)
}
