package callback_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/callspan/callspan/callback"
)

func ExampleMiddleware() {
	announce := &callback.Funcs{OnChainStart: func(_ context.Context, i *callback.Info) { fmt.Println("started", i.Name) }}
	mux := http.NewServeMux()
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		_, run := callback.Group(r.Context(), "order")
		run.End(nil)
	})
	server := callback.Middleware(announce)(mux)
	server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/order", nil))
	// Output: started order
}
