package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// results collects how runs ended.
type results struct{ all []*callback.Result }

func (r *results) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, r
}
func (r *results) End(res *callback.Result) { r.all = append(r.all, res) }

// TestStream: everything that a stream says arrives, and its endings are told
// apart. The error is what the caller gets; errType is what the run says.
func TestStream(t *testing.T) {
	role, pink, stop := delta(`{"role":"assistant","content":"","refusal":null}`, ""), delta(`{"content":"pink"}`, ""), delta(`{}`, "stop")
	for _, tc := range []struct {
		name    string
		canned  canned
		want    []llm.Choice
		usage   *llm.Usage
		errType string
		message string // part of the error's text
	}{
		{name: "whole answer", canned: canned{body: sse(role, pink, delta(`{"content":" roses"}`, ""), stop, usageFrame, "[DONE]")},
			want: []llm.Choice{{Text: "pink roses", Finish: "stop"}}, usage: &llm.Usage{Input: 20, Output: 2, CacheRead: 4, Reasoning: 1}},
		{name: "usage on the last chunk with content", canned: canned{body: sse(`{"choices":[{"index":0,"delta":{"content":"pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"cost":0.00125}}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink", Finish: "stop"}}, usage: &llm.Usage{Input: 3, Output: 1}},
		{name: "usage with every chunk: the last counts", canned: canned{body: sse(
			`{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`,
			`{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, "[DONE]")},
			want: []llm.Choice{{Text: "ab", Finish: "stop"}}, usage: &llm.Usage{Input: 3, Output: 2}},
		{name: "usage in x_groq", canned: canned{body: sse(pink, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"prompt_tokens":7,"completion_tokens":1}}}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink", Finish: "stop"}}, usage: &llm.Usage{Input: 7, Output: 1}},
		{name: "two choices", canned: canned{body: sse(
			`{"choices":[{"index":1,"delta":{"content":"white"}}]}`, `{"choices":[{"index":0,"delta":{"content":"pink"}}]}`,
			`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink", Finish: "stop"}, {Text: "white", Finish: "length"}}},
		{name: "parallel tool calls in fragments", canned: canned{body: sse(
			delta(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"stock","arguments":""}},{"index":1,"id":"call_2","type":"function","function":{"name":"price","arguments":"{"}}]}`, ""),
			delta(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"flower\":"}}]}`, ""),
			delta(`{"tool_calls":[{"index":1,"function":{"arguments":"}"}},{"index":0,"function":{"arguments":"\"rose\"}"}}]}`, ""),
			delta(`{}`, "tool_calls"), "[DONE]")},
			want: []llm.Choice{{Finish: "tool_calls", ToolCalls: []llm.ToolCall{
				{ID: "call_1", Name: "stock", Arguments: `{"flower":"rose"}`}, {ID: "call_2", Name: "price", Arguments: "{}"}}}}},
		{name: "reasoning under both names", canned: canned{body: sse(
			delta(`{"reasoning_content":"hm"}`, ""), delta(`{"reasoning":"m","content":"yes"}`, "stop"), "[DONE]")},
			want: []llm.Choice{{Text: "yes", Reasoning: "hmm", Finish: "stop"}}},
		{name: "content as an array", canned: canned{body: sse(
			delta(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}`, ""),
			delta(`{"content":[{"type":"text","text":"pink"},{"type":"text","text":" roses"}]}`, "stop"), "[DONE]")},
			want: []llm.Choice{{Text: "pink roses", Reasoning: "hm", Finish: "stop"}}},
		{name: "delta beside the message so far", canned: canned{body: sse(
			`{"choices":[{"index":0,"delta":{"content":"pink"},"message":{"content":"pink"},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"message":{"content":"pink roses"},"delta":{"content":" roses"},"finish_reason":"stop"}]}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink roses", Finish: "stop"}}},
		{name: "message in place of a delta", canned: canned{body: sse(`{"choices":[{"index":0,"message":{"content":"pink"},"delta":null,"finish_reason":"stop"}]}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink", Finish: "stop"}}},
		{name: "reasoning in details alone", canned: canned{body: sse(
			delta(`{"reasoning_details":[{"type":"reasoning.text","text":"h"},{"type":"reasoning.encrypted","data":"x"}]}`, ""),
			delta(`{"reasoning":"m","reasoning_details":[{"type":"reasoning.text","text":"m"}],"content":"yes"}`, "stop"), "[DONE]")},
			want: []llm.Choice{{Text: "yes", Reasoning: "hm", Finish: "stop"}}},
		{name: "a server without finish reasons", canned: canned{body: sse(`{"choices":[{"index":0,"delta":{"content":"pink"}}]}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink"}}},
		{name: "refusal", canned: canned{body: sse(delta(`{"refusal":"I can't."}`, "stop"), "[DONE]")},
			want: []llm.Choice{{Refusal: "I can't.", Finish: "stop"}}},
		{name: "first frame without choices, CRLF, comments, no space", canned: canned{body: []byte(
			": waiting\r\n\r\ndata:{\"choices\":[],\"prompt_filter_results\":[{}]}\r\n\r\ndata:" + delta(`{"content":"\u7c89\ud83c\udf39"}`, "stop") + "\r\n\r\ndata: [DONE]\r\n\r\n")},
			want: []llm.Choice{{Text: "粉🌹", Finish: "stop"}}},
		{name: "clean close after the finish reason", canned: canned{body: sse(pink, stop)}, want: []llm.Choice{{Text: "pink", Finish: "stop"}}},

		{name: "last line without a line feed", canned: canned{body: []byte("data: " + pink + "\n\ndata: " + stop)}, want: []llm.Choice{{Text: "pink", Finish: "stop"}}},

		{name: "clean close without a finish reason", canned: canned{body: sse(role, pink)}, want: []llm.Choice{{Text: "pink"}}, errType: "stream_truncated"},
		{name: "second choice is cut", canned: canned{body: sse(
			`{"choices":[{"index":0,"delta":{"content":"pink"},"finish_reason":"stop"}]}`, `{"choices":[{"index":1,"delta":{"content":"wh"}}]}`, "[DONE]")},
			want: []llm.Choice{{Text: "pink", Finish: "stop"}, {Text: "wh"}}, errType: "stream_truncated"},
		{name: "nothing but [DONE]", canned: canned{body: sse("[DONE]")}, errType: "empty_response"},
		{name: "nothing at all", canned: canned{}, errType: "empty_response"},
		{name: "a finish reason that was due, before [DONE]", canned: canned{body: sse(pink, "[DONE]")}, want: []llm.Choice{{Text: "pink"}}, errType: "stream_truncated"},
		{name: "a server without finish reasons is cut", canned: canned{body: sse(`{"choices":[{"index":0,"delta":{"content":"[DONE]"}}]}`)},
			want: []llm.Choice{{Text: "[DONE]"}}, errType: "stream_truncated"},
		{name: "a choice beyond any bound", canned: canned{body: sse(`{"choices":[{"index":1000000,"delta":{"content":"pink"}}]}`, "[DONE]")},
			errType: "malformed_response", message: "out of range"},
		{name: "error frame", canned: canned{body: sse(pink, `{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}`)},
			want: []llm.Choice{{Text: "pink"}}, errType: "overloaded", message: "overloaded"},
		{name: "error after an event line", canned: canned{body: []byte("data: " + pink + "\n\nevent: error\ndata: {\"error\":{\"message\":\"tool failed\",\"type\":\"invalid_request_error\"}}\n\n")},
			want: []llm.Choice{{Text: "pink"}}, errType: "invalid_request_error", message: "tool failed"},
		{name: "error inside a chunk with choices", canned: canned{body: sse(pink, `{"id":"gen-1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"upstream gone"}}`)},
			want: []llm.Choice{{Text: "pink", Finish: "error"}}, errType: "502", message: "upstream gone"},
		{name: "garbage frame", canned: canned{body: sse(pink, "<html>")}, want: []llm.Choice{{Text: "pink"}}, errType: "malformed_response", message: "invalid character"},
		{name: "truncated JSON", canned: canned{body: sse(pink, `{"choices":[{"index":0,"del`)}, want: []llm.Choice{{Text: "pink"}}, errType: "malformed_response"},
		{name: "200 with an error body", canned: canned{body: []byte(`{"error":{"message":"filtered","type":"content_filter"}}`)}, errType: "content_filter", message: "filtered"},
		{name: "401", canned: canned{status: 401, body: []byte(`{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`)},
			errType: "invalid_api_key", message: "401: Incorrect API key provided"},
		{name: "502 with a page", canned: canned{status: 502, body: []byte("<html>Bad gateway</html>")}, errType: "502", message: "Bad Gateway"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var res results
			m := model(&tc.canned).WithHandlers(&res)
			resp, err := collect(m, t.Context(), question)
			if got := callback.ErrorType(err); got != tc.errType {
				t.Errorf("error type %q (%v), want %q", got, err, tc.errType)
			}
			if err != nil && !strings.Contains(err.Error(), tc.message) {
				t.Errorf("error %q does not say %q", err, tc.message)
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
			if tc.usage == nil && len(tc.want) > 0 && end.UsageSource != llm.UsageEstimated {
				t.Errorf("usage %+v from %q, want an estimate", end.Usage, end.UsageSource)
			}
		})
	}
}

// TestPlain: a call without streaming keeps what go-openai drops.
func TestPlain(t *testing.T) {
	req := &llm.Request{Messages: question.Messages}
	body := `{"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","service_tier":"flex","choices":[{"index":0,"message":{"role":"assistant","content":"pink","reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"a","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"b","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"cost":0.25,"prompt_tokens_details":{"cached_tokens":1,"cache_write_tokens":2}}}`
	resp, err := collect(model(&canned{body: []byte(body)}), t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Response{
		Meta:  llm.Meta{ID: "chatcmpl-1", Model: "gpt-4o-mini-2024-07-18", ServiceTier: "flex", Cost: "0.25"},
		Usage: &llm.Usage{Input: 20, Output: 2, CacheRead: 1, CacheWrite: 2},
		Choices: []llm.Choice{{Text: "pink", Reasoning: "hm", Finish: "tool_calls", ToolCalls: []llm.ToolCall{
			{ID: "c1", Name: "a", Arguments: "{}"}, {ID: "c2", Name: "b", Arguments: "{}"}}}},
	}
	if !reflect.DeepEqual(resp, want) {
		t.Errorf("got %+v, want %+v", resp, want)
	}
	both := `{"choices":[{"index":0,"message":{"content":"pink","function_call":{"name":"","arguments":""}},"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}`
	if resp, err := collect(model(&canned{body: []byte(both)}), t.Context(), req); err != nil || resp.Text() != "pink" || resp.Choices[0].ToolCalls != nil {
		t.Errorf("message, empty delta and empty function call: %+v, %v", resp, err)
	}
	for _, tc := range []struct{ name, body, errType string }{
		{"error body", `{"error":{"message":"filtered","code":"content_filter"}}`, "content_filter"},
		{"no choices", `{"choices":[]}`, "empty_response"},
		{"choice without content", `{"choices":[{"index":0}]}`, "empty_response"},
		{"not JSON", `<html>`, "malformed_response"},
		{"cut", `{"choices":[{"index":0`, "malformed_response"},
		{"wrong types", `{"choices":"none"}`, "malformed_response"},
	} {
		if _, err := collect(model(&canned{body: []byte(tc.body)}), t.Context(), req); callback.ErrorType(err) != tc.errType {
			t.Errorf("%s: error %v", tc.name, err)
		}
	}
}

// TestErrorKeepsOriginal: go-openai's error is still found, and Retry-After is
// not lost.
func TestErrorKeepsOriginal(t *testing.T) {
	c := &canned{status: 429, header: http.Header{"Retry-After": {"7"}}, body: []byte(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`)}
	_, err := collect(model(c), t.Context(), question)
	var api *openai.APIError
	var ours *llm.Error
	if !errors.As(err, &api) || api.HTTPStatusCode != 429 {
		t.Errorf("no *openai.APIError in %v", err)
	}
	if !errors.As(err, &ours) || ours.RetryAfter != 7*time.Second || ours.Code != "rate_limit_exceeded" {
		t.Errorf("no *llm.Error with Retry-After in %#v", err)
	}
}

// TestIncludeUsage: usage is asked for when somebody listens or the caller
// wants it, and shown only to who asked.
func TestIncludeUsage(t *testing.T) {
	asked := *question
	asked.StreamUsage = true
	for _, tc := range []struct {
		name     string
		handlers []callback.Handler
		usage    callopenai.StreamUsage
		req      *llm.Request
		sent     bool
		shown    bool
	}{
		{"nobody listens", nil, callopenai.UsageObserved, question, false, true},
		{"somebody listens", []callback.Handler{&results{}}, callopenai.UsageObserved, question, true, false},
		{"opt-out", []callback.Handler{&results{}}, callopenai.UsageAsked, question, false, true},
		{"the caller asks", nil, callopenai.UsageAsked, &asked, true, true},
	} {
		c := &canned{body: sse(delta(`{"content":"pink"}`, "stop"), usageFrame, "[DONE]")}
		m := callopenai.New(config(c), callopenai.Options{Model: "gpt-4o-mini", Usage: tc.usage, Handlers: tc.handlers})
		resp, err := collect(m, t.Context(), tc.req)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(c.sent), `"include_usage":true`); got != tc.sent {
			t.Errorf("%s: sent %s", tc.name, c.sent)
		}
		if got := resp.Usage != nil; got != tc.shown {
			t.Errorf("%s: usage shown: %v", tc.name, got)
		}
	}
}

// TestRequest: every field of a request reaches the wire.
func TestRequest(t *testing.T) {
	zero, half, seed := 0.0, 0.5, 7
	req := &llm.Request{
		Model: "gpt-4o", MaxTokens: 100, Temperature: &zero, TopP: &half, FrequencyPenalty: &half, PresencePenalty: &half,
		Seed: &seed, Stop: []string{"."}, Choices: 2, ReasoningEffort: "low", ServiceTier: "flex", User: "u-1",
		Messages: []llm.Message{
			llm.System("You sell flowers."),
			{Role: llm.RoleUser, Name: "mei", Parts: []llm.Part{{Text: "What is "}, {Text: "this?"}, {Media: &llm.Media{Kind: "image", Data: []byte("x"), MIMEType: "image/png"}}}},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "c1", Name: "look", Arguments: "{}"}}},
			{Role: llm.RoleTool, ToolCallID: "c1", Parts: []llm.Part{{Text: "a rose"}}},
		},
		Tools:      []llm.Tool{{Name: "look", Description: "looks", Parameters: json.RawMessage(`{"type":"object"}`), Strict: true}, {Name: "bare"}},
		ToolChoice: "look",
		Format:     &llm.Format{Name: "f", Schema: json.RawMessage(`{"type":"object"}`), Strict: true},
	}
	c := &canned{body: []byte(`{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}`)}
	if _, err := collect(model(c), t.Context(), req); err != nil {
		t.Fatal(err)
	}
	var got, want any
	json.Unmarshal(c.sent, &got)
	if err := json.Unmarshal([]byte(`{"model":"gpt-4o","max_tokens":100,"temperature":1e-45,"top_p":0.5,"frequency_penalty":0.5,"presence_penalty":0.5,
		"seed":7,"stop":["."],"n":2,"reasoning_effort":"low","service_tier":"flex","user":"u-1","stream":false,
		"messages":[{"role":"system","content":"You sell flowers."},
			{"role":"user","name":"mei","content":[{"type":"text","text":"What is "},{"type":"text","text":"this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,eA=="}}]},
			{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c1","content":"a rose"}],
		"tools":[{"type":"function","function":{"name":"look","description":"looks","strict":true,"parameters":{"type":"object"}}},
			{"type":"function","function":{"name":"bare","parameters":{"type":"object","properties":{}}}}],
		"tool_choice":{"type":"function","function":{"name":"look"}},
		"response_format":{"type":"json_schema","json_schema":{"name":"f","schema":{"type":"object"},"strict":true}}}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sent %s", c.sent)
	}
}

func TestMaxTokensName(t *testing.T) {
	for model, want := range map[string]string{"gpt-4o": "max_tokens", "o3-mini": "max_completion_tokens", "openai/gpt-5-mini": "max_completion_tokens"} {
		c := &canned{body: []byte(`{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}`)}
		m := callopenai.New(config(c), callopenai.Options{Model: model})
		if _, err := collect(m, t.Context(), &llm.Request{Messages: question.Messages, MaxTokens: 5}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(c.sent), `"`+want+`":5`) {
			t.Errorf("%s: sent %s", model, c.sent)
		}
	}
}

// TestBadRequests: what cannot be sent is a clear error, and one run that says so.
func TestBadRequests(t *testing.T) {
	for _, tc := range []struct {
		name    string
		model   string
		req     *llm.Request
		errType string
	}{
		{"nil", "m", nil, "no_messages"},
		{"no messages", "m", &llm.Request{}, "no_messages"},
		{"no model", "", &llm.Request{Messages: question.Messages}, "invalid_request"},
		{"response before", "m", &llm.Request{Messages: question.Messages, PreviousResponseID: "resp_1"}, "invalid_request"},
		{"speech", "m", &llm.Request{Messages: question.Messages, OutputType: "speech"}, "invalid_request"},
		{"sound", "m", &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{{Media: &llm.Media{Kind: "audio"}}}}}}, "invalid_request"},
	} {
		var res results
		m := callopenai.New(config(&canned{}), callopenai.Options{Model: tc.model, Handlers: []callback.Handler{&res}})
		_, err := collect(m, t.Context(), tc.req)
		if callback.ErrorType(err) != tc.errType || len(res.all) != 1 || res.all[0].Usage != nil {
			t.Errorf("%s: %v, %d runs", tc.name, err, len(res.all))
		}
	}
}

func TestProvider(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  openai.ClientConfig
		base string
		opt  string
		want llm.Endpoint
	}{
		{"default", openai.DefaultConfig("k"), "", "", llm.Endpoint{Provider: "openai", Address: "api.openai.com", Port: 443}},
		{"explicit", openai.DefaultConfig("k"), "http://127.0.0.1:8080/v1", "openai", llm.Endpoint{Provider: "openai", Address: "127.0.0.1", Port: 8080}},
		{"unknown host is its own name", openai.DefaultConfig("k"), "http://models.example.org/v1", "", llm.Endpoint{Provider: "models.example.org", Address: "models.example.org", Port: 80}},
		{"a host that only ends alike", openai.DefaultConfig("k"), "https://notapi.openai.com.evil.org/v1", "", llm.Endpoint{Provider: "notapi.openai.com.evil.org", Address: "notapi.openai.com.evil.org", Port: 443}},
		{"groq", openai.DefaultConfig("k"), "https://api.groq.com/openai/v1", "", llm.Endpoint{Provider: "groq", Address: "api.groq.com", Port: 443}},
		{"azure by type", openai.DefaultAzureConfig("k", "https://gw.example.org"), "", "", llm.Endpoint{Provider: "azure.ai.openai", Address: "gw.example.org", Port: 443}},
		{"azure by host", openai.DefaultConfig("k"), "https://shop.openai.azure.com/openai/v1", "", llm.Endpoint{Provider: "azure.ai.openai", Address: "shop.openai.azure.com", Port: 443}},
		{"anthropic", openai.DefaultAnthropicConfig("k", ""), "", "", llm.Endpoint{Provider: "anthropic", Address: "api.anthropic.com", Port: 443}},
	} {
		if tc.base != "" {
			tc.cfg.BaseURL = tc.base
		}
		tc.want.API, tc.want.Model = "chat_completions", "m"
		if got := callopenai.New(tc.cfg, callopenai.Options{Model: "m", Provider: tc.opt}).Endpoint(); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// closeNoting is a body that notes that it is closed.
type closeNoting struct {
	io.Reader
	closed bool
}

func (c *closeNoting) Close() error {
	c.closed = true
	return nil
}

// TestBodiesAreClosed: also where go-openai leaves them open, so that connections
// are used again.
func TestBodiesAreClosed(t *testing.T) {
	for _, status := range []int{200, 401, 500} {
		for _, stream := range []bool{false, true} {
			b := &closeNoting{Reader: strings.NewReader(`{"error":{"message":"no"}}`)}
			m := callopenai.New(config(doer(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: b, Request: req}, nil
			})), callopenai.Options{Model: "gpt-4o-mini"})
			req := *question
			req.Stream = stream
			if _, err := collect(m, t.Context(), &req); err == nil {
				t.Errorf("status %d, streamed %v: no error", status, stream)
			}
			if !b.closed {
				t.Errorf("status %d, streamed %v: the body is not closed", status, stream)
			}
		}
	}
}
