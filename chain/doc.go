// Package chain puts calls together: steps of a program that appear as runs,
// prompts that a model answers, what is composed of these, and a conversation
// that remembers.
//
//	verse := &chain.LLM[string]{
//		Name:   "verse",
//		Prompt: prompt.Must(prompt.New[string]("Write a verse about {flower}.")),
//		Model:  &chain.RetryModel{Model: model},
//	}
//	card := chain.Pipe("card", verse, layout)     // what layout takes is what verse gives
//	page, err := card.Run(ctx, "roses")
//	for chunk, err := range verse.Stream(ctx, "lilies") { ... }
//
// What a step takes and gives is in its type. Whatever is composed is a [Runner]
// itself, and a [Streamer] where it gives text; so any of it can be a part of
// any other. Parts of one type are fields of a struct whose zero value has
// sensible settings; parts of different types are arguments of a function
// ([Pipe], [Gather]).
//
// Each of these is a run, with the runs of its parts below it. Handlers in its
// field Handlers see that run alone, LangChain's constructor callbacks, and its
// Tags are on that run alone; those of the context are for everything below.
// Where nobody listens nothing is described, and a step costs what a function
// call does.
//
// # Errors
//
// An error that means that a runner is not complete, or was given nothing, names
// the runner and its field; callback.ErrorType says "invalid_request". Other
// errors are those of the part that failed, which errors.Is and errors.As find.
// A panic of a part is a panic of the caller, from whatever goroutine.
//
// # From LangChain
//
//	LLMChain, prompt | model              LLM
//	SequentialChain, a | b | c            Pipe, Pipe3, Pipe4
//	RunnableLambda, @chain                Step, or Func without a run
//	RunnableParallel, {"a": a, "b": b}    Gather and Into, with a struct for the map
//	  of one type                         Parallel
//	RunnableBranch                        Branch
//	RouterChain, MultiPromptChain         Router
//	with_retry                            Retry; RetryModel for a model
//	with_fallbacks                        Fallback; FallbackModel for a model
//	batch, max_concurrency                Batch, Batch.Limit
//	  return_exceptions                   Batch.All
//	with_structured_output                Structured
//	  OutputFixingParser                  part of it: one repair
//	ConversationChain                     Conversation
//	invoke, stream                        Run, Stream
//	config["callbacks"]                   callback.WithHandlers
//	callbacks of a constructor            the field Handlers
//	on_text, "Prompt after formatting"    callback.EventText of an LLM
//
// Unlike there, a memory is loaded inside the run, so that what that costs is
// seen; failed tries are counted; a retry does not wait beyond the deadline and
// does not repeat what cannot succeed; and a stream is tried again, or falls
// back, only while nothing of it has been handed out.
package chain
