package callback_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

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

// TestMiddlewareHandlers: a request has the handlers that Middleware was given
// when it was made, beside those that it had, each once.
func TestMiddlewareHandlers(t *testing.T) {
	inner, outer := &recorder{}, &recorder{}
	given := []callback.Handler{inner, nil, outer}
	inside := callback.Middleware(given...)
	given[0] = nil
	server := callback.Middleware(outer)(inside(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, run := callback.Group(r.Context(), "order")
		run.End(nil)
	})))
	for range 2 {
		server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil))
	}
	want := []string{"start order", "end order ", "start order", "end order "}
	if !slices.Equal(inner.log, want) || !slices.Equal(outer.log, want) {
		t.Errorf("told %q and %q", inner.log, outer.log)
	}
}

// TestMiddlewarePattern: what stands outside sees by which pattern a ServeMux
// inside has chosen, as it does without Middleware, whatever the handler does.
func TestMiddlewarePattern(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /order/{id}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/fails", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, tc := range []struct{ path, pattern string }{
		{"/order/7", "POST /order/{id}"},
		{"/fails", "/fails"},
		{"/nowhere", ""},
	} {
		t.Run(tc.path, func(t *testing.T) {
			see := func(h http.Handler) (pattern string, ctx context.Context, panicked any) {
				r := httptest.NewRequest("POST", tc.path, nil)
				defer func() { pattern, ctx, panicked = r.Pattern, r.Context(), recover() }()
				h.ServeHTTP(httptest.NewRecorder(), r)
				return
			}
			pattern, ctx, panicked := see(callback.Middleware(&recorder{})(mux))
			bare, _, barePanicked := see(mux)
			if pattern != tc.pattern || pattern != bare || panicked != barePanicked {
				t.Errorf("seen %q, panic %v; without Middleware %q, %v", pattern, panicked, bare, barePanicked)
			}
			if callback.Enabled(ctx) {
				t.Error("the handlers are seen outside")
			}
		})
	}
}

// TestMiddlewareForm: the server removes the files of an uploaded form, as it
// does without Middleware.
func TestMiddlewareForm(t *testing.T) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("photo", "rose.jpg")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, "a rose")
	w.Close()

	var name string
	server := httptest.NewServer(callback.Middleware(&recorder{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(0); err != nil {
			t.Error(err)
			return
		}
		f, _, err := r.FormFile("photo")
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if disk, ok := f.(*os.File); ok {
			name = disk.Name()
		}
	})))
	resp, err := server.Client().Post(server.URL, w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	server.Close()
	if name == "" {
		t.Fatal("the form was not written to a file")
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", name, err)
		os.Remove(name)
	}
}
