package price

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/llm"
)

func mustParse(t *testing.T, text string) *Book {
	t.Helper()
	b, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// total prices a call and gives "-" for one that is not priced.
func total(b *Book, q Query) string {
	c, ok := b.Cost(q)
	if !ok {
		return "-"
	}
	return c.Total.String()
}

func day(s string) time.Time {
	at, err := time.Parse(time.RFC3339, s+"T12:00:00Z")
	if err != nil {
		panic(err)
	}
	return at
}

func TestDefaultBook(t *testing.T) {
	b := Default()
	if !strings.HasPrefix(b.ID(), "@pydantic/genai-prices@0.1.8 2026-09-23 sha256:") ||
		!strings.Contains(b.ID(), " + callspan 2026-11-22 sha256:") {
		t.Errorf("ID is %s", b.ID())
	}
	models := 0
	for _, p := range b.providers {
		models += len(p.entries)
		for _, id := range p.fallback {
			if b.providers[id] == nil {
				t.Errorf("%s falls back on %s, which is not listed", p.id, id)
			}
		}
	}
	for alias, id := range b.aliases {
		if p := b.providers[id]; p == nil || len(p.entries) == 0 || b.providers[alias] != nil {
			t.Errorf("alias %s of %s leads nowhere", alias, id)
		}
	}
	if len(b.providers) != 43 || models < 1691 {
		t.Errorf("%d providers with %d models, want 43 with 1,691 and ours", len(b.providers), models)
	}
}

// TestCorrectionsAreReached asks for each of our entries by every exact name it
// has, so that none is hidden behind a looser one.
func TestCorrectionsAreReached(t *testing.T) {
	over, err := parse(corrections)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range over.providers {
		for _, e := range p.entries {
			for _, a := range e.match {
				if a.op != equals {
					continue
				}
				if list := Default().find(p.id, a.text); len(list) == 0 || list[0].name != e.name {
					t.Errorf("%s does not lead to %s", a.text, e.name)
				}
			}
		}
	}
}

func TestKnownAnswers(t *testing.T) {
	million := llm.Usage{Input: 1e6, Output: 1e5}
	for _, tc := range []struct {
		model string
		at    string
		usage llm.Usage
		want  string
	}{
		{"gpt-4o", "2026-01-01", llm.Usage{Input: 1e6}, "2.5"},
		{"gpt-4o", "2026-01-01", llm.Usage{Input: 1e6, CacheRead: 1e6}, "1.25"},
		{"gpt-4o", "2026-01-01", llm.Usage{Output: 1e6}, "10"},
		{"gpt-4o-mini", "2026-01-01", llm.Usage{Input: 1e6}, "0.15"},
		{"gpt-4o-mini", "2026-01-01", llm.Usage{Input: 1e6, CacheRead: 1e6}, "0.075"},
		{"gpt-4o-mini", "2026-01-01", llm.Usage{Output: 1e6}, "0.6"},
		{"gpt-5-mini", "2026-01-01", llm.Usage{Input: 1e6, Output: 1e6}, "2.25"},
		{"gpt-5-mini", "2026-01-01", llm.Usage{Input: 1e6, CacheRead: 1e6, Output: 1e6}, "2.025"},
		{"o3", "2025-06-09", million, "14"},
		{"o3", "2025-06-11", million, "2.8"},
		{"gpt-5.6-luna", "2026-07-29", million, "2.9"},
		{"gpt-5.6-luna", "2026-07-30", million, "0.58"},
		{"text-davinci-003", "2023-06-01", llm.Usage{Input: 900, Output: 66}, "0.01932"},
		{"o1", "2026-01-01", llm.Usage{Output: 1e6, Reasoning: 9e5}, "60"},
		{"o3", "2026-01-01", llm.Usage{Output: 1e6, Reasoning: 9e5}, "8"},
		{"o3", "2025-05-01", llm.Usage{Input: 1e6, CacheRead: 1e6}, "2.5"},
		{"o1-pro", "2026-01-01", llm.Usage{Input: 1e6, Output: 1e6}, "750"},
		{"gpt-4", "2024-01-01", llm.Usage{Input: 1000, Output: 1000}, "0.09"},
		{"gpt-3.5-turbo-0125", "2024-06-01", llm.Usage{Input: 1000, Output: 1000}, "0.002"},
		{"text-embedding-3-small", "2024-06-01", llm.Usage{Input: 1e6}, "0.02"},
		{"gpt-4.1-nano-2025-04-14", "2025-06-01", llm.Usage{Input: 1}, "0.0000001"},
		{"gpt-5-nano", "2026-01-01", llm.Usage{Input: 1, CacheRead: 1}, "0.000000005"},
		{"gpt-6.1-sol-2026-09-29", "2026-10-05", million, "5.5"},
		{"gpt-image-1", "2026-01-01", llm.Usage{Input: 1000, ImageInput: 800, Output: 1056, Images: 1}, "0.05124"},
		{"gpt-image-1-mini", "2026-01-01", llm.Usage{Input: 1000, ImageInput: 800, Output: 1056, Images: 1}, "0.010848"},
		{"gpt-image-2.5-flare-2026-09-08", "2026-10-05", llm.Usage{Input: 1000, ImageInput: 800, CacheRead: 300}, "0.00605"},
		{"gpt-image-2.6-sunburst", "2026-11-21", llm.Usage{Input: 1000, ImageInput: 800, Output: 1000, Images: 1}, "0.0374"},
		{"omni-moderation-latest", "2026-01-01", llm.Usage{Input: 1000}, "0"},
		{"whisper-1", "2026-01-01", llm.Usage{}, "-"},         // by the minute
		{"dall-e-3", "2026-01-01", llm.Usage{Images: 1}, "-"}, // by size and quality
	} {
		q := Query{Provider: "openai", Model: tc.model, Usage: tc.usage, At: day(tc.at)}
		if got := total(Default(), q); got != tc.want {
			t.Errorf("%s on %s, %+v: %s, want %s", tc.model, tc.at, tc.usage, got, tc.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct{ provider, model, entry string }{
		{"openai", "gpt-4o", "openai/gpt-4o"},
		{" OpenAI ", " GPT-4o ", "openai/gpt-4o"},
		{"openai", "gpt-4o-2024-11-20", "openai/gpt-4o"},
		{"openai", "gpt-4o-20241120", "openai/gpt-4o"},
		{"openai", "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"},
		{"openai", "gpt-4o-2031-01-01", ""},
		{"openai", "gpt-4o-turbo-extra", ""},
		{"openai", "gpt-5.6", "openai/gpt-5.6-sol"},
		{"openai", "gpt-5.6-luna-2026-07-09", "openai/gpt-5.6-luna"},
		{"openai", "gpt-oss-20b", ""},
		{"openai", "", ""},
		{"", "gpt-4o", ""},
		{"ollama", "gpt-4o", ""},
		{"my-openai-proxy", "gpt-4o", ""},
		{"openai", "openai/gpt-4o", ""},
		{"openrouter", "openai/gpt-4o-mini", "openrouter/openai/gpt-4o-mini"},
		{"azure.ai.openai", "gpt-4o-2024-08-06", "openai/gpt-4o"},
		{"azure.ai.openai", "gpt-35-turbo", "openai/gpt-3.5-turbo"},
		{"azure.ai.inference", "phi-4", "azure/phi-4"},
		{"azure.ai.openai", "our-deployment", ""},
		{"azure.ai.openai", "davinci-002", "azure/davinci-002"},
		{"azure.ai.openai", "babbage-002", "azure/babbage-002"},
		{"azure.ai.openai", "gpt-35-turbo-1106", "openai/gpt-3.5-turbo-1106"},
		{"azure.ai.openai", "gpt-35-turbo-0125", "openai/gpt-3.5-turbo"},
		{"azure.ai.openai", "GPT-35-Turbo-Instruct", "openai/gpt-3.5-turbo-instruct"},
		{"azure.ai.openai", "gpt-35-turbo-16k", "openai/gpt-3.5-turbo-16k"},
		{"azure.ai.openai", "gpt-35-turbo-team", ""},
		{"anthropic", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"},
		{"aws.bedrock", "amazon.nova-lite-v1:0", "aws/amazon.nova-lite-v1:0"},
		{"gcp.gemini", "models/gemini-2.5-pro", "google/gemini-2.5-pro"},
		{"gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "google/gemini-2.5-pro"},
		{"gcp.gen_ai", "gemini-2.5-pro-preview-tts", "google/gemini-2.5-pro-tts"},
		{"mistral_ai", "mistral-large-latest", "mistral/mistral-large"},
		{"x_ai", "grok-4.5", "x-ai/grok-4.5"},
		{"moonshot_ai", "kimi-k2.6", "moonshotai/kimi-k2.6"},
		{"groq", "llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"},
		{"deepseek", "deepseek-chat", "deepseek/deepseek-chat"},
		{"perplexity", "sonar", "perplexity/sonar"},
		{"ibm.watsonx.ai", "granite-4", ""},
	} {
		c, ok := Default().Cost(Query{Provider: tc.provider, Model: tc.model, Usage: llm.Usage{Input: 1}, At: day("2026-10-01")})
		if c.Entry != tc.entry || ok != (tc.entry != "") {
			t.Errorf("%s %s: priced as %q, want %q", tc.provider, tc.model, c.Entry, tc.entry)
		}
	}
}

func TestBaseModelsOfAzure(t *testing.T) {
	for model, want := range map[string]string{"davinci-002": "4", "babbage-002": "0.8"} {
		q := Query{Provider: "azure.ai.openai", Model: model, Usage: llm.Usage{Input: 1e6, Output: 1e6}, At: day("2024-06-01")}
		if got := total(Default(), q); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
}

func TestFineTunedHasItsOwnPrice(t *testing.T) {
	u := llm.Usage{Input: 1e6, Output: 1e6}
	for _, tc := range []struct{ provider, model, want string }{
		{"openai", "ft:gpt-4o-2024-08-06:acme::abc123", "18.75"},
		{"openai", "ft:gpt-4o-mini-2024-07-18:acme:x:abc123", "1.5"},
		{"openai", "ft:gpt-4.1-2025-04-14:acme::abc123", "15"},
		{"openai", "ft:gpt-3.5-turbo-0125:acme::abc123", "9"},
		{"openai", "ft:gpt-4-0613:acme::abc123", "-"},
		{"openai", "ft:gpt-5-2025-08-07:acme::abc123", "-"},
		{"openai", "curie:ft-acme-2023-01-01", "-"},
		{"azure", "o4-mini-2025-04-16.ft-abc", "-"},
		{"azure", "gpt-4o-mini-2024-07-18.ft-abc", "1.5"},
	} {
		if got := total(Default(), Query{Provider: tc.provider, Model: tc.model, Usage: u, At: day("2026-01-01")}); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.model, got, tc.want)
		}
	}
	loose := mustParse(t, "[p]\nany *\n in=1 out=1")
	for _, name := range []string{"ft:base:org::id", "curie:ft-org-2023-01-01", "base.ft-id"} {
		if got := total(loose, Query{Provider: "p", Model: name, Usage: u}); got != "-" {
			t.Errorf("a matcher for any model prices %s at %s", name, got)
		}
	}
}

// TestZAI: the launch price of GLM-5.3-Flash ended with the 9th of September in
// China, with Z.ai and with OpenRouter.
func TestZAI(t *testing.T) {
	u := llm.Usage{Input: 2e6, CacheRead: 1e6, Output: 1e6}
	for _, tc := range []struct{ provider, model, at, want string }{
		{"zai", "glm-5.3-flash", "2026-09-09T15:59:59Z", "0.34"},
		{"zai", "glm-5.3-flash", "2026-09-09T16:00:00Z", "0.68"},
		{"zai", "GLM-5.3-Flash", "2026-11-22T00:00:00Z", "0.68"},
		{"openrouter", "z-ai/glm-5.3-flash", "2026-09-09T15:59:59Z", "0.34"},
		{"openrouter", "z-ai/glm-5.3-flash", "2026-09-09T16:00:00Z", "0.68"},
		{"zai", "GLM-5.3", "2026-11-22T00:00:00Z", "6.06"},
		{"zai", "glm-5.1", "2026-11-22T00:00:00Z", "6.06"},
		{"zai", "glm-5", "2026-11-22T00:00:00Z", "4.4"},
		{"zai", "glm-5-turbo", "2026-11-22T00:00:00Z", "5.44"},
		{"zai", "glm-4.7", "2026-11-22T00:00:00Z", "2.91"},
		{"zai", "glm-4.7-flash", "2026-11-22T00:00:00Z", "0"},
		{"zai", "glm-4.6", "2025-10-01T00:00:00Z", "2.91"},
		{"zai", "glm-4.5-air", "2026-11-22T00:00:00Z", "1.33"},
		{"zai", "glm-4.6v", "2026-11-22T00:00:00Z", "-"},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := total(Default(), Query{Provider: tc.provider, Model: tc.model, Usage: u, At: at}); got != tc.want {
			t.Errorf("%s %s at %s: %s, want %s", tc.provider, tc.model, tc.at, got, tc.want)
		}
	}
}

func TestDeepSeekHours(t *testing.T) {
	for _, tc := range []struct{ at, want string }{
		{"2026-05-04T02:00:00Z", "0.14"}, // before peak hours were introduced
		{"2026-08-16T15:59:59Z", "0.14"},
		{"2026-08-16T16:00:00Z", "0.22"},
		{"2026-08-17T01:00:00Z", "0.44"},
		{"2026-08-17T03:59:59Z", "0.44"},
		{"2026-08-17T04:00:00Z", "0.22"},
		{"2026-08-22T09:00:00Z", "0.44"}, // a Saturday at peak, the last one
		{"2026-08-23T09:00:00Z", "0.22"},
		{"2026-08-24T09:00:00+08:00", "0.44"},
		{"2026-09-11T09:00:00Z", "0.3"},
		{"2026-09-12T09:00:00Z", "0.15"},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		q := Query{Provider: "deepseek", Model: "deepseek-v4-flash", Usage: llm.Usage{Input: 1e6}, At: at}
		if got := total(Default(), q); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.at, got, tc.want)
		}
	}
}

func TestWith(t *testing.T) {
	ours := mustParse(t, `
book: ours
date: 2026-11-21

[openai]
gpt-4o
 from=2026-06-01 in=2 out=8
[ollama]
alias: localhost
any *
 in=0 out=0
[gateway]
fallback: openai
`)
	b := Default().With(ours)
	if !strings.HasSuffix(b.ID(), " + ours 2026-11-21 sha256:"+strings.TrimPrefix(ours.ID(), "ours 2026-11-21 sha256:")) {
		t.Errorf("ID is %s", b.ID())
	}
	u := llm.Usage{Input: 1e6, Output: 1e6}
	for _, tc := range []struct{ provider, model, at, want string }{
		{"openai", "gpt-4o", "2026-06-01", "10"},
		{"openai", "gpt-4o", "2026-05-31", "12.5"},
		{"openai", "gpt-4o-2024-08-06", "2026-06-01", "12.5"},
		{"openai", "gpt-4o-mini", "2026-06-01", "0.75"},
		{"azure.ai.openai", "gpt-4o", "2026-06-01", "10"},
		{"ollama", "llama3.2:3b", "2026-06-01", "0"},
		{"localhost", "llama3.2:3b", "2026-06-01", "0"},
		{"gateway", "o1-mini", "2026-06-01", "5.5"},
		{"anthropic", "claude-haiku-4-5", "2026-06-01", "6"},
	} {
		if got := total(b, Query{Provider: tc.provider, Model: tc.model, Usage: u, At: day(tc.at)}); got != tc.want {
			t.Errorf("%s %s on %s: %s, want %s", tc.provider, tc.model, tc.at, got, tc.want)
		}
	}
	if got := total(Default(), Query{Provider: "openai", Model: "gpt-4o", Usage: u, At: day("2026-06-01")}); got != "12.5" {
		t.Errorf("the default book has changed: %s", got)
	}
}

// TestWithLayers: what a book says of a provider lies over what the other says of
// it, by whatever name either calls it, and hides nothing else.
func TestWithLayers(t *testing.T) {
	const base = `
[openai]
gpt-4o
 in=2 out=10
gpt-4o-mini
 in=0.5 out=2
[azure]
alias: azure.ai.openai az
fallback: openai
phi-4
 in=0.1 out=0.2
[x-ai]
alias: x_ai
grok
 in=3
`
	for _, tc := range []struct{ name, over, provider, model, at, tier, want string }{
		{"by an alias", "[azure.ai.openai]\nphi-4\n in=7", "azure.ai.openai", "phi-4", "2026-06-01", "", "7"},
		{"by an alias, asked by another", "[azure.ai.openai]\nphi-4\n in=7", "azure", "phi-4", "2026-06-01", "", "7"},
		{"by an alias, another model", "[azure.ai.openai]\nphi-4\n in=7", "az", "gpt-4o", "2026-06-01", "", "2"},
		{"in another case", "[X_AI]\ngrok\n in=7", "x_ai", "grok", "2026-06-01", "", "7"},
		{"with the old name as an alias", "[xai]\nalias: x-ai\ngrok\n in=7", "x_ai", "grok", "2026-06-01", "", "7"},
		{"with the old name as an alias, by its own", "[xai]\nalias: x-ai\nother\n in=7", "xai", "grok", "2026-06-01", "", "3"},
		{"with an old alias as an alias", "[xai]\nalias: x_ai\ngrok\n in=7", "x-ai", "grok", "2026-06-01", "", "7"},
		{"another provider takes nothing", "[mine]\nalias: local\ngrok\n in=7", "x_ai", "grok", "2026-06-01", "", "3"},
		{"before the new price of what is found elsewhere", "[azure]\ngpt-4o\n from=2026-06-01 in=7", "azure", "gpt-4o", "2026-05-30", "", "2"},
		{"from the new price on", "[azure]\ngpt-4o\n from=2026-06-01 in=7", "azure", "gpt-4o", "2026-06-01", "", "7"},
		{"a tier of what is found elsewhere", "[azure]\ngpt-4o\n tier=batch in=7", "azure", "gpt-4o", "2026-06-01", "", "2"},
		{"the tier itself", "[azure]\ngpt-4o\n tier=batch in=7", "azure", "gpt-4o", "2026-06-01", "batch", "7"},
		{"not known hides what is elsewhere", "[azure]\ngpt-4o\n unpriced", "azure", "gpt-4o", "2026-06-01", "", "-"},
		{"falls back by an alias", "[gateway]\nfallback: X_AI", "gateway", "grok", "2026-06-01", "", "3"},
		{"a book without anything", "", "az", "gpt-4o", "2026-06-01", "", "2"},
		{"falls back by an alias within one book", "[gateway]\nfallback: O\n[o]\nalias: p\nm\n in=4\n[q]\nfallback: P", "q", "m", "2026-06-01", "", "4"},
	} {
		b := new(Book).With(mustParse(t, base)).With(mustParse(t, tc.over))
		q := Query{Provider: tc.provider, Model: tc.model, Usage: llm.Usage{Input: 1e6}, At: day(tc.at), ServiceTier: tc.tier}
		if got := total(b, q); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if got := total(mustParse(t, "[z]\nm\n in=1").With(b), q); got != tc.want {
			t.Errorf("%s, over a third: %s, want %s", tc.name, got, tc.want)
		}
		if got := total(b.With(mustParse(t, "["+tc.provider+"]\nzz\n in=1")), q); got != tc.want {
			t.Errorf("%s, under a third: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestConcurrentSafe(t *testing.T) {
	b := Default().With(mustParse(t, "[mine]\nm\n in=1"))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				model := "gpt-4o"
				if i%2 == 0 {
					model = "unknown-" + string(rune('a'+g)) + strings.Repeat("x", i%300)
				}
				_, ok := b.Cost(Query{Provider: "openai", Model: model, Usage: llm.Usage{Input: 1}})
				if ok != (model == "gpt-4o") {
					t.Errorf("%s: priced %v", model, ok)
				}
			}
		})
	}
	wg.Wait()
	if n := len(b.found.m); n > maxCached {
		t.Errorf("%d names remembered", n)
	}
}

func TestCacheIsBounded(t *testing.T) {
	b := mustParse(t, "[p]\nm m*\n in=1")
	for i := range 3 * maxCached {
		q := Query{Provider: "p", Model: "m" + strings.Repeat("x", i%300) + string(rune('A'+i)), Usage: llm.Usage{Input: 1e6}}
		for range 2 {
			if got := total(b, q); got != "1" {
				t.Fatalf("%s: %s", q.Model, got)
			}
		}
		if n := len(b.found.m); n > maxCached {
			t.Fatalf("%d names remembered", n)
		}
	}
}

func TestPreload(t *testing.T) {
	Preload()
	if first := Default(); first != Default() {
		t.Error("the default book is read twice")
	}
}

func TestCostDoesNotAllocate(t *testing.T) {
	b := Default()
	for _, q := range []Query{
		{Provider: "openai", Model: "gpt-5.6-luna", Usage: llm.Usage{Input: 3e5, Output: 10, CacheRead: 5}, At: day("2026-10-01")},
		{Provider: "azure.ai.openai", Model: "gpt-4o", Usage: llm.Usage{Input: 10}, ServiceTier: "default"},
		{Provider: "deepseek", Model: "deepseek-chat", Usage: llm.Usage{Input: 10}, At: day("2026-10-01")},
		{Provider: "openai", Model: "no such model", Usage: llm.Usage{Input: 10}},
	} {
		b.Cost(q)
		if n := testing.AllocsPerRun(100, func() { b.Cost(q) }); n != 0 {
			t.Errorf("%s %s: %v allocations", q.Provider, q.Model, n)
		}
	}
}
