package token

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/llm"
)

var schemas = []string{
	`{"type":"object","properties":{}}`,
	`{"type":"object","properties":{"query":{"type":"string"},"limit":{"type":"integer"}},"required":["query"]}`,
	`{"title":"Order","properties":{"kind":{"title":"Kind","description":"Which flower.","enum":["rose","tulip"]},
	  "count":{"type":"integer","default":1},"when":{"anyOf":[{"type":"string","format":"date"},{"type":"null"}],"description":"Day"},
	  "lines":{"type":"array","items":{"$ref":"#/$defs/Line"}}},"required":["kind"],
	  "$defs":{"Line":{"title":"Line","properties":{"text":{"type":["string","null"],"description":"What to write"}}}}}`,
}

func call(name, args string) llm.Message {
	return llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "1", Name: name, Arguments: args}}}
}

func result(id, text string) llm.Message {
	return llm.Message{Role: llm.RoleTool, ToolCallID: id, Parts: []llm.Part{{Text: text}}}
}

// jargon is the example in OpenAI's cookbook, with the bills of its time.
var jargon = []llm.Message{
	llm.System("You are a helpful, pattern-following assistant that translates corporate jargon into plain English."),
	named("example_user", "New synergies will help drive top-line growth."),
	named("example_assistant", "Things working well together will increase revenue."),
	named("example_user", "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."),
	named("example_assistant", "Let's talk later when we're less busy about how to do better."),
	llm.User("This late pivot means we don't have time to boil the ocean for the client deliverable."),
}

func named(name, text string) llm.Message {
	m := llm.System(text)
	m.Name = name
	return m
}

