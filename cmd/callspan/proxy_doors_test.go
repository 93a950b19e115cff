package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/openai/doortest"
)

// The proxy is held against what is there without it: the server itself, and a
// bare httputil.ReverseProxy, which changes what every reverse proxy changes.

// ours is the proxy in front of target.
func ours(target *url.URL, handlers ...callback.Handler) http.Handler {
	return (&proxyOptions{provider: "openai"}).handler(target, newSender(http.DefaultTransport.(*http.Transport)), handlers, new(atomic.Bool))
}

// reverse is a bare reverse proxy in front of target. What it makes of a request,
// and what it says of a target that cannot be reached, is left to every such
// proxy, and the same here; that it is faithful keeps it from doing now this and
// now that.
func reverse(target *url.URL) http.Handler {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true
	return faithful(&httputil.ReverseProxy{
		Transport:     base,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			keepAsSent(r)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r, target, err) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
}

// lineLimit is how long a line the programs of the tests read, far below what the
// proxy reads of one.
const lineLimit = 12 << 20

var errLongLine = errors.New("the line is too long")

// proxied returns what opens programs that call an API through the proxy, and
// what they are without it: programs behind another handler, or behind none if
// instead is nil.
func proxied(api string, instead func(*url.URL) http.Handler) func(string, *http.Client, ...callback.Handler) doortest.Client {
	path, ask := "/chat/completions", `"model":"gpt-4o-mini","messages":[{"role":"user","content":"Count!"}]`
	switch api {
	case llm.APICompletions:
		path, ask = "/completions", `"model":"gpt-3.5-turbo-instruct","prompt":"Count!"`
	case llm.APIResponses:
		path, ask = "/responses", `"model":"gpt-4o-mini","input":"Count!"`
	case doortest.Embeddings:
		path, ask = "/embeddings", `"model":"text-embedding-3-small","input":"Count!"`
	}
	return func(baseURL string, c *http.Client, handlers ...callback.Handler) doortest.Client {
		return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] {
			return func(yield func(doortest.Piece, error) bool) {
				target, err := url.Parse(strings.TrimSuffix(baseURL, "/v1"))
				if err != nil {
					yield(doortest.Piece{}, err)
					return
				}
				at := target.String()
				if len(handlers) > 0 || instead != nil {
					handler := ours(target, handlers...)
					if len(handlers) == 0 {
						handler = instead(target)
					}
					server := httptest.NewServer(handler)
					defer server.Close() // waits until nothing is under way
					at = server.URL
				}
				body := "{" + ask + "}"
				if stream {
					body = "{" + ask + `,"stream":true,"stream_options":{"include_usage":true}}`
				}
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/v1"+path, strings.NewReader(body))
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
				for _, name := range []string{"Date", "Content-Length"} { // how a body is framed, a reverse proxy leaves to chance where it is empty
					resp.Header.Del(name)
				}
				head := fmt.Sprintln(resp.Proto, resp.Status, resp.Header)
				if !stream {
					b, err := io.ReadAll(resp.Body)
					if ctx.Err() == nil && !yield(doortest.Piece{View: head + string(b)}, nil) {
						return
					}
					if err != nil {
						yield(doortest.Piece{}, err)
					}
					return
				}
				if !yield(doortest.Piece{View: head}, nil) {
					return
				}
				for line, err := range linesOf(bufio.NewReaderSize(resp.Body, 64<<10)) {
					if err != nil {
						yield(doortest.Piece{}, err)
						return
					}
					if !yield(doortest.Piece{Text: textOf(line), View: string(line)}, nil) {
						return
					}
				}
			}
		}
	}
}

// linesOf yields the lines of r, what is left before its end or an error too.
func linesOf(r *bufio.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var line []byte
		for {
			piece, err := r.ReadSlice('\n')
			line = append(line, piece...)
			if errors.Is(err, bufio.ErrBufferFull) {
				if len(line) < lineLimit {
					continue
				}
				yield(nil, errLongLine)
				return
			}
			if len(line) > 0 && !yield(line, nil) || errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			line = line[:0]
		}
	}
}

// textOf returns the text that a line of a stream brings.
func textOf(line []byte) string {
	var f struct {
		Choices []struct {
			Index int
			Text  string
			Delta struct{ Content string }
		}
		Type, Delta string
	}
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok || json.Unmarshal(data, &f) != nil {
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

// TestProxyDoors: the proxy passes the suite that is for everybody's doors. No
// scenario is left out before a reverse proxy.
func TestProxyDoors(t *testing.T) {
	for _, api := range []string{llm.APIChat, llm.APICompletions, llm.APIResponses, doortest.Embeddings} {
		door := doortest.Door{API: api, Open: proxied(api, reverse), Remote: true, Truth: func(scenario string, want *doortest.Truth) {
			switch scenario {
			case "line without end": // at which the program gives up
				*want = doortest.Truth{Error: "canceled"}
			}
		}}
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			doortest.Run(t, door)
		})
		if api != llm.APIChat {
			continue // what a reverse proxy changes is the same for all of them
		}
		beside := door
		beside.Open, beside.Skip = proxied(api, nil), []string{
			// A connection that the target resets is to a reverse proxy's client one that
			// ends too soon, or a 502 if there is no answer yet.
			"reset", "reset in one piece", "reset before headers",
			// Long ones, of which there is no more to see than above.
			"line without end", "a line of 10 MB", "ten thousand chunks",
		}
		t.Run("beside the server", func(t *testing.T) {
			t.Parallel()
			doortest.Run(t, beside)
		})
	}
}
