// Package llm is the vocabulary of a language-model call: what is asked, what
// streams back, what was used, and the one-method [Model] that everything else
// builds on. It depends on the standard library alone.
//
//	for chunk, err := range model.Chat(ctx, &llm.Request{
//		Model:    "gpt-4o-mini",
//		Messages: []llm.Message{llm.System("You sell flowers."), llm.User("Roses, please.")},
//		Stream:   true,
//	}) {
//		if err != nil {
//			return err
//		}
//		fmt.Print(chunk.Text)
//	}
//
// Where LangChain returns a message and hands tokens to callbacks, a call here
// is a sequence of chunks, so that streaming is the one form of every call.
// [Collect] gives the message for those who want only that.
package llm
