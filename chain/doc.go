// Package chain puts calls together: steps of a program that appear as runs,
// and a conversation that remembers.
//
//	talk := &chain.Conversation{Model: model}
//	answer, err := talk.Run(ctx, "My sister's birthday is tomorrow.")
//
// Steps are typed: what a step takes and gives is in its type, not in a map of
// names as in LangChain.
package chain
