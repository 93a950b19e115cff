// Command callspan shows and checks what language-model calls do and cost.
//
//	callspan demo      stream a conversation and show its trace
//	callspan doctor    check the way of a span to its receiver
//	callspan proxy     trace and price the calls of programs in any language
//	callspan bench     measure what the proxy adds to a stream
//	callspan version   print the version
//
// "callspan demo -h" tells the flags of a command. It exits 0 if all went well, 1
// if something failed, 2 if it was used wrongly, and 128 and the number of the
// signal if one interrupted it, such as 130. A signal is how a proxy ends well.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], std()))
}
