package standin

import (
	"strings"
	"testing"
)

func TestCached(t *testing.T) {
	say := func(n int, last string) []Message {
		return []Message{{Role: "system", Text: strings.TrimSpace(strings.Repeat("rose ", n))}, {Role: "user", Text: last}}
	}
	type call struct {
		model    string
		messages []Message
		want     int
	}
	for _, tc := range []struct {
		name  string
		calls []call
	}{
		{"short prompts are not cached", []call{{"m", say(1000, "a"), 0}, {"m", say(1000, "a"), 0}}},
		{"the shared prefix in steps of 128", []call{{"m", say(1300, "a"), 0}, {"m", say(1300, "b"), 1280}, {"m", say(1100, "c"), 1024}}},
		{"a longer conversation", []call{{"m", say(1024, "a"), 0}, {"m", append(say(1024, "a"), say(600, "b")...), 1024}, {"m", append(say(1024, "a"), say(600, "b")...), 1536}}},
		{"another beginning", []call{{"m", say(1300, "a"), 0}, {"m", append([]Message{{Role: "user", Text: "b"}}, say(1300, "a")...), 0}}},
		{"another model", []call{{"m", say(1300, "a"), 0}, {"n", say(1300, "a"), 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api := &API{}
			for i, c := range tc.calls {
				r := &Request{Model: c.model, Messages: c.messages}
				if got := api.cached(r, c.model, api.countPrompt(r)); got != c.want {
					t.Errorf("call %d: got %d, want %d", i, got, c.want)
				}
			}
		})
	}
}

func TestCountPrompt(t *testing.T) {
	r := &Request{Messages: []Message{
		{Role: "system", Text: "Sell flowers."},                                      // 3 + 1 + 2
		{Role: "user", Name: "sara", Text: "Pink roses?"},                            // 3 + 1 + 2 + 2
		{Role: "assistant", ToolCalls: []ToolCall{{Name: "price", Arguments: "{}"}}}, // 3 + 1 + 2
	}}
	if got := (&API{}).countPrompt(r); got != 3+6+8+6 {
		t.Errorf("got %d", got)
	}
	if got := (&API{Count: func(*Request) int { return 42 }}).countPrompt(r); got != 42 {
		t.Errorf("got %d", got)
	}
}
