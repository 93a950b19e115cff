package openai_test

import (
	"testing"
)

// FuzzResponse: whatever a server sends, nothing panics, the run ends once, and
// caller and run agree on an error or an answer.
func FuzzResponse(f *testing.F) {
	role, pink, stop := delta(`{"role":"assistant","content":"","refusal":null}`, ""), delta(`{"content":"pink"}`, ""), delta(`{}`, "stop")
	for _, body := range [][]byte{
		nil, []byte("\n"), []byte("data:"), []byte("data: [DONE]"), []byte("event: error\n\n"), []byte("<html>"), []byte(`{}`), []byte(`null`), []byte(`[]`),
		sse(role, pink, stop, usageFrame, "[DONE]"), sse(role, pink), sse(pink, "[DONE]"), sse("[DONE]", pink, stop), sse("null", "[]", "1", `""`),
		sse(`{"choices":[null]}`, `{"choices":[{"index":127,"delta":{"content":"x"},"finish_reason":"stop"}]}`), sse(`{"choices":[{"index":128}]}`), sse(`{"choices":[{"index":-1}]}`),
		sse(pink, `{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}`), sse(pink, `{"error":"x"}`), sse(`{"error":7}`), sse(`{"error":{}}`), sse(`{"error":{"message":{"a":1},"code":1e400}}`),
		[]byte("data: " + pink + "\n\nevent: error\ndata: {\"error\":{\"message\":\"tool failed\"}}\n\n"),
		sse(delta(`{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}},{"index":-1,"function":{"arguments":{"a":1}}}]}`, "tool_calls")),
		sse(delta(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"x"}]}`, "stop")),
		sse(`{"choices":[{"message":{"content":"x","reasoning_details":[{"text":"y"}],"function_call":{"name":""}},"delta":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":-1,"cost":{"usd":"x"}},"x_groq":{"usage":{}}}`),
		[]byte(`{"choices":[{"index":0,"message":{"content":"pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9007199254740993,"completion_tokens":9223372036854775807,"total_tokens":9223372036854775807,"is_byok":true,"cost":1e30}}`),
		[]byte(`[{"error":{"code":400,"message":"bad key"}}]`), []byte(`{"detail":[{"msg":"x"}]}`), []byte(`{"error":null,"message":null}`),
		sse(piece("pink", ""), piece("", "stop"), textUsage, "[DONE]"), sse(piece("pink", ""), `{"choices":[{"text":null,"delta":{"content":"x"}}]}`), sse(`{"choices":[{"text":["x"]}]}`),
		[]byte(`{"choices":[{"index":0,"text":"pink","finish_reason":"stop"}],"usage":{"prompt_tokens":9,"total_tokens":9}}`),
		[]byte(": waiting\r\n\r\ndata:" + stop + "\r\rdata: " + pink),
	} {
		for _, status := range []int{200, 429} {
			f.Add(body, status, true)
			f.Add(body, status, false)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, status int, stream bool) {
		if status < 200 || status > 599 {
			status = 200
		}
		checkEnds(t, body, status, stream)
	})
}
