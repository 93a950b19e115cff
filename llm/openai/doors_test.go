package openai_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/openai/doortest"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
)

// everyDoor is each door of this package for each API that it has.
func everyDoor() map[string]doortest.Door {
	all := map[string]doortest.Door{
		"adapter/chat":       {Open: openModel(callopenai.New, "gpt-4o-mini"), Truth: inLines},
		"adapter/completion": {API: llm.APICompletions, Open: openModel(callopenai.NewCompletion, "gpt-3.5-turbo-instruct"), Truth: inLines},
		"adapter/embeddings": {API: doortest.Embeddings, Open: openEmbedder, Truth: embedderTruth},
	}
	for name, call := range map[string]struct {
		api string
		of  func(caller) doortest.Client
	}{
		"chat": {"", chats}, "completion": {llm.APICompletions, completions}, "responses": {llm.APIResponses, responses}, "embeddings": {doortest.Embeddings, embeddings},
	} {
		const endless = "line without end" // which these read for ever
		all["wire without library/"+name] = doortest.Door{API: call.api, Open: openBare(call.api), Skip: []string{endless}}
		all["typed/"+name] = doortest.Door{API: call.api, Open: openTyped(call.of), Skip: []string{endless}, Truth: truthOfTyped(call.api)}
		all["wire/"+name] = doortest.Door{API: call.api, Open: openWire(call.of), Skip: []string{endless,
			"data in two lines"}} // which go-openai does not understand and leaves
	}
	return all
}

