package llm_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/llm"
)

func ExampleRequest_Transcript() {
	req := &llm.Request{Messages: []llm.Message{
		llm.System("You sell flowers."), llm.User("Roses, please."), llm.Assistant("How many?"), llm.User("Three."),
	}}
	fmt.Println(llm.Message{Parts: req.Transcript()}.Text())
	// Output:
	// You sell flowers.
	//
	// Human: Roses, please.
	// AI: How many?
	// Human: Three.
	// AI:
}

// TestTranscript is LangChain's rule C2: messages for a text model are one
// text. Unlike there the answer's line is open, and system texts have no label.
func TestTranscript(t *testing.T) {
	tool := llm.Message{Role: llm.RoleTool, Parts: []llm.Part{{Text: "24"}}}
	for _, tc := range []struct {
		name string
		msgs []llm.Message
		want string
	}{
		{"nothing", nil, ""},
		{"one user message", []llm.Message{llm.User("Say this is a test")}, "Say this is a test"},
		{"one system message", []llm.Message{llm.System("Once upon a time")}, "Once upon a time"},
		{"parts without a separator", []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{{Text: "pink "}, {Text: "roses"}}}}, "pink roses"},
		{"a user who asks twice", []llm.Message{llm.User("a"), llm.User("b")}, "Human: a\nHuman: b\nAI:"},
		{"system texts alone", []llm.Message{llm.System("a"), llm.System("b")}, "a\n\nb"},
		{"system first", []llm.Message{llm.System("a"), llm.User("b")}, "a\n\nHuman: b\nAI:"},
		{"two system texts first", []llm.Message{llm.System("a"), {Role: llm.RoleDeveloper, Parts: []llm.Part{{Text: "b"}}}, llm.User("c")}, "a\n\nb\n\nHuman: c\nAI:"},
		{"system in between", []llm.Message{llm.User("a"), llm.System("b"), llm.User("c")}, "Human: a\nSystem: b\nHuman: c\nAI:"},
		{"the answer has begun", []llm.Message{llm.User("a"), llm.Assistant("Well,")}, "Human: a\nAI: Well,"},
		{"other roles", []llm.Message{llm.User("a"), tool, {Role: "critic", Parts: []llm.Part{{Text: "hm"}}}}, "Human: a\nTool: 24\ncritic: hm\nAI:"},
		{"an empty message", []llm.Message{llm.User(""), llm.User("b")}, "Human: \nHuman: b\nAI:"},
		{"messages without a text", []llm.Message{{Role: llm.RoleSystem}, {Role: llm.RoleUser, Parts: []llm.Part{{Media: &llm.Media{}}}}, {Role: llm.RoleAssistant}}, "\n\nHuman: \nAI: "},
	} {
		req := &llm.Request{Messages: tc.msgs}
		if got := (llm.Message{Parts: req.Transcript()}).Text(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestTranscriptSources: every part says where it comes from, and no message
// is changed.
func TestTranscriptSources(t *testing.T) {
	docs := llm.User("red, pink").From(llm.SourceRetrieved)
	req := &llm.Request{Messages: []llm.Message{
		llm.System("Sell."), llm.User("Hi"), llm.Assistant("Hello"), docs,
		{Role: llm.RoleUser, Parts: []llm.Part{{Text: "Which "}, {Media: &llm.Media{Kind: "image"}}, {Text: "one?"}}},
	}}
	around, history := llm.SourceOverhead, llm.SourceHistory
	want := []llm.Part{
		{Text: "Sell.", Source: llm.SourceSystem},
		{Text: "\n\nHuman:", Source: around}, {Text: " ", Source: history}, {Text: "Hi", Source: history},
		{Text: "\nAI:", Source: around}, {Text: " ", Source: history}, {Text: "Hello", Source: history},
		{Text: "\nHuman:", Source: around}, {Text: " ", Source: llm.SourceRetrieved}, {Text: "red, pink", Source: llm.SourceRetrieved},
		{Text: "\nHuman:", Source: around}, {Text: " ", Source: llm.SourceInput}, {Text: "Which ", Source: llm.SourceInput}, {Text: "one?", Source: llm.SourceInput},
		{Text: "\nAI:", Source: around},
	}
	if got := req.Transcript(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if req.Messages[1].Parts[0].Source != llm.SourceAuto {
		t.Error("the request was changed")
	}
}

// TestTranscriptLinear: sixteen times as many messages take about sixteen times
// as long, also where nothing is said.
func TestTranscriptLinear(t *testing.T) {
	for name, m := range map[string]llm.Message{"questions": llm.User("roses"), "nothing": {Role: llm.RoleSystem}} {
		took := func(n int) time.Duration {
			req := &llm.Request{Messages: slices.Repeat([]llm.Message{m}, n)}
			start := cputime.Process()
			req.Transcript()
			return cputime.Process() - start
		}
		one, sixteen := time.Hour, time.Hour
		for range 8 {
			one, sixteen = min(one, took(1<<12)), min(sixteen, took(1<<16))
			if sixteen < 60*max(one, time.Millisecond) {
				break
			}
		}
		if sixteen >= 60*max(one, time.Millisecond) {
			t.Errorf("%s: %v for %d messages, %v for 16 times as many", name, one, 1<<12, sixteen)
		}
	}
}
