package token

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/llm"
)

// hard are the units whose repetition makes one piece without end, on which a
// plain merge is quadratic, and units that make a splitter look ahead in vain.
var hard = map[string]string{
	"letter": "a", "two letters": "ab", "capital": "A", "case": "aB", "digits": "1234567890", "null": "\x00",
	"space": " ", "tab": "\t", "newline": "\n", "spaces and newline": "  \n", "newline and spaces": "\n   ",
	"dot": ".", "slashes": "/\n", "apostrophe": "'", "contraction": "'s", "mark": "\u0301",
	"emoji": "😀", "family": "👩\u200d👩\u200d👧", "thai": "สวัสดี", "invalid": "\xff",
	"chinese": "床前明月光疑是地上霜举头望明月低头思故乡", "ideograph": "中", "ideograph and capital": "中A",
}

func TestLinear(t *testing.T) {
	size := 200_000
	if raced() {
		size /= 10
	}
	for _, name := range names {
		e := get(t, name)
		for what, unit := range hard {
			text := strings.Repeat(unit, size/len(unit))
			took := func(text string) time.Duration {
				start := cputime.Process()
				e.count(text)
				return cputime.Process() - start
			}
			// CPU time, and the best of some runs: what else the machine does only adds.
			one, two := time.Hour, time.Hour
			for range 12 {
				one = min(one, took(text[:len(text)/2]))
				two = min(two, took(text))
				if two < 3*one && one < 200*time.Millisecond {
					break
				}
			}
			if two >= 3*one || one > time.Second {
				t.Errorf("%s, %s: %v for %d bytes, %v for twice as many", name, what, one, size/2, two)
			}
		}
	}
}

// TestLinearRequest: sixteen times as many messages, parts, results or
// definitions take about sixteen times as long to count, and not 256 times.
func TestLinearRequest(t *testing.T) {
	repeat := func(n int, m llm.Message) (ms []llm.Message) {
		for range n {
			ms = append(ms, m)
		}
		return ms
	}
	calls := func(n int) (calls []llm.ToolCall) {
		for i := range n {
			calls = append(calls, llm.ToolCall{ID: fmt.Sprint(i), Name: "stock", Arguments: "{}"})
		}
		return calls
	}
	result := func(i int) llm.Message { return llm.Message{Role: llm.RoleTool, ToolCallID: fmt.Sprint(i)} }
	for name, request := range map[string]func(n int) *llm.Request{
		"user messages": func(n int) *llm.Request { return &llm.Request{Messages: repeat(n, llm.User("roses"))} },
		"parts of one message": func(n int) *llm.Request {
			many := llm.Message{Role: llm.RoleUser}
			for range n / 2 {
				many.Parts = append(many.Parts, llm.Part{Text: "a rose"})
			}
			return &llm.Request{Messages: append([]llm.Message{many}, repeat(n/2, llm.User("roses"))...)}
		},
		"results without calls": func(n int) *llm.Request { return &llm.Request{Messages: repeat(n, result(-1))} },
		"results of one answer": func(n int) *llm.Request {
			req := &llm.Request{Messages: []llm.Message{{Role: llm.RoleAssistant, ToolCalls: calls(n / 2)}}}
			for i := range n / 2 {
				req.Messages = append(req.Messages, result(i))
			}
			return req
		},
		"definitions": func(n int) *llm.Request {
			var properties, defs []string
			for i := range n {
				properties = append(properties, fmt.Sprintf(`"p%d":{"$ref":"#/$defs/d%d"}`, i, i))
				defs = append(defs, fmt.Sprintf(`"d%d":{"type":"null"}`, i))
			}
			return &llm.Request{Messages: repeat(1, llm.User("roses")), Tools: []llm.Tool{{Name: "stock", Parameters: fmt.Appendf(nil,
				`{"type":"object","properties":{%s},"$defs":{%s}}`, strings.Join(properties, ","), strings.Join(defs, ","))}}}
		},
	} {
		for _, api := range []string{llm.APIChat, llm.APICompletions} {
			size := 1 << 11
			if raced() {
				size /= 4
			}
			short, long := request(size), request(16*size)
			round := 0
			took := func(req *llm.Request) time.Duration {
				if round++; len(req.Tools) > 0 {
					req.Tools[0].Description = fmt.Sprint(api, name, round) // not counted before
				}
				start := cputime.Process()
				Meter{Model: "gpt-4o", API: api}.Estimate(req, nil)
				return cputime.Process() - start
			}
			one, sixteen := time.Hour, time.Hour
			for range 8 {
				one = min(one, took(short))
				sixteen = min(sixteen, took(long))
				if sixteen < 60*max(one, time.Millisecond) {
					break
				}
			}
			if sixteen >= 60*max(one, time.Millisecond) {
				t.Errorf("%s, %s: %v for %d, %v for 16 times as many", api, name, one, size, sixteen)
			}
		}
	}
}