func TestSplit(t *testing.T) {
	search := []llm.Tool{{Name: "search", Description: "Search documents",
		Parameters: []byte(`{"type":"object","properties":{"query":{"type":"string"},"user_context":{"type":"string"}},"required":["query"]}`)}}
	weather := []llm.Tool{{Name: "weather", Description: "Get weather information for a location",
		Parameters: []byte(`{"type":"object","properties":{"location":{"description":"the city","type":"string"}},"required":["location"]}`)}}
	cities := []llm.Tool{{Name: "get_weather", Description: "Get the weather for a location",
		Parameters: []byte(`{"type":"object","properties":{"location":{"description":"The city and country","type":"string"}},"required":["location"]}`)}}
	for _, tt := range []struct {
		name  string
		meter Meter
		req   llm.Request
		want  llm.Makeup
	}{
		{
			name: "nothing",
			want: llm.Makeup{llm.SourceOverhead: 3},
		}, {
			name: "text", // billed: 42
			req: llm.Request{Model: "gpt-4o", Messages: []llm.Message{
				llm.System("Answer user questions succinctly"), llm.Assistant("What can I help you with?"),
				llm.User("Who won the World Cup in 2022? Answer in one word."),
			}},
			want: llm.Makeup{llm.SourceSystem: 5, llm.SourceHistory: 7, llm.SourceInput: 15, llm.SourceOverhead: 15},
		}, {
			name: "name", // billed: 28
			req: llm.Request{Model: "gpt-4o-2024-08-06", Messages: []llm.Message{
				llm.System("You are a helpful AI assistant."),
				{Role: llm.RoleUser, Name: "user", Parts: []llm.Part{{Text: "Write a short poem about the fall season."}}},
			}},
			want: llm.Makeup{llm.SourceSystem: 7, llm.SourceInput: 9, llm.SourceOverhead: 12},
		}, {
			name: "the oldest model",
			req:  llm.Request{Model: "gpt-3.5-turbo-0301", Messages: []llm.Message{{Role: llm.RoleUser, Name: "user", Parts: []llm.Part{{Text: "hi"}}}}},
			want: llm.Makeup{llm.SourceInput: 1, llm.SourceOverhead: 4 + 1 + 1 - 1 + 3},
		}, {
			name: "names of models after the oldest", // billed: 129
			req:  llm.Request{Model: "gpt-3.5-turbo-0613", Messages: jargon},
			want: llm.Makeup{llm.SourceSystem: 69, llm.SourceInput: 19, llm.SourceOverhead: 41},
		}, {
			name: "names of the oldest model, in place of roles", // billed: 127
			req:  llm.Request{Model: "gpt-3.5-turbo-0301", Messages: jargon},
			want: llm.Makeup{llm.SourceSystem: 69, llm.SourceInput: 19, llm.SourceOverhead: 39},
		}, {
			name: "reasoner",
			req:  llm.Request{Model: "gpt-5", Messages: []llm.Message{llm.User("hi"), llm.Assistant("hi"), llm.User("hi")}},
			want: llm.Makeup{llm.SourceHistory: 2, llm.SourceInput: 1, llm.SourceOverhead: 3*4 + 2 + 2},
		}, {
			name: "tools", // billed: 48
			req:  llm.Request{Model: "gpt-4o-mini", Messages: []llm.Message{llm.User("Search for Python tutorials")}, Tools: search},
			want: llm.Makeup{llm.SourceTools: 34, llm.SourceInput: 4, llm.SourceOverhead: 10},
		}, {
			name: "tools after a system message",
			req:  llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 10},
		}, {
			name: "tools after a system message that does not end", // the empty line is a token
			req:  llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.System("Be brief"), llm.User("Go")}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 2, llm.SourceTools: 35, llm.SourceInput: 1, llm.SourceOverhead: 10},
		}, {
			name: "tools of a reasoner",
			req:  llm.Request{Model: "gpt-5", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 10 + 3 + 81},
		}, {
			name: "tools of a reasoner, through a router",
			req:  llm.Request{Model: "openai/gpt-5", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 10 + 3},
		}, {
			name: "tools of o4",
			req:  llm.Request{Model: "o4-mini", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 10 + 3},
		}, {
			name: "tools of o3",
			req:  llm.Request{Model: "o3", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 10},
		}, {
			name: "o1-mini", // as gpt-4o
			req:  llm.Request{Model: "o1-mini", Messages: []llm.Message{llm.User("hi")}},
			want: llm.Makeup{llm.SourceInput: 1, llm.SourceOverhead: 4 + 3},
		}, {
			name: "o3",
			req:  llm.Request{Model: "o3-mini", Messages: []llm.Message{llm.User("hi")}},
			want: llm.Makeup{llm.SourceInput: 1, llm.SourceOverhead: 4 + 2},
		}, {
			name:  "tools of a reasoner in the Responses API, without a system message",
			meter: Meter{API: "responses"},
			req:   llm.Request{Model: "gpt-5", Messages: []llm.Message{llm.User("Go")}, Tools: search},
			want:  llm.Makeup{llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 4 + 2 + 2},
		}, {
			name:  "tools of a reasoner in the Responses API", // billed: 63
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-5-mini", Messages: []llm.Message{
				{Role: llm.RoleDeveloper, Parts: []llm.Part{{Text: "You are a helpful assistant"}}}, llm.User("What's the weather in Florence,Italy?"),
			}, Tools: weather},
			want: llm.Makeup{llm.SourceSystem: 5, llm.SourceTools: 38, llm.SourceInput: 8, llm.SourceOverhead: 8 + 2 + 2},
		}, {
			name:  "a call of a reasoner in the Responses API",
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-5", Messages: []llm.Message{
				llm.System("Be brief."), llm.User("Go"), call("search", `{"query": "roses"}`), result("1", "red ones"),
			}, Tools: search},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34 + 3 + 4 + 5 + 6 + 1 + 2, llm.SourceInput: 1, llm.SourceOverhead: 8 + 6 + 2 + 2},
		}, {
			name:  "reasoning that is not shown, in the Responses API", // billed: 40
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-5-nano", Messages: []llm.Message{
				llm.User("What is 2 + 2? Just the number."), {Role: llm.RoleAssistant}, llm.Assistant("4"), llm.User("Now multiply that by 3. Just the number."),
			}},
			want: llm.Makeup{llm.SourceHistory: 13, llm.SourceInput: 11, llm.SourceOverhead: 3*4 + 2 + 2},
		}, {
			name:  "an answer without text, in the Responses API",
			meter: Meter{API: "responses"},
			req:   llm.Request{Model: "gpt-5-nano", Messages: []llm.Message{llm.User("hi"), llm.Assistant("")}},
			want:  llm.Makeup{llm.SourceHistory: 1, llm.SourceOverhead: 2*4 + 2 + 2},
		}, {
			name:  "the only tool, which must be called, in the Responses API", // billed: 133
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-4o-mini-2024-07-18", ToolChoice: "required", Tools: cities, Messages: []llm.Message{
				llm.System("You must inspect live weather via the provided get_weather tool before responding."),
				llm.User("Use the get_weather tool for Paris, France. If you do not call the tool, the answer is invalid."),
				call("get_weather", `{"location":"Paris, France"}`), result("1", `{"condition":"sunny","location":"Paris, France","temperatureC":22}`),
			}},
			want: llm.Makeup{llm.SourceSystem: 14, llm.SourceTools: 75 + 5 + 5, llm.SourceInput: 23, llm.SourceOverhead: 11},
		}, {
			name:  "one of several tools must be called, in the Responses API",
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-4o", ToolChoice: "required", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")},
				Tools: slices.Concat(search, search)},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 56, llm.SourceInput: 1, llm.SourceOverhead: 7},
		}, {
			name: "the only tool, which must be called", // of no further cost
			req:  llm.Request{Model: "gpt-4o-mini", Messages: []llm.Message{llm.User("Search for Python tutorials")}, Tools: search, ToolChoice: "required"},
			want: llm.Makeup{llm.SourceTools: 34, llm.SourceInput: 4, llm.SourceOverhead: 10},
		}, {
			name: "a tool that a reasoner must call", // costs nothing more
			req:  llm.Request{Model: "gpt-5", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search, ToolChoice: "search"},
			want: llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 10 + 3 + 81},
		}, {
			name:  "tools in the Responses API",
			meter: Meter{API: "responses"},
			req:   llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.System("Be brief."), llm.User("Go")}, Tools: search},
			want:  llm.Makeup{llm.SourceSystem: 3, llm.SourceTools: 34, llm.SourceInput: 1, llm.SourceOverhead: 7},
		}, {
			name: "a tool that must be called",
			req:  llm.Request{Model: "gpt-4o-mini", Messages: []llm.Message{llm.User("Search for Python tutorials")}, Tools: search, ToolChoice: "search"},
			want: llm.Makeup{llm.SourceTools: 34 + 4 + 4, llm.SourceInput: 4, llm.SourceOverhead: 10},
		}, {
			name: "a call and its result",
			req: llm.Request{Model: "gpt-4o", Messages: []llm.Message{
				llm.User("Go"), call("search", `{"query": "roses"}`), result("1", "red ones"),
			}},
			want: llm.Makeup{llm.SourceTools: 3 + 5 + 6 + 1 + 2, llm.SourceInput: 1, llm.SourceOverhead: 4 + 6 + 3},
		}, {
			name: "a call and its result, gpt-5",
			req: llm.Request{Model: "gpt-5", Messages: []llm.Message{
				llm.User("Go"), call("search", `{"query": "roses"}`), result("1", "red ones"),
			}},
			want: llm.Makeup{llm.SourceTools: 3 + 5 + 6 + 6 + 1 + 2, llm.SourceInput: 1, llm.SourceOverhead: 4 + 6 + 2},
		}, {
			name: "a call and its result, o4",
			req: llm.Request{Model: "o4-mini", Messages: []llm.Message{
				llm.User("Go"), call("search", `{"query": "roses"}`), result("1", "red ones"),
			}},
			want: llm.Makeup{llm.SourceTools: 3 + 5 + 6 + 3 + 1 + 2, llm.SourceInput: 1, llm.SourceOverhead: 4 + 6 + 2},
		}, {
			name:  "a call and its result in the Responses API",
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-4o", Messages: []llm.Message{
				llm.User("Go"), call("search", `{"query": "roses"}`), result("1", "red ones"),
			}},
			want: llm.Makeup{llm.SourceTools: 3 + 5 + 6 + 1 + 2, llm.SourceInput: 1, llm.SourceOverhead: 4 + 4 + 3},
		}, {
			name:  "two calls at once in the Responses API", // each by itself
			meter: Meter{API: "responses"},
			req: llm.Request{Model: "gpt-4o", Messages: []llm.Message{
				llm.User("Go"),
				{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{
					{ID: "1", Name: "search", Arguments: `{"query": "roses"}`}, {ID: "2", Name: "search", Arguments: `{"query": "roses"}`}}},
				result("1", "red ones"), result("2", "red ones"),
			}},
			want: llm.Makeup{llm.SourceTools: 2 * (3 + 5 + 6 + 1 + 2), llm.SourceInput: 1, llm.SourceOverhead: 4 + 2*4 + 3},
		}, {
			name: "two calls at once", // billed: 99
			req: llm.Request{Model: "gpt-4o-mini", Messages: []llm.Message{
				llm.System("You're a helpful assistant."),
				llm.User("What's the weather in Seattle and San Francisco today?"),
				{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{
					{ID: "1", Name: "get_current_weather", Arguments: `{"location": "Seattle, WA"}`},
					{ID: "2", Name: "get_current_weather", Arguments: `{"location": "San Francisco, CA"}`},
				}},
				result("1", "50 degrees and raining"), result("2", "70 degrees and sunny").From(llm.SourceRetrieved),
			}},
			want: llm.Makeup{llm.SourceSystem: 5, llm.SourceTools: 69, llm.SourceRetrieved: 4, llm.SourceInput: 10, llm.SourceOverhead: 11},
		}, {
			name: "parts with sources",
			req: llm.Request{Model: "gpt-4o", Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
				{Text: "Use this: ", Source: llm.SourceTemplate}, {Text: "roses are red", Source: llm.SourceRetrieved},
				{Text: "", Source: llm.SourceHistory}, {Text: ". Hel", Source: llm.SourceTemplate}, {Text: "lo!"},
			}}}},
			// "Use| this|:| roses| are| red|.| Hello|!": " roses" and " Hello" begin in the template.
			want: llm.Makeup{llm.SourceTemplate: 6, llm.SourceRetrieved: 2, llm.SourceInput: 1, llm.SourceOverhead: 7},
		}, {
			name: "schema of the answer", // billed: 83
			req: llm.Request{Model: "gpt-4.1-nano", Messages: []llm.Message{llm.User("Tell me a joke about opentelemetry")}, Format: &llm.Format{
				Name: "Joke", Description: "A joke and your self evaluation of it from 1 to 10",
				Schema: []byte(`{"properties": {"joke": {"title": "Joke", "type": "string"}, "rating": {"title": "Rating", "type": "integer"}},
					"required": ["joke", "rating"], "title": "Joke", "type": "object"}`),
			}},
			want: llm.Makeup{llm.SourceInput: 9, llm.SourceOverhead: 74},
		}, {
			name: "any object as answer",
			req:  llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.User("hi")}, Format: &llm.Format{}},
			want: llm.Makeup{llm.SourceInput: 1, llm.SourceOverhead: 7},
		}, {
			name:  "model of the meter",
			meter: Meter{Model: "gpt-5"},
			req:   llm.Request{Messages: []llm.Message{llm.User("hi")}},
			want:  llm.Makeup{llm.SourceInput: 1, llm.SourceOverhead: 6},
		}, {
			name: "unknown model",
			req:  llm.Request{Model: "claude", Messages: []llm.Message{llm.User("hi")}},
			want: llm.Makeup{llm.SourceInput: 1, llm.SourceOverhead: 7},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // counted, then remembered
				if got, ok := tt.meter.Split(&tt.req); got != tt.want || !ok {
					t.Errorf("got %v, %d in all\nwant %v, %d in all", got, got.Total(), tt.want, tt.want.Total())
				}
				agree(t, tt.meter, &tt.req)
			}
		})
	}
}

