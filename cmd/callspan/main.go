// Command callspan shows and checks what language-model calls do and cost.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], std()))
}
