package callbacktest_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/callback/callbacktest"
)

// A handler that does not derive its context loses what the program has put
// there. In a test of your own, call callbacktest.Test.
func ExampleCheck() {
	err := callbacktest.Check(func() callback.Handler { return &forgetful{} })
	first, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Println(first)
	// Output: runs of every kind: Start returns a context that has lost the values of the one it was given: derive it from that one
}

type forgetful struct{}

func (*forgetful) Start(context.Context, *callback.Info) (context.Context, callback.Run) {
	return context.Background(), nil
}