func TestEstimateOutput(t *testing.T) {
	tools := &llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.User("hi")}, Tools: []llm.Tool{{Name: "search"}}}
	plain := &llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.User("hi")}}
	must := *tools
	must.ToolChoice = "search"
	mustThink := must
	mustThink.Model = "gpt-5"
	only := *tools
	only.ToolChoice = "required"
	calls := []llm.ToolCall{{Name: "search", Arguments: `{"query":"Python tutorials"}`}}
	for _, tt := range []struct {
		name      string
		req       *llm.Request
		resp      *llm.Response
		out       int
		reasoning int
	}{
		{"no response", plain, nil, 0, 0},
		{"empty response", tools, &llm.Response{}, 0, 0},
		{"empty choice", tools, &llm.Response{Choices: []llm.Choice{{}}}, 0, 0},
		{"text", plain, &llm.Response{Choices: []llm.Choice{{Text: "Argentina."}}}, 2, 0}, // billed: 2
		{"text, with tools", tools, &llm.Response{Choices: []llm.Choice{{Text: "Argentina.", Finish: "stop"}}}, 3, 0},
		{"text that was cut", tools, &llm.Response{Choices: []llm.Choice{{Text: "Argentina.", Finish: "length"}}}, 2, 0},
		{"two choices", plain, &llm.Response{Choices: []llm.Choice{{Text: "Argentina."}, {Text: "Brazil"}}}, 3, 0},
		{"refusal", plain, &llm.Response{Choices: []llm.Choice{{Refusal: "No."}}}, 2, 0},
		{"reasoning", plain, &llm.Response{Choices: []llm.Choice{{Reasoning: "Hm, well", Text: "No."}}}, 5, 3},
		{"call", tools, &llm.Response{Choices: []llm.Choice{{ToolCalls: calls}}}, 14, 0}, // billed: 14
		{"two calls", tools, &llm.Response{Choices: []llm.Choice{{ToolCalls: []llm.ToolCall{calls[0], calls[0]}}}}, 4 + 2*7 + 2*10, 0},
		{"text of gpt-5", &llm.Request{Model: "gpt-5"}, &llm.Response{Choices: []llm.Choice{{Text: "Argentina."}}}, 2 + 4, 0},
		{"call that was forced", &must, &llm.Response{Choices: []llm.Choice{{ToolCalls: calls}}}, 6, 0},
		{"call of gpt-5 that was forced", &mustThink, &llm.Response{Choices: []llm.Choice{{ToolCalls: calls}}}, 14, 0}, // its prompt does not end in the name
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, ok := Meter{}.Estimate(tt.req, tt.resp)
			if !ok || u.Output != tt.out || u.Reasoning != tt.reasoning {
				t.Errorf("output %d, reasoning %d, %t; want %d, %d", u.Output, u.Reasoning, ok, tt.out, tt.reasoning)
			}
		})
	}
	if u, _ := (Meter{API: llm.APIResponses}).Estimate(plain, &llm.Response{Choices: []llm.Choice{{Text: "Argentina."}}}); u.Output != 2+1 {
		t.Errorf("in the Responses API: output %d, want 3", u.Output)
	}
	call := &llm.Response{Choices: []llm.Choice{{ToolCalls: []llm.ToolCall{{Name: "get_weather", Arguments: `{"location":"Paris, France"}`}}}}}
	if u, _ := (Meter{API: llm.APIResponses}).Estimate(&only, call); u.Output != 7+1 { // billed: 8
		t.Errorf("call of the only tool in the Responses API: output %d, want 8", u.Output)
	}
	if _, ok := (Meter{}).Estimate(nil, nil); ok {
		t.Error("no request, but an estimate")
	}
	if _, ok := (Meter{}).Split(nil); ok {
		t.Error("no request, but a split")
	}
}

