// Package openai connects github.com/sashabaranov/go-openai, and every API that
// speaks OpenAI's dialect, with callspan. As files that use both hold two
// packages of this name, import this one as callopenai:
//
//	model := callopenai.New(openai.DefaultConfig(key), callopenai.Options{
//		Model:    "gpt-4o-mini",
//		Handlers: []callback.Handler{callback.Print(os.Stdout)},
//	})
//	for chunk, err := range model.Chat(ctx, &llm.Request{Messages: messages, Stream: true}) {
//		...
//	}
//
// [New] makes chat models, [NewCompletion] text completion models of the same
// type, and [NewEmbedder] what turns texts into vectors.
//
// Requests are sent and streams are read by go-openai's own client. Each frame
// is decoded once, here, into a superset of what go-openai keeps: content as
// text or as array, reasoning under its several names, service tier, cache and
// prediction tokens, cost where the provider tells it.
package openai
