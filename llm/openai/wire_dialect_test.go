package openai_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

// roundTripper is one without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond returns a transport that gives body.
func respond(kind string, body []byte) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{"Content-Type": {kind}}, ContentLength: int64(len(body)),
			Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
	}
}

// tell is a result in a line.
func tell(res *callback.Result) string {
	var b strings.Builder
	for i, c := range res.Response.Choices {
		if i > 0 {
			b.WriteString(" | ")
		}
		fmt.Fprintf(&b, "%q", c.Text)
		if c.Reasoning != "" {
			fmt.Fprintf(&b, " thinks %q", c.Reasoning)
		}
		if c.Refusal != "" {
			fmt.Fprintf(&b, " refuses %q", c.Refusal)
		}
		for _, t := range c.ToolCalls {
			fmt.Fprintf(&b, " calls %s %s(%s)", t.ID, t.Name, t.Arguments)
		}
		b.WriteString(" " + c.Finish)
	}
	if u := res.Usage; u != nil && res.UsageSource == llm.UsageReported {
		fmt.Fprintf(&b, "; %d/%d", u.Input, u.Output)
		for _, p := range []struct {
			name string
			n    int
		}{{"cached", u.CacheRead}, {"written", u.CacheWrite}, {"thought", u.Reasoning}, {"heard", u.AudioInput}, {"spoken", u.AudioOutput}, {"hit", u.AcceptedPrediction}, {"missed", u.RejectedPrediction}} {
			if p.n != 0 {
				fmt.Fprintf(&b, " %s %d", p.name, p.n)
			}
		}
	}
	if res.CostReported {
		fmt.Fprintf(&b, "; %s USD", res.Cost)
	}
	if res.Response.ServiceTier != "" {
		b.WriteString("; " + res.Response.ServiceTier)
	}
	if res.Err != nil {
		b.WriteString("; " + callback.ErrorType(res.Err))
	}
	return b.String()
}

// short is a frame with the delta and finish reason given, and more fields.
func short(delta, finish string, more ...string) string {
	f := `{"choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]`
	if finish != "" {
		f = strings.Replace(f, "null", `"`+finish+`"`, 1)
	}
	for _, m := range more {
		f += "," + m
	}
	return f + "}"
}

