package openai_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

func completion(c *canned, hs ...callback.Handler) *callopenai.Model {
	return callopenai.NewCompletion(config(c), callopenai.Options{Model: "gpt-3.5-turbo-instruct", Handlers: hs})
}

// piece is a frame of a text completion in OpenAI's form.
func piece(text, finish string) string {
	if finish = `"` + finish + `"`; finish == `""` {
		finish = "null"
	}
	s, _ := json.Marshal(text)
	return `{"id":"cmpl-1","object":"text_completion","created":1750438233,"choices":[{"text":` + string(s) +
		`,"index":0,"logprobs":null,"finish_reason":` + finish + `}],"model":"gpt-3.5-turbo-instruct:20230824-v2"}`
}

const textUsage = `{"id":"cmpl-1","object":"text_completion","created":1750438233,"choices":[],"model":"gpt-3.5-turbo-instruct:20230824-v2","usage":{"prompt_tokens":13,"completion_tokens":2,"total_tokens":15}}`

// TestCompletionStream: what a streamed text completion says arrives, and its
// endings are told apart as those of a chat are.
func TestCompletionStream(t *testing.T) {
	pink, stop := piece("pink", ""), piece("", "stop")
	for _, tc := range []struct {
		name    string
		body    []byte
		want    []llm.Choice
		usage   *llm.Usage
		errType string
		message string
	}{
		{name: "whole answer", body: sse(pink, piece(" roses", ""), stop, textUsage, "[DONE]"),
			want: []llm.Choice{{Text: "pink roses", Finish: "stop"}}, usage: &llm.Usage{Input: 13, Output: 2}},
		{name: "the last text with the finish reason", body: sse(pink, piece(" roses", "length"), "[DONE]"), want: []llm.Choice{{Text: "pink roses", Finish: "length"}}},
		{name: "three choices, finished in one frame", body: sse(
			`{"choices":[{"text":"a","index":2,"finish_reason":null}]}`, `{"choices":[{"text":"b","index":0,"finish_reason":null}]}`, `{"choices":[{"text":"c","index":1,"finish_reason":null}]}`,
			`{"choices":[{"text":"","index":0,"finish_reason":"stop"},{"text":"","index":1,"finish_reason":"stop"},{"text":"!","index":2,"finish_reason":"length"}]}`, "[DONE]"),
			want: []llm.Choice{{Text: "b", Finish: "stop"}, {Text: "c", Finish: "stop"}, {Text: "a!", Finish: "length"}}},
		{name: "nothing to add", body: sse(stop, "[DONE]"), want: []llm.Choice{{Finish: "stop"}}},
		{name: "a server that answers in the form of a chat", body: sse(delta(`{"content":"pink"}`, "stop"), "[DONE]"), want: []llm.Choice{{Text: "pink", Finish: "stop"}}},
		{name: "text beside a delta", body: sse(`{"choices":[{"index":0,"text":"pink","delta":{"content":"all of it"},"finish_reason":"stop"}]}`, "[DONE]"), want: []llm.Choice{{Text: "pink", Finish: "stop"}}},
		{name: "a server without finish reasons", body: sse(`{"choices":[{"index":0,"text":"pink"}]}`, "[DONE]"), want: []llm.Choice{{Text: "pink"}}},

		{name: "clean close without a finish reason", body: sse(pink), want: []llm.Choice{{Text: "pink"}}, errType: "stream_truncated"},
		{name: "a finish reason that was due, before [DONE]", body: sse(pink, "[DONE]"), want: []llm.Choice{{Text: "pink"}}, errType: "stream_truncated"},
		{name: "nothing but [DONE]", body: sse("[DONE]"), errType: "empty_response"},
		{name: "another dialect", body: sse(`{"value":"Sure"}`, `{"value":"!"}`), errType: "empty_response"},
		{name: "error frame", body: sse(pink, `{"error":{"message":"overloaded","type":"server_error"}}`),
			want: []llm.Choice{{Text: "pink"}}, errType: "server_error", message: "overloaded"},
		{name: "garbage frame", body: sse(pink, "<html>"), want: []llm.Choice{{Text: "pink"}}, errType: "malformed_response", message: "invalid character"},
		{name: "text of a wrong type", body: sse(pink, `{"choices":[{"index":0,"text":7}]}`), want: []llm.Choice{{Text: "pink"}}, errType: "malformed_response"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var res results
			resp, err := collect(completion(&canned{body: tc.body}, &res), t.Context(), question)
			if callback.ErrorType(err) != tc.errType || err != nil && !strings.Contains(err.Error(), tc.message) {
				t.Errorf("error %q (%v), want %q", callback.ErrorType(err), err, tc.errType)
			}
			if !reflect.DeepEqual(resp.Choices, tc.want) {
				t.Errorf("choices %+v, want %+v", resp.Choices, tc.want)
			}
			if len(res.all) != 1 {
				t.Fatalf("run ended %d times", len(res.all))
			}
			end := res.all[0]
			if !reflect.DeepEqual(end.Response.Choices, tc.want) || callback.ErrorType(end.Err) != tc.errType {
				t.Errorf("run says %+v, %v", end.Response.Choices, end.Err)
			}
			if tc.usage != nil && (end.UsageSource != llm.UsageReported || *end.Usage != *tc.usage) {
				t.Errorf("usage %+v from %q, want %+v", end.Usage, end.UsageSource, tc.usage)
			}
			source := llm.UsageAbsent
			if tc.usage == nil && end.Response.Text() != "" {
				source = llm.UsageEstimated
			}
			if tc.usage == nil && end.UsageSource != source {
				t.Errorf("usage %+v from %q, want %q", end.Usage, end.UsageSource, source)
			}
		})
	}
}

