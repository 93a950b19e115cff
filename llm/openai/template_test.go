package openai

import (
	"reflect"
	"testing"

	"github.com/callspan/callspan/llm"
)

// TestTemplateFacts: a frame whose facts are not those of the last one is told of
// with its own, even if it is like one before.
func TestTemplateFacts(t *testing.T) {
	var f frame
	for _, id := range []string{"1", "2", "1"} {
		if err := f.decode([]byte(`{"id":"` + id + `","choices":[{"delta":{"content":"a"},"finish_reason":` + map[string]string{"1": "null", "2": `"stop"`}[id] + `}]}`)); err != nil {
			t.Fatal(err)
		}
		f.chunks(false, func(c llm.Chunk) bool {
			if c.Meta == nil || c.Meta.ID != id {
				t.Errorf("facts %+v, want id %s", c.Meta, id)
			}
			return true
		})
	}
}

// FuzzTemplate: a frame is read as if it were the first, whatever came before.
func FuzzTemplate(f *testing.F) {
	const pink, roses = `{"id":"1","choices":[{"index":0,"delta":{"content":"Pink"},"finish_reason":null}],"usage":null,"obfuscation":"x"}`,
		`{"id":"1","choices":[{"index":0,"delta":{"content":" roses"},"finish_reason":null}],"usage":null,"obfuscation":"yz"}`
	for _, s := range []string{roses, pink, `{"id":"2"` + roses[9:], `{"choices":[{"delta":{"content":"a\n"}}]}`, `{"choices":[{"delta":{"content":""},"finish_reason":"stop"}]}`,
		"{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xff\"},\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"yz\"}",
		`{"x":{"content":"Pink"},"choices":[{"delta":{"content":"Pink"}}]}`, `{"choices":[{"delta":{"content": "a","content":"b"}}]}`,
		`{"choices":[{"delta":{"content":"a"},"x":"\"obfuscation\":\""}]}`, `{"choices":[{"text":"a"}]}`} {
		f.Add([]byte(pink), []byte(s), false)
		f.Add([]byte(s), []byte(s), true)
	}
	f.Fuzz(func(t *testing.T, before, raw []byte, text bool) {
		read := func(f *frame) (frame, error) {
			err := f.decode(raw)
			out := *f
			out.last, out.own, out.room, out.newFacts = template{}, frameHead{}, nil, false
			out.choices = append([]frameChoice{}, f.choices...)
			out.tools = append([]toolDelta{}, f.tools...)
			return out, err
		}
		fresh, used := frame{text: text}, frame{text: text}
		if used.decode(before) != nil {
			return
		}
		fresh.meta, fresh.reasons, fresh.spoken = used.meta, used.reasons, used.spoken
		want, wantErr := read(&fresh)
		got, err := read(&used)
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("after %q, %q is %+v, %v\nwant %+v, %v", before, raw, got, err, want, wantErr)
		}
	})
}
