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
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

// tracked is a request body that knows whether it was closed.
type tracked struct {
	io.Reader
	closed chan struct{}
}

func track(r io.Reader) *tracked { return &tracked{r, make(chan struct{}, 8)} }

func (b *tracked) Close() error { b.closed <- struct{}{}; return nil }

// arrival is a request as a server sees it.
func arrival(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	shown := string(body)
	if len(shown) > 200 {
		shown = fmt.Sprintf("%d bytes", len(shown))
	}
	return fmt.Sprintf("length %d %v expect %q: %s %v", r.ContentLength, r.TransferEncoding, r.Header.Get("Expect"), shown, err)
}

// TestWireRequestBodies: a server receives a request as it would without us, and
// its client sees the same; only the usage is asked for besides.
func TestWireRequestBodies(t *testing.T) {
	const plain, stream, asks = `{"model":"m"}`, `{"model":"m","stream":true}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`
	large := `{"model":"m","stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("a", 70<<20) + `"}]}`
	read := errors.New("disk on fire")
	for _, tc := range []struct {
		name string
		make func() *http.Request
		add  int // to the length
		want string
	}{
		{"with GetBody", func() *http.Request { return request(strings.NewReader(plain)) }, 0, "m"},
		{"a stream", func() *http.Request { return request(strings.NewReader(stream)) }, len(asks) - len(stream), "m"},
		{"without GetBody", func() *http.Request {
			r := request(track(strings.NewReader(plain)))
			r.ContentLength = int64(len(plain))
			return r
		}, 0, "m"},
		{"of unknown length", func() *http.Request { return request(track(strings.NewReader(stream))) }, 0, "m"},
		{"empty of unknown length", func() *http.Request { return request(track(strings.NewReader(""))) }, 0, ""},
		{"none", func() *http.Request { return request(http.NoBody) }, 0, ""},
		{"70 MB", func() *http.Request { return request(strings.NewReader(large)) }, 0, "m"},
		{"70 MB of unknown length", func() *http.Request { return request(track(strings.NewReader(large))) }, 0, "m"},
		{"expects 100-continue", func() *http.Request {
			r := request(strings.NewReader(plain))
			r.Header.Set("Expect", "100-continue")
			return r
		}, 0, "m"},
		{"shorter than announced", func() *http.Request {
			r := request(track(strings.NewReader(plain)))
			r.ContentLength = 50
			return r
		}, 0, "m"},
		{"fails while it is read", func() *http.Request {
			return request(track(io.MultiReader(strings.NewReader(`{"model":"m",`), failingReader{read})))
		}, 0, "m"},
		{"signed", func() *http.Request {
			r := request(strings.NewReader(stream))
			r.Header.Set("X-Amz-Content-Sha256", "abc")
			return r
		}, 0, "m"},
		{"with options that the API refuses", func() *http.Request {
			return request(strings.NewReader(`{"model":"m","stream":true,"stream_options":7}`))
		}, 0, "m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got atomic.Value
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got.Store(arrival(r)) }))
			defer server.Close()
			base := &http.Transport{}
			defer base.CloseIdleConnections()
			send := func(rt http.RoundTripper) (string, error) {
				got.Store("")
				r := tc.make()
				before := *r
				r.URL.Host = server.Listener.Addr().String()
				body := r.Body
				resp, err := (&http.Client{Transport: rt}).Do(r)
				if err == nil {
					resp.Body.Close()
				}
				if b, ok := body.(*tracked); ok {
					<-b.closed
				}
				if r.Body != body || r.ContentLength != before.ContentLength {
					t.Error("the caller's request has changed")
				}
				return got.Load().(string), err
			}
			bare, bareErr := send(base)
			named := "-"
			ours, ourErr := send(callopenai.NewTransport(base, started(func(i *callback.Info) { named = i.Name })))
			if tc.add != 0 || tc.name == "of unknown length" {
				bare = strings.Replace(bare, stream, asks, 1)
				bare = strings.Replace(bare, fmt.Sprintf("length %d", len(stream)), fmt.Sprintf("length %d", len(stream)+tc.add), 1)
			}
			if ours != bare && bareErr == nil || settled(ourErr) != settled(bareErr) {
				t.Errorf("arrived %s, %v\nwithout us %s, %v", ours, ourErr, bare, bareErr)
			}
			if errors.Is(bareErr, read) != errors.Is(ourErr, read) {
				t.Errorf("%v is not %v", ourErr, read)
			}
			if named != tc.want {
				t.Errorf("run of %q, want %q", named, tc.want)
			}
		})
	}
}