// TestCompletionPlain: a text completion in one piece, with its usage and price.
func TestCompletionPlain(t *testing.T) {
	body := `{"id":"cmpl-1","object":"text_completion","created":1728527499,"model":"gpt-3.5-turbo-instruct",
		"choices":[{"text":"\n\nFrance won the 2018 FIFA World Cup.","index":0,"logprobs":null,"finish_reason":"stop"}],
		"usage":{"prompt_tokens":13,"completion_tokens":11,"total_tokens":24}}`
	var res results
	req := &llm.Request{Messages: []llm.Message{llm.User("Who won the World Cup in 2018?\n\nBEGIN RESPONSE:")}}
	resp, err := collect(completion(&canned{body: []byte(body)}, &res), t.Context(), req)
	want := &llm.Response{Meta: llm.Meta{ID: "cmpl-1", Model: "gpt-3.5-turbo-instruct"}, Usage: &llm.Usage{Input: 13, Output: 11},
		Choices: []llm.Choice{{Text: "\n\nFrance won the 2018 FIFA World Cup.", Finish: "stop"}}}
	if err != nil || !reflect.DeepEqual(resp, want) {
		t.Errorf("got %+v, %v", resp, err)
	}
	if end := res.all[0]; end.Cost.String() != "0.0000415" || end.Makeup != (llm.Makeup{llm.SourceInput: 13}) { // 13 x 1.50 + 11 x 2.00 USD per million
		t.Errorf("cost %v, make-up %v", end.Cost, end.Makeup)
	}
	for _, tc := range []struct{ name, body, errType string }{
		{"error body", `{"error":{"message":"filtered","code":"content_filter"}}`, "content_filter"},
		{"no choices", `{"choices":[]}`, "empty_response"},
		{"cut", `{"choices":[{"te`, "malformed_response"},
		{"nothing", ``, "empty_response"},
	} {
		if _, err := collect(completion(&canned{body: []byte(tc.body)}), t.Context(), req); callback.ErrorType(err) != tc.errType {
			t.Errorf("%s: error %v", tc.name, err)
		}
	}
}

