package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// A vendor is a server of OpenAI's dialect, as its documentation, its issues or
// recorded traffic have it.
type vendor struct {
	name   string
	body   string // of a stream that was asked for its usage
	shown  string // to a caller who has not asked; "" is body
	frames string // that a caller sees as values, if they are others than shown
	want   string // what a run says, as tell has it
	typed  string // what the typed door's run says, if go-openai keeps something to itself
}

// vendors are played through every door by [TestVendors].
func vendors() []vendor {
	chunk := func(head, delta, finish, more string) string {
		end := "null"
		if finish != "" {
			end = `"` + finish + `"`
		}
		return `{` + head + `,"object":"chat.completion.chunk","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + end + `}]` + more + `}`
	}
	last := func(head, usage, more string) string {
		return `{` + head + `,"object":"chat.completion.chunk","choices":[],"usage":` + usage + more + `}`
	}
	list := func(frames ...string) string { return string(sse(frames...)) }
	const (
		id   = `"id":"c1","created":1763700000,"model":"m"`
		done = "[DONE]"
	)
	pink, roses, stop := chunk(id, `{"content":"Pink"}`, "", ""), chunk(id, `{"content":" roses"}`, "", ""), chunk(id, `{}`, "stop", "")
	role := chunk(id, `{"role":"assistant","content":""}`, "", "")

	llama := func(timings string) string {
		return last(id, `{"completion_tokens":18,"prompt_tokens":196,"total_tokens":214}`, timings)
	}
	const timings = `,"timings":{"cache_n":160,"prompt_n":36,"prompt_ms":79.853,"predicted_n":18,"predicted_ms":10.5}`
	perplexity := func(delta, sum, finish string, usage string) string {
		return `{"id":"p1","model":"sonar","created":1,"usage":` + usage + `,"citations":["https://roses.example"],"search_results":[{"title":"Roses"}],"object":"chat.completion.chunk",` +
			`"choices":[{"index":0,"finish_reason":` + finish + `,"message":{"role":"assistant","content":"` + sum + `"},"delta":{"role":"assistant","content":"` + delta + `"}}]}`
	}

	return []vendor{
		{name: "vLLM",
			body: list(chunk(id, `{"role":"assistant","content":""}`, "", `,"prompt_token_ids":null`), chunk(id, `{"reasoning_content":"Hm.","reasoning":"Hm."}`, "", ``), pink, roses,
				`{`+id+`,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}]}`,
				last(id, `{"prompt_tokens":46,"total_tokens":60,"completion_tokens":14,"prompt_tokens_details":null}`, `,"system_fingerprint":"vllm-0.24.0"`), done),
			shown: list(chunk(id, `{"role":"assistant","content":""}`, "", `,"prompt_token_ids":null`), chunk(id, `{"reasoning_content":"Hm.","reasoning":"Hm."}`, "", ``), pink, roses,
				`{`+id+`,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}]}`, done),
			want: `"Pink roses" thinks "Hm." stop; 46/14`},
		{name: "vLLM, usage in every chunk",
			body: list(chunk(id, `{"content":"Pink"}`, "", `,"usage":{"prompt_tokens":9,"total_tokens":10,"completion_tokens":1}`),
				chunk(id, `{}`, "stop", `,"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2}`), last(id, `{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2}`, ``), done),
			shown: list(chunk(id, `{"content":"Pink"}`, "", `,"usage":{"prompt_tokens":9,"total_tokens":10,"completion_tokens":1}`),
				chunk(id, `{}`, "stop", `,"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2}`), done),
			want: `"Pink" stop; 9/2`},
		{name: "vLLM, an error", body: list(role, pink, `{"error":{"object":"error","message":"CUDA error","type":"InternalServerError","param":null,"code":500}}`, done),
			want: `"Pink" ; 500`},
		{name: "SGLang, an error at once", body: list(`{"error":{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}}`, done), want: `; 400`},

		{name: "llama.cpp", body: list(role, pink, roses, stop, llama(timings), done),
			shown:  list(role, pink, roses, stop, `{`+id+`,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":null}]`+timings+`}`, done),
			frames: list(role, pink, roses, stop, done), want: `"Pink roses" stop; 196/18 cached 160`},
		{name: "llama.cpp, not asked", body: list(role, pink, roses, chunk(id, `{}`, "stop", timings), done), want: `"Pink roses" stop; 196/18 cached 160`},
		{name: "llama.cpp, timings in every chunk", body: list(chunk(id, `{"content":"Pink"}`, "", `,"timings":{"cache_n":4,"prompt_n":5,"predicted_n":1}`),
			chunk(id, `{}`, "stop", `,"timings":{"cache_n":4,"prompt_n":5,"predicted_n":2}`), done), want: `"Pink" stop; 9/2 cached 4`},
		{name: "llama.cpp of old", body: list(pink, chunk(id, `{}`, "stop", `,"usage":{"completion_tokens":2,"prompt_tokens":9,"total_tokens":11},"timings":{"prompt_n":1,"predicted_n":2}`), done),
			want: `"Pink" stop; 9/2`},
		{name: "llama.cpp of old, an error", body: list(role, pink) + `error: {"code":500,"message":"context shift is disabled","type":"server_error"}` + "\n\n", want: `"Pink" ; 500`},
		{name: "llama.cpp of old, an error at once", body: `error: {"code":500,"message":"context shift is disabled","type":"server_error"}` + "\n\n", want: `; 500`},
		{name: "mlx-lm", body: list(pink, stop, last(id, `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`, `,"timings":{"prompt_n":9,"predicted_n":2}`), done),
			shown:  list(pink, stop, `{`+id+`,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":null}],"timings":{"prompt_n":9,"predicted_n":2}}`, done),
			frames: list(pink, stop, done), want: `"Pink" stop; 9/2`},

		{name: "Ollama", body: list(chunk(id, `{"role":"assistant","content":"","reasoning":"Hm."}`, "", `,"system_fingerprint":"fp_ollama"`), chunk(id, `{"role":"assistant","content":"Pink"}`, "", ``),
			chunk(id, `{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"stock","arguments":"{}"}}]}`, "tool_calls", ``),
			last(id, `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`, ``), done),
			shown: list(chunk(id, `{"role":"assistant","content":"","reasoning":"Hm."}`, "", `,"system_fingerprint":"fp_ollama"`), chunk(id, `{"role":"assistant","content":"Pink"}`, "", ``),
				chunk(id, `{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"stock","arguments":"{}"}}]}`, "tool_calls", ``), done),
			want: `"Pink" thinks "Hm." calls call_1 stock({}) tool_calls; 9/2`},

		{name: "Groq", body: list(chunk(id, `{"role":"assistant","content":""}`, "", `,"x_groq":{"id":"req_1","seed":1}`), pink,
			chunk(id, `{}`, "stop", `,"x_groq":{"id":"req_1","usage":{"queue_time":0.02,"prompt_tokens":9,"prompt_time":0.001,"completion_tokens":2,"completion_time":0.01,"total_tokens":11,"total_time":0.01}}`),
			last(id, `{"queue_time":0.02,"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`, `,"service_tier":"on_demand","x_groq":{"id":"req_1"}`), done),
			shown: list(chunk(id, `{"role":"assistant","content":""}`, "", `,"x_groq":{"id":"req_1","seed":1}`), pink,
				chunk(id, `{}`, "stop", `,"x_groq":{"id":"req_1","usage":{"queue_time":0.02,"prompt_tokens":9,"prompt_time":0.001,"completion_tokens":2,"completion_time":0.01,"total_tokens":11,"total_time":0.01}}`), done),
			want: `"Pink" stop; 9/2; on_demand`},
		{name: "Groq, an error event", body: list(role, pink) + "event: error\n" + list(`{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}`),
			want: `"Pink" ; tool_use_failed`},

		{name: "Mistral", body: list(chunk(id, `{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]}`, "", `,"p":"abcd"`), pink,
			chunk(id, `{"content":""}`, "model_length", `,"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2,"prompt_audio_seconds":null},"p":"ab"`), done),
			want: `"Pink" thinks "Hm." model_length; 9/2`, typed: `"" thinks "Hm." ; malformed_response`},
		{name: "DeepSeek", body: ": keep-alive\n\n" + list(chunk(id, `{"role":"assistant","content":null,"reasoning_content":""}`, "", ``), chunk(id, `{"content":null,"reasoning_content":"Hm."}`, "", ``)) +
			": keep-alive\n\n" + list(chunk(id, `{"content":"Pink","reasoning_content":null}`, "", ``), chunk(id, `{"content":"","reasoning_content":null}`, "insufficient_system_resource",
			`,"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":3},"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":1}`), done),
			want: `"Pink" thinks "Hm." insufficient_system_resource; 9/5 cached 8 thought 3`},

		{name: "OpenRouter", body: ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n" + list(chunk(id+`,"provider":"X"`, `{"role":"assistant","content":"Pink"}`, "", ``),
			`{`+id+`,"provider":"X","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"STOP","logprobs":null}]}`,
			`{`+id+`,"provider":"X","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"native_finish_reason":null,"logprobs":null}],`+
				`"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cost":0.00014,"is_byok":false,"prompt_tokens_details":{"cached_tokens":0},"cost_details":{"upstream_inference_cost":null},"completion_tokens_details":{"reasoning_tokens":0}}}`, done),
			want: `"Pink" stop; 9/2; 0.00014 USD`},
		{name: "OpenRouter, an error on the way", body: list(pink, `{"id":"gen-1","object":"chat.completion.chunk","created":1,"model":"m","provider":"X","error":{"code":"server_error","message":"Provider disconnected"},`+
			`"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`), want: `"Pink" error; server_error`},

		{name: "Azure", body: list(`{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}`,
			`{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],`+id+`,"object":"chat.completion.chunk","obfuscation":"x","usage":null}`,
			`{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Pink"},"finish_reason":null,"index":0,"logprobs":null}],`+id+`,"object":"chat.completion.chunk","obfuscation":"y","usage":null}`,
			`{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],`+id+`,"object":"chat.completion.chunk","usage":null}`,
			`{"choices":[],`+id+`,"latency_checkpoint":{"engine_tbt_ms":10},"obfuscation":"z","object":"chat.completion.chunk","service_tier":"default","usage":{"completion_tokens":2,"prompt_tokens":9,"total_tokens":11}}`, done),
			shown: list(`{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}`,
				`{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],`+id+`,"object":"chat.completion.chunk","obfuscation":"x","usage":null}`,
				`{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Pink"},"finish_reason":null,"index":0,"logprobs":null}],`+id+`,"object":"chat.completion.chunk","obfuscation":"y","usage":null}`,
				`{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],`+id+`,"object":"chat.completion.chunk","usage":null}`, done),
			want: `"Pink" stop; 9/2; default`},
		{name: "Azure, filtered while it streams", body: list(pink, `{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false}},"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":198}}]}`,
			`{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":true,"severity":"high"}},"content_filter_offsets":{"check_offset":506,"start_offset":44,"end_offset":571}}]}`, done),
			want: `"Pink" content_filter`},

		{name: "Gemini", body: list(`{"choices":[{"delta":{"content":"Pink","role":"assistant","extra_content":{"google":{"thought":true}}},"index":0}],"created":1,"id":"g1","model":"gemini-2.5-flash","object":"chat.completion.chunk"}`,
			`{"choices":[{"delta":{"role":"assistant","tool_calls":[{"extra_content":{"google":{"thought_signature":"AAAA"}},"function":{"arguments":"{}","name":"stock"},"id":"f1","type":"function"}]},"finish_reason":"stop","index":0}],`+
				`"created":1,"id":"g1","model":"gemini-2.5-flash","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":9,"total_tokens":31}}`, done),
			want: `"Pink" calls f1 stock({}) stop; 9/22`},
		{name: "Gemini, two calls without an index", body: list(`{"choices":[{"delta":{"role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"stock"},"id":"f1","type":"function"}]},"index":0}],"object":"chat.completion.chunk"}`,
			`{"choices":[{"delta":{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"a\":1}","name":"price"},"id":"f2","type":"function"}]},"finish_reason":"tool_calls","index":0}],"object":"chat.completion.chunk"}`, done),
			want: `"" calls f1 stock({}) calls f2 price({"a":1}) tool_calls`},

		{name: "Perplexity", body: strings.ReplaceAll(list(perplexity("Pink", "Pink", "null", `{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,"search_context_size":"low","cost":{"input_tokens_cost":0.0,"output_tokens_cost":0.0,"request_cost":0.005,"total_cost":0.005}}`),
			perplexity(" roses", "Pink roses", "null", `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cost":{"total_cost":0.0051}}`),
			perplexity("", "Pink roses", `"stop"`, `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cost":{"total_cost":0.0052}}`)), "\n", "\r\n"),
			want: `"Pink roses" stop; 9/2; 0.0052 USD`},
		{name: "MiniMax", body: list(chunk(id, `{"role":"","content":"Pink"}`, "", `,"usage":{"total_tokens":0,"total_characters":0},"input_sensitive":false`), chunk(id, `{"content":" roses"}`, "", `,"usage":{"total_tokens":0,"total_characters":0}`),
			`{`+id+`,"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Pink roses"}}],"usage":{"total_tokens":11,"total_characters":0,"prompt_tokens":9,"completion_tokens":2},"base_resp":{"status_code":0,"status_msg":""}}`),
			want: `"Pink roses" stop; 9/2`},

		{name: "LiteLLM, an error", body: list(pink, `{"error": {"message": "litellm.APIConnectionError: gone", "type": null, "param": null, "code": "500"}}`), want: `"Pink" ; 500`},
		{name: "LiteLLM, half words for nothing", body: list(pink, `{"error": {"message": "litellm.Timeout", "type": "None", "param": "None", "code": "408"}}`), want: `"Pink" ; 408`},
		{name: "LiteLLM, usage without choices", body: list(pink, stop, `{`+id+`,"object":"chat.completion.chunk","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`, done),
			shown: list(pink, stop, done), want: `"Pink" stop; 9/2`},
		{name: "choices that are null", body: list(pink, stop, `{`+id+`,"object":"chat.completion.chunk","choices":null,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`, done),
			shown: list(pink, stop, done), want: `"Pink" stop; 9/2`},

		// OpenAI's own library for Python takes a name without data for an event, and
		// fails to read it.
		{name: "events with names", body: strings.ReplaceAll(list(pink, stop, last(id, `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`, ``), done), "data:", "event: message\nid: 7\ndata:"),
			shown: strings.ReplaceAll(list(pink, stop, done), "data:", "event: message\nid: 7\ndata:"), want: `"Pink" stop; 9/2`},

		{name: "Together", body: list(`{"id":"t1","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"text":"Pink","logprobs":null,"finish_reason":null,"seed":null,"delta":{"token_id":9,"role":"assistant","content":"Pink","tool_calls":null}}],"model":"m","usage":null}`,
			`{"id":"t1","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"eos","seed":1,"delta":{"token_id":2,"role":"assistant","content":"","tool_calls":null}}],"model":"m","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cached_tokens":3}}`, done),
			want: `"Pink" eos; 9/2 cached 3`},
		{name: "Fireworks", body: list(role, pink, chunk(id, `{}`, "stop", `,"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}},"perf_metrics":{"server-time-to-first-token":0.1}`), done),
			want: `"Pink" stop; 9/2 cached 4`},
		{name: "xAI", body: list(chunk(id, `{"role":"assistant","reasoning_content":"Hm."}`, "", `,"system_fingerprint":"fp_1"`), pink, stop,
			last(id, `{"prompt_tokens":468,"completion_tokens":77,"total_tokens":1127,"prompt_tokens_details":{"text_tokens":468,"audio_tokens":0,"image_tokens":0,"cached_tokens":467},"completion_tokens_details":{"reasoning_tokens":582,"audio_tokens":0},"num_sources_used":0,"cost_in_usd_ticks":4010750}`, `,"system_fingerprint":"fp_1"`), done),
			shown: list(chunk(id, `{"role":"assistant","reasoning_content":"Hm."}`, "", `,"system_fingerprint":"fp_1"`), pink, stop, done),
			want:  `"Pink" thinks "Hm." stop; 468/659 cached 467 thought 582; 0.000401075 USD`},
		{name: "Cohere", body: list(`{"id":"co1","object":"chat.completion.chunk","created":1,"model":"command-a-03-2025","choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant","content":"Pink"}}]}`,
			`{"id":"co1","object":"chat.completion.chunk","created":1,"model":"command-a-03-2025","choices":[{"index":0,"finish_reason":"stop","delta":{}}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`, done),
			want: `"Pink" stop; 9/2`},
	}
}

