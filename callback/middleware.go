package callback

import "net/http"

// Middleware returns what puts hs into the context of every request that a
// server handles, so that all runs below are told to them. It stands inside of
// what opens the server's spans, so that the runs are below those:
//
//	handler = otelhttp.NewHandler(callback.Middleware(tracer)(mux), "shop")
func Middleware(hs ...Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(WithHandlers(r.Context(), hs...)))
		})
	}
}