// TestCompletionEstimate: what is not reported is counted without anything
// around the prompt, with the encoding of the model.
func TestCompletionEstimate(t *testing.T) {
	for _, tc := range []struct {
		model string
		want  llm.Usage
		cost  string
	}{
		{"text-davinci-003", llm.Usage{Input: 4, Output: 2}, "0.00012"}, // a run of blanks is one token
		{"davinci", llm.Usage{Input: 10, Output: 8}, "0.00036"},
		{"gpt-3.5-turbo-instruct", llm.Usage{Input: 4, Output: 2}, "0.00001"},
	} {
		var res results
		m := callopenai.NewCompletion(config(&canned{body: sse(`{"choices":[{"text":"        b","index":0,"finish_reason":"stop"}]}`, "[DONE]")}),
			callopenai.Options{Model: tc.model, Handlers: []callback.Handler{&res}})
		if _, err := collect(m, t.Context(), &llm.Request{Stream: true, Messages: []llm.Message{llm.User("a:        b")}}); err != nil {
			t.Fatal(err)
		}
		if end := res.all[0]; *end.Usage != tc.want || end.UsageSource != llm.UsageEstimated || end.Cost.String() != tc.cost {
			t.Errorf("%s: %+v from %q for %v, want %+v for %s", tc.model, *end.Usage, end.UsageSource, end.Cost, tc.want, tc.cost)
		}
	}
}