// TestVendors: what the servers of this world send passes to a caller who did not
// ask for the usage as it does without a door, and the run says what it was.
func TestVendors(t *testing.T) {
	for _, v := range vendors() {
		t.Run(v.name, func(t *testing.T) {
			if v.shown == "" {
				v.shown = v.body
			}
			if v.frames == "" {
				v.frames = v.shown
			}
			if v.typed == "" {
				v.typed = v.want
			}
			told := func(door, want string, o *lastRun) {
				t.Helper()
				if o.Result == nil {
					t.Errorf("%s door: the run has not ended", door)
				} else if got := strings.TrimSpace(tell(o.Result)); got != want {
					t.Errorf("%s door: the run says %s (%v)\nwant %s", door, got, o.Err, want)
				}
			}
			server := respond("text/event-stream", []byte(v.body))

			o := new(lastRun)
			req := request(strings.NewReader(ask))
			resp, err := callopenai.NewTransport(server, o).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != v.shown || err != nil {
				t.Errorf("wire door: the caller gets %s, %v\nwant %s", got, err, v.shown)
			}
			told("wire", v.want, o)

			for _, raw := range []bool{false, true} {
				o = new(lastRun)
				c := callopenai.Wrap(openai.NewClientWithConfig(config(&http.Client{Transport: server})), callopenai.WithProvider("openai"), callopenai.WithHandlers(o))
				ours, err := c.CreateChatCompletionStream(t.Context(), chat)
				see := framesOf(ours, err, raw)
				shown := v.frames
				if raw {
					shown = v.shown
				}
				bare, err := openai.NewClientWithConfig(config(&canned{body: []byte(shown), header: http.Header{"Content-Type": {"text/event-stream"}}})).CreateChatCompletionStream(t.Context(), chat)
				if want := framesOf(bare, err, raw); !reflect.DeepEqual(see, want) {
					t.Errorf("typed door, raw %v: the caller gets\n%q\nwant\n%q", raw, see, want)
				}
				want := v.typed
				if raw {
					want = v.want
				}
				told("typed", want, o)
			}

			o = new(lastRun)
			m := callopenai.New(config(&http.Client{Transport: server}), callopenai.Options{Model: "m", Provider: "openai", Handlers: []callback.Handler{o}})
			llm.Collect(m.Chat(t.Context(), &llm.Request{Messages: []llm.Message{llm.User("roses?")}, Stream: true}))
			told("adapter", v.want, o)
		})
	}
}

