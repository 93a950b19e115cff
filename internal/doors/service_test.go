package doors_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	callerTrace = "0af7651916cd43dd8448eb211c80319c"
	callerSpan  = "b7ad6b7169203331"
)

func says(text string) func(context.Context, *standin.Request) (standin.Reply, error) {
	return func(context.Context, *standin.Request) (standin.Reply, error) { return standin.Text(text), nil }
}

// scripted is a model that answers as the scenario of this name says, or as
// usual.
func scripted(t *testing.T, name string) *standin.API {
	t.Helper()
	api := &standin.API{Reply: says("Three pink roses")}
	if name != "" {
		s, err := standin.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		api.Script = s.Script
	}
	return api
}

// TestSnippet: the service under test is made as the documentation says.
func TestSnippet(t *testing.T) {
	doc, err := os.ReadFile("../../callback/middleware.go")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := os.ReadFile("shop_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var snippet strings.Builder
	for line := range strings.Lines(string(doc)) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			snippet.WriteString("\t" + code)
		}
	}
	if snippet.Len() == 0 || !strings.Contains(string(shop), snippet.String()) {
		t.Errorf("shop_test.go does not run what the documentation of Middleware shows:\n%s", snippet.String())
	}
}

// TestService: the model's span is below the server's, in the trace that the
// caller is in, on behalf of those whom the caller names.
func TestService(t *testing.T) {
	ann := from(callerTrace, callerSpan, "01", "s-1", "Zo%C3%AB")
	const alone = `
- POST /ask/{form} (server)
    http.response.status_code = 200
  - chat gpt-4o-mini (client)
      gen_ai.usage.input_tokens = 8
      gen_ai.usage.output_tokens = 3
`
	const called = `
- POST /ask/{form} (server) (its parent is not here)
    http.response.status_code = 200
  - chat gpt-4o-mini (client)
      gen_ai.usage.input_tokens = 8
      gen_ai.usage.output_tokens = 3
      session.id = "s-1"
      user.id = "Zoë"
`
	const refused = `
- POST /ask/{form} (server) error
    http.response.status_code = 502
  - chat gpt-4o-mini (client) error
      error.type = "content_filter"
`
	text := &standin.API{Reply: says("Three pink roses")}
	filter := &standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Reply{}, &standin.Failure{Status: 400, Type: "invalid_request_error", Code: "content_filter", Message: "not in this shop"}
	}}
	for _, tc := range []struct {
		name   string
		path   string
		api    http.Handler
		header http.Header
		spans  int
		tree   string
	}{
		{"whole", "/ask/whole", text, nil, 2, alone},
		{"stream", "/ask/stream", text, nil, 2, alone},
		{"whole in a trace", "/ask/whole", text, ann, 2, called},
		{"stream in a trace", "/ask/stream", text, ann, 2, called},
		{"in a trace that is not sampled", "/ask/whole", text, from(callerTrace, callerSpan, "00", "s-1", "u-1"), 0, "\n"},
		{"refused", "/ask/whole", filter, nil, 2, refused},
		{"stream refused", "/ask/stream", filter, nil, 2, refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, set setUp) {
				set.api = tc.api
				s := open(t, set)
				body, err := s.post(t.Context(), tc.path, "roses?", tc.header)
				if err != nil || tc.tree != refused && body != "Three pink roses" {
					t.Errorf("the caller got %q, %v", body, err)
				}
				spans := s.spans(t, tc.spans)
				if got := tree(spans); got != tc.tree {
					t.Errorf("spans%s\nwant%s", got, tc.tree)
				}
				if tc.tree == called {
					if p := spans[0].Parent(); p.TraceID().String() != callerTrace || p.SpanID().String() != callerSpan || !p.IsRemote() {
						t.Errorf("the server's span is below %s %s", p.TraceID(), p.SpanID())
					}
				}
			})
		})
	}
}

