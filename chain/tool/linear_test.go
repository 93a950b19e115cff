package tool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/llm"
)

// TestLinear: sixteen times as many tools and calls take about sixteen times as
// long, and not 256 times.
func TestLinear(t *testing.T) {
	const size = 1 << 10
	var all tool.Set
	var calls []llm.ToolCall
	for i := range 16 * size {
		name := fmt.Sprintf("tool_%05d", i)
		all = append(all, tool.Must(tool.Raw(name, "", nil, func(context.Context, json.RawMessage) (string, error) { return name, nil })))
		calls = append(calls, llm.ToolCall{ID: name, Name: name})
	}
	for what, do := range map[string]func(n int) error{
		"check": func(n int) error { return all[:n].Check() },
		"call": func(n int) error {
			answers, err := all[:n].Call(t.Context(), calls[:n]...)
			if err == nil && answers[n-1].Text() != calls[n-1].Name {
				err = fmt.Errorf("call %q got %q", calls[n-1].Name, answers[n-1].Text())
			}
			return err
		},
	} {
		took := func(n int) time.Duration {
			start := cputime.Process()
			if err := do(n); err != nil {
				t.Error(err)
			}
			return cputime.Process() - start
		}
		one, sixteen := time.Hour, time.Hour
		for range 8 {
			one, sixteen = min(one, took(size)), min(sixteen, took(16*size))
			if sixteen < 60*max(one, time.Millisecond) {
				break
			}
		}
		if sixteen >= 60*max(one, time.Millisecond) {
			t.Errorf("%s: %v for %d, %v for 16 times as many", what, one, size, sixteen)
		}
	}
}
