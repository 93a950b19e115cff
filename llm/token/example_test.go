package token_test

import (
	"fmt"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/token"
)

func ExampleForModel() {
	enc, err := token.ForModel("gpt-4o-mini")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(enc.Name(), enc.Count("What is the capital of France?"))

	_, err = token.ForModel("claude-sonnet-4")
	fmt.Println(err)
	// Output:
	// o200k_base 7
	// token: no encoding known for model "claude-sonnet-4"
}

func ExampleEncoding_AppendTokens() {
	enc, err := token.Get("cl100k_base")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(enc.AppendTokens(nil, "hello world"))
	// Output: [15339 1917]
}

func ExampleEncoding_Lengths() {
	enc, err := token.Get("o200k_base")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, begin := "Tokens don't respect words.", 0
	for n := range enc.Lengths(text) {
		fmt.Printf("%q ", text[begin:begin+n])
		begin += n
	}
	// Output: "Tokens" " don't" " respect" " words" "."
}

func ExampleMeter() {
	req := &llm.Request{
		Model: "gpt-4o",
		Messages: []llm.Message{
			llm.System("Answer user questions succinctly"),
			llm.Assistant("What can I help you with?"),
			llm.User("Who won the World Cup in 2022? Answer in one word."),
		},
	}
	resp := &llm.Response{Choices: []llm.Choice{{Text: "Argentina.", Finish: "stop"}}}

	usage, _ := token.Meter{}.Estimate(req, resp)
	fmt.Println("input:", usage.Input, "output:", usage.Output)

	makeup, _ := token.Meter{}.Split(req)
	for _, source := range llm.Sources() {
		if n := makeup[source]; n > 0 {
			fmt.Println("-", source, n)
		}
	}
	// Output:
	// input: 42 output: 2
	// - system 5
	// - history 7
	// - input 15
	// - overhead 15
}

func ExampleMeter_EstimateEmbed() {
	usage, _ := token.Meter{}.EstimateEmbed(&llm.EmbedRequest{
		Model:  "text-embedding-3-small",
		Inputs: []string{"Argentina won the World Cup in 2022.", "France won the World Cup in 2018."},
	})
	fmt.Println(usage.Input)
	// Output: 20
}
