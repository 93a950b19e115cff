package price

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/llm"
)

func TestCostParts(t *testing.T) {
	b := mustParse(t, `
[p]
text
 in=1 read=0.1 write=1.25 out=10
plain
 in=1 out=10
thinker
 in=1 out=10 reasoning=5
voice
 in=1 read=0.5 out=10 audio-in=100 audio-read=50 audio-out=200
voice-uncached
 in=1 read=0.5 write=2 out=10 audio-in=100
input-only
 in=1
output-only
 out=1
search
 in=1 out=10 request=0.012
seer
 in=1 read=0.5 out=10 image-in=4 image-read=2
seer-uncached
 in=1 read=0.5 write=2 out=10 audio-in=100 image-in=4
blind
 in=1 read=0.5 out=10 image-in=-
painter
 in=1 out=10 image=0.04
mixed
 in=1 out=10 image-out=30
dear
 in=1000000000 out=1000000000
free
 in=0 out=0
listed
 unpriced
`)
	const m = 1_000_000_000_000 / 1_000_000 // pico-USD per token at 1 USD per million
	for _, tc := range []struct {
		name, model string
		usage       llm.Usage
		want        Cost
		ok          bool
	}{
		{"cached and written are inside input", "text", llm.Usage{Input: 100, CacheRead: 60, CacheWrite: 30, Output: 7},
			Cost{Input: 10 * m, CacheRead: 6 * m, CacheWrite: 37.5 * m, Output: 70 * m}, true},
		{"reasoning and predictions are inside output", "text", llm.Usage{Output: 100, Reasoning: 90, AcceptedPrediction: 5, RejectedPrediction: 5},
			Cost{Output: 1000 * m}, true},
		{"without a cache price cached is input", "plain", llm.Usage{Input: 100, CacheRead: 60, CacheWrite: 30},
			Cost{Input: 100 * m}, true},
		{"reasoning priced apart", "thinker", llm.Usage{Output: 100, Reasoning: 90},
			Cost{Output: 550 * m}, true},
		{"audio", "voice", llm.Usage{Input: 100, AudioInput: 40, Output: 10, AudioOutput: 4},
			Cost{Input: 4060 * m, Output: 860 * m}, true},
		{"cached is text as far as it can be", "voice", llm.Usage{Input: 100, AudioInput: 40, CacheRead: 60},
			Cost{Input: 4000 * m, CacheRead: 30 * m}, true},
		{"cached audio where it must be", "voice", llm.Usage{Input: 100, AudioInput: 40, CacheRead: 90},
			Cost{Input: 1000 * m, CacheRead: (30 + 1500) * m}, true},
		{"cached audio without a price of its own", "voice-uncached", llm.Usage{Input: 100, AudioInput: 100, CacheRead: 50, CacheWrite: 50},
			Cost{CacheRead: 25 * m, CacheWrite: 100 * m}, true},
		{"audio without a price of its own", "text", llm.Usage{Input: 100, AudioInput: 100, AudioOutput: 5, Output: 5},
			Cost{Input: 100 * m, Output: 50 * m}, true},
		{"images that were sent", "seer", llm.Usage{Input: 100, ImageInput: 40, Output: 10},
			Cost{Input: 220 * m, Output: 100 * m}, true},
		{"cached is text before it is an image", "seer", llm.Usage{Input: 100, ImageInput: 40, CacheRead: 70},
			Cost{Input: 120 * m, CacheRead: (30 + 20) * m}, true},
		{"all of an image cached", "seer", llm.Usage{Input: 100, ImageInput: 100, CacheRead: 100},
			Cost{CacheRead: 200 * m}, true},
		{"cached audio and images without a price of their own", "seer-uncached", llm.Usage{Input: 100, AudioInput: 30, ImageInput: 30, CacheRead: 40, CacheWrite: 50},
			Cost{Input: 40 * m, CacheRead: 20 * m, CacheWrite: 100 * m}, true},
		{"audio and images", "seer-uncached", llm.Usage{Input: 100, AudioInput: 30, ImageInput: 30},
			Cost{Input: 3160 * m}, true},
		{"images without a price of their own", "text", llm.Usage{Input: 100, ImageInput: 100},
			Cost{Input: 100 * m}, true},
		{"images of a price that is not known", "blind", llm.Usage{Input: 100, ImageInput: 1}, Cost{}, false},
		{"no images where their price is not known", "blind", llm.Usage{Input: 100}, Cost{Input: 100 * m}, true},
		{"more images than input", "seer", llm.Usage{Input: 5, ImageInput: 6}, Cost{}, false},
		{"more audio and images than input", "seer-uncached", llm.Usage{Input: 5, AudioInput: 3, ImageInput: 3}, Cost{}, false},
		{"negative images in the input", "seer", llm.Usage{Input: 5, ImageInput: -1}, Cost{}, false},
		{"embedding", "input-only", llm.Usage{Input: 3}, Cost{Input: 3 * m}, true},
		{"output without a price", "input-only", llm.Usage{Input: 3, Output: 1}, Cost{}, false},
		{"input without a price", "output-only", llm.Usage{Input: 3, Output: 1}, Cost{}, false},
		{"per request", "search", llm.Usage{Input: 3}, Cost{Input: 3 * m, Flat: 12_000 * m}, true},
		{"per image", "painter", llm.Usage{Input: 3, Images: 2}, Cost{Input: 3 * m, Flat: 80_000 * m}, true},
		{"images whose tokens are dearer", "mixed", llm.Usage{Input: 3, Output: 1000, Images: 1}, Cost{}, false},
		{"images by tokens that were not counted", "text", llm.Usage{Input: 3, Images: 1}, Cost{}, false},
		{"images by tokens", "text", llm.Usage{Input: 3, Output: 1000, Images: 1}, Cost{Input: 3 * m, Output: 10_000 * m}, true},
		{"images of what makes none", "input-only", llm.Usage{Input: 3, Images: 1}, Cost{}, false},
		{"images that are free", "free", llm.Usage{Images: 1}, Cost{}, true},
		{"text of a model that makes images", "mixed", llm.Usage{Input: 3, Output: 1}, Cost{Input: 3 * m, Output: 10 * m}, true},
		{"free is not unknown", "free", llm.Usage{Input: 3, Output: 1}, Cost{}, true},
		{"known, price unknown", "listed", llm.Usage{Input: 3, Output: 1}, Cost{}, false},
		{"nothing used", "text", llm.Usage{}, Cost{}, true},
		{"negative input", "text", llm.Usage{Input: -1}, Cost{}, false},
		{"negative output", "text", llm.Usage{Output: -1}, Cost{}, false},
		{"negative cache", "text", llm.Usage{Input: 5, CacheRead: -1}, Cost{}, false},
		{"negative images", "painter", llm.Usage{Images: -1}, Cost{}, false},
		{"more cached than sent", "text", llm.Usage{Input: 5, CacheRead: 6}, Cost{}, false},
		{"more read and written than sent", "text", llm.Usage{Input: 5, CacheRead: 3, CacheWrite: 3}, Cost{}, false},
		{"more audio than input", "voice", llm.Usage{Input: 5, AudioInput: 6}, Cost{}, false},
		{"more audio than output", "voice", llm.Usage{Output: 5, AudioOutput: 6}, Cost{}, false},
		{"more reasoning than output", "thinker", llm.Usage{Output: 5, Reasoning: 6}, Cost{}, false},
		{"reasoning that is not priced apart does not matter", "text", llm.Usage{Output: 5, Reasoning: 6}, Cost{Output: 50 * m}, true},
		{"more than can be held", "dear", llm.Usage{Input: 10_000}, Cost{}, false},
		{"more together than can be held", "dear", llm.Usage{Input: 8_000, Output: 2_000}, Cost{}, false},
		{"wrapping sums", "text", llm.Usage{Input: 5, CacheRead: math.MaxInt, CacheWrite: math.MaxInt}, Cost{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.want
			if tc.ok {
				want.Entry = "p/" + tc.model
			}
			want.Total = want.Input + want.CacheRead + want.CacheWrite + want.Output + want.Flat
			got, ok := b.Cost(Query{Provider: "p", Model: tc.model, Usage: tc.usage})
			if got != want || ok != tc.ok {
				t.Errorf("got  %+v, %v\nwant %+v, %v", got, ok, want, tc.ok)
			}
		})
	}
}

