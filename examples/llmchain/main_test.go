package main

import (
	"bytes"
	"encoding/json"
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

// TestRun: 1 + 2 = 3, and each event is a line of JSON in the file.
func TestRun(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	for _, verbose := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "output.log")
		var b bytes.Buffer
		if err := run(t.Context(), &b, path, verbose); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.HasSuffix(got, "answer: 3\n") || strings.Contains(got, "> Entering new adder chain...") != verbose {
			t.Errorf("verbose %v: %s", verbose, got)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var events []string
		var text string
		for d := json.NewDecoder(file); d.More(); {
			var e struct {
				Event string
				Data  any
			}
			if err := d.Decode(&e); err != nil {
				t.Fatal(err)
			}
			if events = append(events, e.Event); e.Event == "on_text" {
				text, _ = e.Data.(string)
			}
		}
		want := []string{"on_chain_start", "on_prompt_start", "on_prompt_end", "on_text", "on_llm_start", "on_llm_end", "on_chain_end"}
		if !slices.Equal(events, want) || text != "1 + 2 = " {
			t.Errorf("events %v with the prompt %q", events, text)
		}
	}
}
