package openai

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// randomChat returns a request with a bit of everything.
func randomChat(r *rand.Rand) openai.ChatCompletionRequest {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	call := func() openai.FunctionCall {
		return openai.FunctionCall{Name: pick("", "f", "g"), Arguments: pick("", "{}", `{"a":1}`)}
	}
	numbers := []float32{0, 0.1, 0.7, 1, 2, 1e-45, -0.3}
	number := func() float32 { return numbers[r.IntN(len(numbers))] }
	define := func() openai.FunctionDefinition {
		d := openai.FunctionDefinition{Name: pick("f", "g"), Description: pick("", "does"), Strict: r.IntN(2) == 0}
		switch r.IntN(3) {
		case 0:
			d.Parameters = json.RawMessage(`{"type":"object"}`)
		case 1:
			d.Parameters = map[string]any{"type": "object"}
		}
		return d
	}
	req := openai.ChatCompletionRequest{
		Model: pick("", "gpt-4o-mini"), MaxCompletionTokens: r.IntN(3), Temperature: number(), TopP: number(),
		FrequencyPenalty: number(), PresencePenalty: number(), N: r.IntN(3), User: pick("", "mei"), ReasoningEffort: pick("", "low"),
		ServiceTier: openai.ServiceTier(pick("", "flex")),
	}
	//lint:ignore SA1019 the older field is read too
	req.MaxTokens = r.IntN(3)
	if r.IntN(2) == 0 {
		n := r.IntN(9)
		req.Seed = &n
	}
	if r.IntN(2) == 0 {
		req.Stop = []string{"\n", "x"}
	}
	switch r.IntN(4) {
	case 0:
		req.StreamOptions = &openai.StreamOptions{}
	case 1:
		req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	}
	switch r.IntN(5) {
	case 0:
		req.ToolChoice = "required"
	case 1:
		req.ToolChoice = openai.ToolChoice{Type: openai.ToolTypeFunction, Function: openai.ToolFunction{Name: "f"}}
	case 2:
		req.ToolChoice = map[string]any{"type": "function", "function": map[string]any{"name": "g"}}
	}
	switch r.IntN(4) {
	case 0:
		req.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject}
	case 1:
		req.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "n", Description: pick("", "d"), Schema: json.RawMessage(`{"type":"object"}`), Strict: true}}
	case 2:
		req.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeText}
	}
	for range r.IntN(3) {
		d := define()
		req.Tools = append(req.Tools, openai.Tool{Type: openai.ToolTypeFunction, Function: &d})
	}
	if r.IntN(4) == 0 {
		req.Tools = append(req.Tools, openai.Tool{Type: openai.ToolTypeWebSearch}, openai.NewResponseFunctionTool(define()))
	}
	if r.IntN(4) == 0 {
		//lint:ignore SA1019 the older field is read too
		req.Functions = []openai.FunctionDefinition{define()}
	}
	for range r.IntN(4) {
		m := openai.ChatCompletionMessage{Role: pick("system", "developer", "user", "assistant", "tool", "function"), Name: pick("", "mei"),
			Refusal: pick("", "", "no"), ToolCallID: pick("", "c1"), ReasoningContent: pick("", "hm")}
		switch r.IntN(3) {
		case 0:
			m.Content = pick("roses?", "玫瑰 \xff")
		case 1:
			m.MultiContent = []openai.ChatMessagePart{{Type: openai.ChatMessagePartTypeText, Text: pick("", "look")},
				{Type: openai.ChatMessagePartTypeImageURL, ImageURL: &openai.ChatMessageImageURL{URL: "https://x/1.png", Detail: openai.ImageURLDetail(pick("", "low"))}},
				{Type: openai.ChatMessagePartTypeImageURL}}
		}
		for range r.IntN(3) {
			m.ToolCalls = append(m.ToolCalls, openai.ToolCall{ID: pick("", "c1"), Type: openai.ToolTypeFunction, Function: call()})
		}
		if r.IntN(5) == 0 {
			c := call()
			m.FunctionCall = &c
		}
		req.Messages = append(req.Messages, m)
	}
	return req
}

// TestTypedRequest: what the handlers are told of a request is what the wire
// door reads of the bytes that go-openai sends.
func TestTypedRequest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 3000 {
		req := randomChat(r)
		stream := r.IntN(2) == 0
		got := chatRequest(&req, stream)
		req.Stream = stream
		body, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		w, ok := readRequest(llm.APIChat, body)
		if !ok {
			t.Fatalf("not read: %s", body)
		}
		same, _ := json.Marshal(got.input)
		want, _ := json.Marshal(w.Request)
		if strings.ReplaceAll(string(same), `\ufffd`, "\uFFFD") != string(want) {
			t.Fatalf("of %s\ngot  %s\nwant %s", body, same, want)
		}
	}
}

// TestTypedRequestOwn: what the handlers are given is theirs.
func TestTypedRequestOwn(t *testing.T) {
	seed := 1
	req := openai.ChatCompletionRequest{Seed: &seed, Stop: []string{"x"}, Messages: []openai.ChatCompletionMessage{{Content: "a"}}}
	got := chatRequest(&req, false).input.(*llm.Request)
	seed, req.Stop[0], req.Messages[0].Content = 2, "y", "b"
	if *got.Seed != 1 || got.Stop[0] != "x" || got.Messages[0].Text() != "a" {
		t.Errorf("%+v", got)
	}
	inputs := []string{"a"}
	embed := embedRequest(&openai.EmbeddingRequest{Input: inputs}).input.(*llm.EmbedRequest)
	inputs[0] = "b"
	if !reflect.DeepEqual(embed.Inputs, []string{"a"}) {
		t.Errorf("%+v", embed)
	}
	for _, in := range []any{[]any{"a", "b"}, [][]int{{1}}, nil, func() {}} {
		embedRequest(&openai.EmbeddingRequest{Input: in}) // whatever it is
	}
}

// TestStateOf: go-openai's reader still is as it is looked at.
func TestStateOf(t *testing.T) {
	for _, v := range []any{nil, 7, new(int), new(openai.ChatCompletionStream), struct{}{}} {
		if s := stateOf(v); s.known || s.done || s.other != nil {
			t.Errorf("%T: %+v", v, s)
		}
	}
}
