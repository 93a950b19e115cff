package openai

import (
	"encoding/json"

	"github.com/callspan/callspan/llm"
)

// A responseItem is one of the outputs of a response.
type responseItem struct {
	Type      string `json:"type"`
	Role      string `json:"role"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
	Input     string `json:"input"` // of a custom tool
	Content   []struct {
		Type, Text, Refusal string
	} `json:"content"`
	Summary []struct{ Text string } `json:"summary"`
}

// given reports whether the item was in the request: a compaction repeats what
// the user has said.
func (it *responseItem) given() bool { return it.Type == "message" && it.Role == "user" }

func (it *responseItem) call() bool {
	return it.Type == "function_call" || it.Type == "custom_tool_call"
}

// items hands out what a response holds.
func (f *responseFrame) items(raw []byte) {
	for i, rawItem := range object(raw).Output {
		var it responseItem
		if readItem(rawItem, &it) {
			f.item(i, &it)
		}
	}
}

// readItem reads what fits.
func readItem(raw []byte, it *responseItem) bool {
	err := json.Unmarshal(raw, it)
	return err == nil || mistyped(err)
}

// item hands out an output as a whole.
func (f *responseFrame) item(i int, it *responseItem) {
	if it.given() {
		return
	}
	var c llm.Chunk
	for _, p := range it.Content {
		c.Text += p.Text
		c.Refusal += p.Refusal
	}
	for _, p := range it.Summary {
		c.Reasoning += p.Text
	}
	if it.Type == "reasoning" {
		c.Reasoning, c.Text = c.Reasoning+c.Text, ""
	}
	if f.text(c); c.HasContent() || it.call() {
		f.came.add(i)
		f.streamed.add(i)
	}
	f.media = f.media || it.Type == "image_generation_call" || it.Type == "compaction"
	if it.call() {
		f.call(llm.ToolDelta{Index: i, ID: it.CallID, Name: it.Name, Arguments: it.Arguments + it.Input})
	}
}