// TestServiceConcurrentSafe: requests at the same time keep their traces, their
// users and their answers apart.
func TestServiceConcurrentSafe(t *testing.T) {
	eachShop(t, func(t *testing.T, set setUp) {
		set.api = new(standin.API) // which repeats the question
		s := open(t, set)
		const requests = 40
		traceOf := func(i int) string { return fmt.Sprintf("%032x", i+1) }
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				path := []string{"/ask/whole", "/ask/stream"}[i%2]
				body, err := s.post(t.Context(), path, fmt.Sprintf("flower %d?", i),
					from(traceOf(i), callerSpan, "01", fmt.Sprintf("s-%d", i), fmt.Sprintf("u-%d", i)))
				if want := fmt.Sprintf("You said: flower %d?", i); body != want || err != nil {
					t.Errorf("request %d got %q, %v", i, body, err)
				}
			})
		}
		wg.Wait()
		byTrace := map[string][]sdktrace.ReadOnlySpan{}
		for _, span := range s.spans(t, 2*requests) {
			id := span.SpanContext().TraceID().String()
			byTrace[id] = append(byTrace[id], span)
		}
		for i := range requests {
			want := fmt.Sprintf(`
- POST /ask/{form} (server) (its parent is not here)
    http.response.status_code = 200
  - chat gpt-4o-mini (client)
      gen_ai.usage.input_tokens = 9
      gen_ai.usage.output_tokens = 4
      session.id = "s-%d"
      user.id = "u-%d"
`, i, i)
			if got := tree(byTrace[traceOf(i)]); got != want {
				t.Errorf("request %d has%swant%s", i, got, want)
			}
		}
	})
}

