package main

import (
	"context"
	"os"
	"testing"

	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

func Example_run() {
	os.Unsetenv("OPENAI_API_KEY") // the output is the stand-in's
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// chain visit
	//   chain add to care guide
	//     embedding text-embedding-3-small
	//   retriever care guide
	//     embedding text-embedding-3-small
	//   chain advice
	//     prompt care
	//     llm gpt-4o-mini
	//   agent clerk
	//     memory window
	//     llm gpt-4o-mini
	//     tool stock
	//     llm gpt-4o-mini
	//     memory window
	// Cut the stems. There are 12.
}