func TestCacheWritesOfGPT56(t *testing.T) {
	u := llm.Usage{Input: 100_000, CacheRead: 40_000, CacheWrite: 50_000}
	c, ok := Default().Cost(Query{Provider: "openai", Model: "gpt-5.6-sol", Usage: u, At: day("2026-10-01")})
	want := Cost{Input: 4e10, CacheRead: 1.6e10, CacheWrite: 2.5e11, Total: 3.06e11, Entry: "openai/gpt-5.6-sol"}
	if !ok || c != want {
		t.Errorf("got %+v, %v\nwant %+v", c, ok, want)
	}
}

// TestLengthIsACliff charges the whole call at the price of its length.
func TestLengthIsACliff(t *testing.T) {
	b := mustParse(t, "[p]\nm\n in=1>100:2>200:3 out=10>200:- read=0.5>300:-")
	for _, tc := range []struct {
		usage llm.Usage
		want  string
	}{
		{llm.Usage{Input: 100, Output: 1}, "0.00011"},
		{llm.Usage{Input: 101}, "0.000202"},
		{llm.Usage{Input: 101, CacheRead: 101}, "0.0000505"},
		{llm.Usage{Input: 200, Output: 1}, "0.00041"},
		{llm.Usage{Input: 201}, "0.000603"},
		{llm.Usage{Input: 201, Output: 1}, "-"},
		{llm.Usage{Input: 300, CacheRead: 100}, "0.00065"},
		{llm.Usage{Input: 301}, "0.000903"},
		{llm.Usage{Input: 301, CacheRead: 1}, "-"}, // not the price of what is not cached
	} {
		if got := total(b, Query{Provider: "p", Model: "m", Usage: tc.usage}); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.usage, got, tc.want)
		}
	}
	for _, tc := range []struct {
		input int
		want  string
	}{
		{271_999, "0.6800125"}, // at 2.50 and 15 USD per million
		{272_000, "1.3600225"}, // at 5 and 22.50
	} {
		q := Query{Provider: "openai", Model: "gpt-5.4", Usage: llm.Usage{Input: tc.input, Output: 1}, At: day("2026-06-01")}
		if got := total(Default(), q); got != tc.want {
			t.Errorf("gpt-5.4 with %d: %s, want %s", tc.input, got, tc.want)
		}
	}
}

