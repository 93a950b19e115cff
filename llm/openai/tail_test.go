package openai_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// serveTail answers with body, waits until the client has read it, and goes on
// with tail.
func serveTail(t *testing.T, body []byte, tail string) (url string, read func()) {
	t.Helper()
	more := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write(body)
		w.(http.Flusher).Flush()
		select {
		case <-more:
			_, _ = io.WriteString(w, tail)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() { close(more) }
}

// errorTypes notes how runs end.
func errorTypes(types *[]string) callback.Handler {
	return ends(func(_ context.Context, _ *callback.Info, res *callback.Result) {
		*types = append(*types, callback.ErrorType(res.Err))
	})
}

// TestStreamTail: a client reads a stream up to its end although the answer, and
// with it the run, has ended before, under a budget too.
func TestStreamTail(t *testing.T) {
	whole := sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]")
	broken := sse(delta(`{"content":"Pink"}`, ""), "{", delta(`{}`, "stop"), "[DONE]")
	for _, tc := range []struct {
		name, path, body string
		stream           []byte
		typ              string
	}{
		{"chat", "/v1/chat/completions", `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}`, whole, ""},
		{"response", "/v1/responses", `{"model":"gpt-5-mini","stream":true,"input":"roses?"}`, pinkEvents, ""},
		{"what a client may pass over", "/v1/chat/completions", `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}`, broken, "malformed_response"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, read := serveTail(t, tc.stream, ": bye\n\n")
			var types []string
			ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Tokens: 10000})
			ctx = callback.WithHandlers(ctx, errorTypes(&types))
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			base := &http.Transport{}
			t.Cleanup(base.CloseIdleConnections)
			var sent context.Context
			resp, err := (&http.Client{Transport: callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
				sent = r.Context()
				return base.RoundTrip(r)
			}))}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			head := make([]byte, len(tc.stream))
			if _, err := io.ReadFull(resp.Body, head); err != nil || string(head) != string(tc.stream) {
				t.Fatalf("read %q, %v", head, err)
			}
			read()
			tail, err := io.ReadAll(resp.Body)
			if string(tail) != ": bye\n\n" || err != nil {
				t.Errorf("the rest is %q, %v", tail, err)
			}
			if sent.Err() == nil {
				t.Error("the context of the call goes on")
			}
			if !slices.Equal(types, []string{tc.typ}) {
				t.Errorf("runs ended with %q, want %q", types, tc.typ)
			}
		})
	}
}

// TestWrapTail: so does go-openai, whichever way its client is announced.
func TestWrapTail(t *testing.T) {
	for _, tc := range []struct {
		name          string
		wrap, through bool
	}{
		{"Wrap", true, false},
		{"WrapConfig", false, true},
		{"both", true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, read := serveTail(t, pinkEvents, ": bye\n\n")
			base := &http.Transport{}
			t.Cleanup(base.CloseIdleConnections)
			cfg := openai.DefaultConfig("k")
			cfg.BaseURL, cfg.HTTPClient = url+"/v1", &http.Client{Transport: base}
			if tc.through {
				callopenai.WrapConfig(&cfg)
			}
			var types []string
			ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Tokens: 10000})
			ctx = callback.WithHandlers(ctx, errorTypes(&types))
			bare := openai.NewClientWithConfig(cfg)
			req := openai.CreateResponseRequest{Model: "gpt-5-mini", Input: "roses?"}
			var stream typedStream[openai.ResponseStreamEvent]
			var err error
			if tc.wrap {
				stream, err = callopenai.Wrap(bare, callopenai.WithProvider("openai")).CreateResponseStream(ctx, req)
			} else {
				stream, err = bare.CreateResponseStream(ctx, req)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			for i := range 3 {
				if _, err := stream.Recv(); err != nil {
					t.Fatalf("event %d: %v", i, err)
				}
			}
			read()
			for range 2 {
				if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
					t.Errorf("the end is %v", err)
				}
			}
			if !slices.Equal(types, []string{""}) {
				t.Errorf("runs ended with %q", types)
			}
		})
	}
}