// agree fails the test unless Split and Estimate find the same prompt, no
// source is negative, and what is remembered is what was counted.
// TestCompletions: the prompt of a text completion is its transcript, and
// nothing is billed around it.
func TestCompletions(t *testing.T) {
	talk := []llm.Message{llm.System("You sell flowers."), llm.User("Roses, please."), llm.Assistant("How many?"), llm.User("Three.")}
	for _, tt := range []struct {
		model    string
		messages []llm.Message
		answer   string
		want     llm.Makeup
		out      int
	}{
		// OpenAI's API reference of the time, and recorded calls: as billed.
		{"text-davinci-003", []llm.Message{llm.User("Say this is a test")}, "\n\nThis is indeed a test", llm.Makeup{llm.SourceInput: 5}, 7},
		{"gpt-3.5-turbo-instruct", []llm.Message{llm.User("Who won the World Cup in 2018?\n\nBEGIN RESPONSE:")},
			"\n\nFrance won the 2018 FIFA World Cup.", llm.Makeup{llm.SourceInput: 13}, 11},
		{"davinci-002", []llm.Message{llm.User("Tell me a joke about opentelemetry")},
			",\n\nApril 20 2021 2:57PM GMT tweet share reddit", llm.Makeup{llm.SourceInput: 8}, 16},
		{"babbage-002", []llm.Message{llm.User("def fib(n):\n    if n <= 1:\n        return n\n    else:\n        return fib(n-1) + fib(n-2)")},
			" + fib(n-3) + fib(n-4)\n\ndef fibn(n):\n    if n <= 1:\n       ", llm.Makeup{llm.SourceInput: 31}, 25},

		// Runs of blanks are what p50k has and r50k has not.
		{"text-davinci-003", []llm.Message{llm.User("a:        b")}, "        b", llm.Makeup{llm.SourceInput: 4}, 2},
		{"davinci", []llm.Message{llm.User("a:        b")}, "        b", llm.Makeup{llm.SourceInput: 10}, 8},

		{"text-davinci-003", talk, " Here.", llm.Makeup{llm.SourceSystem: 4, llm.SourceHistory: 7, llm.SourceInput: 2, llm.SourceOverhead: 13}, 2},
		{"text-davinci-003", nil, "", llm.Makeup{}, 0},
		{"no such model", []llm.Message{llm.User("hello world")}, "", llm.Makeup{llm.SourceInput: 2}, 0},
	} {
		m := Meter{Model: tt.model, API: llm.APICompletions}
		req := &llm.Request{Messages: tt.messages, Tools: []llm.Tool{{Name: "none of it is sent"}}}
		for range 2 { // counted, then remembered
			if got, ok := m.Split(req); got != tt.want || !ok {
				t.Errorf("%s, %v: %v, want %v", tt.model, tt.messages, got, tt.want)
			}
		}
		u, ok := m.Estimate(req, &llm.Response{Choices: []llm.Choice{{Text: tt.answer, Finish: "stop"}}})
		if want := (llm.Usage{Input: tt.want.Total(), Output: tt.out}); u != want || !ok {
			t.Errorf("%s, %q: %+v, want %+v", tt.model, tt.answer, u, want)
		}
	}
}

