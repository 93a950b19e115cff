package openai_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// seen notes how runs end, a line for each.
type seen struct{ lines []string }

func (s *seen) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	return ctx, &seenRun{s, i}
}

type seenRun struct {
	s *seen
	i *callback.Info
}

func (r *seenRun) End(res *callback.Result) {
	line := fmt.Sprintf("%s %s %s", r.i.Kind, r.i.Endpoint.Provider, r.i.Name)
	if u := res.Usage; u != nil {
		line += fmt.Sprintf(" %d/%d %s", u.Input, u.Output, res.UsageSource)
	}
	if res.Response.Text() != "" {
		line += fmt.Sprintf(" %q", res.Response.Text())
	}
	if res.Stopped {
		line += " stopped"
	}
	if res.Err != nil {
		line += " error " + callback.ErrorType(res.Err)
	}
	r.s.lines = append(r.s.lines, line)
}

func (s *seen) check(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(s.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("runs\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// serveBody answers every request with body.
func serveBody(t *testing.T, status int, header map[string]string, body []byte) (url string, sent *[]byte) {
	t.Helper()
	sent = new([]byte)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*sent, _ = io.ReadAll(r.Body)
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s.URL, sent
}

// client returns an HTTP client through a Transport, whose connections end with
// the test.
func client(t *testing.T, hs ...callback.Handler) *http.Client {
	base := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(base.CloseIdleConnections)
	tr := callopenai.NewTransport(base, hs...)
	tr.Provider = "openai"
	return &http.Client{Transport: tr}
}

func post(t *testing.T, c *http.Client, url, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

var eventStream = map[string]string{"Content-Type": "text/event-stream"}

const ask = `{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"roses?"}]}`

// TestTokenInputs: token ids, which clients may send in place of texts, are not
// counted here: they cost what the server says, or nobody knows.
func TestTokenInputs(t *testing.T) {
	const vectors = `{"object":"list","model":"text-embedding-3-small","data":[{"index":0,"embedding":[1,2]}]%s}`
	const text = `{"model":"davinci-002","choices":[{"index":0,"text":" roses","finish_reason":"stop"}]%s}`
	for _, tt := range []struct{ path, ask, answer, usage, want string }{
		{"/v1/embeddings", `{"model":"text-embedding-3-small","input":[1,2,3]}`, vectors, "", "embedding openai text-embedding-3-small"},
		{"/v1/embeddings", `{"model":"text-embedding-3-small","input":[[1,2],[3]]}`, vectors, "", "embedding openai text-embedding-3-small"},
		{"/v1/embeddings", `{"model":"text-embedding-3-small","input":[[1,2],[3]]}`, vectors, `,"usage":{"prompt_tokens":3,"total_tokens":3}`,
			"embedding openai text-embedding-3-small 3/0 reported"},
		{"/v1/completions", `{"model":"davinci-002","prompt":[1,2,3]}`, text, "", `llm openai davinci-002 " roses"`},
		{"/v1/completions", `{"model":"davinci-002","prompt":[[1,2,3]]}`, text, `,"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}`,
			`llm openai davinci-002 3/1 reported " roses"`},
	} {
		url, _ := serveBody(t, 200, nil, fmt.Appendf(nil, tt.answer, tt.usage))
		var s seen
		resp := post(t, client(t, &s), url+tt.path, tt.ask)
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		s.check(t, tt.want)
	}
}

// TestTransport: what a client of any kind sends and reads is a run, and passes
// as it is.
func TestTransport(t *testing.T) {
	stream := sse(delta(`{"role":"assistant","content":""}`, ""), delta(`{"content":"Pink"}`, ""), delta(`{"content":" roses"}`, ""),
		delta(`{}`, "stop"), "[DONE]")
	withUsage := sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]")
	withoutUsage := sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]")
	whole := []byte(`{"id":"1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}`)
	responses := sse(`{"type":"response.created","response":{"id":"r1","model":"gpt-5-mini","status":"in_progress"}}`,
		`{"type":"response.output_text.delta","output_index":0,"delta":"Pink"}`,
		`{"type":"response.completed","response":{"id":"r1","model":"gpt-5-mini","status":"completed","output":[],"usage":{"input_tokens":8,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":13}}}`)
	for _, tc := range []struct {
		name   string
		path   string
		ask    string
		status int
		header map[string]string
		body   []byte
		passes []byte // body if nil
		sent   string // ask if empty
		want   string
	}{
		{name: "a stream without usage", path: "/v1/chat/completions", ask: ask, header: eventStream, body: stream,
			sent: ask[:len(ask)-1] + `,"stream_options":{"include_usage":true}}`,
			want: `llm openai gpt-4o-mini 10/2 estimated "Pink roses"`},
		{name: "a stream whose usage the client did not ask for", path: "/v1/chat/completions", ask: ask, header: eventStream,
			body: withUsage, passes: withoutUsage, sent: ask[:len(ask)-1] + `,"stream_options":{"include_usage":true}}`,
			want: `llm openai gpt-4o-mini 20/2 reported "Pink"`},
		{name: "a stream whose usage the client asked for", path: "/v1/chat/completions",
			ask:    `{"stream_options":{"include_usage":true},` + ask[1:],
			header: eventStream, body: withUsage, want: `llm openai gpt-4o-mini 20/2 reported "Pink"`},
		{name: "a stream whose usage the client refused", path: "/v1/chat/completions",
			ask:    `{"stream_options":{"include_usage":false},` + ask[1:],
			header: eventStream, body: withoutUsage, want: `llm openai gpt-4o-mini 10/1 estimated "Pink"`},
		{name: "a whole answer", path: "/v1/chat/completions", ask: `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"roses?"}]}`, body: whole,
			want: `llm openai gpt-4o-mini 9/1 reported "Pink"`},
		{name: "a whole answer behind a byte order mark", path: "/v1/chat/completions", ask: `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"roses?"}]}`,
			body: append([]byte("\ufeff"), whole...), want: `llm openai gpt-4o-mini 9/1 reported "Pink"`},
		{name: "a whole answer behind a byte order mark, where a stream was due", path: "/v1/chat/completions", ask: `{"stream_options":{"include_usage":true},` + ask[1:],
			body: append([]byte("\ufeff"), whole...), want: `llm openai gpt-4o-mini 9/1 reported "Pink"`},
		{name: "responses", path: "/v1/responses", ask: `{"model":"gpt-5-mini","stream":true,"input":"roses?"}`, header: eventStream, body: responses,
			want: `llm openai gpt-5-mini 8/5 reported "Pink"`},
		{name: "a response made in the background", path: "/v1/responses", ask: `{"model":"gpt-5-mini","background":true,"input":"roses?"}`,
			body: []byte(`{"id":"r1","object":"response","model":"gpt-5-mini","status":"queued","output":[],"usage":null}`),
			want: `llm openai gpt-5-mini`},
		{name: "a text completion", path: "/v1/completions", ask: `{"model":"gpt-3.5-turbo-instruct","prompt":"roses are"}`,
			body: []byte(`{"id":"1","model":"gpt-3.5-turbo-instruct","choices":[{"text":" red","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}`),
			want: `llm openai gpt-3.5-turbo-instruct 2/1 reported " red"`},
		{name: "embeddings", path: "/v1/embeddings", ask: `{"model":"text-embedding-3-small","input":["roses"]}`,
			body: []byte(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,0.8]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1,"total_tokens":1}}`),
			want: `embedding openai text-embedding-3-small 1/0 reported`},
		{name: "an error of the API", path: "/v1/chat/completions", status: 429, ask: `{"model":"m","messages":[]}`,
			body: []byte(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`),
			want: `llm openai m error rate_limit_exceeded`},
		{name: "an error of the API behind a byte order mark", path: "/v1/chat/completions", status: 429, ask: `{"model":"m","messages":[]}`,
			body: []byte("\ufeff" + `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`),
			want: `llm openai m error rate_limit_exceeded`},
		{name: "embeddings behind a byte order mark", path: "/v1/embeddings", ask: `{"model":"text-embedding-3-small","input":["roses"]}`,
			body: []byte("\ufeff" + `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,0.8]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1,"total_tokens":1}}`),
			want: `embedding openai text-embedding-3-small 1/0 reported`},
		{name: "an error in the stream", path: "/v1/chat/completions", ask: `{"stream_options":{"include_usage":true},` + ask[1:], header: eventStream,
			body: sse(delta(`{"content":"Pink"}`, ""), `{"error":{"message":"overloaded","code":"server_error"}}`),
			want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error server_error`},
		{name: "a stream that is cut", path: "/v1/chat/completions", ask: `{"stream_options":{"include_usage":true},` + ask[1:], header: eventStream,
			body: sse(delta(`{"content":"Pink"}`, "")), want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error stream_truncated`},
		{name: "another path", path: "/v1/models", ask: `{}`, body: []byte(`{}`)},
		{name: "a request that is no JSON", path: "/v1/chat/completions", status: 400, ask: `roses?`, body: []byte(`{"error":{"message":"no JSON","type":"invalid_request_error"}}`),
			want: `llm openai  error invalid_request_error`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.status == 0 {
				tc.status = 200
			}
			if tc.passes == nil {
				tc.passes = tc.body
			}
			if tc.sent == "" {
				tc.sent = tc.ask
			}
			url, sent := serveBody(t, tc.status, tc.header, tc.body)
			rec := new(seen)
			for _, read := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader,
			} {
				rec.lines = nil
				resp := post(t, client(t, rec), url+tc.path, tc.ask)
				got, err := io.ReadAll(read(resp.Body))
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, tc.passes) || resp.StatusCode != tc.status {
					t.Errorf("status %d, read %q, %v", resp.StatusCode, got, err)
				}
				if string(*sent) != tc.sent {
					t.Errorf("sent %s", *sent)
				}
				if tc.want == "" {
					rec.check(t)
				} else {
					rec.check(t, tc.want)
				}
			}
		})
	}
}

