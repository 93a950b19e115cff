package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestUsageRefused: a server that refuses stream_options refuses those of the
// handlers alone. Its caller gets what it gets without handlers, and the next
// call does not ask.
func TestUsageRefused(t *testing.T) {
	named := []bool{true, false, false, false}
	unnamed := []bool{true, false, true, false, false} // the first may have been by chance
	answers := map[string]struct {
		status int
		body   string
		asked  []bool
	}{
		"openai's form":          {400, `{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error","param":null,"code":null}}`, named},
		"FastAPI's form":         {422, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{}}]}`, named},
		"without a name":         {400, `{"error":{"message":"invalid request","type":"invalid_request_error","param":null,"code":null}}`, unnamed},
		"without a word":         {422, "", unnamed},
		"named by its parameter": {400, `{"error":{"message":"unknown argument","type":"invalid_request_error","param":"stream_options","code":null}}`, named},
	}
	ask := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}}
	typed := func(open func(context.Context, openai.ChatCompletionRequest) (receiver[openai.ChatCompletionStreamResponse], error)) (text string, err error) {
		s, err := open(context.Background(), ask)
		if err != nil {
			return "", err
		}
		defer s.Close()
		for {
			f, err := s.Recv()
			if err == io.EOF {
				return text, nil
			}
			if err != nil {
				return text, err
			}
			for _, c := range f.Choices {
				text += c.Delta.Content
			}
		}
	}
	doors := map[string]func(cfg openai.ClientConfig, h callback.Handler) func() (string, error){
		"adapter": func(cfg openai.ClientConfig, h callback.Handler) func() (string, error) {
			m := callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Provider: "openai", Handlers: []callback.Handler{h}})
			return func() (string, error) {
				resp, err := llm.Collect(m.Chat(context.Background(), &llm.Request{Stream: true, Messages: []llm.Message{llm.User("roses?")}}))
				return resp.Text(), err
			}
		},
		"typed": func(cfg openai.ClientConfig, h callback.Handler) func() (string, error) {
			c := callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithProvider("openai"), callopenai.WithHandlers(h))
			return func() (string, error) {
				return typed(func(ctx context.Context, r openai.ChatCompletionRequest) (receiver[openai.ChatCompletionStreamResponse], error) {
					return c.CreateChatCompletionStream(ctx, r)
				})
			}
		},
		"wire": func(cfg openai.ClientConfig, h callback.Handler) func() (string, error) {
			callopenai.WrapConfig(&cfg, h).Provider = "openai"
			c := openai.NewClientWithConfig(cfg)
			return func() (string, error) {
				return typed(func(ctx context.Context, r openai.ChatCompletionRequest) (receiver[openai.ChatCompletionStreamResponse], error) {
					return c.CreateChatCompletionStream(ctx, r)
				})
			}
		},
	}
	for name, refusal := range answers {
		for door, open := range doors {
			t.Run(door+"/"+name, func(t *testing.T) {
				var mu sync.Mutex
				var asked []bool
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					asks := strings.Contains(string(body), "stream_options")
					mu.Lock()
					asked = append(asked, asks)
					mu.Unlock()
					if asks {
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(refusal.status)
						io.WriteString(w, refusal.body)
						return
					}
					w.Header().Set("Content-Type", "text/event-stream")
					w.Write(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
				}))
				defer server.Close()
				rec := new(seen)
				base := &http.Client{Transport: &http.Transport{}}
				defer base.CloseIdleConnections()
				cfg := openai.DefaultConfig("sk-test")
				cfg.BaseURL, cfg.HTTPClient = server.URL+"/v1", base
				call := open(cfg, rec)
				for range 3 {
					if text, err := call(); err != nil || text != "Pink" {
						t.Errorf("%q, %v", text, err)
					}
				}
				if !slices.Equal(asked, refusal.asked) {
					t.Errorf("asked %v, want %v", asked, refusal.asked)
				}
				const told = `llm openai gpt-4o-mini 10/1 estimated "Pink"`
				rec.check(t, told, told, told)
			})
		}
	}
}

// TestUsageNotRefused: another refusal is the caller's, whole. One that does not
// say what it is about is asked for twice, until the server has taken a request.
func TestUsageNotRefused(t *testing.T) {
	for _, body := range []string{`{"error":{"message":"bad model","code":"model_not_found"}}`, strings.Repeat("x", 100<<10), ""} {
		var asked []bool
		takes := false
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			asked = append(asked, strings.Contains(string(sent), "stream_options"))
			if takes {
				w.Header().Set("Content-Type", "text/event-stream")
				w.Write(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, body)
		}))
		c := client(t, new(seen))
		for _, tc := range []struct {
			takes bool
			asked []bool
		}{{false, []bool{true, false}}, {false, []bool{true, false}}, {true, []bool{true}}, {false, []bool{true}}, {true, []bool{true}}} {
			asked, takes = nil, tc.takes
			resp := post(t, c, server.URL+"/v1/chat/completions", ask)
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if !tc.takes && (string(got) != body || err != nil || resp.StatusCode != http.StatusBadRequest) || !slices.Equal(asked, tc.asked) {
				t.Errorf("asked %v, status %d, %d bytes of %d, %v", asked, resp.StatusCode, len(got), len(body), err)
			}
		}
		server.Close()
	}
	broken := errors.New("reset")
	tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader("half"), failingReader{broken})), Request: r}, nil
	}), new(seen))
	req := request(strings.NewReader(ask))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); string(got) != "half" || err != broken {
		t.Errorf("%q, %v", got, err)
	}
	resp.Body.Close()
}

// TestUsageStance: what is learnt of a server, and what is not.
func TestUsageStance(t *testing.T) {
	const refused, echoed = `{"error":{"message":"invalid request"}}`, `{"detail":"stream_options"}`
	for _, tc := range []struct {
		name   string
		models []string // of the calls
		refuse func(call int, model string, asks bool) string
		asked  []bool
	}{
		{"by chance, once", []string{"a", "a", "a"}, func(n int, _ string, _ bool) string {
			if n == 0 {
				return refused
			}
			return ""
		}, []bool{true, false, true, true}},
		{"what the caller has done, repeated in the answer", []string{"a", "bad", "a", "bad"}, func(_ int, model string, _ bool) string {
			if model == "bad" {
				return echoed
			}
			return ""
		}, []bool{true, true, false, true, true, false}},
		{"one model behind a gateway", []string{"new", "old", "old", "old", "new"}, func(_ int, model string, asks bool) string {
			if model == "old" && asks {
				return refused
			}
			return ""
		}, []bool{true, true, false, true, false, false, true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked []bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				model, asks := asksUsageOf(r)
				n := len(asked)
				asked = append(asked, asks)
				if body := tc.refuse(n, model, asks); body != "" {
					w.WriteHeader(http.StatusBadRequest)
					io.WriteString(w, body)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				w.Write(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
			}))
			defer server.Close()
			c := client(t, new(seen))
			for _, model := range tc.models {
				resp := post(t, c, server.URL+"/v1/chat/completions", strings.Replace(ask, "gpt-4o-mini", model, 1))
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if !slices.Equal(asked, tc.asked) {
				t.Errorf("asked %v, want %v", asked, tc.asked)
			}
		})
	}
}

// TestUsageStanceHolds: that a server has taken a request that asks is not
// forgotten for another one's refusal by chance at the same time.
func TestUsageStanceHolds(t *testing.T) {
	again, goOn := make(chan bool), make(chan bool)
	var n atomic.Int32
	var asks atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		asks.Store(strings.Contains(string(sent), "stream_options"))
		switch n.Add(1) {
		case 1:
			w.WriteHeader(http.StatusBadRequest)
			return
		case 2:
			close(again)
			<-goOn
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
	}))
	defer server.Close()
	c := client(t, new(seen))
	call := func() {
		resp := post(t, c, server.URL+"/v1/chat/completions", ask)
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	done := make(chan bool)
	go func() { call(); close(done) }()
	<-again
	call()
	close(goOn)
	<-done
	for range 2 {
		if call(); !asks.Load() {
			t.Error("the server is not asked any more")
		}
	}
}

// TestUsageRefusedWhileSent: a request that is refused before all of it is sent
// stays as it is while the next one is made.
func TestUsageRefusedWhileSent(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "2")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "{}")
		w.(http.Flusher).Flush()
		io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	tr := callopenai.NewTransport(server.Client().Transport, new(seen))
	body := `{"stream":true,"stream_options":{},"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("roses ", 2<<20) + `"}]}`
	for range 3 {
		req, _ := http.NewRequest("POST", server.URL+"/v1/chat/completions", strings.NewReader(body))
		resp, err := tr.RoundTrip(req)
		if err != nil {
			continue // the server may close the connection
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// asksUsageOf returns which model a request is for, and whether it asks for usage.
func asksUsageOf(r *http.Request) (model string, asks bool) {
	var sent struct {
		Model   string
		Options any `json:"stream_options"`
	}
	json.NewDecoder(r.Body).Decode(&sent)
	return sent.Model, sent.Options != nil
}

// TestUsageStanceOf: who is asked, whether it was asked in a burst, and how many
// are remembered.
func TestUsageStanceOf(t *testing.T) {
	const (
		refused = `{"error":{"message":"invalid request"}}`
		named   = `{"error":{"message":"unknown field stream_options"}}`
	)
	// play makes the calls, each "path model", and returns which requests asked.
	play := func(t *testing.T, calls []string, refuse func(n int, r *http.Request, model string, asks bool) string) (asked []bool) {
		tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			model, asks := asksUsageOf(r)
			n := len(asked)
			asked = append(asked, asks)
			resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Request: r}
			body := string(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
			if said := refuse(n, r, model, asks); said != "" {
				resp.StatusCode, resp.Header, body = 400, http.Header{}, said
			}
			resp.Body = io.NopCloser(strings.NewReader(body))
			return resp, nil
		}), new(seen))
		for _, call := range calls {
			path, model, _ := strings.Cut(call, " ")
			req, _ := http.NewRequest("POST", "http://api.test"+path+"/v1/chat/completions", strings.NewReader(strings.Replace(ask, "gpt-4o-mini", model, 1)))
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return asked
	}
	for _, tc := range []struct {
		name   string
		calls  []string
		refuse func(n int, r *http.Request, model string, asks bool) string
		asked  []bool
	}{
		{"two servers behind the paths of a host", []string{"/new m", "/old m", "/old m", "/old m", "/new m"}, func(_ int, r *http.Request, _ string, asks bool) string {
			if strings.HasPrefix(r.URL.Path, "/old") && asks {
				return refused
			}
			return ""
		}, []bool{true, true, false, true, false, false, true}},
		{"one of several replicas is old", []string{" m", " m", " m", " m", " m"}, func(n int, _ *http.Request, _ string, asks bool) string {
			if n == 1 && asks {
				return named
			}
			return ""
		}, []bool{true, true, false, true, true, true}},
		{"the old one has come to stay", []string{" m", " m", " m", " m"}, func(n int, _ *http.Request, _ string, asks bool) string {
			if n > 0 && asks {
				return named
			}
			return ""
		}, []bool{true, true, false, true, false, false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if asked := play(t, tc.calls, tc.refuse); !slices.Equal(asked, tc.asked) {
				t.Errorf("asked %v, want %v", asked, tc.asked)
			}
		})
	}
	t.Run("many models", func(t *testing.T) {
		var calls []string
		for i := range 2000 {
			calls = append(calls, fmt.Sprint(" none", i))
		}
		asked := play(t, append(calls, " m", " m", " m"), func(_ int, _ *http.Request, model string, asks bool) string {
			if asks || model != "m" {
				return named
			}
			return ""
		})
		if got, want := asked[4000:], []bool{true, false, false, false}; !slices.Equal(got, want) {
			t.Errorf("asked %v, want %v", got, want)
		}
	})
}

// TestUsageStanceBurst: refusals by chance of requests that were under way
// together are one chance.
func TestUsageStanceBurst(t *testing.T) {
	const n = 3
	var there sync.WaitGroup
	there.Add(n)
	var sent, asks atomic.Int32
	tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		asking := strings.Contains(string(body), "stream_options")
		resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Request: r,
			Body: io.NopCloser(bytes.NewReader(sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]")))}
		if asking {
			asks.Add(1)
			if sent.Add(1) <= n {
				there.Done()
				there.Wait()
				resp.StatusCode, resp.Header, resp.Body = 400, http.Header{}, http.NoBody
			}
		}
		return resp, nil
	}), started(func(*callback.Info) {})) // several calls at once
	call := func() {
		resp, err := tr.RoundTrip(request(strings.NewReader(ask)))
		if err != nil {
			t.Error(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	var calls sync.WaitGroup
	for range n {
		calls.Go(call)
	}
	calls.Wait()
	if call(); asks.Load() != n+1 {
		t.Error("the server is not asked any more")
	}
}

// TestUsageRefusedKept: a request that was refused stays what was sent, for a
// transport that looks at it again when the next one is made.
func TestUsageRefusedKept(t *testing.T) {
	var first *http.Request
	tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		if first == nil {
			first = r
			return &http.Response{StatusCode: 400, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		body, err := first.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := io.ReadAll(body); !strings.Contains(string(again), "stream_options") || int64(len(again)) != first.ContentLength {
			t.Errorf("%d bytes of %d: %s", len(again), first.ContentLength, again)
		}
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}), new(seen))
	req, _ := http.NewRequest("POST", "http://api.test/v1/chat/completions", strings.NewReader(ask))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
