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
	// + chain florist
	//   + prompt question
	//   - prompt question: 0 tokens seen, error: <nil>
	// prompt: Which flowers suit a birthday?
	//   + llm gpt-4o-mini
	// token: ""
	// token: "Pink"
	// token: " roses"
	// token: "."
	// token: ""
	// token: ""
	//   - llm gpt-4o-mini: 3 tokens seen, error: <nil>
	// - chain florist: 0 tokens seen, error: <nil>
}