// settled is describe without the words that net/http adds if it notices in time
// that the connection is gone.
func settled(err error) string {
	return strings.Replace(describe(err), "net/http: HTTP/1.x transport connection broken: ", "", 1)
}

func request(body io.Reader) *http.Request {
	r, err := http.NewRequest("POST", "http://127.0.0.1/v1/chat/completions", body)
	if err != nil {
		panic(err)
	}
	return r
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestWireRequestStalls: a context that ends while the client still makes its
// request ends the call.
func TestWireRequestStalls(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stall, open := io.Pipe()
	body := track(stall)
	cause := errors.New("closing time")
	req := request(body).WithContext(ctx)
	ended := make(chan error, 1)
	h := &callback.Funcs{OnLLMError: func(_ context.Context, _ *callback.Info, res *callback.Result) { ended <- res.Err }}
	go func() {
		open.Write([]byte(`{"model":`))
		cancel(cause)
	}()
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	_, err := callopenai.NewTransport(base, h).RoundTrip(req)
	_, bare := base.RoundTrip(request(http.NoBody).WithContext(ctx))
	if !errors.Is(err, bare) {
		t.Errorf("failed with %v, without us %v", err, bare)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the run says %v", err)
	}
	<-body.closed
	open.Close()
}

// TestWireRefused: a budget that refuses a call leaves the body closed.
func TestWireRefused(t *testing.T) {
	ctx, _ := callback.WithBudget(t.Context(), callback.Limit{Calls: 1})
	tr := callopenai.NewTransport(respond("application/json", []byte(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`)))
	h := callback.WithHandlers(ctx, started(func(*callback.Info) {}))
	for i := range 2 {
		body := track(io.MultiReader(strings.NewReader(`{"model":"m"}`), strings.NewReader(strings.Repeat(" ", 65<<20))))
		resp, err := tr.RoundTrip(request(body).WithContext(h))
		<-body.closed
		if i == 0 {
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			continue
		}
		var over *callback.BudgetError
		if !errors.As(err, &over) {
			t.Errorf("the second call: %v", err)
		}
	}
}

// TestWireMemory: a request is held once. What its run shows of it is a copy of
// the texts.
func TestWireMemory(t *testing.T) {
	const size = 10 << 20
	image := strings.Repeat("QUJD", size/4)
	loaded(t)
	for name, body := range map[string]string{
		"bytes that no run shows": `{"model":"m","stream":true,"metadata":{"a":"` + image + `"},"messages":[]}`,
		"an image":                `{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + image + `"}}]}]}`,
		"a text":                  `{"model":"m","stream":true,"messages":[{"role":"user","content":"` + image + `"}]}`,
	} {
		want := 1.05
		if name != "bytes that no run shows" {
			want = 2.05
		}
		tr := callopenai.NewTransport(respond("application/json", []byte(`{}`)), started(func(*callback.Info) {}))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		req := request(strings.NewReader(body))
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		runtime.ReadMemStats(&after)
		if got := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(body)); got > want {
			t.Errorf("%s: %.2f of the body allocated, want at most %v", name, got, want)
		}
	}
}

// TestWireOnePiece: head and body of a request leave in one write, as they do
// without us, so that the server does not wake up twice.
func TestWireOnePiece(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	for name, body := range map[string]string{"one piece": `{"model":"m"}`, "stream": ask, "stream with options": `{"stream":true,"stream_options":{"include_obfuscation":false}}`} {
		var writes atomic.Int32
		base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return countingConn{c, &writes}, err
		}}
		req := request(strings.NewReader(body))
		req.URL.Host = server.Listener.Addr().String()
		resp, err := callopenai.NewTransport(base, started(func(*callback.Info) {})).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if n := writes.Load(); n != 1 {
			t.Errorf("%s: %d writes, want 1", name, n)
		}
		base.CloseIdleConnections()
	}
}

// A countingConn counts the writes of a connection.
type countingConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestWireTrailer: what the transport below adds to a response while it is read
// arrives.
func TestWireTrailer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(bytes.Repeat([]byte(" "), 5000))
		w.Header().Set(http.TrailerPrefix+"X-Cost", "7")
	}))
	defer server.Close()
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	req := request(strings.NewReader(`{}`))
	req.URL.Host = server.Listener.Addr().String()
	resp, err := callopenai.NewTransport(base, started(func(*callback.Info) {})).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.Trailer.Get("X-Cost") != "7" {
		t.Errorf("trailer %v", resp.Trailer)
	}
}