func TestEstimateEmbed(t *testing.T) {
	for _, tt := range []struct {
		model  string
		inputs []string
		want   int
	}{
		{"text-embedding-ada-002", []string{"The powerhouse of the cell is the mitochondria"}, 9}, // billed: 9
		{"text-embedding-3-small", []string{"Argentina won the World Cup in 2022.", "France won the World Cup in 2018."}, 20},
		{"", []string{"Hello world"}, 2},
		{"text-embedding-3-large", nil, 0},
	} {
		u, ok := Meter{Model: "text-embedding-3-small"}.EstimateEmbed(&llm.EmbedRequest{Model: tt.model, Inputs: tt.inputs})
		if want := (llm.Usage{Input: tt.want}); u != want || !ok {
			t.Errorf("%s, %q: %+v, %v; want %+v", tt.model, tt.inputs, u, ok, want)
		}
	}
	if _, ok := (Meter{}).EstimateEmbed(nil); ok {
		t.Error("no request, but an estimate")
	}
}

func agree(t testing.TB, m Meter, req *llm.Request) {
	t.Helper()
	first, _ := m.Split(req)
	again, _ := m.Split(req)
	u, ok := m.Estimate(req, nil)
	if first != again || u.Input != first.Total() || u.Output != 0 || !ok {
		t.Errorf("split %v, again %v, estimate %+v", first, again, u)
	}
	for s, n := range first {
		if n < 0 {
			t.Errorf("%d tokens of %s", n, llm.Source(s))
		}
	}
}