// TestTransportClose: closing early is no failure, and closing at the end of
// the answer is not early.
func TestTransportClose(t *testing.T) {
	url, _ := serveBody(t, 200, eventStream, sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]"))
	for bytes, want := range map[int]string{
		100: `llm openai gpt-4o-mini 10/0 estimated stopped`,
		400: `llm openai gpt-4o-mini 10/1 estimated "Pink" stopped`,
		600: `llm openai gpt-4o-mini 10/1 estimated "Pink"`,
	} {
		rec := new(seen)
		resp := post(t, client(t, rec), url+"/v1/chat/completions", `{"stream_options":{"include_usage":true},`+ask[1:])
		io.ReadFull(resp.Body, make([]byte, bytes))
		resp.Body.Close()
		rec.check(t, want)
	}
}

// TestTransportIdle: a client closes the idle connections of the transport below.
func TestTransportIdle(t *testing.T) {
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := &http.Client{Transport: callopenai.NewTransport(new(http.Transport))}
	resp, err := c.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	c.CloseIdleConnections()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("the connection stays open")
	}

	c.Transport = callopenai.NewTransport(http.NewFileTransport(http.Dir(".")))
	c.CloseIdleConnections() // which has none
}

// TestTransportCanceled: the end of the context ends the run, also while the
// client does something else.
func TestTransportCanceled(t *testing.T) {
	url, _ := serveBody(t, 200, eventStream, sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]"))
	ended := make(chan *callback.Result, 1)
	h := &callback.Funcs{OnLLMError: func(_ context.Context, _ *callback.Info, res *callback.Result) { ended <- res }}
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", strings.NewReader(ask))
	resp, err := client(t, h).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	if res := <-ended; !errors.Is(res.Err, context.Canceled) {
		t.Errorf("ended with %v", res.Err)
	}
}

