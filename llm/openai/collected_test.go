package openai_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestEndedIsCollected: of a stream or response that has ended or was closed nothing is
// kept, even if a value of its context leads to it, as a request's own state
// may.
func TestEndedIsCollected(t *testing.T) {
	url, _ := serveBody(t, 200, eventStream, sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
	rec := new(seen)
	cfg := openai.DefaultConfig("sk-test")
	cfg.BaseURL, cfg.HTTPClient = url+"/v1", client(t)
	c := callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithProvider("openai"), callopenai.WithHandlers(rec))
	observed := client(t, rec)
	type stateKey struct{}
	type state struct{ held any }
	for name, use := range map[string]func(context.Context, *state) error{
		"read to the end": func(ctx context.Context, own *state) error {
			s, err := c.CreateChatCompletionStream(ctx, openai.ChatCompletionRequest{Model: "gpt-4o-mini"})
			for own.held = s; err == nil; {
				_, err = s.Recv()
			}
			return err
		},
		"closed": func(ctx context.Context, own *state) error {
			s, err := c.CreateCompletionStream(ctx, openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "roses?"})
			if err != nil {
				return err
			}
			own.held = s
			s.Close()
			return io.EOF
		},
		"a sound": func(ctx context.Context, own *state) error {
			s, err := c.CreateSpeech(ctx, openai.CreateSpeechRequest{Model: openai.TTSModel1, Input: "roses?"})
			if err != nil {
				return err
			}
			own.held = s
			s.Close()
			return io.EOF
		},
		"a response": func(ctx context.Context, own *state) error {
			req, _ := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", strings.NewReader(ask))
			resp, err := observed.Do(req)
			if err != nil {
				return err
			}
			own.held = resp
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			return io.EOF
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept := func() weak.Pointer[state] {
				own := new(state)
				if err := use(context.WithValue(t.Context(), stateKey{}, own), own); err != io.EOF {
					t.Fatal(err)
				}
				return weak.Make(own)
			}()
			for range 200 {
				runtime.GC()
				if kept.Value() == nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
			t.Error("the stream is kept")
		})
	}
}
