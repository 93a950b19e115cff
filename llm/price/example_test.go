package price_test

import (
	"fmt"
	"log"
	"time"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

func ExampleBook_Cost() {
	cost, ok := price.Default().Cost(price.Query{
		Provider: "openai",
		Model:    "gpt-4o-mini-2024-07-18",
		Usage:    llm.Usage{Input: 1200, Output: 300, CacheRead: 1024},
		At:       time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	})
	fmt.Println(cost.Total.Human(), ok)
	fmt.Println(cost.Input, cost.CacheRead, cost.Output)
	fmt.Println(cost.Entry)
	// Output:
	// $0.0002832 true
	// 0.0000264 0.0000768 0.00018
	// openai/gpt-4o-mini
}

// The price is the one of the day of the call, not of today.
func ExampleBook_Cost_date() {
	q := price.Query{Provider: "openai", Model: "o3", Usage: llm.Usage{Input: 1_000_000, Output: 100_000}}
	for _, day := range []int{9, 11} {
		q.At = time.Date(2025, 6, day, 0, 0, 0, 0, time.UTC)
		cost, _ := price.Default().Cost(q)
		fmt.Println(q.At.Format(time.DateOnly), cost.Total.Human())
	}
	// Output:
	// 2025-06-09 $14.00
	// 2025-06-11 $2.80
}

// What is not known is not priced; it is not free.
func ExampleBook_Cost_unknown() {
	_, ok := price.Default().Cost(price.Query{Provider: "openai", Model: "our-secret-model"})
	fmt.Println(ok)
	// Output: false
}

func ExampleBook_With() {
	ours, err := price.Parse([]byte(`
book: our prices
date: 2026-11-21

[openai]
gpt-4o = gpt-4o-2024-*
 from=2026-06-01 in=2 read=1 out=8
[ollama]
any *
 in=0 out=0
`))
	if err != nil {
		log.Fatal(err)
	}
	book := price.Default().With(ours)
	q := price.Query{Provider: "openai", Model: "gpt-4o", Usage: llm.Usage{Input: 1_000_000}}
	for _, month := range []time.Month{time.May, time.June} {
		q.At = time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)
		cost, _ := book.Cost(q)
		fmt.Println(month, cost.Total.Human())
	}
	q.Provider, q.Model = "ollama", "llama3.2:3b"
	cost, ok := book.Cost(q)
	fmt.Println(cost.Entry, cost.Total.Human(), ok)
	// Output:
	// May $2.50
	// June $2.00
	// ollama/any $0 true
}

func ExampleParseUSD() {
	m, err := price.ParseUSD("0.00012")
	fmt.Println(int64(m), m, m.Human(), err)
	_, err = price.ParseUSD("12 cents")
	fmt.Println(err)
	// Output:
	// 120000000 0.00012 $0.00012 <nil>
	// parse USD "12 cents": not a decimal number
}

func ExampleMoney_Human() {
	for _, text := range []string{"0", "0.000123456", "0.01932", "0.5", "1.25", "1234.567"} {
		m, err := price.ParseUSD(text)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Human())
	}
	// Output:
	// $0
	// $0.0001235
	// $0.01932
	// $0.50
	// $1.25
	// $1234.57
}