func TestServiceTiers(t *testing.T) {
	u := llm.Usage{Input: 1e5, CacheRead: 5e4, Output: 1e4}
	for _, tc := range []struct{ provider, model, at, tier, want string }{
		{"openai", "gpt-5-mini", "2026-06-01", "", "0.03375"},
		{"openai", "gpt-5-mini", "2026-06-01", "auto", "0.03375"},
		{"openai", "gpt-5-mini", "2026-06-01", "default", "0.03375"},
		{"openai", "gpt-5-mini", "2026-06-01", " Standard ", "0.03375"},
		{"openai", "gpt-5-mini", "2026-06-01", "flex", "0.016875"},
		{"openai", "gpt-5-mini", "2026-06-01", "Batch", "0.016875"},
		{"openai", "gpt-5-mini", "2026-06-01", "priority", "0.06075"},
		{"openai", "gpt-5-mini", "2026-06-01", "fast", "0.06075"},
		{"openai", "gpt-5-mini", "2026-06-01", "scale", "-"},
		{"openai", "gpt-4o", "2026-06-01", "flex", "-"},
		{"openai", "gpt-4o", "2026-06-01", "batch", "0.175"}, // without a discount for cached input
		{"openai", "o3", "2025-05-01", "flex", "-"},
		{"openai", "o3", "2025-06-10", "flex", "0.1025"},
		{"openai", "gpt-5.6-sol", "2026-08-20", "fast", "-"},
		{"openai", "gpt-5.6-sol", "2026-08-21", "fast", "0.84"},
		{"azure", "gpt-5-mini", "2026-06-01", "flex", "0.016875"},
		{"azure", "o3", "2026-06-01", "flex", "-"}, // listed by azure itself, without tiers
		{"anthropic", "claude-haiku-4-5", "2026-06-01", "standard", "0.105"},
		{"anthropic", "claude-haiku-4-5", "2026-06-01", "batch", "-"},
		{"groq", "llama-3.1-8b-instant", "2026-06-01", "on_demand", "0.0058"},
	} {
		q := Query{Provider: tc.provider, Model: tc.model, Usage: u, At: day(tc.at), ServiceTier: tc.tier}
		if got := total(Default(), q); got != tc.want {
			t.Errorf("%s %s on %s, tier %q: %s, want %s", tc.provider, tc.model, tc.at, tc.tier, got, tc.want)
		}
	}
}

func TestConditions(t *testing.T) {
	b := mustParse(t, `
[p]
night
 in=1
 at=22:00-06:30 in=2
seconds
 in=1
 at=10:00:30-10:00:31 in=2
last-wins
 in=1
 from=2026-01-01 in=2
 at=00:00-12:00 in=3
 on=sat,sun in=4
 from=2027-01-01 at=00:00-12:00 on=fri in=5
since
 from=2026-01-01T16:00Z in=1
`)
	for _, tc := range []struct{ model, at, want string }{
		{"night", "2026-03-01T21:59:59Z", "1"},
		{"night", "2026-03-01T22:00:00Z", "2"},
		{"night", "2026-03-01T23:59:59.999Z", "2"},
		{"night", "2026-03-02T00:00:00Z", "2"},
		{"night", "2026-03-02T06:29:59.999Z", "2"},
		{"night", "2026-03-02T06:30:00Z", "1"},
		{"night", "2026-03-01T23:00:00+02:00", "1"}, // 21:00 UTC
		{"seconds", "2026-03-01T10:00:29.9Z", "1"},
		{"seconds", "2026-03-01T10:00:30.9Z", "2"},
		{"seconds", "2026-03-01T10:00:31Z", "1"},
		{"last-wins", "2025-12-31T13:00:00Z", "1"},
		{"last-wins", "2026-01-01T13:00:00Z", "2"},
		{"last-wins", "2025-12-31T11:00:00Z", "3"},
		{"last-wins", "2026-01-03T11:00:00Z", "4"}, // a Saturday
		{"last-wins", "2027-01-01T11:00:00Z", "5"}, // a Friday
		{"last-wins", "2027-01-08T13:00:00Z", "2"},
		{"since", "2026-01-01T15:59:59Z", "-"},
		{"since", "2026-01-01T16:00:00Z", "1"},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := total(b, Query{Provider: "p", Model: tc.model, Usage: llm.Usage{Input: 1e6}, At: at}); got != tc.want {
			t.Errorf("%s at %s: %s, want %s", tc.model, tc.at, got, tc.want)
		}
	}
}

