// Package price turns the tokens of a call into money: exactly, with the price
// of the day of the call, or not at all.
//
//	cost, ok := price.Default().Cost(price.Query{
//		Provider: "openai",
//		Model:    "gpt-4o-mini-2024-07-18",
//		Usage:    llm.Usage{Input: 1200, Output: 300, CacheRead: 1024},
//		At:       call.Start,
//	})
//	if ok {
//		fmt.Println(cost.Total.Human()) // $0.0002832
//	}
//
// LangChain's counter charges an unknown model nothing, bills the output of o1
// at the price of its input and knows neither dates nor service tiers. Here what
// is not known is not priced, and a book of your own, see [Parse] and
// [Book.With], adds negotiated prices and models on machines of your own.
//
// The prices are facts from the npm package @pydantic/genai-prices, in
// data/genai-prices.txt, under corrections of our own in data/callspan.txt, each
// with source and date.
package price

//go:generate node gen/prices.mjs
