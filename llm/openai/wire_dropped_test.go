package openai_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
)

// TestDroppedHTTP2: a response that is dropped ends its run over HTTP/2 too,
// whose transport holds on to the response.
func TestDroppedHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write(sse(delta(`{"content":"Pink"}`, "")))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	base := server.Client().Transport
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	over := &callback.Funcs{OnLLMError: func(context.Context, *callback.Info, *callback.Result) { close(ended) }}
	func() {
		req, _ := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/chat/completions", strings.NewReader(ask))
		resp, err := callopenai.NewTransport(base, over).RoundTrip(req)
		if err != nil || resp.ProtoMajor != 2 {
			t.Fatal(resp, err)
		}
		io.ReadFull(resp.Body, make([]byte, 20))
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-ended:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Error("the run does not end")
}

// TestCloseAsideOfWhole: whoever closes from another goroutine while the reader
// waits for more than the whole answer that has come does not break off.
func TestCloseAsideOfWhole(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop")))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	rec := new(seen)
	resp := post(t, client(t, rec), server.URL+"/v1/chat/completions", ask)
	whole := make(chan struct{})
	told := false
	go func() {
		<-whole
		time.Sleep(5 * time.Millisecond) // the next read waits by then, as a rule
		resp.Body.Close()
	}()
	var got []byte
	for piece := make([]byte, 1<<10); ; {
		n, err := resp.Body.Read(piece)
		if err != nil {
			break
		}
		if got = append(got, piece[:n]...); !told && strings.HasSuffix(string(got), "\n\n") && strings.Contains(string(got), `"stop"`) {
			close(whole)
			told = true
		}
	}
	rec.check(t, `llm openai gpt-4o-mini 10/1 estimated "Pink"`)
}