// framesOf reads a stream to its first error, as values or as bytes.
func framesOf[T any](s typedStream[T], err error, raw bool) (out []string) {
	if err != nil {
		return []string{err.Error()}
	}
	defer s.Close()
	for {
		var b []byte
		if raw {
			b, err = s.RecvRaw()
		} else {
			var v T
			v, err = s.Recv()
			b, _ = json.Marshal(v)
		}
		if err != nil {
			return append(out, err.Error())
		}
		out = append(out, string(b))
	}
}

// TestVendorsWhole: the same of answers in one piece.
func TestVendorsWhole(t *testing.T) {
	answer := func(more string) string {
		return `{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}]` + more + `}`
	}
	const usage = `,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   string
		typed  string // what go-openai keeps of it
	}{
		{"DeepSeek keeps the connection alive", 200, "\n\n\n\n" + answer(usage), `"Pink" stop; 9/2`, ""},
		{"OpenRouter does so with blanks", 200, strings.Repeat(" ", 5000) + "\n" + answer(usage), `"Pink" stop; 9/2`, ""},
		{"llama.cpp", 200, answer(usage + `,"timings":{"cache_n":8,"prompt_n":1,"predicted_n":2}`), `"Pink" stop; 9/2 cached 8`, `"Pink" stop; 9/2`},
		{"llama.cpp, timings alone", 200, answer(`,"timings":{"cache_n":8,"prompt_n":1,"predicted_n":2}`), `"Pink" stop; 9/2 cached 8`, `"Pink" stop`},
		{"timings of something else", 200, answer(`,"timings":{"cache_n":8,"prompt_n":-1,"predicted_n":2}`), `"Pink" stop`, ""},
		{"timings that are none", 200, answer(`,"timings":"fast"`), `"Pink" stop`, ""},
		{"Gemini refuses", 429, `[{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED"}}]`, `; 429`, ""},
		{"Azure filters the prompt", 400, `{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"jailbreak":{"filtered":true,"detected":true}}}}}`, `; content_filter`, ""},
		{"vLLM refuses", 400, `{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}`, `; 400`, ""},
		{"Cohere refuses", 422, `{"id":"e1","message":"no such model"}`, `; 422`, ""},
		{"Perplexity", 200, answer(`,"citations":["https://roses.example"],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"num_search_queries":1,"cost":{"input_tokens_cost":0.0,"request_cost":0.005,"total_cost":0.005}}`), `"Pink" stop; 9/2; 0.005 USD`, `"Pink" stop; 9/2`},
		{"xAI", 200, answer(`,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":21,"completion_tokens_details":{"reasoning_tokens":10},"cost_in_usd_ticks":4010750},"citations":[]`), `"Pink" stop; 9/12 thought 10; 0.000401075 USD`, `"Pink" stop; 9/12 thought 10`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, res := range (&wireReply{status: tc.status, body: tc.body}).over(t) {
				want := tc.want
				if door == "typed" && tc.typed != "" {
					want = tc.typed
				}
				if got := strings.TrimSpace(tell(res)); got != want {
					t.Errorf("%s door: the run says %s (%v)\nwant %s", door, got, res.Err, want)
				}
			}
		})
	}
}

// TestTextWithoutUsage: where an event with more than the usage is shown, a text
// completion has the choice of one.
func TestTextWithoutUsage(t *testing.T) {
	first := `data: {"choices":[{"text":"Pink","index":0,"finish_reason":"stop"}]}` + "\r\n\r\n"
	const done = "data: [DONE]\r\n\r\n"
	const usage, timings = `"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`, `"timings":{"cache_n":8,"prompt_n":1,"predicted_n":2}`
	o := new(lastRun)
	tr := callopenai.NewTransport(respond("text/event-stream", []byte(first+`data:{"choices": [ ], `+usage+`, `+timings+`}`+"\r\n\r\n"+done)), o)
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1/v1/completions", strings.NewReader(`{"model":"m","stream":true,"prompt":"roses are"}`))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(iotest.OneByteReader(resp.Body))
	resp.Body.Close()
	if want := first + `data:{"choices":[{"index":0,"text":"","finish_reason":null}],` + timings + "}\r\n\r\n" + done; string(got) != want || err != nil {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
	if got := tell(o.Result); got != `"Pink" stop; 9/2 cached 8` {
		t.Error(got)
	}
}