// TestWrapConfig: go-openai's own types over a wrapped configuration.
func TestWrapConfig(t *testing.T) {
	url, _ := serveBody(t, 200, eventStream, sse(delta(`{"content":"Pink"}`, ""), delta(`{"content":" roses"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]"))
	rec := new(seen)
	cfg := openai.DefaultConfig("sk-test")
	cfg.BaseURL = url + "/v1"
	base := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	defer base.CloseIdleConnections()
	cfg.HTTPClient = base
	callopenai.WrapConfig(&cfg, rec)
	s, err := openai.NewClientWithConfig(cfg).CreateChatCompletionStream(t.Context(), openai.ChatCompletionRequest{
		Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, frames := "", 0
	for {
		c, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		frames++
		text += c.Choices[0].Delta.Content // the usage has no choices
	}
	if text != "Pink roses" || frames != 3 {
		t.Errorf("%q in %d frames", text, frames)
	}
	rec.check(t, `llm 127.0.0.1 gpt-4o-mini 20/2 reported "Pink roses"`)
}

// TestWrapConfigSettings: what is set on the transport that WrapConfig returns
// holds for the clients that are made of the configuration.
func TestWrapConfigSettings(t *testing.T) {
	url, sent := serveBody(t, 200, eventStream, sse(delta(`{"content":"Pink"}`, "stop"), "[DONE]"))
	rec := new(seen)
	cfg := openai.DefaultConfig("sk-test")
	cfg.BaseURL = url + "/v1"
	tr := callopenai.WrapConfig(&cfg, rec)
	tr.Provider, tr.Usage = "groq", callopenai.UsageAsked
	s, err := openai.NewClientWithConfig(cfg).CreateChatCompletionStream(t.Context(), openai.ChatCompletionRequest{
		Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer s.Close()
	for err == nil {
		_, err = s.Recv()
	}
	if body := string(*sent); strings.Contains(body, "stream_options") {
		t.Errorf("asked for the usage: %s", body)
	}
	rec.check(t, `llm groq gpt-4o-mini 10/1 estimated "Pink"`)
}

// TestTransportSwitches: a response that changes the protocol passes with the
// connection that its body is.
func TestTransportSwitches(t *testing.T) {
	rec := new(results)
	conn := struct{ io.ReadWriteCloser }{}
	tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}, Body: conn, Request: r}, nil
	}), rec)
	resp, err := tr.RoundTrip(request(strings.NewReader(ask)))
	if err != nil || resp.Body != conn {
		t.Errorf("body %T, %v", resp.Body, err)
	}
	if len(rec.all) != 1 || callback.ErrorType(rec.all[0].Err) != "malformed_response" {
		t.Errorf("%d ends", len(rec.all))
	}
}