// TestWireDialects: what the servers of this world send, in the forms in which
// they send it, is understood and passes as it is.
func TestWireDialects(t *testing.T) {
	pink, roses, stop := short(`{"content":"Pink"}`, ""), short(`{"content":" roses"}`, ""), short(`{}`, "stop")
	usage := func(n int) string { return fmt.Sprintf(`"usage":{"prompt_tokens":9,"completion_tokens":%d}`, n) }
	plain := string(sse(pink, roses, stop, "[DONE]"))
	long := strings.Repeat("rose ", 2<<20)
	const good = `"Pink roses" stop`
	for _, tc := range []struct{ name, kind, body, want string }{
		{"plain", "", plain, good},
		{"no space", "", strings.ReplaceAll(plain, "data: ", "data:"), good},
		{"CRLF", "", strings.ReplaceAll(plain, "\n", "\r\n"), good},
		{"CR", "", strings.ReplaceAll(plain, "\n", "\r"), good},
		{"comments", "", ": wait\n\n" + strings.ReplaceAll(plain, "data:", ": ping\ndata:"), good},
		{"event lines", "", strings.ReplaceAll(plain, "data:", "event: message\nid: 7\ndata:"), good},
		{"several lines of data", "", strings.ReplaceAll(plain, `,"finish_reason"`, "\ndata: ,\"finish_reason\""), good},
		{"byte order mark", "", "\xEF\xBB\xBF" + plain, good},
		{"no empty lines", "", strings.ReplaceAll(plain, "\n\n", "\n"), good},
		{"no type", "-", plain, good},
		{"another type", "text/plain; charset=utf-8", plain, good},
		{"the type of JSON", "application/json", plain, good},
		{"type with parameters", "Text/Event-Stream;charset=UTF-8", plain, good},
		{"not UTF-8", "", string(sse(short("{\"content\":\"\xffPink\"}", ""), stop, "[DONE]")), "\"\uFFFDPink\" stop"},
		{"a line of 10 MB", "", string(sse(short(`{"content":"`+long+`"}`, ""), stop, "[DONE]")), fmt.Sprintf("%q stop", long)},
		{"usage last", "", string(sse(pink, stop, `{"choices":[],`+usage(3)+`}`, "[DONE]")), `"Pink" stop; 9/3`},
		{"usage in every chunk", "", string(sse(short(`{"content":"Pink"}`, "", usage(1)), short(`{}`, "stop", usage(2)), "[DONE]")), `"Pink" stop; 9/2`},
		{"usage with the finish reason", "", string(sse(pink, short(`{}`, "stop", usage(2)), "[DONE]")), `"Pink" stop; 9/2`},
		{"usage in x_groq", "", string(sse(pink, short(`{}`, "stop", `"x_groq":{"id":"r",`+usage(2)+`}`), "[DONE]")), `"Pink" stop; 9/2`},
		{"parts of the usage", "", string(sse(pink, stop, `{"choices":[],"usage":{"prompt_tokens":90,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":20,"audio_tokens":3},`+
			`"completion_tokens_details":{"reasoning_tokens":7,"audio_tokens":4,"accepted_prediction_tokens":5,"rejected_prediction_tokens":6}}}`, "[DONE]")),
			`"Pink" stop; 90/50 cached 10 written 20 thought 7 heard 3 spoken 4 hit 5 missed 6`},
		{"cost", "", string(sse(pink, short(`{}`, "stop", `"usage":{"prompt_tokens":9,"completion_tokens":2,"cost":0.00125}`), "[DONE]")), `"Pink" stop; 9/2; 0.00125 USD`},
		{"service tier", "", string(sse(short(`{"content":"Pink"}`, "", `"service_tier":"flex"`), stop, "[DONE]")), `"Pink" stop; flex`},
		{"choices", "", string(sse(`{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"A"},"finish_reason":"stop"},{"index":1,"delta":{"content":"B"},"finish_reason":"length"}]}`, "[DONE]")), `"aA" stop | "bB" length`},
		{"parallel tool calls", "", string(sse(short(`{"tool_calls":[{"index":0,"id":"c0","function":{"name":"f","arguments":""}},{"index":1,"id":"c1","function":{"name":"g","arguments":"{"}}]}`, ""),
			short(`{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]}`, ""), short(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}`, ""), short(`{}`, "tool_calls"), "[DONE]")),
			`"" calls c0 f({"a":1}) calls c1 g({}) tool_calls`},
		{"reasoning", "", string(sse(short(`{"reasoning_content":"Hm."}`, ""), pink, stop, "[DONE]")), `"Pink" thinks "Hm." stop`},
		{"refusal", "", string(sse(short(`{"refusal":"No"}`, ""), short(`{"refusal":"."}`, "stop"), "[DONE]")), `"" refuses "No." stop`},
		{"whole where a stream was due", "application/json", `{"choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}],` + usage(1) + `}`, `"Pink" stop; 9/1`},
		{"an error where a stream was due", "", `{"error":{"message":"no","code":"content_filter"}}`, `; content_filter`},
		{"a page where a stream was due", "text/html", `<html></html>`, `; malformed_response`},
		{"nothing", "-", ``, `; empty_response`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kind := map[bool]string{true: "text/event-stream", false: strings.TrimPrefix(tc.kind, "-")}[tc.kind == ""]
			for how, read := range map[string]func(io.Reader) io.Reader{
				"as it comes": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "in halves": iotest.HalfReader,
			} {
				if how == "byte by byte" && len(tc.body) > 1<<20 {
					continue
				}
				for _, own := range []string{`"stream_options":{"include_usage":true},`, ``} {
					var got []string
					h := &callback.Funcs{OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
						got = append(got, strings.TrimSpace(tell(res)))
					},
						OnLLMError: func(_ context.Context, _ *callback.Info, res *callback.Result) {
							got = append(got, strings.TrimSpace(tell(res)))
						}}
					req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1/v1/chat/completions", strings.NewReader("{"+own+ask[1:]))
					resp, err := callopenai.NewTransport(respond(kind, []byte(tc.body)), h).RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(read(resp.Body))
					resp.Body.Close()
					passes := tc.body
					if own == "" && tc.name != "usage last" && tc.name != "parts of the usage" && string(body) != passes || own != "" && string(body) != passes || err != nil {
						t.Errorf("%s: read %.300q, %v", how, body, err)
					}
					if len(got) != 1 || got[0] != tc.want {
						t.Errorf("%s: runs %.300q, want %.300q", how, got, tc.want)
					}
				}
			}
		})
	}
}

// started is a handler that is told of starts.
type started func(*callback.Info)

func (f started) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	f(i)
	return ctx, nil
}

// TestWirePaths: where a call leads is told by its address, whatever the vendor
// puts before the path.
func TestWirePaths(t *testing.T) {
	const chat = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	for _, tc := range []struct{ url, ask, want string }{
		{"https://api.openai.com/v1/chat/completions", chat, "openai m chat_completions api.openai.com:443"},
		{"https://api.openai.com/v1/chat/completions/", chat, "openai m chat_completions api.openai.com:443"},
		{"https://api.openai.com/v1/responses", `{"model":"m","input":"hi"}`, "openai m responses api.openai.com:443"},
		{"https://api.openai.com/v1/responses/compact", `{"model":"m","input":"hi"}`, "openai m responses api.openai.com:443"},
		{"https://api.openai.com/v1/completions", `{"model":"m","prompt":"hi"}`, "openai m completions api.openai.com:443"},
		{"https://api.openai.com/v1/embeddings", `{"model":"m","input":"hi"}`, "openai m  api.openai.com:443"},
		{"https://api.groq.com/openai/v1/chat/completions", chat, "groq m chat_completions api.groq.com:443"},
		{"https://openrouter.ai/api/v1/chat/completions", chat, "openrouter m chat_completions openrouter.ai:443"},
		{"https://api.fireworks.ai/inference/v1/chat/completions", chat, "fireworks m chat_completions api.fireworks.ai:443"},
		{"http://localhost:11434/v1/chat/completions", chat, "ollama m chat_completions localhost:11434"},
		{"http://[::1]/chat/completions?x=1", chat, "::1 m chat_completions ::1:80"},
		{"https://flowers.openai.azure.com/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21", `{"messages":[]}`,
			"azure.ai.openai my-gpt chat_completions flowers.openai.azure.com:443"},
		{"https://ai.example.com/openai/deployments/my%2Fgpt%20x/embeddings?api-version=1", `{"input":"hi"}`, "azure.ai.openai my/gpt x  ai.example.com:443"},
		{"https://flowers.openai.azure.com/openai/v1/responses", `{"model":"m","input":"hi"}`, "azure.ai.openai m responses flowers.openai.azure.com:443"},
	} {
		t.Run(tc.url, func(t *testing.T) {
			got := ""
			h := started(func(i *callback.Info) {
				got = fmt.Sprintf("%s %s %s %s:%d", i.Endpoint.Provider, i.Name, i.Endpoint.API, i.Endpoint.Address, i.Endpoint.Port)
			})
			var passed *http.Request
			tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
				passed = r
				return respond("application/json", []byte(`{}`))(r)
			}), h)
			req, _ := http.NewRequestWithContext(t.Context(), "POST", tc.url, strings.NewReader(tc.ask))
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if got != tc.want {
				t.Errorf("run %q, want %q", got, tc.want)
			}
			if passed.URL.String() != tc.url || resp.Request != req {
				t.Errorf("sent to %s, response to %p of %p", passed.URL, resp.Request, req)
			}
		})
	}
}