// TestZeroTimeIsNow runs in a bubble whose clock begins on 2000-01-01.
func TestZeroTimeIsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustParse(t, "[p]\nm\n in=1\n from=2000-01-02 in=2")
		q := Query{Provider: "p", Model: "m", Usage: llm.Usage{Input: 1e6}}
		if got := total(b, q); got != "1" {
			t.Errorf("today: %s", got)
		}
		time.Sleep(24 * time.Hour)
		if got := total(b, q); got != "2" {
			t.Errorf("tomorrow: %s", got)
		}
		if q.At = time.Now().Add(-time.Second); total(b, q) != "1" {
			t.Error("a trace of yesterday has today's price")
		}
	})
}

// TestRatesFinerThanPico has the two kinds of published prices that are no
// whole number of pico-USD per token.
func TestRatesFinerThanPico(t *testing.T) {
	b := mustParse(t, "[p]\na\n in=0.08333333333333334\nb\n in=0.18000000000000002")
	for model, want := range map[string]string{"a": "0.083333", "b": "0.18"} {
		if got := total(b, Query{Provider: "p", Model: model, Usage: llm.Usage{Input: 1e6}}); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
}

// TestCostOfTheWholeIsTheSum splits a trace into its calls at random: what the
// calls cost adds up, in any order, to what the tokens cost together.
func TestCostOfTheWholeIsTheSum(t *testing.T) {
	b := Default()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var all llm.Usage
		var costs []Money
		for range 1 + rng.IntN(30) {
			u := llm.Usage{Input: rng.IntN(5000), Output: rng.IntN(5000)}
			u.CacheRead = rng.IntN(u.Input + 1)
			u.CacheWrite = rng.IntN(u.Input - u.CacheRead + 1)
			all.Add(&u)
			c, ok := b.Cost(Query{Provider: "openai", Model: "gpt-6-luna", Usage: u, At: day("2026-10-01")})
			if !ok || c.Total != c.Input.Add(c.CacheRead).Add(c.CacheWrite).Add(c.Output).Add(c.Flat) {
				t.Fatalf("%+v: %+v, %v", u, c, ok)
			}
			costs = append(costs, c.Total)
		}
		rng.Shuffle(len(costs), func(i, j int) { costs[i], costs[j] = costs[j], costs[i] })
		var sum Money
		for _, c := range costs {
			sum = sum.Add(c)
		}
		if want := total(b, Query{Provider: "openai", Model: "gpt-6-luna", Usage: all, At: day("2026-10-01")}); sum.String() != want {
			t.Fatalf("calls cost %s, together %s", sum, want)
		}
	}
}

func FuzzCost(f *testing.F) {
	f.Add("openai", "gpt-4o-20240806", "flex", int64(1_780_000_000), 10, 5, 3, 1)
	f.Add("azure.ai.openai", "ft:gpt-4o-2024-08-06:a::b", "", int64(0), -1, 5, 3, 1)
	f.Add("gcp.gemini", "models/models/", "ON_DEMAND", int64(-1<<40), math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt)
	f.Add("openrouter", "-2024-", "\xff", int64(1), 0, 0, 0, 0)
	f.Fuzz(func(t *testing.T, provider, model, tier string, unix int64, input, output, read, write int) {
		q := Query{Provider: provider, Model: model, ServiceTier: tier, At: time.Unix(unix, 0),
			Usage: llm.Usage{Input: input, Output: output, CacheRead: read, CacheWrite: write, AudioInput: read, ImageInput: write / 2, Reasoning: write}}
		c, ok := Default().Cost(q)
		if ok != (c.Entry != "") || c.Total < 0 || c.Total != c.Input+c.CacheRead+c.CacheWrite+c.Output+c.Flat {
			t.Fatalf("%+v: %+v, %v", q, c, ok)
		}
		if again, okAgain := Default().Cost(q); again != c || okAgain != ok {
			t.Fatalf("%+v: %+v, then %+v", q, c, again)
		}
	})
}
