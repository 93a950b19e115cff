package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// TestRun: a component's handler sees the component in every request, a
// request's handler everything in that request.
func TestRun(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	var b bytes.Buffer
	if err := run(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	const want = `A request with no handler of its own:
  the chain's handler sees chain florist
  the model's handler sees llm gpt-4o-mini
A request with one:
  the request's handler sees chain florist
  the chain's handler sees chain florist
  the request's handler sees prompt question
  the request's handler sees llm gpt-4o-mini
  the model's handler sees llm gpt-4o-mini
The next request is none of its business:
  the chain's handler sees chain florist
  the model's handler sees llm gpt-4o-mini

`
	rest, ok := strings.CutPrefix(b.String(), want)
	if !ok || strings.Count(rest, "*main.witness: inherited from the context") != 1 || strings.Count(rest, "left out") != 1 {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
