package callback

import (
	"net/http"
	"slices"
)

// Middleware returns what puts hs into the context of every request that a
// server handles, so that all runs below are told to them. With OpenTelemetry's
// own middleware, which opens the server's span and reads the traceparent and
// the baggage that came, a model's span is below the server's:
//
//	tracer := tracing.New(tracing.WithTracerProvider(tp))
//	handler := otelhttp.NewHandler(callback.Middleware(tracer)(mux), "shop")
//
// It may as well stand outside of that, since it opens no span and starts no
// run. A run that the handler leaves open, such as a stream that it does not
// close, ends with the request's context.
func Middleware(hs ...Handler) func(http.Handler) http.Handler {
	hs = slices.Clone(hs)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			in := r.WithContext(WithHandlers(r.Context(), hs...))
			defer returnNotes(r, in)
			next.ServeHTTP(w, in)
		})
	}
}

// returnNotes gives r what a handler wrote on in, its copy, for those who look
// at r afterwards: a server's span and metrics are named after the pattern by
// which a ServeMux chose, and net/http removes the files of the form.
func returnNotes(r, in *http.Request) {
	if r.Pattern != in.Pattern {
		r.Pattern = in.Pattern
	}
	if r.MultipartForm != in.MultipartForm {
		r.MultipartForm = in.MultipartForm
	}
}
