package token

import (
	"strings"
	"testing"

	"github.com/pkoukk/tiktoken-go"
)

func TestEncodingOfModel(t *testing.T) {
	for want, models := range map[string]string{
		"o200k_base": `gpt-5 gpt-5-mini gpt-5.1 gpt-5.1-codex gpt-5-nano-2025-08-07 gpt-5.2_2025-12-11 gpt-5-chat-latest
			gpt-4o gpt-4o-mini gpt-4o-2024-08-06 gpt-4o-audio-preview gpt-4.1 gpt-4.1-nano-2025-04-14 gpt-4.5-preview
			o1 o1-mini o1-2024-12-17 o3 o3-mini o3-pro o4-mini o4-mini-deep-research chatgpt-4o-latest
			codex-mini-latest gpt-oss-20b gpt-oss:120b computer-use-preview gpt-realtime gpt-audio
			openai/gpt-4o openrouter/openai/gpt-5 openai.gpt-oss-120b-1:0 ft:gpt-4o-mini-2024-07-18:org::id GPT-4o`,
		"cl100k_base": `gpt-4 gpt-4-0613 gpt-4-32k gpt-4-turbo gpt-4-turbo-2024-04-09 gpt-4-1106-preview gpt-4-vision-preview
			gpt-3.5-turbo gpt-3.5-turbo-0301 gpt-3.5-turbo-16k gpt-3.5-turbo-instruct gpt-35-turbo gpt-35-turbo-16k
			text-embedding-ada-002 text-embedding-3-small text-embedding-3-large davinci-002 babbage-002
			ft:gpt-3.5-turbo:org::id ft:davinci-002:org azure/gpt-35-turbo`,
		"p50k_base": `text-davinci-003 text-davinci-002 code-davinci-002 code-cushman-001 davinci-codex`,
		"p50k_edit": `text-davinci-edit-001 code-davinci-edit-001`,
		"r50k_base": `ada babbage curie davinci text-ada-001 text-davinci-001 davinci:ft-org-2023 curie-instruct-beta
			gpt2 gpt-2 text-search-ada-doc-001 code-search-ada-code-001`,
	} {
		for model := range strings.FieldsSeq(models) {
			e, err := ForModel(model)
			if err != nil {
				t.Error(err)
			} else if e.Name() != want {
				t.Errorf("%s: %s, want %s", model, e.Name(), want)
			}
		}
	}
	for _, model := range []string{"", "claude-sonnet-4", "gpt-50", "o1x", "o10", "gemini-2.5-pro", "anthropic/claude", "adam"} {
		e, err := ForModel(model)
		if err == nil {
			t.Errorf("%q: %s, want an error", model, e.Name())
		} else if !strings.Contains(err.Error(), `"`+model+`"`) {
			t.Errorf("%q: error %q does not name the model", model, err)
		}
	}
}

// TestModelsOfTiktoken holds our table against the one of tiktoken-go.
func TestModelsOfTiktoken(t *testing.T) {
	check := func(model, want string) {
		if want == "gpt2" {
			want = "r50k_base"
		}
		if got, _ := encodingName(model); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
	for model, want := range tiktoken.MODEL_TO_ENCODING {
		check(model, want)
	}
	for prefix, want := range tiktoken.MODEL_PREFIX_TO_ENCODING {
		check(prefix+"2030-01-01", want)
	}
}

func TestGetUnknown(t *testing.T) {
	if _, err := Get("o100k_base"); err == nil || !strings.Contains(err.Error(), "o100k_base") {
		t.Errorf("error %v does not name the encoding", err)
	}
}
