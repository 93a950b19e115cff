package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun: the conversation is streamed by the handler, remembered and counted.
func TestRun(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	for lang, wants := range map[string][]string{
		"en": {
			"The prompt is:\nSystem: You are a friendly partner",
			"Turn 1: My sister's birthday is tomorrow", "Happy birthday to your sister!", "Memory now holds 2 messages.",
			"Turn 3: I am back.", "Of course: it is your sister's birthday tomorrow", "Memory now holds 6 messages.",
			"Human: Pink roses are her favourite.\nAI: Pink roses are a lovely choice.",
			"flower data fetched\norder noted, ", "3 calls, ", " tokens, $0.000",
		},
		"zh": {"我姐姐明天过生日", "当然记得:您姐姐明天过生日", "AI: 粉玫瑰很合适。"},
	} {
		var b bytes.Buffer
		begin := time.Now()
		if err := run(context.Background(), &b, lang, time.Millisecond); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", lang, want, b.String())
			}
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v", lang, took)
		}
	}
}
