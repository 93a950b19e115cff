package token

import (
	"strings"

	"github.com/pkoukk/tiktoken-go"
)

// encodingName returns the name of a model's encoding.
func encodingName(model string) (string, bool) {
	model = baseModel(model)
	if name, ok := tiktoken.MODEL_TO_ENCODING[model]; ok {
		if name == "gpt2" { // the same merges under an older name
			name = tiktoken.MODEL_R50K_BASE
		}
		return name, true
	}
	for _, f := range families {
		if hasPrefix(model, f.prefix) {
			return f.encoding, true
		}
	}
	return "", false
}

// fallback is the encoding of models we do not know: that of all recent ones.
const fallback = tiktoken.MODEL_O200K_BASE

func encodingOrFallback(model string) string {
	if name, ok := encodingName(model); ok {
		return name
	}
	return fallback
}

// baseModel returns the name of model without what vendors put before it, in
// lower case.
func baseModel(model string) string {
	model = strings.ToLower(strings.TrimSpace(model))
	model = model[strings.LastIndexByte(model, '/')+1:] // "openai/gpt-4o"
	model = strings.TrimPrefix(model, "openai.")        // "openai.gpt-oss-120b-1:0"
	return strings.TrimPrefix(model, "ft:")             // "ft:gpt-4o-mini-2024-07-18:org::id"
}

// hasPrefix reports whether model is prefix or goes on after a separator, as
// "gpt-5" does in "gpt-5.1-codex" but not in "gpt-50". A prefix that ends in a
// separator stands for whatever follows.
func hasPrefix(model, prefix string) bool {
	if !strings.HasPrefix(model, prefix) {
		return false
	}
	return len(model) == len(prefix) || strings.HasSuffix(prefix, "-") || strings.IndexByte("-._:@", model[len(prefix)]) >= 0
}

// families holds what tiktoken-go v0.1.8 lacks and what it knows only by exact
// name. The first match decides. Source: OpenAI's tiktoken, model.py, and for
// Azure's spelling "gpt-35" its documentation.
var families = [...]struct{ prefix, encoding string }{
	{"gpt-4o", tiktoken.MODEL_O200K_BASE},
	{"gpt-4.1", tiktoken.MODEL_O200K_BASE},
	{"gpt-4.5", tiktoken.MODEL_O200K_BASE},
	{"gpt-5", tiktoken.MODEL_O200K_BASE},
	{"o1", tiktoken.MODEL_O200K_BASE},
	{"o3", tiktoken.MODEL_O200K_BASE},
	{"o4", tiktoken.MODEL_O200K_BASE},
	{"chatgpt-4o", tiktoken.MODEL_O200K_BASE},
	{"codex-mini", tiktoken.MODEL_O200K_BASE},
	{"computer-use", tiktoken.MODEL_O200K_BASE},
	{"gpt-oss", tiktoken.MODEL_O200K_BASE},
	{"gpt-audio", tiktoken.MODEL_O200K_BASE},
	{"gpt-realtime", tiktoken.MODEL_O200K_BASE},

	{"gpt-4", tiktoken.MODEL_CL100K_BASE},
	{"gpt-3.5", tiktoken.MODEL_CL100K_BASE},
	{"gpt-35", tiktoken.MODEL_CL100K_BASE},
	{"text-embedding-", tiktoken.MODEL_CL100K_BASE},
	{"davinci-002", tiktoken.MODEL_CL100K_BASE},
	{"babbage-002", tiktoken.MODEL_CL100K_BASE},

	{"text-davinci-002", tiktoken.MODEL_P50K_BASE},
	{"text-davinci-003", tiktoken.MODEL_P50K_BASE},
	{"code-davinci", tiktoken.MODEL_P50K_BASE},
	{"code-cushman", tiktoken.MODEL_P50K_BASE},

	{"text-davinci-001", tiktoken.MODEL_R50K_BASE},
	{"text-curie", tiktoken.MODEL_R50K_BASE},
	{"text-babbage", tiktoken.MODEL_R50K_BASE},
	{"text-ada", tiktoken.MODEL_R50K_BASE},
	{"davinci", tiktoken.MODEL_R50K_BASE},
	{"curie", tiktoken.MODEL_R50K_BASE},
	{"babbage", tiktoken.MODEL_R50K_BASE},
	{"ada", tiktoken.MODEL_R50K_BASE},
	{"gpt2", tiktoken.MODEL_R50K_BASE},
	{"gpt-2", tiktoken.MODEL_R50K_BASE},
}
