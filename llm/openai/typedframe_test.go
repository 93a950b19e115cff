package openai

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

var chatFrames = []string{
	`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}`,
	`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"pink"},"finish_reason":null}]}`,
	`{"id":"chatcmpl-1","choices":[{"index":1,"delta":{"content":"\u7389\ud83d \"\n"},"finish_reason":"stop"},{"index":0,"delta":{}}]}`,
	`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}},{"id":null,"index":null}]}}]}`,
	`{"choices":[{"index":0,"delta":{"reasoning_content":"hm","reasoning":"hm","reasoning_details":[{"text":"x"}]}}]}`,
	`{"choices":[{"index":0,"delta":{"reasoning":7,"reasoning_details":[{"text":"x"}]}}]}`,
	`{"choices":[{"index":0,"delta":{"function_call":{"name":"f","arguments":"{}"}}}]}`,
	`{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22,"cost":0.1,"prompt_tokens_details":{"cached_tokens":4}}}`,
	`{"choices":[],"usage":{"prompt_tokens":"20"}}`,
	`{"choices":null,"prompt_filter_results":[{"index":0}]}`,
	`{"choices":[{"index":0,"delta":{"content":["a"]}}]}`,
	`{"choices":[{"index":0,"delta":null,"logprobs":{"content":[{"token":"a","logprob":-1,"bytes":[97]}]},"content_filter_results":{"hate":{"filtered":false}}}]}`,
	`{"choices":[{"index":0,"finish_reason":"null"}]}`,
	`{"choices":[{"index":200},null]}`, `{"choices":{}}`, `{"ID":"x","id":"y"}`, `{"id":"x","id":null}`, `{"id":7}`, `{"created":1.5}`, `{"created":1e3}`, `{"created":-0}`,
	`{"choices":[{"index":0,"delta":{"content":"a"}}],"choices":[{"delta":{}}]}`,
	`{"choices":[{"index":0,"message":{"content":"a"},"delta":{"content":""}}]}`,
	`{"error":{"message":"no"}}`, `{"x_groq":{"usage":{"prompt_tokens":1}}}`, `null`, `[]`, ``, `{`, `{}x`, "{\"id\":\"\xe7\x8e\"}", "{\"\u017ferver\":1,\"\u212A\":2}",
	`{"choices":[{"index":0,"delta":{"Content":"A","content":"b"}}]}`, `{"id":"y","ID":"x"}`, `{"CHOICES":[]}`, "{\"u\u017fage\":{\"prompt_tokens\":1}}",
	`{"choices":[{"Index":1,"delta":{"content":"b","ROLE":"A"}}]}`, `{"choices":[{"index":0,"delta":{"content":"b","content":null}}]}`, `{"choices":[{"delta":{"tool_calls":[]}}]}`, ` {"id":"a"} `,
}

// FuzzTypedFrame: what is read once is what encoding/json and our own decoder
// read each for itself, value for value and error for error.
func FuzzTypedFrame(f *testing.F) {
	for _, s := range chatFrames {
		f.Add(s)
		f.Add(strings.ReplaceAll(s, `"delta":{"content"`, `"text"`))
	}
	for _, s := range []string{
		`{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink","logprobs":[],"obfuscation":"x"}`,
		`{"type":"response.function_call_arguments.delta","item_id":"m","output_index":1,"delta":"{"}`,
		`{"type":"response.reasoning_summary_text.delta","delta":"hm","summary_index":0}`,
		`{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}`,
		`{"type":"response.refusal.delta","delta":7}`, `{"type":null,"delta":"x"}`, `{"type":"error","message":"no","code":null}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) { compareTyped(t, raw) })
}

func compareTyped(t *testing.T, raw string) {
	compareDecoder(t, llm.APIChat, raw, decodeChat)
	compareDecoder(t, llm.APICompletions, raw, decodeCompletion)
	compareDecoder(t, llm.APIResponses, raw, decodeEvent)
}

func compareDecoder[T any](t *testing.T, api, raw string, decode decoder[T]) {
	t.Helper()
	// Twice, since what repeats from frame to frame is kept.
	a, plain := newAnswer(api, false), newAnswer(api, false)
	for range 2 {
		var got, want T
		caller, seen := decode(a, []byte(raw), &got)
		err := json.Unmarshal([]byte(raw), &want)
		if text(caller) != text(err) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s %q\ngot  %+v, %v\nwant %+v, %v", api, raw, got, caller, want, err)
		}
		own := plain.decode([]byte(raw))
		if text(seen) != text(own) {
			t.Fatalf("%s %q: the run gets %v, want %v", api, raw, seen, own)
		}
		if seen != nil {
			return
		}
		gots, wants := chunks(a), chunks(plain)
		if !reflect.DeepEqual(gots, wants) || a.frame.usageOnly() != plain.frame.usageOnly() || a.frame.reasons != plain.frame.reasons {
			t.Fatalf("%s %q\nthe run gets %+v\nwant         %+v", api, raw, gots, wants)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func chunks(a *answer) (out []any) {
	err := a.tell(true, func(c *llm.Chunk) { out = append(out, *c) })
	return append(out, text(err))
}

// TestTypedFrameFast: the usual frames are read once.
func TestTypedFrameFast(t *testing.T) {
	var f frame
	for i, raw := range chatFrames[:6] {
		if !f.chat([]byte(raw), new(openai.ChatCompletionStreamResponse)) {
			t.Errorf("frame %d is read twice: %s", i, raw)
		}
	}
	if !f.chat([]byte(chatFrames[7]), new(openai.ChatCompletionStreamResponse)) {
		t.Error("a usage is read twice")
	}
	if !(&frame{text: true}).completion([]byte(`{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":null}],"model":"m"}`), new(openai.CompletionResponse)) {
		t.Error("a text is read twice")
	}
	if !new(responseFrame).typed([]byte(`{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink","logprobs":[],"obfuscation":"x"}`), new(openai.ResponseStreamEvent)) {
		t.Error("an event is read twice")
	}
}

// TestTypedFrameRecorded: so it is for every frame that was recorded.
func TestTypedFrameRecorded(t *testing.T) {
	dir := os.Getenv("CALLSPAN_RECORDED")
	if dir == "" {
		t.Skip("CALLSPAN_RECORDED names no directory with recorded_sample.jsonl")
	}
	data, err := os.ReadFile(filepath.Join(dir, "recorded_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	frames, once := 0, 0
	for line := range strings.Lines(string(data)) {
		var c struct {
			Stream   bool
			Response string `json:"response_body"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if !c.Stream {
			continue
		}
		var f frame
		for line := range strings.Lines(c.Response) {
			raw, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
			if raw = strings.TrimSpace(raw); !ok || raw == "[DONE]" {
				continue
			}
			compareTyped(t, raw)
			frames++
			if f.chat([]byte(raw), new(openai.ChatCompletionStreamResponse)) {
				once++
			}
		}
	}
	if frames == 0 || once < frames*9/10 {
		t.Errorf("%d of %d frames are read once", once, frames)
	}
	t.Logf("%d of %d frames are read once", once, frames)
}
