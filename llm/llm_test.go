package llm_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"testing"

	"github.com/callspan/callspan/llm"
)

func seq(err error, chunks ...llm.Chunk) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		for _, c := range chunks {
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(llm.Chunk{}, err)
		}
	}
}

func ExampleCollect() {
	model := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return seq(nil, llm.Chunk{Text: "Pink"}, llm.Chunk{Text: " roses."}, llm.Chunk{Finish: "stop"})
	})
	resp, err := llm.Collect(model.Chat(context.Background(), &llm.Request{Messages: []llm.Message{llm.User("Flowers?")}}))
	fmt.Println(resp.Text(), err)
	// Output: Pink roses. <nil>
}

// TestCollect: chunks of several choices and tool calls come together by index,
// the last usage counts, and what came before an error is kept.
func TestCollect(t *testing.T) {
	lost := errors.New("connection lost")
	resp, err := llm.Collect(seq(lost,
		llm.Chunk{Meta: &llm.Meta{ID: "1", Model: "asked"}},
		llm.Chunk{Choice: 1, Text: "white"},
		llm.Chunk{Text: "pi", Reasoning: "hm", Usage: &llm.Usage{Input: 3, Output: 1}},
		llm.Chunk{Tool: &llm.ToolDelta{Index: 4, ID: "b", Name: "price", Arguments: "{"}},
		llm.Chunk{Tool: &llm.ToolDelta{Index: 2, ID: "a", Name: "stock", Arguments: "[]"}},
		llm.Chunk{Tool: &llm.ToolDelta{Index: 4, Arguments: "}"}},
		llm.Chunk{Text: "nk", Finish: "stop", Usage: &llm.Usage{Input: 3, Output: 2}, Meta: &llm.Meta{Model: "answered"}},
		llm.Chunk{Choice: -1, Text: "nowhere"}, llm.Chunk{Choice: 1 << 30, Text: "nowhere"},
		llm.Chunk{Choice: 1, Refusal: "no"},
	))
	want := &llm.Response{
		Meta:  llm.Meta{ID: "1", Model: "answered"},
		Usage: &llm.Usage{Input: 3, Output: 2},
		Choices: []llm.Choice{
			{Text: "pink", Reasoning: "hm", Finish: "stop", ToolCalls: []llm.ToolCall{{ID: "b", Name: "price", Arguments: "{}"}, {ID: "a", Name: "stock", Arguments: "[]"}}},
			{Text: "white", Refusal: "no"},
		},
	}
	if !reflect.DeepEqual(resp, want) || err != lost {
		t.Errorf("got %+v, %v\nwant %+v", resp, err, want)
	}
}

