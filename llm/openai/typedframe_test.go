package openai

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
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

// FuzzTypedFrame: what a caller gets of a frame is what encoding/json makes of it,
// value for value and error for error, whatever came before.
func FuzzTypedFrame(f *testing.F) {
	const pink = `{"id":"1","choices":[{"index":0,"delta":{"content":"Pink"},"finish_reason":null}],"obfuscation":"x"}`
	for _, s := range chatFrames {
		f.Add(s, s)
		f.Add(pink, s)
		s = strings.ReplaceAll(s, `"delta":{"content"`, `"text"`)
		f.Add(s, s)
	}
	for _, s := range []string{
		`{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink","logprobs":[],"obfuscation":"x"}`,
		`{"type":"response.function_call_arguments.delta","item_id":"m","output_index":1,"delta":"{"}`,
		`{"type":"response.reasoning_summary_text.delta","delta":"hm","summary_index":0}`,
		`{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}`,
		`{"type":"response.refusal.delta","delta":7}`, `{"type":null,"delta":"x"}`, `{"type":"error","message":"no","code":null}`,
	} {
		f.Add(s, s)
	}
	// Frames that fit a template, but for what lies between them.
	f.Add(`{"id":"1","created":1,"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"refusal":[{"token":"a"}]},"content_filter_results":{"hate":{"filtered":true}}}]}`,
		`{"id":"1","created":2,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	f.Fuzz(func(t *testing.T, before, raw string) { compareTyped(t, before, raw, before, raw) })
}

func compareTyped(t *testing.T, raws ...string) {
	compareTyper(t, llm.APIChat, typedChat, raws)
	compareTyper(t, llm.APICompletions, typedCompletion, raws)
	compareTyper(t, llm.APIResponses, typedEvent, raws)
}

func compareTyper[T any](t *testing.T, api string, typed typer[T], raws []string) {
	t.Helper()
	a := newAnswer(api, false)
	for _, raw := range raws {
		var got, want T
		frame := []byte(raw)
		caller, seen := typed.read(a, frame, &got)
		clear(frame) // which is the reader's again
		err := json.Unmarshal([]byte(raw), &want)
		if fmt.Sprint(caller) != fmt.Sprint(err) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s %q\ngot  %+v, %v\nwant %+v, %v", api, raw, got, caller, want, err)
		}
		if own := newAnswer(api, false).decode([]byte(raw)); fmt.Sprint(seen) != fmt.Sprint(own) {
			t.Fatalf("%s %q: the run gets %v, want %v", api, raw, seen, own)
		}
	}
}

// readOnce reports whether encoding/json need not read the frame.
func readOnce[T any](api, raw string, typed typer[T]) bool {
	a := newAnswer(api, false)
	return a.decode([]byte(raw)) == nil && typed(a, []byte(raw), new(T))
}

// TestTypedFrameFast: the usual frames are read once.
func TestTypedFrameFast(t *testing.T) {
	for i, raw := range append(chatFrames[:6:6], chatFrames[7]) {
		if !readOnce(llm.APIChat, raw, typedChat) {
			t.Errorf("frame %d is read twice: %s", i, raw)
		}
	}
	if !readOnce(llm.APICompletions, `{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":null}],"model":"m"}`, typedCompletion) {
		t.Error("a text is read twice")
	}
	if !readOnce(llm.APIResponses, `{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink","logprobs":[],"obfuscation":"x"}`, typedEvent) {
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
		var raws []string
		for line := range strings.Lines(c.Response) {
			raw, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
			if raw = strings.TrimSpace(raw); !ok || raw == "[DONE]" {
				continue
			}
			raws = append(raws, raw)
			frames++
			if readOnce(llm.APIChat, raw, typedChat) {
				once++
			}
		}
		compareTyped(t, raws...)
	}
	if frames == 0 || once < frames*9/10 {
		t.Errorf("%d of %d frames are read once", once, frames)
	}
	t.Logf("%d of %d frames are read once", once, frames)
}
