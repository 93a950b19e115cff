package callback

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"

	"github.com/callspan/callspan/llm"
)

// What a [File] writes of content: the forms of messages and answers.

type messageLine struct {
	Role       llm.Role   `json:"role"`
	Name       string     `json:"name,omitempty"`
	Text       string     `json:"text,omitempty"`
	Media      []string   `json:"media,omitempty"`
	ToolCalls  []callLine `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type choiceLine struct {
	Text      string     `json:"text,omitempty"`
	Reasoning string     `json:"reasoning,omitempty"`
	Refusal   string     `json:"refusal,omitempty"`
	ToolCalls []callLine `json:"tool_calls,omitempty"`
	Finish    string     `json:"finish,omitempty"`
}

type callLine struct {
	ID        string `json:"id,omitempty"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type documentLine struct {
	ID       string            `json:"id,omitempty"`
	Score    *float64          `json:"score"` // null if it is no number that JSON has
	Text     string            `json:"text"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type memoryLine struct {
	Operation string `json:"operation"`
	Store     string `json:"store"`
	Messages  int    `json:"messages"`
	Tokens    int    `json:"tokens"`
	Records   int    `json:"records,omitempty"`
}

func messageLines(ms []llm.Message) []messageLine {
	out := make([]messageLine, len(ms))
	for i, m := range ms {
		l := messageLine{Role: m.Role, Name: m.Name, Text: m.Text(), ToolCalls: callLines(m.ToolCalls), ToolCallID: m.ToolCallID}
		for _, p := range m.Parts {
			switch d := p.Media; {
			case d == nil:
			case d.URL != "" && len(d.URL) <= showLimit:
				l.Media = append(l.Media, d.URL)
			default:
				l.Media = append(l.Media, fmt.Sprintf("%s of %d bytes", d.Kind, max(len(d.Data), len(d.URL))))
			}
		}
		out[i] = l
	}
	return out
}

func callLines(cs []llm.ToolCall) []callLine {
	var out []callLine
	for _, c := range cs {
		out = append(out, callLine(c))
	}
	return out
}

// appendContent adds v, nothing if there is nothing.
func appendContent(as []slog.Attr, key string, v any) []slog.Attr {
	if isNil(v) {
		return as
	}
	switch d := v.(type) {
	case *llm.Request:
		v = messageLines(d.Messages)
	case []llm.Message:
		v = messageLines(d)
	case *llm.EmbedRequest:
		v = d.Inputs
	case *llm.EmbedResponse:
		v = showOutput(d)
	case *llm.Response:
		choices := make([]choiceLine, len(d.Choices))
		for i, c := range d.Choices {
			choices[i] = choiceLine{c.Text, c.Reasoning, c.Refusal, callLines(c.ToolCalls), c.Finish}
		}
		v = choices
	case llm.ToolCall:
		v = callLine(d)
	case []llm.Document:
		lines := make([]documentLine, len(d))
		for i, doc := range d {
			lines[i] = documentLine{ID: doc.ID, Text: doc.Text, Metadata: doc.Metadata}
			if !math.IsNaN(doc.Score) && !math.IsInf(doc.Score, 0) {
				lines[i].Score = &d[i].Score
			}
		}
		v = lines
	case *MemoryChange:
		v = memoryLine(*d)
	case *Search:
		v = d.Query
	case *ToolCall:
		if v = d.Arguments; v == nil {
			return as
		}
	case Attempt, *Attempt:
		return as
	}
	return append(as, slog.Attr{Key: key, Value: safeValue(v)})
}

// appendChunk adds what a chunk says.
func appendChunk(as []slog.Attr, c *llm.Chunk) []slog.Attr {
	for _, f := range [...]struct{ key, text string }{{"text", c.Text}, {"reasoning", c.Reasoning}, {"refusal", c.Refusal}} {
		if f.text != "" {
			as = append(as, slog.String(f.key, f.text))
		}
	}
	if t := c.Tool; t != nil {
		as = append(as, slog.Attr{Key: "tool_call", Value: safeValue(callLine{t.ID, t.Name, t.Arguments})})
	}
	return as
}

// metadataAttr returns the entries in the order of their names.
func metadataAttr(m map[string]any) slog.Attr {
	as := make([]slog.Attr, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		as = append(as, slog.Attr{Key: k, Value: safeValue(m[k])})
	}
	return slog.GroupAttrs("metadata", as...)
}

// safeValue returns v in a form that any slog handler can write: a text, a
// number or JSON. What has no such form is shown by its type.
func safeValue(v any) (safe slog.Value) {
	defer func() {
		if recover() != nil {
			safe = slog.StringValue(fmt.Sprintf("<%T>", v))
		}
	}()
	switch v := v.(type) {
	case string:
		return slog.StringValue(v)
	case []byte:
		return slog.StringValue(string(v))
	case bool:
		return slog.BoolValue(v)
	case int:
		return slog.IntValue(v)
	case error:
		return slog.StringValue(v.Error())
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return slog.StringValue(fmt.Sprintf("<%T>", v))
	}
	return slog.AnyValue(json.RawMessage(bytes.TrimSpace(b.Bytes())))
}
