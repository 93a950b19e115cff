package openai_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// A wireReply is what a server says to a call.
type wireReply struct {
	api    string // llm.APIChat by default
	stream bool
	status int
	body   string
	prompt string // in place of "roses?"
}

// A lastRun is a handler that keeps the result of the last run.
type lastRun struct{ *callback.Result }

func (o *lastRun) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, o
}
func (o *lastRun) End(res *callback.Result) { o.Result = res }

// callers are the ways to make a call, each of which tells a handler of it.
var callers = map[string]func(context.Context, *wireReply, http.RoundTripper, callback.Handler){
	"wire": func(ctx context.Context, r *wireReply, server http.RoundTripper, h callback.Handler) {
		path, ask := "/chat/completions", `"messages":[{"role":"user","content":"roses?"}]`
		switch r.api {
		case llm.APIResponses:
			path, ask = "/responses", `"input":"roses?"`
		case "embeddings":
			path, ask = "/embeddings", `"input":"roses?"`
		}
		ask = fmt.Sprintf(`{"model":"gpt-4o-mini","stream":%v,%s%s}`, r.stream, ask, r.prompt)
		req, _ := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1"+path, strings.NewReader(ask))
		resp, err := callopenai.NewTransport(server, h).RoundTrip(req)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	},
	"typed": func(ctx context.Context, r *wireReply, server http.RoundTripper, h callback.Handler) {
		if r.prompt != "" {
			return
		}
		c := callopenai.Wrap(openai.NewClientWithConfig(config(&http.Client{Transport: server})), callopenai.WithProvider("openai"), callopenai.WithHandlers(h))
		var s interface {
			RecvRaw() ([]byte, error)
			Close() error
		}
		err := io.EOF
		switch chat := (openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}}); {
		case r.api == "embeddings":
			c.CreateEmbeddings(ctx, openai.EmbeddingRequest{Model: "gpt-4o-mini", Input: "roses?"})
		case r.api == llm.APIResponses && r.stream:
			s, err = c.CreateResponseStream(ctx, openai.CreateResponseRequest{Model: "gpt-4o-mini", Input: "roses?"})
		case r.api == llm.APIResponses:
			c.CreateResponse(ctx, openai.CreateResponseRequest{Model: "gpt-4o-mini", Input: "roses?"})
		case r.stream:
			s, err = c.CreateChatCompletionStream(ctx, chat)
		default:
			c.CreateChatCompletion(ctx, chat)
		}
		for err == nil {
			_, err = s.RecvRaw()
		}
	},
	"adapter": func(ctx context.Context, r *wireReply, server http.RoundTripper, h callback.Handler) {
		if r.api == "" && r.prompt == "" {
			m := callopenai.New(config(&http.Client{Transport: server}), callopenai.Options{Model: "gpt-4o-mini", Handlers: []callback.Handler{h}})
			collect(m, ctx, &llm.Request{Messages: []llm.Message{llm.User("roses?")}, Stream: r.stream})
		}
	},
}

// over returns what each door's run says of the wireReply.
func (r *wireReply) over(t *testing.T) map[string]*callback.Result {
	t.Helper()
	out := map[string]*callback.Result{}
	for name, call := range callers {
		kind := "application/json"
		if strings.HasPrefix(r.body, "data:") || strings.HasPrefix(r.body, "event:") {
			kind = "text/event-stream"
		}
		server := roundTripper(func(req *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, req.Body)
			status := max(r.status, 200)
			return &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Header: http.Header{"Content-Type": {kind}},
				ContentLength: -1, Body: io.NopCloser(bytes.NewReader([]byte(r.body))), Request: req}, nil
		})
		var o lastRun
		call(t.Context(), r, server, &o)
		if o.Result != nil {
			out[name] = o.Result
		}
	}
	if len(out) == 0 {
		t.Fatal("no run has ended")
	}
	return out
}

// used is a usage in a line, with where it comes from.
func used(res *callback.Result) string {
	if res.Usage == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d %s", res.Usage.Input, res.Usage.Output, res.UsageSource)
}

