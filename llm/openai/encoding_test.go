package openai_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	callopenai "github.com/callspan/callspan/llm/openai"
)

// packed are the ways in which a body is compressed, and their names as headers
// have them.
var packed = map[string]string{"gzip": "gzip", "gzip at once": "gzip", "gzip in members": "gzip",
	"deflate": "deflate", "deflate at once": "deflate", "bare deflate": "deflate", "br": "br"}

// pack compresses a body event by event, as a server that streams does, if not
// all at once.
func pack(t *testing.T, coding string, body []byte) []byte {
	t.Helper()
	type writer interface {
		io.WriteCloser
		Flush() error
	}
	var (
		out bytes.Buffer
		w   writer
	)
	switch coding {
	case "gzip", "gzip at once":
		w = gzip.NewWriter(&out)
	case "gzip in members":
		for event := range bytes.SplitAfterSeq(body, []byte("\n\n")) {
			w := gzip.NewWriter(&out)
			w.Write(event)
			w.Close()
		}
		return out.Bytes()
	case "deflate", "deflate at once":
		w = zlib.NewWriter(&out)
	case "bare deflate":
		w, _ = flate.NewWriter(&out, flate.DefaultCompression)
	default:
		return body
	}
	for event := range bytes.SplitAfterSeq(body, []byte("\n\n")) {
		w.Write(event)
		if !strings.HasSuffix(coding, "at once") {
			w.Flush()
		}
	}
	w.Close()
	return out.Bytes()
}

