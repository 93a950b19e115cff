// Package memory holds what a conversation carries from one turn to the next.
//
//	var m memory.Buffer
//	memory.Save(ctx, &m, llm.User("My sister has her birthday."), llm.Assistant("Congratulations!"))
//	history, err := memory.Load(ctx, &m, llm.User("Which flowers suit her?"))
//
// [Load], [Save] and [Clear] announce each use of a memory as a run, so that a
// trace shows what a memory does and what it costs. In LangChain, the model
// calls that a memory makes are hidden from the conversation's callbacks; here
// they are runs below the memory's.
//
// # Kinds
//
//	            keeps                                   LangChain's name
//	Buffer         everything                           ConversationBufferMemory
//	Window         the last few turns                   ConversationBufferWindowMemory
//	TokenWindow    the last turns that fit              ConversationTokenBufferMemory
//	Summary        a summary that a model writes        ConversationSummaryMemory
//	SummaryBuffer  a summary and the last turns         ConversationSummaryBufferMemory
//
// A limit that is 0 is the default one, and one below 0 an error of Load and Save.
//
// What is forgotten is forgotten in whole turns. A turn is a message of the user
// and what follows it up to the next one, so no answer stays without its
// question. What a summary costs is on the run of the call, which is below the
// run of the save that needed it.
package memory