const responseText = `"output":[{"type":"message","content":[{"type":"output_text","text":"Hello there"}]}]`

// TestUsageInPart: no side of the usage is ever 0 because a provider did not say
// it, or said nonsense. I and O are our count.
// go-openai knows no other names and forms than OpenAI's.
func TestUsageInPart(t *testing.T) {
	chat := func(usage string) string {
		return `{"choices":[{"index":0,"message":{"content":"Hello there"},"finish_reason":"stop"}],"usage":` + usage + `}`
	}
	response := func(usage string) string { return `{"status":"completed",` + responseText + `,"usage":` + usage + `}` }
	const stored = `,"previous_response_id":"r0"`
	for _, tc := range []struct{ name, usage, want, stored string }{
		{"whole", `{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27}`, "20/7 reported", "20/7 reported"},
		{"floats", `{"prompt_tokens":20.0,"completion_tokens":7.0,"total_tokens":27.0}`, "20/7 reported", "20/7 reported"},
		{"a float", `{"prompt_tokens":20.0,"completion_tokens":7,"total_tokens":27}`, "20/7 reported", "20/7 reported"},
		{"an exponent", `{"prompt_tokens":2e1,"completion_tokens":7}`, "20/7 reported", "20/7 reported"},
		{"the other API's names", `{"input_tokens":20,"output_tokens":7,"total_tokens":27}`, "20/7 reported", "20/7 reported"},
		{"both names", `{"prompt_tokens":20,"completion_tokens":7,"input_tokens":0,"output_tokens":0}`, "20/7 reported", "20/7 reported"},
		{"no prompt", `{"completion_tokens":7,"total_tokens":27}`, "20/7 reported", "20/7 reported"},
		{"no prompt, in zeros", `{"prompt_tokens":0,"completion_tokens":7,"total_tokens":27}`, "20/7 reported", "20/7 reported"},
		{"no answer", `{"prompt_tokens":20,"total_tokens":27}`, "20/7 reported", "20/7 reported"},
		{"answer alone", `{"completion_tokens":7}`, "I/7 estimated", ""},
		{"answer and nothing beside it", `{"prompt_tokens":0,"completion_tokens":7,"total_tokens":7}`, "I/7 estimated", ""},
		{"prompt alone", `{"prompt_tokens":20}`, "20/O estimated", ""},
		{"prompt and nothing beside it", `{"prompt_tokens":20,"completion_tokens":0,"total_tokens":20}`, "20/O estimated", ""},
		{"a part of the prompt beyond our count", `{"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":50}}`, "50/7 estimated", ""},
		{"negative prompt", `{"prompt_tokens":-1,"completion_tokens":7,"total_tokens":6}`, "I/7 estimated", ""},
		{"fractions", `{"prompt_tokens":20.5,"completion_tokens":7}`, "I/7 estimated", ""},
		{"too much", `{"prompt_tokens":9000000000000000000,"completion_tokens":9000000000000000000,"total_tokens":1}`, "I/O estimated", ""},
		{"more than an int", `{"prompt_tokens":90000000000000000000000,"completion_tokens":7}`, "I/7 estimated", ""},
		{"total alone", `{"total_tokens":27}`, "I/O estimated", ""},
		{"zeros", `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, "I/O estimated", ""},
		{"empty", `{}`, "I/O estimated", ""},
		{"null", `null`, "I/O estimated", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, r := range []*wireReply{{body: chat(tc.usage)}, {api: llm.APIResponses, body: response(tc.usage)},
				{stream: true, body: string(sse(short(`{"content":"Hello there"}`, "stop"), `{"choices":[],"usage":`+tc.usage+`}`, "[DONE]"))}} {
				for door, res := range r.over(t) {
					if door == "typed" && !r.stream {
						if u := res.Usage; u != nil && (u.Input == 0 || u.Output == 0) {
							t.Errorf("typed door, %q: %s", r.api, used(res))
						}
						continue
					}
					count := strings.NewReplacer("I", "10", "O", map[string]string{"": "2", llm.APIResponses: "3"}[r.api])
					if got, want := used(res), count.Replace(tc.want); got != want || res.Err != nil {
						t.Errorf("%s door, %q, stream %v: %s, %v, want %s", door, r.api, r.stream, got, res.Err, want)
					} else if n := res.Makeup.Total(); n != res.Usage.Input && n != 0 {
						t.Errorf("%s door: make-up %v of %d tokens", door, res.Makeup, res.Usage.Input)
					}
				}
			}
			// Of a prompt that is not all there nothing can be counted.
			r := &wireReply{api: llm.APIResponses, body: response(tc.usage), prompt: stored}
			if got := used(r.over(t)["wire"]); got != tc.stored {
				t.Errorf("with a stored prompt: %s, want %s", got, tc.stored)
			}
		})
	}
}

// TestMediaAnswers: sound and pictures are an answer, be it cut, but not one that
// can be counted.
func TestMediaAnswers(t *testing.T) {
	const (
		chatSound = `"audio":{"id":"a","data":"AAAA","transcript":"hello"}`
		picture   = `"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]`
		item      = `{"type":"image_generation_call","result":"AAAA"}`
	)
	event := func(kind, more string) string { return `{"type":"response.` + kind + `",` + more + `}` }
	completed := event("completed", `"response":{"status":"completed","output":[`+item+`]}`)
	for _, tc := range []struct {
		name  string
		reply wireReply
		want  string // usage and error
	}{
		{"sound", wireReply{stream: true, body: string(sse(short(`{`+chatSound+`}`, ""), short(`{}`, "stop"), "[DONE]"))}, ""},
		{"sound that is cut", wireReply{stream: true, body: string(sse(short(`{`+chatSound+`}`, "")))}, " stream_truncated"},
		{"sound that begins", wireReply{stream: true, body: string(sse(short(`{"audio":{"id":"a"}}`, "")))}, " stream_truncated"},
		{"no sound", wireReply{stream: true, body: string(sse(short(`{"audio":{},"images":[]}`, "")))}, " empty_response"},
		{"sound that is null", wireReply{stream: true, body: string(sse(short(`{"audio":null,"images":null}`, "")))}, " empty_response"},
		{"a picture that is cut", wireReply{stream: true, body: string(sse(short(`{"content":"",`+picture+`}`, "")))}, " stream_truncated"},
		{"a picture, and half of the usage", wireReply{stream: true, body: string(sse(short(`{`+picture+`}`, "stop"), `{"choices":[],"usage":{"prompt_tokens":20}}`, "[DONE]"))}, ""},
		{"a picture, and the usage", wireReply{stream: true, body: string(sse(short(`{`+picture+`}`, "stop"), `{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":1290}}`, "[DONE]"))}, "20/1290 reported"},
		{"sound in one piece", wireReply{body: `{"choices":[{"index":0,"message":{"content":null,` + chatSound + `},"finish_reason":"stop"}]}`}, ""},
		{"a picture in one piece, without a finish reason", wireReply{body: `{"choices":[{"index":0,"message":{"content":"",` + picture + `}}]}`}, ""},
		{"picture of a response", wireReply{api: llm.APIResponses, body: `{"status":"completed","output":[` + item + `]}`}, ""},
		{"picture of a response, and half of the usage", wireReply{api: llm.APIResponses, body: `{"status":"completed","output":[` + item + `],"usage":{"input_tokens":20}}`}, ""},
		{"streamed picture", wireReply{api: llm.APIResponses, stream: true, body: string(sse(event("image_generation_call.partial_image", `"partial_image_b64":"AAAA"`), completed))}, ""},
		{"streamed picture that is cut", wireReply{api: llm.APIResponses, stream: true, body: string(sse(event("image_generation_call.partial_image", `"partial_image_b64":"AAAA"`)))}, " stream_truncated"},
		{"streamed sound that is cut", wireReply{api: llm.APIResponses, stream: true, body: string(sse(event("output_audio.delta", `"delta":"AAAA"`)))}, " stream_truncated"},
		{"streamed code that is cut", wireReply{api: llm.APIResponses, stream: true, body: string(sse(event("code_interpreter_call_code.delta", `"delta":"1+1"`)))}, " stream_truncated"},
		{"a response that is queued", wireReply{api: llm.APIResponses, body: `{"status":"queued","output":[],"usage":null}`}, ""},
		{"a response that is being made", wireReply{api: llm.APIResponses, body: `{"status":"in_progress","output":[]}`}, ""},
		{"a streamed response that is queued", wireReply{api: llm.APIResponses, stream: true, body: string(sse(event("queued", `"response":{"status":"queued"}`)))}, " empty_response"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, res := range tc.reply.over(t) {
				got, want := used(res), tc.want
				if door != "wire" && strings.Contains(tc.name, "without a finish reason") {
					want = " empty_response" // for who knows no pictures
				}
				if res.Err != nil {
					got += " " + callback.ErrorType(res.Err)
				}
				if got != want || res.Usage == nil && res.Priced {
					t.Errorf("%s door: %q (%v), priced %v, want %q", door, got, res.Err, res.Priced, want)
				}
			}
		})
	}
}

