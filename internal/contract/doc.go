// Package contract lists the rules of LangChain's callbacks and memories, C1 to
// C34, each with the test that holds it here or with the reason why it is not
// ported. Its tests are the list.
package contract