// TestSplitAgrees builds requests at random; what a prompt costs must not
// depend on how its text is cut into parts.
func TestSplitAgrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	words := strings.Split("roses| are| red|, 花店|\n\n|.|'s|😀| \xff|<|endoftext|>|  |12345", "|")
	text := func() string {
		var b strings.Builder
		for range rng.IntN(8) {
			b.WriteString(words[rng.IntN(len(words))])
		}
		return b.String()
	}
	roles := []llm.Role{llm.RoleSystem, llm.RoleDeveloper, llm.RoleUser, llm.RoleAssistant, llm.RoleTool}
	models := []string{"gpt-4o", "gpt-5", "o3-mini", "o4-mini", "gpt-4", "gpt-3.5-turbo-0301", "openai/gpt-5", "llama", ""}
	for range 3000 {
		req := &llm.Request{Model: models[rng.IntN(len(models))]}
		for range rng.IntN(6) {
			m := llm.Message{Role: roles[rng.IntN(len(roles))], ToolCallID: fmt.Sprint(rng.IntN(3))}
			for range rng.IntN(4) {
				m.Parts = append(m.Parts, llm.Part{Text: text(), Source: llm.Source(rng.IntN(9))})
			}
			if m.Role == llm.RoleAssistant {
				for i := range rng.IntN(3) {
					m.ToolCalls = append(m.ToolCalls, llm.ToolCall{ID: fmt.Sprint(i), Name: "f", Arguments: text()})
				}
			}
			if rng.IntN(4) == 0 {
				m.Name = "Ann"
			}
			req.Messages = append(req.Messages, m)
		}
		for range rng.IntN(3) {
			req.Tools = append(req.Tools, llm.Tool{Name: "f", Description: text(), Parameters: []byte(schemas[rng.IntN(len(schemas))])})
		}
		if rng.IntN(3) == 0 {
			req.Format = &llm.Format{Name: "f", Schema: []byte(schemas[rng.IntN(len(schemas))])}
		}
		m := Meter{API: []string{"", llm.APIResponses, llm.APICompletions}[rng.IntN(3)]}
		agree(t, m, req)

		joined := *req
		joined.Messages = nil
		for _, m := range req.Messages {
			whole := ""
			for _, p := range m.Parts {
				whole += valid(p.Text)
			}
			if len(m.Parts) > 0 { // no part at all is another thing in the Responses API
				m.Parts = []llm.Part{{Text: whole}}
			}
			joined.Messages = append(joined.Messages, m)
		}
		a, _ := m.Split(req)
		b, _ := m.Split(&joined)
		if a.Total() != b.Total() {
			t.Fatalf("%d tokens in parts, %d joined: %+v", a.Total(), b.Total(), req)
		}
	}
}