// openBare returns a client of an API that has no library: it hands on the
// response's lines, and leaves nothing of them.
func openBare(api string) func(string, *http.Client, ...callback.Handler) doortest.Client {
	path, ask := "/chat/completions", `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Count!"}]}`
	switch api {
	case llm.APICompletions:
		path, ask = "/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":"Count!"}`
	case llm.APIResponses:
		path, ask = "/responses", `{"model":"gpt-4o-mini","input":"Count!"}`
	case doortest.Embeddings:
		path, ask = "/embeddings", `{"model":"text-embedding-3-small","input":"Count!"}`
	}
	return func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		if len(handlers) > 0 {
			tr := callopenai.NewTransport(c.Transport, handlers...)
			tr.Provider = "openai"
			c = &http.Client{Transport: tr}
		}
		return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
			return func(yield func(doortest.Piece, error) bool) {
				body := ask
				if stream {
					body = strings.Replace(ask, "{", `{"stream":true,"stream_options":{"include_usage":true},`, 1)
				}
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL+path, strings.NewReader(body))
				if err != nil {
					yield(doortest.Piece{}, err)
					return
				}
				resp, err := c.Do(req)
				if err != nil {
					yield(doortest.Piece{}, err)
					return
				}
				defer resp.Body.Close()
				for r := bufio.NewReader(resp.Body); err == nil; {
					var line string
					line, err = r.ReadString('\n')
					if line != "" && !yield(doortest.Piece{Text: textOf(line), View: line}, nil) {
						return
					}
				}
				if err != io.EOF {
					yield(doortest.Piece{}, err)
				}
			}
		}
	}
}

// textOf returns the text that a line of a stream brings.
func textOf(line string) string {
	var f struct {
		Choices []struct {
			Index int
			Text  string
			Delta struct{ Content string }
		}
		Type, Delta string
	}
	data, ok := strings.CutPrefix(line, "data:")
	if !ok || json.Unmarshal([]byte(data), &f) != nil {
		return ""
	}
	text := ""
	if f.Type == "response.output_text.delta" {
		text = f.Delta
	}
	for _, c := range f.Choices {
		if c.Index == 0 {
			text += c.Text + c.Delta.Content
		}
	}
	return text
}

// TestDoors: each door of this package passes the suite that is for everybody's,
// and the spans of its runs keep OpenTelemetry's conventions.
func TestDoors(t *testing.T) {
	for name, d := range everyDoor() {
		t.Run(name, func(t *testing.T) {
			data, file := export(t, func(tracer *tracing.Tracer) int {
				runs := 0
				d.Handlers = []callback.Handler{tracer, started(func(*callback.Info) { runs++ })}
				doortest.Run(t, d)
				return runs
			})
			warned(t, d.API, data, file)
		})
	}
}

// truthOfTyped says what the typed door's run of an API cannot say, because
// go-openai keeps it to itself.
func truthOfTyped(api string) func(string, *doortest.Truth) {
	return func(scenario string, want *doortest.Truth) {
		inLines(scenario, want)
		switch scenario {
		case "open last line": // is dropped
			want.Finish, want.Error = "", "stream_truncated"
		case "error with status 200": // looks like an empty answer
			if api != llm.APIResponses {
				want.Error, want.Message = "empty_response", ""
			}
		case "retry", "overloaded": // errors have no header
			want.Retry = 0
		case "cost", "cost in one piece":
			if want.Finish == "" || scenario != "cost" { // not of a stream
				want.Answer.Cost = ""
			}
		case "tokens of every kind in one piece": // what was written to a cache is known of responses alone
			if api != llm.APIResponses {
				want.Answer.Usage.CacheWrite = 0
			}
		}
	}
}

// inLines says what becomes of an event whose data stand in two lines, each of
// which go-openai takes for an event.
func inLines(scenario string, want *doortest.Truth) {
	if scenario == "data in two lines" {
		*want = doortest.Truth{Text: "Pink", Error: "malformed_response", Usage: "estimated"}
	}
}

// embedderTruth says that an Embedder knows how many vectors are due.
func embedderTruth(scenario string, want *doortest.Truth) {
	if scenario == "no vectors" {
		want.Error = "malformed_response"
	}
}

func openModel(open func(openai.ClientConfig, callopenai.Options) *callopenai.Model, model string) func(string, *http.Client, ...callback.Handler) doortest.Client {
	return func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		m := open(clientConfig(baseURL, c), callopenai.Options{Model: model, Provider: "openai", Handlers: handlers})
		return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
			return func(yield func(doortest.Piece, error) bool) {
				for c, err := range m.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("Count!")}, Stream: stream, StreamUsage: stream}) {
					p := doortest.Piece{View: jsonOf(c)}
					if c.Choice == 0 {
						p.Text = c.Text
					}
					if !yield(p, err) {
						return
					}
				}
			}
		}
	}
}

func openEmbedder(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
	e := callopenai.NewEmbedder(clientConfig(baseURL, c), callopenai.Options{Model: "text-embedding-3-small", Provider: "openai", Handlers: handlers})
	return func(ctx context.Context, _ bool) iter.Seq2[doortest.Piece, error] {
		return once(func() (string, any, error) {
			resp, err := e.Embed(ctx, &llm.EmbedRequest{Inputs: []string{"Count!"}})
			return "", resp, err
		})
	}
}

func openWire(of func(caller) doortest.Client) func(string, *http.Client, ...callback.Handler) doortest.Client {
	return func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		cfg := clientConfig(baseURL, c)
		if len(handlers) > 0 {
			tr := callopenai.NewTransport(c.Transport, handlers...)
			tr.Provider = "openai"
			cfg.HTTPClient = &http.Client{Transport: tr}
		}
		return of(caller{bare: openai.NewClientWithConfig(cfg)})
	}
}

func openTyped(of func(caller) doortest.Client) func(string, *http.Client, ...callback.Handler) doortest.Client {
	return func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		cl := caller{bare: openai.NewClientWithConfig(clientConfig(baseURL, c))}
		if len(handlers) > 0 {
			cl.ours = callopenai.Wrap(cl.bare, callopenai.WithProvider("openai"), callopenai.WithHandlers(handlers...))
		}
		return of(cl)
	}
}

func clientConfig(baseURL string, c *http.Client) openai.ClientConfig {
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.BaseURL, cfg.HTTPClient = baseURL, c
	return cfg
}

// A caller is a client of go-openai's, with ours over it or not.
type caller struct {
	bare *openai.Client
	ours *callopenai.Client
}

func chats(cl caller) doortest.Client {
	return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
		req := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Count!"}}}
		if !stream {
			return once(func() (string, any, error) {
				call := cl.bare.CreateChatCompletion
				if cl.ours != nil {
					call = cl.ours.CreateChatCompletion
				}
				resp, err := call(ctx, req)
				if len(resp.Choices) > 0 {
					return resp.Choices[0].Message.Content, resp, err
				}
				return "", resp, err
			})
		}
		req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		return received(func() (receiver[openai.ChatCompletionStreamResponse], error) {
			if cl.ours != nil {
				return cl.ours.CreateChatCompletionStream(ctx, req)
			}
			return cl.bare.CreateChatCompletionStream(ctx, req)
		}, func(f *openai.ChatCompletionStreamResponse) (text string) {
			for _, c := range f.Choices {
				if c.Index == 0 {
					text += c.Delta.Content
				}
			}
			return text
		})
	}
}

func completions(cl caller) doortest.Client {
	return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
		req := openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "Count!"}
		textOf := func(r *openai.CompletionResponse) (text string) {
			for _, c := range r.Choices {
				if c.Index == 0 {
					text += c.Text
				}
			}
			return text
		}
		if !stream {
			return once(func() (string, any, error) {
				call := cl.bare.CreateCompletion
				if cl.ours != nil {
					call = cl.ours.CreateCompletion
				}
				resp, err := call(ctx, req)
				return textOf(&resp), resp, err
			})
		}
		req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		return received(func() (receiver[openai.CompletionResponse], error) {
			if cl.ours != nil {
				return cl.ours.CreateCompletionStream(ctx, req)
			}
			return cl.bare.CreateCompletionStream(ctx, req)
		}, textOf)
	}
}

func responses(cl caller) doortest.Client {
	return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
		req := openai.CreateResponseRequest{Model: "gpt-4o-mini", Input: "Count!"}
		if !stream {
			return once(func() (string, any, error) {
				call := cl.bare.CreateResponse
				if cl.ours != nil {
					call = cl.ours.CreateResponse
				}
				resp, err := call(ctx, req)
				return "", resp, err
			})
		}
		return received(func() (receiver[openai.ResponseStreamEvent], error) {
			if cl.ours != nil {
				return cl.ours.CreateResponseStream(ctx, req)
			}
			return cl.bare.CreateResponseStream(ctx, req)
		}, func(e *openai.ResponseStreamEvent) string {
			if e.Type == openai.ResponseStreamEventOutputTextDelta {
				return e.Delta
			}
			return ""
		})
	}
}

func embeddings(cl caller) doortest.Client {
	return func(ctx context.Context, _ bool) iter.Seq2[doortest.Piece, error] {
		return once(func() (string, any, error) {
			call := cl.bare.CreateEmbeddings
			if cl.ours != nil {
				call = cl.ours.CreateEmbeddings
			}
			resp, err := call(ctx, openai.EmbeddingRequestStrings{Model: openai.SmallEmbedding3, Input: []string{"Count!"}})
			return "", resp, err
		})
	}
}

// once is a call whose answer comes in one piece.
func once(call func() (text string, resp any, err error)) iter.Seq2[doortest.Piece, error] {
	return func(yield func(doortest.Piece, error) bool) {
		text, resp, err := call()
		if err != nil {
			yield(doortest.Piece{}, err)
			return
		}
		yield(doortest.Piece{Text: text, View: jsonOf(resp)}, nil)
	}
}

// A receiver is a stream of go-openai's or of ours.
type receiver[T any] interface {
	Recv() (T, error)
	Close() error
}

// received is a call whose answer is read by Recv.
func received[T any](open func() (receiver[T], error), text func(*T) string) iter.Seq2[doortest.Piece, error] {
	return func(yield func(doortest.Piece, error) bool) {
		s, err := open()
		if err != nil {
			yield(doortest.Piece{}, err)
			return
		}
		defer s.Close()
		for {
			f, err := s.Recv()
			if errors.Is(err, io.EOF) || !yield(doortest.Piece{Text: text(&f), View: jsonOf(f)}, err) || err != nil {
				return
			}
		}
	}
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(b)
}

// TestStructuredThroughDoors: whichever door a request for a structured answer
// goes through, its handlers are told of the same schema.
func TestStructuredThroughDoors(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	want := llm.Format{Name: "flower", Description: "one", Schema: schema, Strict: true}
	chat := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Which?"}},
		ResponseFormat: &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "flower", Description: "one", Schema: schema, Strict: true}}}
	response := openai.CreateResponseRequest{Model: "gpt-4o-mini", Input: "Which?",
		Text: &openai.ResponseTextConfig{Format: &openai.ResponseTextFormat{Type: "json_schema", Name: "flower", Description: "one", Schema: schema, Strict: true}}}
	for name, call := range map[string]func(cfg openai.ClientConfig, h callback.Handler){
		"adapter": func(cfg openai.ClientConfig, h callback.Handler) {
			m := callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Handlers: []callback.Handler{h}})
			for range m.Chat(t.Context(), &llm.Request{Messages: []llm.Message{llm.User("Which?")}, Format: &want}) {
			}
		},
		"typed/chat": func(cfg openai.ClientConfig, h callback.Handler) {
			callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithProvider("openai"), callopenai.WithHandlers(h)).CreateChatCompletion(t.Context(), chat)
		},
		"typed/responses": func(cfg openai.ClientConfig, h callback.Handler) {
			callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithProvider("openai"), callopenai.WithHandlers(h)).CreateResponse(t.Context(), response)
		},
		"wire/chat": func(cfg openai.ClientConfig, h callback.Handler) {
			callopenai.WrapConfig(&cfg, h)
			openai.NewClientWithConfig(cfg).CreateChatCompletion(t.Context(), chat)
		},
		"wire/responses": func(cfg openai.ClientConfig, h callback.Handler) {
			callopenai.WrapConfig(&cfg, h)
			openai.NewClientWithConfig(cfg).CreateResponse(t.Context(), response)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got *llm.Format
			call(config(&canned{body: []byte(`{}`)}), started(func(i *callback.Info) {
				if r, ok := i.Input.(*llm.Request); ok {
					got = r.Format
				}
			}))
			if got == nil || !reflect.DeepEqual(*got, want) {
				t.Errorf("the handlers are told of %+v", got)
			}
		})
	}
}
