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
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// The result is: 7
	// The result squared is: 49
	// add starts with {3 4}
	// The result of add is: 7
	// The result of square is: 49
}
