package openai

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
)

// plainFrame is what the scanner reads, for the standard decoder.
type plainFrame struct {
	ID                string        `json:"id"`
	Model             string        `json:"model"`
	SystemFingerprint string        `json:"system_fingerprint"`
	ServiceTier       string        `json:"service_tier"`
	Choices           []plainChoice `json:"choices"`
}

type plainChoice struct {
	Index  int    `json:"index"`
	Finish string `json:"finish_reason"`
	Delta  struct {
		Content   string `json:"content"`
		Refusal   string `json:"refusal"`
		Reasoning string `json:"reasoning"`
		Tools     []struct {
			Index    *int   `json:"index"`
			ID       string `json:"id"`
			Function struct {
				Name      string `json:"name"`
				Arguments string `json:"arguments"`
			} `json:"function"`
		} `json:"tool_calls"`
	} `json:"delta"`
}

var frames = []string{
	`{}`, `null`, ` { } `, `[]`, `1`, `"x"`, `{"id":1}`, `{"id":"a","id":"b"}`, `{"id":null}`,
	`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"gpt","choices":[{"index":0,"delta":{"content":"pink"},"logprobs":null,"finish_reason":null}],"usage":null}`,
	`{"choices":[{"index":1,"delta":{"content":"\u7c89\n\"\\\ud83c\udf39\ud83c x","refusal":null},"finish_reason":"stop"}]}`,
	"{\"choices\":[{\"delta\":{\"content\":\"\xe7\x8e\"}}]}",
	`{"choices":[{"delta":{"tool_calls":[{"index":2,"id":"c","function":{"name":"f","arguments":"{\"a\""}},{"function":{"arguments":":1}"}}]}}]}`,
	`{"choices":null}`, `{"choices":[null]}`, `{"choices":[{"delta":null}]}`, `{"choices":[{"index":"0"}]}`, `{"choices":[{"index":1.5}]}`,
	`{"x":{"y":[1,-2.5e+3,true,false,null,{"z":[]}]}}`, `{"x":01}`, `{"x":1.}`, `{"x":-}`, `{"x":1e}`, `{"x":tru}`, `{"x":"\q"}`, `{"x":"\u12"}`, "{\"x\":\"a\nb\"}",
	`{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `[1,]`, `{"a":1}{}`, `{"a":1} x`, `{"choices":[{}`, `{"choices":[{}}`, "", " ", "{", `{"`,
	strings.Repeat(`{"a":[`, 400) + strings.Repeat(`]}`, 400),
}

// FuzzFrame: the scanner takes only what the standard decoder takes, and reads
// the same from it.
func FuzzFrame(f *testing.F) {
	for _, s := range frames {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got frame
		err := got.decode(raw)
		if err != nil {
			if !errors.Is(err, llm.ErrMalformed) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("took what is not JSON: %q", raw)
		}
		var want plainFrame
		if err := json.Unmarshal(raw, &want); err != nil {
			return // a dialect that the plain decoder does not know, such as content as an array
		}
		if foldsKeys(raw) {
			return // the standard decoder ignores case and merges duplicates
		}
		if m := got.meta; m.ID != want.ID || m.Model != want.Model || m.SystemFingerprint != want.SystemFingerprint || m.ServiceTier != want.ServiceTier {
			t.Fatalf("facts %+v, want %+v", m, want)
		}
		var chunks, expected []llm.Chunk
		got.usage, got.newFacts = nil, false
		got.chunks(false, func(c llm.Chunk) bool { c.Usage = nil; chunks = append(chunks, c); return true })
		for _, c := range want.Choices {
			expected = append(expected, expect(c)...)
		}
		if len(chunks) != len(expected) {
			t.Fatalf("%d chunks, want %d, of %s", len(chunks), len(expected), raw)
		}
		for i := range chunks {
			if !reflect.DeepEqual(chunks[i], expected[i]) {
				t.Fatalf("chunk %+v, want %+v", chunks[i], expected[i])
			}
		}
	})
}

func expect(c plainChoice) []llm.Chunk {
	first := llm.Chunk{Choice: c.Index, Text: c.Delta.Content, Refusal: c.Delta.Refusal, Reasoning: c.Delta.Reasoning}
	out := []llm.Chunk{first}
	for i, w := range c.Delta.Tools {
		d := &llm.ToolDelta{Index: i, ID: w.ID, Name: w.Function.Name, Arguments: w.Function.Arguments}
		if w.Index != nil {
			d.Index = *w.Index
		}
		if i > 0 {
			out = append(out, llm.Chunk{Choice: c.Index})
		}
		out[len(out)-1].Tool = d
	}
	if c.Finish != "null" {
		out[len(out)-1].Finish = c.Finish
	}
	return out
}

// foldsKeys reports whether an object has a key that is not exactly one of
// ours, or one twice, in which the two decoders differ by design.
func foldsKeys(raw []byte) bool {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	type level struct {
		object, key bool
		seen        map[string]bool
	}
	var stack []level
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		top := len(stack) - 1
		if delim, ok := tok.(json.Delim); ok {
			switch delim {
			case '{':
				stack = append(stack, level{true, true, map[string]bool{}})
				continue
			case '[':
				stack = append(stack, level{})
				continue
			}
			stack = stack[:top]
			top--
		} else if top >= 0 && stack[top].object && stack[top].key {
			k := tok.(string)
			if stack[top].seen[strings.ToLower(k)] || k != strings.ToLower(k) || strings.ContainsFunc(k, func(r rune) bool { return r > 127 }) ||
				k == "message" || k == "reasoning_content" || k == "function_call" || k == "error" || k == "x_groq" {
				return true
			}
			stack[top].seen[k] = true
			stack[top].key = false
			continue
		}
		if top >= 0 {
			stack[top].key = true
		}
	}
}

// TestScannerDepth: nesting is bounded.
func TestScannerDepth(t *testing.T) {
	var f frame
	if err := f.decode([]byte(`{"x":` + strings.Repeat("[", 1_000_000))); err == nil {
		t.Error("no error")
	}
}

// TestFrameAllocations: a frame in OpenAI's form costs the text of its token
// and nothing else.
func TestFrameAllocations(t *testing.T) {
	raw := []byte(frames[9])
	var f frame
	if err := f.decode(raw); err != nil {
		t.Fatal(err)
	}
	f.chunks(false, func(llm.Chunk) bool { return true })
	got := testing.AllocsPerRun(100, func() {
		f.decode(raw)
		f.chunks(false, func(llm.Chunk) bool { return true })
	})
	if got > 1 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkFrame(b *testing.B) {
	raw := []byte(frames[9])
	b.Run("scanner", func(b *testing.B) {
		b.ReportAllocs()
		var f frame
		for b.Loop() {
			f.decode(raw)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var f plainFrame
			json.Unmarshal(raw, &f)
		}
	})
}
