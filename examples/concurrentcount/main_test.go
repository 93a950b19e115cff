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
	// 第 1 个协程: 1 call, 15 tokens in, 18 out, $0.00001305
	// 第 2 个协程: 1 call, 15 tokens in, 18 out, $0.00001305
	// 第 3 个协程: 1 call, 15 tokens in, 18 out, $0.00001305
	// 三个协程合计: 3 calls, 45 tokens in, 54 out, $0.00003915
}
