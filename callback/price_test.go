package callback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// TestPriceOfCall: a call costs what the model that answered costs, in the tier
// that served it, at the time when it was made; where the book does not know who
// answered, what the one that was asked costs.
func TestPriceOfCall(t *testing.T) {
	book, err := price.Parse([]byte(`
book: of a test
date: 2000-01-01

[openai]
asked
 from=1999-01-01 in=1 out=1
 from=2000-01-02 in=7 out=7
 tier=flex from=1999-01-01 in=0.5 out=0.5
answered
 from=1999-01-01 in=3 out=3
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		meta  llm.Meta
		takes time.Duration
		want  float64 // USD; 0 is unknown
	}{
		{"asked", llm.Meta{}, 0, 1},
		{"another answered", llm.Meta{Model: "answered"}, 0, 3},
		{"an unknown one answered", llm.Meta{Model: "nobody"}, 0, 1},
		{"tier", llm.Meta{ServiceTier: "flex"}, 0, 0.5},
		{"a tier without a price", llm.Meta{ServiceTier: "priority"}, 0, 0},
		{"until the price rises", llm.Meta{}, 25 * time.Hour, 1},
		{"a negative cost of the provider", llm.Meta{Cost: "-2"}, 0, 1},
		{"a cost of the provider", llm.Meta{Cost: "2"}, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // from 2000-01-01
				rec := &recorder{}
				_, call, err := callback.Open(t.Context(), &callback.Info{Kind: callback.KindLLM, Prices: book,
					Endpoint: llm.Endpoint{Provider: "openai", Model: "asked"}, Input: question}, rec)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.takes)
				_ = call.Chunk(&llm.Chunk{Text: "a", Finish: "stop", Meta: &tt.meta, Usage: &llm.Usage{Input: 900_000, Output: 100_000}})
				call.End(nil)
				if res, _ := rec.last(t); res.Cost.USD() != tt.want || res.Priced != (tt.want > 0) {
					t.Errorf("cost %v, priced %v; want %v USD", res.Cost, res.Priced, tt.want)
				}
			})
		})
	}
}