// TestTranscript: the words of a sound that comes in one piece are its message, if
// the usage is known: they are less than the sound.
func TestTranscript(t *testing.T) {
	const usage = `,"usage":{"prompt_tokens":20,"completion_tokens":90,"completion_tokens_details":{"audio_tokens":80}}`
	body := func(message, more string) string {
		return `{"choices":[{"index":0,"message":{` + message + `},"finish_reason":"stop"}]` + more + `}`
	}
	for _, tc := range []struct{ name, body, wire, typed string }{
		{"with its usage", body(`"content":null,"audio":{"id":"a","data":"AAAA","expires_at":1,"transcript":"Hello there."}`, usage), `"Hello there." stop; 20/90 spoken 80`, `"" stop; 20/90 spoken 80`},
		{"beside a text", body(`"content":"Hi","audio":{"transcript":"Hello there."}`, usage), `"Hi" stop; 20/90 spoken 80`, `"Hi" stop; 20/90 spoken 80`},
		{"without its usage", body(`"content":null,"audio":{"transcript":"Hello there."}`, ``), `"" stop`, `"" stop`},
		{"without words", body(`"audio":{"data":"AAAA"}`, usage), `"" stop; 20/90 spoken 80`, `"" stop; 20/90 spoken 80`},
		{"of no form", body(`"audio":{"transcript":{"a":["b"]}}`, usage), `"" stop; 20/90 spoken 80`, `"" stop; 20/90 spoken 80`},
		{"a list", body(`"audio":["transcript"]`, usage), `"" stop; 20/90 spoken 80`, `"" stop; 20/90 spoken 80`},
	} {
		r := wireReply{body: tc.body}
		for door, res := range r.over(t) {
			want := tc.wire
			if door == "typed" { // for who knows no sound
				want = tc.typed
			}
			if got := tell(res); got != want {
				t.Errorf("%s, %s door: %s, want %s", tc.name, door, got, want)
			}
		}
	}
}

