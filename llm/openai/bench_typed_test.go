package openai_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// typedContenders returns the same chat of n tokens through the bare client,
// through a wrapped one to which nobody listens, with a handler that only looks
// at how it ends, and with a span.
func typedContenders(n int, exp *exporter) (bare, handlerless, counted, withSpan func() error) {
	client := openai.NewClientWithConfig(config(inMemory(answer(n))))
	req := openai.ChatCompletionRequest{Model: "gpt-4o-mini", StreamOptions: &openai.StreamOptions{IncludeUsage: true}}
	for _, m := range question.Messages {
		req.Messages = append(req.Messages, openai.ChatCompletionMessage{Role: string(m.Role), Content: m.Text()})
	}
	bare = func() error { return drain(client.CreateChatCompletionStream(context.Background(), req)) }
	c := callopenai.Wrap(client, callopenai.WithProvider("openai"))
	watched := callopenai.Wrap(client, callopenai.WithProvider("openai"), callopenai.WithHandlers(new(results)))
	ctx := traced(exp)
	return bare, func() error { return drain(c.CreateChatCompletionStream(context.Background(), req)) },
		func() error { return drain(watched.CreateChatCompletionStream(context.Background(), req)) },
		func() error { return drain(c.CreateChatCompletionStream(ctx, req)) }
}

// TestTypedAllocations: a wrapped client allocates nothing for a chunk that the
// bare one does not.
func TestTypedAllocations(t *testing.T) {
	allocs := allocations(t)
	for _, n := range []int{1, 100, 1000} {
		bare, handlerless, counted, withSpan := typedContenders(n, new(exporter))
		base := allocs(bare)
		t.Logf("%d tokens: bare %v, handlerless %v, counted %v, traced %v", n, base, allocs(handlerless), allocs(counted), allocs(withSpan))
		for name, call := range map[string]func() error{"handlerless": handlerless, "counted": counted} {
			if got := allocs(call) - base; got > 60 {
				t.Errorf("%d tokens: %s allocates %v more than bare, want at most 60 whatever the length", n, name, got)
			}
		}
		if got := allocs(withSpan) - base; got > 300 {
			t.Errorf("%d tokens: traced allocates %v more than bare, want at most 300 whatever the length", n, got)
		}
	}
}

// TestTypedToolAllocations: pieces of tool calls and of events of the responses
// API cost no more than they cost go-openai.
func TestTypedToolAllocations(t *testing.T) {
	allocs := allocations(t)
	var frames, events []string
	for range 500 {
		frames = append(frames, delta(`{"tool_calls":[{"index":0,"function":{"arguments":"x"}}]}`, ""))
		events = append(events, `{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink","logprobs":[],"obfuscation":"x"}`)
	}
	for name, pair := range map[string][2]func(*openai.Client, *callopenai.Client) error{
		"tool calls": {
			func(c *openai.Client, _ *callopenai.Client) error {
				s, err := c.CreateChatCompletionStream(context.Background(), chat)
				return drain(s, err)
			},
			func(_ *openai.Client, c *callopenai.Client) error {
				s, err := c.CreateChatCompletionStream(context.Background(), chat)
				return drain(s, err)
			},
		},
		"events": {
			func(c *openai.Client, _ *callopenai.Client) error {
				s, err := c.CreateResponseStream(context.Background(), openai.CreateResponseRequest{Model: "m", Input: "?"})
				return drain(s, err)
			},
			func(_ *openai.Client, c *callopenai.Client) error {
				s, err := c.CreateResponseStream(context.Background(), openai.CreateResponseRequest{Model: "m", Input: "?"})
				return drain(s, err)
			},
		},
	} {
		body := sse(append(frames, "[DONE]")...)
		if name == "events" {
			body = sse(events...)
		}
		client := openai.NewClientWithConfig(config(inMemory(body)))
		ours := callopenai.Wrap(client, callopenai.WithProvider("openai"), callopenai.WithHandlers(new(results)))
		base := allocs(func() error { return pair[0](client, ours) })
		got := allocs(func() error { return pair[1](client, ours) })
		t.Logf("%s: bare %v, ours %v", name, base, got)
		if got > base+100 {
			t.Errorf("%s: %v allocations, bare %v", name, got, base)
		}
	}
}

func drain[T any](s receiver[T], err error) error {
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		if _, err := s.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestTypedRatio measures a wrapped client against the bare one.
func TestTypedRatio(t *testing.T) {
	if !*ratio {
		t.Skip("measures CPU time for about half a minute; run with -ratio")
	}
	bare, handlerless, counted, withSpan := typedContenders(1000, new(exporter))
	cpu := alternate(t, 120, 8, bare, handlerless, counted, withSpan) // the first two differ by a comparison
	t.Logf("RATIO {\"door\":\"typed\",\"tokens\":1000,\"handlerless\":%v,\"counted\":%v,\"traced\":%v}",
		round(cpu.Ratio(1, 0)), round(cpu.Ratio(2, 0)), round(cpu.Ratio(3, 0)))
}

func BenchmarkTyped(b *testing.B) {
	for _, n := range []int{1, 1000} {
		bare, handlerless, counted, withSpan := typedContenders(n, new(exporter))
		for _, c := range []struct {
			name string
			call func() error
		}{{"bare", bare}, {"handlerless", handlerless}, {"counted", counted}, {"traced", withSpan}} {
			b.Run(fmt.Sprintf("%s/tokens=%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.call(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