// TestCompletionRequest: every field that the API has reaches the wire, and the
// prompt is the transcript.
func TestCompletionRequest(t *testing.T) {
	zero, half, seed := 0.0, 0.5, 7
	req := &llm.Request{Stream: true, StreamUsage: true,
		Model: "davinci-002", MaxTokens: 100, Temperature: &zero, TopP: &half, FrequencyPenalty: &half, PresencePenalty: &half,
		Seed: &seed, Stop: []string{"\nHuman:"}, Choices: 2, User: "u-1", ToolChoice: "none",
		Messages: []llm.Message{llm.System("You sell flowers."), llm.User("Roses, please."), llm.Assistant("How many?"),
			{Role: llm.RoleUser, Name: "mei", Parts: []llm.Part{{Text: "Three"}, {Text: "."}}}}}
	c := &canned{body: sse(piece("Here.", "stop"), "[DONE]")}
	if _, err := collect(completion(c), t.Context(), req); err != nil {
		t.Fatal(err)
	}
	var got, want any
	json.Unmarshal(c.sent, &got)
	if err := json.Unmarshal([]byte(`{"model":"davinci-002","max_tokens":100,"temperature":1e-45,"top_p":0.5,"frequency_penalty":0.5,"presence_penalty":0.5,
		"seed":7,"stop":["\nHuman:"],"n":2,"user":"u-1","stream":true,"stream_options":{"include_usage":true},
		"prompt":"You sell flowers.\n\nHuman: Roses, please.\nAI: How many?\nHuman: Three.\nAI:"}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sent %s", c.sent)
	}
}

// TestCompletionIncludeUsage: usage is asked for when somebody listens, and not
// shown to who did not ask.
func TestCompletionIncludeUsage(t *testing.T) {
	for name, tc := range map[string]struct {
		handlers []callback.Handler
		usage    callopenai.StreamUsage
		sent     bool
	}{
		"nobody listens":   {},
		"somebody listens": {handlers: []callback.Handler{&results{}}, sent: true},
		"opt-out":          {handlers: []callback.Handler{&results{}}, usage: callopenai.UsageAsked},
	} {
		c := &canned{body: sse(piece("pink", "stop"), textUsage, "[DONE]")}
		m := callopenai.NewCompletion(config(c), callopenai.Options{Model: "davinci-002", Usage: tc.usage, Handlers: tc.handlers})
		resp, err := collect(m, t.Context(), question)
		if err != nil || strings.Contains(string(c.sent), `"include_usage":true`) != tc.sent || tc.sent && resp.Usage != nil {
			t.Errorf("%s: sent %s, usage %v, %v", name, c.sent, resp.Usage, err)
		}
	}
}

// TestBadCompletions: what a text model cannot be asked is an error that names
// it, before anything is sent.
func TestBadCompletions(t *testing.T) {
	hi := question.Messages
	for _, tc := range []struct {
		name    string
		req     *llm.Request
		errType string
		message string
	}{
		{"nil", nil, "no_messages", "no messages"},
		{"no messages", &llm.Request{}, "no_messages", "no messages"},
		{"empty prompt", &llm.Request{Messages: []llm.Message{llm.User("")}}, "invalid_request", "prompt is empty"},
		{"tools", &llm.Request{Messages: hi, Tools: []llm.Tool{{Name: "price"}}}, "invalid_request", `text model "gpt-3.5-turbo-instruct": a prompt cannot offer tools, such as "price"`},
		{"tool choice", &llm.Request{Messages: hi, ToolChoice: "price"}, "invalid_request", `cannot ask for the tool "price"`},
		{"format", &llm.Request{Messages: hi, Format: &llm.Format{}}, "invalid_request", "cannot ask for a format"},
		{"speech", &llm.Request{Messages: hi, OutputType: "speech"}, "invalid_request", `cannot ask for "speech"`},
		{"image", &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{{Text: "a"}, {Media: &llm.Media{Kind: "image"}}}}}}, "invalid_request", `message 0: part 1: a prompt cannot hold media, such as "image"`},
		{"tool call", &llm.Request{Messages: []llm.Message{llm.User("a"), {Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{Name: "price"}}}}}, "invalid_request", "message 1: a prompt cannot hold calls of tools"},
		{"tool result", &llm.Request{Messages: []llm.Message{{Role: llm.RoleTool}}}, "invalid_request", "message 0: a prompt cannot hold calls of tools"},
		{"reasoning effort", &llm.Request{Messages: hi, ReasoningEffort: "low"}, "invalid_request", "knows no reasoning effort"},
		{"conversation", &llm.Request{Messages: hi, ConversationID: "conv_1"}, "invalid_request", `keeps no conversation, such as "conv_1": send its messages`},
		{"service tier", &llm.Request{Messages: hi, ServiceTier: "flex"}, "invalid_request", "knows no service tier"},
		{"chat model", &llm.Request{Model: "gpt-4o", Messages: hi}, "invalid_request", `model "gpt-4o" answers messages and continues no prompt: use New`},
		{"chat model, streamed", &llm.Request{Model: "gpt-4o", Messages: hi, Stream: true}, "invalid_request", `use New`},
	} {
		var res results
		c := &canned{}
		_, err := collect(completion(c, &res), t.Context(), tc.req)
		if callback.ErrorType(err) != tc.errType || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("%s: %q (%v)", tc.name, callback.ErrorType(err), err)
		}
		if len(res.all) != 1 || res.all[0].Usage != nil || callback.ErrorType(res.all[0].Err) != tc.errType || c.sent != nil {
			t.Errorf("%s: %d runs, sent %s", tc.name, len(res.all), c.sent)
		}
	}
	_, err := collect(callopenai.NewCompletion(config(&canned{}), callopenai.Options{}), t.Context(), question)
	if err == nil || !strings.Contains(err.Error(), "names no model") {
		t.Errorf("no model: %v", err)
	}
	_, err = collect(callopenai.New(config(&canned{}), callopenai.Options{Model: "text-davinci-003"}), t.Context(), question)
	if callback.ErrorType(err) != "invalid_request" || !strings.Contains(err.Error(), "use NewCompletion") || !errors.Is(err, openai.ErrChatCompletionInvalidModel) {
		t.Errorf("text model asked for a chat: %v", err)
	}
}

// TestCompletionError: the API's error is told as a chat's is.
func TestCompletionError(t *testing.T) {
	for _, stream := range []bool{true, false} {
		c := &canned{status: 429, header: map[string][]string{"Retry-After": {"7"}}, body: []byte(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`)}
		_, err := collect(completion(c), t.Context(), &llm.Request{Messages: question.Messages, Stream: stream})
		var ours *llm.Error
		if !errors.As(err, &ours) || ours.RetryAfter != 7*time.Second || ours.Code != "rate_limit_exceeded" || ours.Status != 429 {
			t.Errorf("stream %v: %#v", stream, err)
		}
	}
}

// TestCompletionAnnounces: the run says which API it is, so that a handler's
// OnLLMStart fires and not OnChatModelStart; more handlers are not more runs.
func TestCompletionAnnounces(t *testing.T) {
	var res results
	m := completion(&canned{body: sse(piece("pink", "stop"), "[DONE]")})
	if e := m.Endpoint(); e.API != llm.APICompletions || e.Provider != "openai" || e.Model != "gpt-3.5-turbo-instruct" || e.Address != "api.openai.com" {
		t.Errorf("endpoint %+v", e)
	}
	if _, err := collect(callback.Model(callback.Model(m, &res)), t.Context(), question); err != nil || len(res.all) != 1 {
		t.Errorf("%d runs, %v", len(res.all), err)
	}
}
