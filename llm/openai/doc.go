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
// A program that has a client already keeps it, and one of these announces its
// calls:
//
//	callopenai.WrapConfig(&cfg, tracer)                                     // go-openai, where its configuration is made
//	wrapped := callopenai.Wrap(client, callopenai.WithProvider("openai"))   // a client of go-openai's
//	client := &http.Client{Transport: callopenai.NewTransport(nil, tracer)} // any other library
//
// [WrapConfig] and [NewTransport] see all that is on the wire, [Wrap] what
// go-openai keeps of it, but images, audio and moderations too. One over the
// other makes one run.
//
// Requests are sent and streams are read by go-openai's own client. Each frame
// is decoded once, here, into a superset of what go-openai keeps: content as
// text or as array, reasoning under its several names, service tier, cache and
// prediction tokens, cost where the provider tells it.
package openai