// TestErrorsInBand: what a server says of a failure within an answer, in the forms
// of many servers, and what only looks like it.
func TestErrorsInBand(t *testing.T) {
	const (
		inChoice = `{"code":502,"message":"upstream died"}`
		fastChat = `{"object":"error","message":"out of memory","type":"InternalError","param":null,"code":50002}`
	)
	const broke = `{"id":"c1","choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`
	text, good := short(`{"content":"Pink"}`, ""), short(`{"content":" roses"}`, "stop")
	choice := func(form, finish, more string) string {
		return `{"choices":[{"index":0,"` + form + `":{"content":""},"finish_reason":` + finish + more + `}]}`
	}
	stream := func(frames ...string) wireReply {
		return wireReply{stream: true, body: string(sse(append([]string{text}, append(frames, "[DONE]")...)...))}
	}
	whole := func(body string) wireReply { return wireReply{body: body} }
	response := func(frames ...string) wireReply {
		return wireReply{api: llm.APIResponses, stream: true, body: string(sse(append([]string{`{"type":"response.output_text.delta","delta":"Pink"}`}, frames...)...))}
	}
	for _, tc := range []struct {
		name  string
		reply wireReply
		want  string // error.type and words
	}{
		{"in a choice", stream(choice("delta", `"error"`, `,"error":`+inChoice)), "502: upstream died"},
		{"in a choice, before the finish reason", stream(`{"choices":[{"index":0,"error":` + inChoice + `,"delta":{"content":""},"finish_reason":"error"}]}`), "502: upstream died"},
		{"in a choice, without a finish reason", stream(choice("delta", `null`, `,"error":`+inChoice)), "502: upstream died"},
		{"in a choice of a whole answer", whole(choice("message", `"error"`, `,"error":`+inChoice)), "502: upstream died"},
		{"finish reason alone", stream(choice("delta", `"error"`, ``)), `in_band_error: the finish reason is "error"`},
		{"finish reason of a whole answer", whole(choice("message", `"error"`, ``)), `in_band_error: the finish reason is "error"`},
		{"beside the choices", stream(`{"error":{"code":"server_error","message":"gone"},"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}`), "server_error: gone"},
		{"beside the choices, last", stream(`{"choices":[{"index":0,"delta":{},"finish_reason":"error"}],"error":{"code":"server_error","message":"gone"}}`), "server_error: gone"},
		{"x_groq", stream(short(`{}`, "", `"x_groq":{"error":"over capacity"}`)), "in_band_error: over capacity"},
		{"x_groq beside a finish reason", stream(short(`{}`, "stop", `"x_groq":{"error":"over capacity"}`)), "in_band_error: over capacity"},
		{"MiniMax", stream(broke), "1008: insufficient balance"},
		{"MiniMax, at once", wireReply{stream: true, body: string(sse(broke))}, "1008: insufficient balance"},
		{"MiniMax, beside a finish reason", stream(short(`{}`, "stop", `"base_resp":{"status_code":1027,"status_msg":"output new_sensitive"}`)), "1027: output new_sensitive"},
		{"MiniMax, in frames of one form", stream(short(`{"content":" red"}`, "", `"base_resp":{"status_code":0,"status_msg":""}`), short(`{"content":" red"}`, "", `"base_resp":{"status_code":0,"status_msg":""}`),
			short(`{"content":" red"}`, "", `"base_resp":{"status_code":8,"status_msg":"full"}`), good), "8: full"},
		{"MiniMax, whole", whole(broke), "1008: insufficient balance"},
		{"MiniMax, whole where a stream was due", wireReply{stream: true, body: broke}, "1008: insufficient balance"},
		{"FastChat", stream(fastChat), "50002: out of memory"},
		{"FastChat, at once", wireReply{stream: true, body: string(sse(fastChat, "[DONE]"))}, "50002: out of memory"},
		{"FastChat, whole", whole(fastChat), "50002: out of memory"},
		{"FastChat, whole where a stream was due", wireReply{stream: true, body: fastChat}, "50002: out of memory"},
		{"type alone", stream(`{"message":"no room","type":"BadRequestError"}`), "BadRequestError: no room"},
		{"an error by its kind", stream(`{"type":"error","message":"boom"}`), "in_band_error: boom"},
		{"event: error", wireReply{stream: true, body: "data: " + text + "\n\nevent: error\ndata: {\"message\":\"boom\",\"code\":\"server_busy\"}\n\n"}, "server_busy: boom"},
		{"event: error, at once", wireReply{stream: true, body: "event: error\ndata: {\"message\":\"boom\",\"code\":\"server_busy\"}\n\n"}, "server_busy: boom"},
		{"response, code in words", response(`{"type":"error","code":"server_busy","message":"boom","param":null}`), "server_busy: boom"},
		{"response, code in digits", response(`{"type":"error","code":503,"message":"boom"}`), "503: boom"},
		{"response, no code", response(`{"type":"error","code":null,"message":"boom"}`), "in_band_error: boom"},
		{"response, FastChat", response(fastChat), "50002: out of memory"},
		{"response, no kind", response(`{"message":"boom","code":"server_busy"}`), "server_busy: boom"},
		{"response, MiniMax", response(broke), "1008: insufficient balance"},
		{"response, MiniMax, whole", wireReply{api: llm.APIResponses, body: broke}, "1008: insufficient balance"},
		{"response, FastChat, whole", wireReply{api: llm.APIResponses, body: fastChat}, "50002: out of memory"},

		{"MiniMax's success", stream(short(`{"content":" roses"}`, "stop", `"base_resp":{"status_code":0,"status_msg":"success"}`)), ""},
		{"MiniMax's success, whole", whole(`{"choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}],"base_resp":{"status_code":0,"status_msg":""}}`), ""},
		{"MiniMax's success as of HTTP", stream(short(`{"content":" roses"}`, "stop", `"base_resp":{"status_code":200,"status_msg":"OK"}`)), ""},
		{"empty object", stream(short(`{"content":" roses"}`, "stop", `"error":{}`)), ""},
		{"empty text", stream(short(`{"content":" roses"}`, "stop", `"error":""`)), ""},
		{"false", stream(short(`{"content":" roses"}`, "stop", `"error":false`)), ""},
		{"null", stream(short(`{"content":" roses"}`, "stop", `"error":null`)), ""},
		{"empty fields", stream(short(`{"content":" roses"}`, "stop", `"error":{"message":"","type":"","param":"","code":null}`)), ""},
		{"empty object in a choice", stream(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop","error":{}}]}`), ""},
		{"a message that is none", stream(`{"message":"still here"}`, `{"code":200,"message":"success"}`, good), ""},
		{"a message beside choices", stream(short(`{"content":" roses"}`, "stop", `"message":"a","code":"b"`)), ""},
		{"response, empty object", response(`{"type":"keepalive"}`, `{"type":"response.completed","response":{"status":"completed","error":{},"output":[]}}`), ""},
		{"empty object, whole", whole(`{"error":{},"choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}]}`), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, res := range tc.reply.over(t) {
				got, want := "", tc.want
				if res.Err != nil {
					got = callback.ErrorType(res.Err) + ": " + res.Err.Error()
				}
				if door == "typed" && strings.HasPrefix(tc.reply.body, "{") { // go-openai reads no more
					want = strings.NewReplacer("502: upstream died", `in_band_error: the finish reason is "error"`,
						"50002: out of memory", "empty_response: response without content",
						"1008: insufficient balance", "empty_response: response without content").Replace(want)
				}
				if got != want {
					t.Errorf("%s door: %s, want %s", door, got, want)
				}
			}
		})
	}
}

// TestCustomTools: a tool whose input is free text is called as any other.
func TestCustomTools(t *testing.T) {
	const call = `{"index":0,"id":"c1","type":"custom","custom":{"name":"shell","input":"ls"}}`
	for _, tc := range []struct {
		name  string
		reply wireReply
	}{
		{"streamed", wireReply{stream: true, body: string(sse(short(`{"tool_calls":[{"index":0,"id":"c1","type":"custom","custom":{"name":"shell","input":""}}]}`, ""),
			short(`{"tool_calls":[{"index":0,"custom":{"input":"l"}}]}`, ""), short(`{"tool_calls":[{"index":0,"type":"custom","custom":{"name":null,"input":"s"},"function":null}]}`, ""), short(`{}`, "tool_calls"), "[DONE]"))}},
		{"whole", wireReply{body: `{"choices":[{"index":0,"message":{"content":null,"tool_calls":[` + call + `]},"finish_reason":"tool_calls"}]}`}},
	} {
		for door, res := range tc.reply.over(t) {
			want := `"" calls c1 shell(ls) tool_calls`
			if door == "typed" && !tc.reply.stream {
				want = `"" calls c1 () tool_calls` // go-openai reads no more
			}
			if got := tell(res); got != want {
				t.Errorf("%s, %s door: %s, want %s", tc.name, door, got, want)
			}
		}
	}

	ask := wireReply{body: `{}`, prompt: `,"messages":[{"role":"user","content":"ls?"},{"role":"assistant","tool_calls":[` + call + `]},{"role":"tool","tool_call_id":"c1","content":"roses"}],` +
		`"tools":[{"type":"custom","custom":{"name":"shell","description":"Runs it.","format":{"type":"text"}}}],"tool_choice":{"type":"custom","custom":{"name":"shell"}}`}
	var req *llm.Request
	callers["wire"](t.Context(), &ask, respond("application/json", []byte(ask.body)), started(func(i *callback.Info) { req = i.Input.(*llm.Request) }))
	if got := req.Messages[len(req.Messages)-2].ToolCalls; len(got) != 1 || got[0] != (llm.ToolCall{ID: "c1", Name: "shell", Arguments: "ls"}) {
		t.Errorf("calls in the request: %+v", got)
	}
	if len(req.Tools) != 1 || req.Tools[0].Name != "shell" || req.Tools[0].Description != "Runs it." || req.ToolChoice != "shell" {
		t.Errorf("tools in the request: %+v, choice %q", req.Tools, req.ToolChoice)
	}
}

// TestNothing: a success with nothing in it is an empty answer, whoever looks.
func TestNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply wireReply
		want  string
	}{
		{"chat", wireReply{}, "empty_response"},
		{"chat, status 204", wireReply{status: 204}, "empty_response"},
		{"chat, line feeds", wireReply{body: "\r\n\n "}, "empty_response"},
		{"stream", wireReply{stream: true}, "empty_response"},
		{"stream, status 204", wireReply{stream: true, status: 204}, "empty_response"},
		{"response", wireReply{api: llm.APIResponses}, "empty_response"},
		{"response, status 204", wireReply{api: llm.APIResponses, status: 204}, "empty_response"},
		{"vectors", wireReply{api: "embeddings"}, "empty_response"},
		{"vectors, status 204", wireReply{api: "embeddings", status: 204}, "empty_response"},
		{"no vectors", wireReply{api: "embeddings", body: `{"object":"list","data":[],"usage":{"prompt_tokens":2,"total_tokens":2}}`}, "empty_response"},
		{"no data", wireReply{api: "embeddings", body: `{}`}, "empty_response"},
		{"vectors in an encoding of the server's own", wireReply{api: "embeddings", body: `{"data":[{"embedding":"!"}]}`}, ""},
		{"half a chat", wireReply{body: `{"choices":[`}, "malformed_response"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, res := range tc.reply.over(t) {
				want := tc.want
				if door == "typed" && want == "" {
					want = "malformed_response" // to go-openai
				}
				if got := callback.ErrorType(res.Err); got != want {
					t.Errorf("%s door: %q (%v), want %q", door, got, res.Err, want)
				}
			}
		})
	}
}

// TestErrorEvents: an event that is named error is one, however little it says.
func TestErrorEvents(t *testing.T) {
	text := "data: " + short(`{"content":"Pink"}`, "") + "\n\n"
	good := "data: " + short(`{"content":"Pink"}`, "stop") + "\n\n"
	for body, want := range map[string]string{
		text + "event: error\ndata: upstream died\n\n":                                        "in_band_error: upstream died",
		"event: error\ndata: upstream died\n\n":                                               "in_band_error: upstream died",
		text + "event: error\ndata: {\"message\":\"boom\"}\n\n":                               "in_band_error: boom",
		text + "event: error\ndata: {\"error\":{\"code\":\"busy\",\"message\":\"boom\"}}\n\n": "busy: boom",
		good + "event: error\ndata: [DONE]\n\n":                                               "",
		good + "event: ping\ndata: {}\n\ndata: [DONE]\n\n":                                    "",
	} {
		reply := wireReply{stream: true, body: body}
		res := reply.over(t)["wire"]
		got := ""
		if res.Err != nil {
			got = callback.ErrorType(res.Err) + ": " + res.Err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
