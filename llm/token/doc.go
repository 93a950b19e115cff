// Package token counts tokens without asking anybody: those of a text, and
// those of a chat call as OpenAI bills it, split by where they come from.
//
//	token.Preload("gpt-4o") // in the background, while the program starts
//
//	enc, err := token.ForModel("gpt-4o")
//	if err != nil {
//		return err
//	}
//	fmt.Println(enc.Count("What is the capital of France?")) // 7
//
//	usage, _ := token.Meter{}.Estimate(req, resp)
//	makeup, _ := token.Meter{}.Split(req)
//	fmt.Println(usage.Input, makeup[llm.SourceHistory])
//
// Vocabularies come with the module github.com/pkoukk/tiktoken-go-loader and
// are never fetched. Each is prepared once per process, in about 90 ms for the
// largest, and then takes about 5 MB.
//
// Tokens are those of github.com/pkoukk/tiktoken-go, but the time is linear in
// the length of any text. A library that splits with a backtracking regular
// expression, or looks at all pairs of a word before each merge, takes seconds
// for 100 kB of one letter, so that whoever can send a prompt can stall the
// program that counts it.
//
// LangChain counts the texts of messages, or relies on the provider alone. A
// [Meter] counts what surrounds them too: roles, tools as the model reads them,
// the history of tool calls, the schema of the answer.
package token
