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
	// 第 1 轮: 1 call, 78 tokens in, 98 out, $0.00352
	// 第 2 轮: 1 call, 207 tokens in, 106 out, $0.00626
	// 第 3 轮: 1 call, 353 tokens in, 54 out, $0.00814
	//
	// 总计使用的 token 数: 896
	//
	// Tokens Used: 896
	// 	Prompt Tokens: 638
	// 		Prompt Tokens Cached: 0
	// 	Completion Tokens: 258
	// 		Reasoning Tokens: 0
	// Successful Requests: 3
	// Failed Requests: 0
	// Total Cost (USD): $0.01792
}