// TestWireLength: the length that a server announced stays, but where something
// is left out.
func TestWireLength(t *testing.T) {
	for kind, want := range map[string]int64{"application/json": 2, "text/event-stream": -1} {
		req := request(strings.NewReader(ask))
		resp, err := callopenai.NewTransport(respond(kind, []byte(`{}`)), started(func(*callback.Info) {})).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ContentLength != want {
			t.Errorf("%s: length %d, want %d", kind, resp.ContentLength, want)
		}
	}
}

// TestWireTypeOfJSON: the usage that the client did not ask for is kept from it in
// a stream that comes under the type of JSON, which is no reason to change JSON.
func TestWireTypeOfJSON(t *testing.T) {
	answer := sse(delta(`{"content":"Pink"}`, "stop"), usageFrame, "[DONE]")
	const whole = "\n\n{\n\"data\": 1,\n\"choices\":[]}\n"
	for _, c := range []struct{ name, sent, want string }{
		{"a stream", string(answer), string(sse(delta(`{"content":"Pink"}`, "stop"), "[DONE]"))},
		{"JSON", whole, whole},
	} {
		resp, err := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := respond("application/json", []byte(c.sent))(r)
			resp.ContentLength = -1 // it comes in pieces
			return resp, err
		}), started(func(*callback.Info) {})).RoundTrip(request(strings.NewReader(ask)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != c.want || err != nil {
			t.Errorf("%s: %q, %v\nwant %q", c.name, got, err, c.want)
		}
	}
}

// TestWireStacked: wire doors upon each other make one run.
func TestWireStacked(t *testing.T) {
	runs, tries := 0, 0
	h := started(func(*callback.Info) { runs++ })
	inner := callopenai.NewTransport(respond("application/json", []byte(`{}`)), h)
	outer := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		tries++
		return inner.RoundTrip(r)
	}), h)
	resp, err := outer.RoundTrip(request(strings.NewReader(`{}`)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if runs != 1 || tries != 1 {
		t.Errorf("%d runs of %d tries", runs, tries)
	}
}

// blocker is a handler whose token blocks until it is let go.
type blocker struct{ at, free chan struct{} }

func (b *blocker) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, b
}
func (b *blocker) Token(llm.Chunk)      { close(b.at); <-b.free }
func (b *blocker) End(*callback.Result) {}

// TestWireBlocked: a handler that blocks holds up the Read that it sees, and
// nobody who closes.
func TestWireBlocked(t *testing.T) {
	h := &blocker{make(chan struct{}), make(chan struct{})}
	tr := callopenai.NewTransport(respond("text/event-stream", sse(delta(`{"content":"Pink"}`, ""))), h)
	resp, err := tr.RoundTrip(request(strings.NewReader(ask)))
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(io.Discard, resp.Body) }()
	<-h.at
	if err := resp.Body.Close(); err != nil { // would wait for ever
		t.Error(err)
	}
	close(h.free)
	<-read
}