// TestServiceCancel: a caller that gives up ends the model's span as cancelled.
func TestServiceCancel(t *testing.T) {
	for _, tc := range []struct {
		name     string
		path     string
		scenario string
		sees     string // before it gives up
		tree     string
	}{
		{"while the model thinks", "/ask/whole", "silent", "", `
- POST /ask/{form} (server) error
    http.response.status_code = 502
  - chat gpt-4o-mini (client) error
      error.type = "canceled"
`},
		{"within a stream", "/ask/stream", "stall", "Three pink roses", `
- POST /ask/{form} (server)
    http.response.status_code = 200
  - chat gpt-4o-mini (client) error
      error.type = "canceled"
      gen_ai.usage.input_tokens = 10
      gen_ai.usage.output_tokens = 3
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, set setUp) {
				asked := make(chan struct{}, 1)
				api := scripted(t, tc.scenario)
				set.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked <- struct{}{}
					api.ServeHTTP(w, r)
				})
				s := open(t, set)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				if tc.sees == "" {
					go func() { _, err := s.post(ctx, tc.path, "roses?", nil); done <- err }()
					<-asked
				} else {
					answer := s.stream(t, ctx, tc.path)
					if got := read(t, answer, len(tc.sees)); got != tc.sees {
						t.Errorf("the caller got %q", got)
					}
					go func() { _, err := io.ReadAll(answer); done <- err }()
				}
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("the caller sees %v", err)
				}
				if got := tree(s.spans(t, 2)); got != tc.tree {
					t.Errorf("spans%s\nwant%s", got, tc.tree)
				}
			})
		})
	}
}

// TestServiceLeaves: a handler that closes the stream because its caller has
// given up ends the model's span as cancelled, not as stopped.
func TestServiceLeaves(t *testing.T) {
	eachShop(t, func(t *testing.T, set setUp) {
		set.api = scripted(t, "stall")
		asked := make(chan struct{})
		set.own = func(ctx context.Context, m model) {
			recv, done, err := m.stream(ctx, "roses?")
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			for range 4 { // the role and all three words
				recv()
			}
			close(asked)
			<-ctx.Done()
		}
		s := open(t, set)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { <-asked; cancel() }()
		if _, err := s.post(ctx, "/own", "", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("the caller sees %v", err)
		}
		const want = `
- POST /own (server)
    http.response.status_code = 200
  - chat gpt-4o-mini (client) error
      error.type = "canceled"
      gen_ai.usage.input_tokens = 10
      gen_ai.usage.output_tokens = 3
`
		if got := tree(s.spans(t, 2)); got != want {
			t.Errorf("spans%s\nwant%s", got, want)
		}
	})
}

// stream begins a request and returns the body of its answer.
func (s *shop) stream(t *testing.T, ctx context.Context, path string) io.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader("roses?"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewReader(resp.Body)
}

func read(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestServiceStream: a piece of an answer reaches the caller before the model
// says the next, by an http.Flusher and by an http.ResponseController, over
// HTTP/1 and HTTP/2.
func TestServiceStream(t *testing.T) {
	pieces := []string{"Three", " pink", " roses"}
	for _, by := range []string{"flusher", "controller"} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/HTTP2=%t", by, http2), func(t *testing.T) {
				eachShop(t, func(t *testing.T, set setUp) {
					next := make(chan struct{}, 1)
					set.http2 = http2
					set.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						io.Copy(io.Discard, r.Body)
						w.Header().Set("Content-Type", "text/event-stream")
						for _, p := range pieces {
							fmt.Fprintf(w, "data: {\"id\":\"1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", p)
							w.(http.Flusher).Flush()
							select {
							case <-next:
							case <-r.Context().Done():
								return
							}
						}
						io.WriteString(w, "data: {\"id\":\"1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"+
							"\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n")
					})
					s := open(t, set)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					answer := s.stream(t, ctx, "/ask/stream?by="+by)
					for _, p := range pieces {
						if got := read(t, answer, len(p)); got != p {
							t.Errorf("the caller got %q, want %q", got, p)
						}
						next <- struct{}{}
					}
					if rest, err := io.ReadAll(answer); len(rest) != 0 || err != nil {
						t.Errorf("the answer ends with %q, %v", rest, err)
					}
					const want = `
- POST /ask/{form} (server)
    http.response.status_code = 200
  - chat gpt-4o-mini (client)
      gen_ai.usage.input_tokens = 8
      gen_ai.usage.output_tokens = 3
`
					if got := tree(s.spans(t, 2)); got != want {
						t.Errorf("spans%s\nwant%s", got, want)
					}
				})
			})
		}
	}
}

// TestServicePanic: a handler that panics ends its runs, and net/http gets the
// panic as it was. otelhttp names its span after the pattern only if the handler
// returns.
func TestServicePanic(t *testing.T) {
	wilted := errors.New("the roses have wilted")
	for _, tc := range []struct {
		name     string
		scenario string
		handle   func(ctx context.Context, m model)
		spans    int
		tree     string
	}{
		{"after an answer", "", func(ctx context.Context, m model) {
			m.whole(ctx, "roses?")
			panic(wilted)
		}, 2, `
- POST (server)
  - chat gpt-4o-mini (client)
      gen_ai.usage.input_tokens = 8
      gen_ai.usage.output_tokens = 3
`},
		{"with a stream that it closes", "stall", func(ctx context.Context, m model) {
			recv, done, _ := m.stream(ctx, "roses?")
			defer done()
			for range 4 { // the role and all three words
				recv()
			}
			panic(wilted)
		}, 2, `
- POST (server)
  - chat gpt-4o-mini (client)
      callspan.stopped = true
      gen_ai.usage.input_tokens = 10
      gen_ai.usage.output_tokens = 3
`},
		{"with a stream that it leaves open", "stall", func(ctx context.Context, m model) {
			recv, _, _ := m.stream(ctx, "roses?")
			for range 4 { // the role and all three words
				recv()
			}
			panic(wilted)
		}, 2, `
- POST (server)
  - chat gpt-4o-mini (client) error
      error.type = "canceled"
      gen_ai.usage.input_tokens = 10
      gen_ai.usage.output_tokens = 3
`},
		{"in a run", "", func(ctx context.Context, m model) {
			ctx, order := callback.Group(ctx, "order")
			defer order.Close(nil)
			m.whole(ctx, "roses?")
			panic(wilted)
		}, 3, `
- POST (server)
  - invoke_workflow order (internal) error
      error.type = "panic"
    - chat gpt-4o-mini (client)
        gen_ai.usage.input_tokens = 8
        gen_ai.usage.output_tokens = 3
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, set setUp) {
				set.api, set.own = scripted(t, tc.scenario), tc.handle
				s := open(t, set)
				if body, err := s.post(t.Context(), "/own", "", nil); !errors.Is(err, io.EOF) {
					t.Errorf("the caller got %q, %v", body, err)
				}
				if p := <-s.panicked; p != wilted {
					t.Errorf("net/http got the panic %v", p)
				}
				if got := tree(s.spans(t, tc.spans)); got != tc.tree {
					t.Errorf("spans%s\nwant%s", got, tc.tree)
				}
			})
		})
	}
}

// TestServiceLimits: under the SDK's usual limits nothing of a long answer is
// dropped.
func TestServiceLimits(t *testing.T) {
	const chunks = 1000
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			text := strings.TrimSpace(strings.Repeat("rose ", chunks))
			s := open(t, setUp{door: d, api: &standin.API{Reply: says(text)}})
			if body, err := s.post(t.Context(), "/ask/stream", "roses?", nil); body != text || err != nil {
				t.Errorf("the caller got %d bytes of %d, %v", len(body), len(text), err)
			}
			for _, span := range s.spans(t, 2) {
				if span.DroppedAttributes()+span.DroppedEvents()+span.DroppedLinks() > 0 {
					t.Errorf("%s lost %d attributes, %d events", span.Name(), span.DroppedAttributes(), span.DroppedEvents())
				}
				if span.SpanKind() != trace.SpanKindClient {
					continue
				}
				times := 0
				for _, e := range span.Events() {
					for _, kv := range e.Attributes {
						if kv.Key == "callspan.token.offsets_us" {
							times += len(kv.Value.AsInt64Slice())
						}
					}
				}
				if times != chunks {
					t.Errorf("%d events tell the times of %d chunks, want %d", len(span.Events()), times, chunks)
				}
			}
		})
	}
}