// TestWireOtherRequests: what is no call to a model passes as the very same
// request, and its response too.
func TestWireOtherRequests(t *testing.T) {
	for _, tc := range []struct{ method, url string }{
		{"GET", "https://api.openai.com/v1/chat/completions"}, {"DELETE", "https://api.openai.com/v1/responses"},
		{"POST", "https://api.openai.com/v1/files"}, {"POST", "https://api.openai.com/v1/responses/r1/cancel"}, {"POST", "https://api.openai.com/v1/responses/input_tokens"},
		{"POST", "https://api.openai.com/v1/mycompletions"}, {"POST", "https://api.openai.com/"}, {"GET", "https://api.openai.com/v1/models"},
	} {
		h := &callback.Funcs{OnLLMStart: func(context.Context, *callback.Info) { t.Errorf("%s %s is a run", tc.method, tc.url) }}
		req, _ := http.NewRequestWithContext(t.Context(), tc.method, tc.url, strings.NewReader("x"))
		answer := &http.Response{StatusCode: 204, Body: http.NoBody}
		tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			if r != req {
				t.Errorf("%s %s: another request", tc.method, tc.url)
			}
			return answer, nil
		}), h)
		if resp, err := tr.RoundTrip(req); resp != answer || err != nil {
			t.Errorf("%s %s: another response", tc.method, tc.url)
		}
	}
}