// TestTransportEncoding: what a client accepts is narrowed to what can be read
// along, and the client gets no coding that it did not accept.
func TestTransportEncoding(t *testing.T) {
	withUsage := sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]")
	withoutUsage := sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), "[DONE]")
	whole := []byte(`{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}`)
	const (
		asksUsage = `{"stream_options":{"include_usage":true},"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"roses?"}]}`
		asksWhole = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"roses?"}]}`
		reported  = `llm openai gpt-4o-mini 20/2 reported "Pink"`
		estimated = `llm openai gpt-4o-mini 10/1 estimated "Pink"`
	)
	for _, c := range []struct {
		name, ask, accept, signature string
		sent                         string // Accept-Encoding at the server
		coding                       string // of the answer
		body                         []byte
		passes                       []byte // nil for the bytes of the answer
		want                         string
	}{
		{name: "hidden usage", ask: ask, accept: "gzip, deflate", sent: "identity", body: withUsage, passes: withoutUsage, want: reported},
		{name: "hidden usage, identity accepted", ask: ask, accept: "identity", sent: "identity", body: withUsage, passes: withoutUsage, want: reported},
		{name: "hidden usage, gzip all the same", ask: ask, accept: "gzip", sent: "identity", coding: "gzip", body: withUsage, passes: withoutUsage, want: reported},
		{name: "hidden usage, deflate all the same", ask: ask, accept: "br", sent: "identity", coding: "deflate", body: withUsage, passes: withoutUsage, want: reported},
		{name: "hidden usage, bare deflate all the same", ask: ask, accept: "*", sent: "identity", coding: "bare deflate", body: withUsage, passes: withoutUsage, want: reported},
		{name: "identity refused", ask: ask, accept: "gzip, identity;q=0", sent: "gzip, identity;q=0", coding: "gzip", body: withoutUsage, want: estimated},
		{name: "everything but gzip refused", ask: ask, accept: "gzip, *;q=0.0", sent: "gzip, *;q=0.0", coding: "gzip", body: withoutUsage, want: estimated},
		{name: "signed", ask: ask, accept: "gzip, br", signature: "sig1=:dGVzdA==:", sent: "gzip, br", coding: "gzip", body: withoutUsage, want: estimated},
		{name: "usage asked for", ask: asksUsage, accept: "gzip, deflate, br, zstd", sent: "gzip, deflate", coding: "gzip", body: withUsage, want: reported},
		{name: "weights", ask: asksUsage, accept: "br;q=1.0, GZIP;q=0.8, *;q=0.1", sent: "GZIP;q=0.8", coding: "gzip", body: withUsage, want: reported},
		{name: "whole", ask: asksWhole, accept: "br, deflate", sent: "deflate", coding: "deflate", body: whole, want: reported},
		{name: "whole, bare deflate", ask: asksWhole, accept: "deflate", sent: "deflate", coding: "bare deflate", body: whole, want: reported},
		{name: "gzip at once", ask: asksUsage, accept: "gzip", sent: "gzip", coding: "gzip at once", body: withUsage, want: reported},
		{name: "hidden usage, gzip at once", ask: ask, accept: "gzip", sent: "identity", coding: "gzip at once", body: withUsage, passes: withoutUsage, want: reported},
		{name: "gzip in members", ask: asksUsage, accept: "gzip", sent: "gzip", coding: "gzip in members", body: withUsage, want: reported},
		{name: "deflate at once", ask: asksUsage, accept: "deflate", sent: "deflate", coding: "deflate at once", body: withUsage, want: reported},
		{name: "whole, gzip", ask: asksWhole, accept: "gzip", sent: "gzip", coding: "gzip at once", body: whole, want: reported},
		{name: "whole, gzip in pieces", ask: asksWhole, accept: "gzip", sent: "gzip", coding: "gzip", body: whole, want: reported},
		{name: "no choice", ask: asksWhole, accept: "br", sent: "br", coding: "br", body: []byte("\x0b\x02\x80roses\x03"), want: "llm openai gpt-4o-mini"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := pack(t, c.coding, c.body)
			var sent string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				sent = r.Header.Get("Accept-Encoding")
				kind := "text/event-stream"
				if c.ask == asksWhole {
					kind = "application/json"
				}
				w.Header().Set("Content-Type", kind)
				if c.coding != "" {
					w.Header().Set("Content-Encoding", packed[c.coding])
				}
				w.Write(answer)
			}))
			defer server.Close()
			for _, read := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader,
			} {
				rec := new(seen)
				header := []string{"Accept-Encoding", c.accept}
				if c.signature != "" {
					header = append(header, "Signature", c.signature)
				}
				resp := post(t, client(t, rec), server.URL+"/v1/chat/completions", c.ask, header...)
				got, err := io.ReadAll(read(resp.Body))
				resp.Body.Close()
				want, coded := c.passes, false
				if want == nil {
					want, coded = answer, c.coding != ""
				}
				if err != nil || !bytes.Equal(got, want) || sent != c.sent || (resp.Header.Get("Content-Encoding") != "") != coded {
					t.Errorf("%v, accepted %q, content encoding %q, got %q", err, sent, resp.Header.Get("Content-Encoding"), got)
				}
				rec.check(t, c.want)
			}
		})
	}
}

// TestTransportEncodingBroken: what cannot be decompressed is an error of the
// client's, once.
func TestTransportEncodingBroken(t *testing.T) {
	body := pack(t, "gzip", sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]"))
	url, _ := serveBody(t, 200, map[string]string{"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}, append([]byte("no gzip"), body...))
	rec := new(seen)
	resp := post(t, client(t, rec), url+"/v1/chat/completions", ask, "Accept-Encoding", "gzip")
	if _, err := io.ReadAll(resp.Body); err != gzip.ErrHeader {
		t.Errorf("read: %v", err)
	}
	resp.Body.Close()
	rec.check(t, "llm openai gpt-4o-mini error _OTHER")
}

// TestTransportEncodingClosed: a client that closes once it has the whole
// answer, and does not look whether anything follows, has had an answer.
func TestTransportEncodingClosed(t *testing.T) {
	whole := []byte(`{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}`)
	for _, coding := range []string{"gzip", "gzip at once", "deflate at once"} {
		answer := pack(t, coding, whole)
		url, _ := serveBody(t, 200, map[string]string{"Content-Type": "application/json", "Content-Encoding": packed[coding]}, answer)
		rec := new(seen)
		resp := post(t, client(t, rec), url+"/v1/chat/completions", `{"model":"gpt-4o-mini","messages":[]}`, "Accept-Encoding", "gzip, deflate")
		if _, err := io.ReadFull(resp.Body, make([]byte, len(answer))); err != nil {
			t.Error(err)
		}
		resp.Body.Close()
		rec.check(t, `llm openai gpt-4o-mini 20/2 reported "Pink"`)
	}
}

// TestTransportEncodingCut: what a server compresses unasked and then cuts has
// no clean end, wherever it is cut.
func TestTransportEncodingCut(t *testing.T) {
	body := sse(delta(`{"content":"Pink"}`, ""), delta(`{}`, "stop"), usageFrame, "[DONE]")
	for _, coding := range []string{"gzip", "gzip at once", "deflate", "deflate at once", "bare deflate"} {
		answer := pack(t, coding, body)
		for n := 1; n < len(answer); n++ {
			o := new(lastRun)
			tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
				io.Copy(io.Discard, r.Body)
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}, "Content-Encoding": {packed[coding]}},
					ContentLength: -1, Body: io.NopCloser(bytes.NewReader(answer[:n])), Request: r}, nil
			}), o)
			resp, err := tr.RoundTrip(request(strings.NewReader(ask)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != io.ErrUnexpectedEOF {
				t.Errorf("%s, cut after %d of %d bytes: read %d, %v", coding, n, len(answer), len(got), err)
			}
			if whole := bytes.Contains(got, []byte("[DONE]\n")); (o.Err == nil) != whole {
				t.Errorf("%s, cut after %d of %d bytes: the run ends with %v", coding, n, len(answer), o.Err)
			}
		}
	}
}

// TestTransportEncodingOpaque: that answers cannot be read along is said once.
func TestTransportEncodingOpaque(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"br"}},
			Body: io.NopCloser(strings.NewReader("roses")), Request: r}, nil
	}), new(lastRun))
	for range 3 {
		resp, err := tr.RoundTrip(request(strings.NewReader(`{"model":"m","messages":[]}`)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); string(got) != "roses" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		resp.Body.Close()
	}
	if got := log.String(); strings.Count(got, "cannot be read along") != 1 || !strings.Contains(got, "coding=br") || !strings.Contains(got, "accept gzip") {
		t.Errorf("logged %s", got)
	}
}
