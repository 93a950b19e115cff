package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// TestRun: every event is in the file, and what the log has is on the console
// and in the file.
func TestRun(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	path := filepath.Join(t.TempDir(), "output.log")
	for range 2 { // the second time appends
		var b bytes.Buffer
		if err := run(t.Context(), &b, path); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"> Entering new florist chain...", "answer: Pink roses.", "> Finished chain.",
			`level=INFO msg="llm end" name=gpt-4o-mini`, "input_tokens=13 output_tokens=3"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q on the console:\n%s", want, b.String())
			}
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	logged := 0
	for line := range strings.Lines(string(data)) {
		switch f := strings.Fields(line); {
		case !strings.HasPrefix(line, "time="):
			t.Errorf("torn line %q", line)
		case strings.HasPrefix(f[1], "event="):
			events = append(events, strings.TrimPrefix(f[1], "event="))
		case f[1] == "level=INFO":
			logged++
		}
	}
	one := []string{"on_chain_start", "on_prompt_start", "on_prompt_end", "on_text",
		"on_chat_model_start", "on_llm_new_token", "on_llm_end", "on_chain_end"}
	if want := slices.Concat(one, one); !slices.Equal(events, want) || logged != 6 {
		t.Errorf("file has the events %v and %d lines of the log", events, logged)
	}
	if !strings.Contains(string(data), `text="Pink roses."`) {
		t.Errorf("no token in the file:\n%s", data)
	}
}
