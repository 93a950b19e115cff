package price

import (
	"testing"

	"github.com/callspan/callspan/llm"
)

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(genaiPrices) + len(corrections)))
	for b.Loop() {
		base, err := parse(genaiPrices)
		if err != nil {
			b.Fatal(err)
		}
		over, err := parse(corrections)
		if err != nil {
			b.Fatal(err)
		}
		base.With(over)
	}
}

func BenchmarkCost(b *testing.B) {
	for _, bc := range []struct{ name, provider, model string }{
		{"plain", "openai", "gpt-4o-mini"},
		{"tiers", "openai", "gpt-5.6-luna"},
		{"fallback", "azure.ai.openai", "gpt-4o-2024-08-06"},
		{"unknown", "openai", "no-such-model"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			q := Query{Provider: bc.provider, Model: bc.model, At: day("2026-10-01"),
				Usage: llm.Usage{Input: 1200, Output: 300, CacheRead: 1024}}
			b.ReportAllocs()
			for b.Loop() {
				Default().Cost(q)
			}
		})
	}
}

func BenchmarkCostParallel(b *testing.B) {
	q := Query{Provider: "openai", Model: "gpt-4o-mini", At: day("2026-10-01"), Usage: llm.Usage{Input: 1200}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			Default().Cost(q)
		}
	})
}

// BenchmarkSearch is the first look-up of a name, among the most models.
func BenchmarkSearch(b *testing.B) {
	for _, bc := range []struct{ name, provider, model string }{
		{"openai", "openai", "gpt-4o-mini"},
		{"openrouter", "openrouter", "openai/gpt-4o-mini"},
		{"unknown", "azure.ai.openai", "no-such-model"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			book := Default()
			b.ReportAllocs()
			for b.Loop() {
				book.search(bc.provider, bc.model)
			}
		})
	}
}

func BenchmarkMoneyAdd(b *testing.B) {
	var sum Money
	for b.Loop() {
		sum = sum.Add(19_320_000_000)
	}
}