// TestCollectCalls: parallel calls are told apart also where a server sends them
// under one index, be it without ids, and fragments that repeat their call's id or
// name belong to it.
func TestCollectCalls(t *testing.T) {
	for _, tt := range []struct {
		name   string
		deltas []llm.ToolDelta
		want   []llm.ToolCall
	}{
		{"ids", []llm.ToolDelta{{ID: "a", Name: "stock", Arguments: `{"f":`}, {ID: "a", Name: "stock", Arguments: `1}`},
			{ID: "b", Name: "price", Arguments: `{`}, {Arguments: `}`}},
			[]llm.ToolCall{{ID: "a", Name: "stock", Arguments: `{"f":1}`}, {ID: "b", Name: "price", Arguments: `{}`}}},
		{"no ids", []llm.ToolDelta{{Name: "stock", Arguments: `{"f":1}`}, {Name: "stock", Arguments: `{"f":2}`}, {Name: "price", Arguments: `{}`}},
			[]llm.ToolCall{{Name: "stock", Arguments: `{"f":1}`}, {Name: "stock", Arguments: `{"f":2}`}, {Name: "price", Arguments: `{}`}}},
		{"the name in every fragment", []llm.ToolDelta{{Name: "stock"}, {Name: "stock", Arguments: `{"f":{}`}, {Name: "stock", Arguments: `,"g":`}, {Name: "stock", Arguments: `{}}`}, {Name: "stock"}},
			[]llm.ToolCall{{Name: "stock", Arguments: `{"f":{},"g":{}}`}}},
		{"no ids, blanks around", []llm.ToolDelta{{Name: "stock", Arguments: "{\"f\":1}\n"}, {Name: "stock", Arguments: ` {"f":2}`}},
			[]llm.ToolCall{{Name: "stock", Arguments: "{\"f\":1}\n"}, {Name: "stock", Arguments: ` {"f":2}`}}},
		{"no ids, the first without arguments", []llm.ToolDelta{{Name: "today"}, {Name: "price", Arguments: `{}`}},
			[]llm.ToolCall{{Name: "today"}, {Name: "price", Arguments: `{}`}}},
		{"no ids, the second without arguments", []llm.ToolDelta{{Name: "price", Arguments: `{"f":1}`}, {Name: "today"}},
			[]llm.ToolCall{{Name: "price", Arguments: `{"f":1}`}, {Name: "today"}}},
		{"no ids, the second in pieces", []llm.ToolDelta{{Name: "price", Arguments: `{"f":1}`}, {Name: "stock"}, {Arguments: `{"f":2}`}},
			[]llm.ToolCall{{Name: "price", Arguments: `{"f":1}`}, {Name: "stock", Arguments: `{"f":2}`}}},
		{"no ids, said again", []llm.ToolDelta{{Name: "price"}, {Arguments: `{"f":`}, {Arguments: `1}`}, {Name: "price", Arguments: `{"f":1}`}},
			[]llm.ToolCall{{Name: "price", Arguments: `{"f":1}`}}},
		{"an id, said again", []llm.ToolDelta{{ID: "a", Name: "price"}, {Arguments: `{"f":`}, {Arguments: `1}`}, {ID: "a", Name: "price", Arguments: `{"f":1}`}},
			[]llm.ToolCall{{ID: "a", Name: "price", Arguments: `{"f":1}`}}},
		{"an id when it is said again", []llm.ToolDelta{{Name: "price", Arguments: `{"f":1}`}, {ID: "a", Name: "price", Arguments: `{"f":1}`}},
			[]llm.ToolCall{{ID: "a", Name: "price", Arguments: `{"f":1}`}}},
		{"in turns", []llm.ToolDelta{{Index: 0, ID: "a", Name: "stock"}, {Index: 1, ID: "b", Name: "price"}, {Index: 0, Arguments: "{"}, {Index: 1, Arguments: "["}, {Index: 0, Arguments: "}"}, {Index: 1, Arguments: "]"}},
			[]llm.ToolCall{{ID: "a", Name: "stock", Arguments: "{}"}, {ID: "b", Name: "price", Arguments: "[]"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a llm.Accumulator
			for i := range tt.deltas {
				a.Add(&llm.Chunk{Tool: &tt.deltas[i]})
			}
			if got := a.Response().Choices[0].ToolCalls; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestReset: an accumulator that is used again starts empty, and what it gave
// before does not change.
func TestReset(t *testing.T) {
	var a llm.Accumulator
	a.Add(&llm.Chunk{Text: "pink", Finish: "stop", Tool: &llm.ToolDelta{ID: "x"}, Usage: &llm.Usage{Input: 1}, Meta: &llm.Meta{ID: "1"}})
	a.Add(&llm.Chunk{Choice: 1, Text: "white"})
	first := a.Response()
	a.Reset()
	if !a.Empty() {
		t.Error("not empty after Reset")
	}
	a.Add(&llm.Chunk{Text: "blue"})
	if got, want := a.Response(), (&llm.Response{Choices: []llm.Choice{{Text: "blue"}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if first.Text() != "pink" || first.Choices[1].Text != "white" {
		t.Errorf("the first response became %+v", first)
	}
}

// TestSourceOf: what says where it comes from keeps it; role and position
// decide for the rest.
func TestSourceOf(t *testing.T) {
	call := llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "1"}}, Parts: []llm.Part{{Text: "let me see"}}}
	req := &llm.Request{Messages: []llm.Message{
		llm.System("rules"),
		{Role: llm.RoleDeveloper, Parts: []llm.Part{{Text: "more"}}},
		llm.User("old question"),
		llm.Assistant("old answer"),
		llm.User("documents").From(llm.SourceRetrieved),
		llm.User("question"),
		call,
		{Role: llm.RoleTool, Parts: []llm.Part{{Text: "24"}}},
	}}
	want := []llm.Source{llm.SourceSystem, llm.SourceSystem, llm.SourceHistory, llm.SourceHistory,
		llm.SourceRetrieved, llm.SourceInput, llm.SourceTools, llm.SourceTools}
	source := req.Sourcer()
	for i, m := range req.Messages {
		p := m.Parts[0]
		if one, all := req.SourceOf(i, p), source(i, p); one != want[i] || all != want[i] {
			t.Errorf("message %d is %v, of all %v, want %v", i, one, all, want[i])
		}
	}
	if got := req.SourceOf(2, llm.Part{Source: 200}); got != llm.SourceHistory { // there is no such source
		t.Errorf("a part of an unknown source is %v", got)
	}
}

func TestMessage(t *testing.T) {
	m := llm.Message{Role: llm.RoleUser, Parts: []llm.Part{{Text: "a "}, {Media: &llm.Media{Kind: "image", Data: []byte("x"), MIMEType: "image/png"}}, {Text: "rose"}}}
	if m.Text() != "a rose" {
		t.Errorf("text %q", m.Text())
	}
	if got := m.Parts[1].Media.Address(); got != "data:image/png;base64,eA==" {
		t.Errorf("address %q", got)
	}
	marked := m.From(llm.SourceHistory)
	if m.Parts[0].Source != llm.SourceAuto || marked.Parts[2].Source != llm.SourceHistory {
		t.Error("From changes its receiver, or not its result")
	}
	if got := (*llm.Response)(nil).Message(); got.Role != llm.RoleAssistant || (*llm.Response)(nil).Text() != "" {
		t.Errorf("nothing as a message: %+v", got)
	}
}

func TestMakeup(t *testing.T) {
	var a, b llm.Makeup
	a[llm.SourceInput], b[llm.SourceInput], b[llm.SourceSystem] = 5, 2, 3
	a.Add(&b)
	if a.Total() != 10 || a[llm.SourceInput] != 7 {
		t.Errorf("sum %v", a)
	}
	for _, s := range llm.Sources() {
		if s.String() == "unknown" || s == llm.SourceAuto {
			t.Errorf("source %v", s)
		}
	}
	if len(llm.Sources()) != len(a)-1 { // all but SourceAuto
		t.Errorf("%d sources of %d", len(llm.Sources()), len(a)-1)
	}
}

func TestError(t *testing.T) {
	inner := errors.New("from the client")
	for _, tc := range []struct {
		err       llm.Error
		text, typ string
	}{
		{llm.Error{Code: "c", Type: "t", Status: 404, Message: "no such model", Err: inner}, "404: no such model", "c"},
		{llm.Error{Type: "t", Message: "m"}, "m", "t"},
		{llm.Error{Status: 503}, "503", "503"},
		{llm.Error{Err: inner}, "from the client", "_OTHER"},
	} {
		if tc.err.Error() != tc.text || tc.err.ErrorType() != tc.typ {
			t.Errorf("%q of type %q, want %q, %q", tc.err.Error(), tc.err.ErrorType(), tc.text, tc.typ)
		}
	}
	if err := error(&llm.Error{Err: inner}); !errors.Is(err, inner) {
		t.Error("the client's error is lost")
	}
}
