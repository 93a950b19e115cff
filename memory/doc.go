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
package memory
