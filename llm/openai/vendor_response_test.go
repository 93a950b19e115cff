package openai_test

import (
	"testing"

	"github.com/callspan/callspan/llm"
)

// TestVendorResponses: servers of the responses API leave out much of what
// OpenAI's own sends. What an output is has come once, whoever says it: its
// deltas, the event of its end, the item, or the response as a whole.
func TestVendorResponses(t *testing.T) {
	const (
		created  = `{"type":"response.created","response":{"id":"r1","model":"m","status":"in_progress"}}`
		message  = `{"id":"m1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Pink"}]}`
		thought  = `{"id":"t1","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]}`
		call     = `{"id":"f1","type":"function_call","call_id":"c1","name":"stock","arguments":"{\"a\":1}"}`
		calling  = `{"type":"response.output_item.added","output_index":2,"item":{"id":"f1","type":"function_call","call_id":"c1","name":"stock","arguments":""}}`
		shell    = `{"id":"s1","type":"custom_tool_call","call_id":"c2","name":"shell","input":"ls"}`
		textDone = `{"type":"response.output_text.done","output_index":1,"text":"Pink"}`
		argsDone = `{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":1}"}`
		all      = `"Pink" thinks "Hm." calls c1 stock({"a":1}) tool_calls; 9/2`
	)
	item := func(index, item string) string {
		return `{"type":"response.output_item.done","output_index":` + index + `,"item":` + item + `}`
	}
	completed := func(output string) string {
		return `{"type":"response.completed","response":{"id":"r1","model":"m","status":"completed","output":[` + output + `],"usage":{"input_tokens":9,"output_tokens":2,"total_tokens":11}}}`
	}
	whole := completed(thought + "," + message + "," + call)
	for _, tc := range []struct {
		name   string
		frames []string
		want   string
	}{
		{"OpenAI", []string{created, `{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"Hm."}`, `{"type":"response.reasoning_summary_text.done","output_index":0,"text":"Hm."}`, item("0", thought),
			`{"type":"response.output_text.delta","output_index":1,"delta":"Pi"}`, `{"type":"response.output_text.delta","output_index":1,"delta":"nk"}`, textDone,
			`{"type":"response.content_part.done","output_index":1,"part":{"type":"output_text","text":"Pink"}}`, item("1", message),
			calling, `{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\":1}"}`, argsDone, item("2", call), whole}, all},
		{"the end of each output", []string{created, `{"type":"response.reasoning_summary_text.done","output_index":0,"text":"Hm."}`, item("0", thought), textDone, item("1", message), calling, argsDone, item("2", call), whole}, all},
		{"xAI: the items", []string{created, item("0", thought), item("1", message), item("2", call), whole}, all},
		{"the items, and calls announced", []string{created, item("0", thought), item("1", message), calling, item("2", call), whole}, all},
		{"the response alone", []string{created, whole}, all},
		{"text and its end", []string{created, textDone, completed("")}, `"Pink" stop; 9/2`},
		{"an output of two parts", []string{`{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"Pi"}`, `{"type":"response.output_text.done","output_index":0,"content_index":1,"text":"nk"}`,
			item("0", `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Pi"},{"type":"output_text","text":"nk"}]}`), completed("")}, `"Pink" stop; 9/2`},
		{"no index", []string{`{"type":"response.output_text.done","text":"Pink"}`, item("0", message), completed(message)}, `"Pink" stop; 9/2`},
		{"a refusal", []string{`{"type":"response.refusal.done","output_index":0,"refusal":"No."}`, completed("")}, `"" refuses "No." stop; 9/2`},
		{"a tool of one's own", []string{item("0", shell), completed(shell)}, `"" calls c2 shell(ls) tool_calls; 9/2`},
		{"its input and the end of that", []string{`{"type":"response.output_item.added","output_index":0,"item":{"type":"custom_tool_call","call_id":"c2","name":"shell","input":""}}`,
			`{"type":"response.custom_tool_call_input.done","output_index":0,"input":"ls"}`, item("0", shell), completed(shell)}, `"" calls c2 shell(ls) tool_calls; 9/2`},
		{"no arguments", []string{calling, `{"type":"response.function_call_arguments.done","output_index":2,"arguments":""}`, item("2", `{"type":"function_call","call_id":"c1","name":"stock","arguments":""}`), completed("")},
			`"" calls c1 stock() tool_calls; 9/2`},
		{"many outputs", []string{`{"type":"response.output_text.delta","output_index":500,"delta":"Pink"}`, `{"type":"response.output_text.done","output_index":500,"text":"Pink"}`, item("500", message), completed(message)}, `"Pink" stop; 9/2`},
		{"an index that is none", []string{`{"type":"response.output_text.done","output_index":-1,"text":"Red"}`, item("-1", message), completed(message)}, `"Pink" stop; 9/2`},
		{"cut after the items", []string{created, item("1", message)}, `"Pink" ; stream_truncated`},
		{"what the user has said", []string{item("0", `{"type":"message","role":"user","content":[{"type":"input_text","text":"roses?"}]}`), item("1", message), completed("")}, `"Pink" stop; 9/2`},
		{"[DONE] after all", []string{created, whole, "[DONE]"}, all},
		{"events that say nothing", []string{created, `{"type":"keepalive","sequence_number":3}`, `{"type":"response.web_search_call.searching","output_index":0,"item_id":"w"}`,
			item("0", `{"type":"web_search_call","status":"completed","action":{"type":"search","query":"roses"}}`), item("1", message), completed("")}, `"Pink" stop; 9/2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, res := range (&wireReply{api: llm.APIResponses, stream: true, body: string(sse(tc.frames...))}).over(t) {
				if got := tell(res); got != tc.want {
					t.Errorf("%s door: %s (%v)\nwant %s", door, got, res.Err, tc.want)
				}
			}
		})
	}
}
