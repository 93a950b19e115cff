// Package callback tells handlers what happens in a program that calls
// language models: every chain, model, tool, retriever and memory call is a
// run, which starts, may bring tokens and events, and ends exactly once with
// its outcome, usage and cost.
//
//	ctx = callback.WithHandlers(ctx, tracer)       // for everything below ctx
//	ctx, count := callback.WithCount(ctx)          // tokens and money below ctx
//	model := callback.Model(myModel, myHandler)    // for the calls of one model
//
//	for chunk, err := range model.Chat(ctx, req) { ... }
//	fmt.Println(count.Total().Usage.Total(), count.Total().Cost)
//
// As in LangChain, handlers given with a request are inherited by everything
// that the request calls, and handlers given to a component see that component
// alone. Unlike there, a handler's Start returns the context of the run's
// children and an object for the rest of the run, so that spans nest by
// themselves and a token costs one method call and no look-up; and a counter
// counts failed, stopped and nested calls too.
//
// # Which one
//
//	who is told          Handler, a type of one's own; Funcs, functions by event
//	ready handlers       Print, Log, NewFile; NewAsync around a slow one
//	for a request        WithHandlers; Middleware for all requests of a server
//	a function           Do
//	a model              Model; Embedder for one that embeds
//	a sequence           Stream
//	a stream with Recv   Open
//	by hand              Start, Group
//	inside a run         Emit
//	what it costs        WithCount; WithBudget to bound it
//	who it is for        WithTags, WithMetadata, WithUser, WithSession
//	to look on           Events as a sequence; Explain, who would be told
package callback