func TestMeterConcurrentSafe(t *testing.T) {
	req := conversation(5)
	req.Tools = []llm.Tool{{Name: "f", Parameters: []byte(schemas[2])}}
	want, _ := Meter{}.Split(req)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			Preload([]string{"gpt-4o", "gpt-4", "ada", "unknown"}[g%4])
			for i := range 50 {
				if got, _ := (Meter{}).Split(req); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
				Meter{Model: "gpt-4"}.Count(fmt.Sprint("text ", i))
			}
		})
	}
	wg.Wait()
}

func TestAllocations(t *testing.T) {
	if raced() {
		t.Skip("sync.Pool drops things under the race detector")
	}
	e := get(t, "o200k_base")
	english := strings.Repeat("A callback is told of every token. 回调函数会收到每个令牌。", 20)
	tokens := e.AppendTokens(nil, english)
	req := conversation(30)
	req.Tools = []llm.Tool{{Name: "f", Parameters: []byte(schemas[2])}}
	req.Messages[3].Parts = append(req.Messages[3].Parts, llm.Part{Text: "more", Source: llm.SourceRetrieved})
	req.Messages = append(req.Messages, call("f", `{"kind": "rose"}`), result("1", "done"))
	for name, f := range map[string]func(){
		"count":      func() { e.count(english) },
		"remembered": func() { e.Count(english) },
		"append":     func() { tokens = e.AppendTokens(tokens[:0], english) },
		"lengths": func() {
			for range e.Lengths(english) {
			}
		},
		"split": func() { Meter{}.Split(req) },
		"embed": func() { Meter{}.EstimateEmbed(&llm.EmbedRequest{Inputs: []string{english}}) },
	} {
		f()
		if n := testing.AllocsPerRun(200, f); n >= 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
