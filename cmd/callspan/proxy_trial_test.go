package main

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
)

// A trial is a call and how it is answered, both as bytes.
type trial struct {
	request []byte
	run     bool   // it calls an API that the proxy knows
	answer  []byte // head and body
	usage   []byte // what a request that asks for its usage is answered; nil is answer
	pieces  int    // in so many the answer is sent
	reset   bool   // the connection is then reset, not closed
}

// A dice makes up trials.
type dice struct{ *rand.Rand }

func (d dice) chance(p float64) bool { return d.Float64() < p }

func (d dice) pick(of ...string) string { return of[d.IntN(len(of))] }

// some is each of the lines or not.
func (d dice) some(p float64, lines ...string) string {
	var out strings.Builder
	for _, l := range lines {
		if d.chance(p) {
			out.WriteString(l + "\r\n")
		}
	}
	return out.String()
}

const (
	usageEvent = `data: {"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}` + "\n\n"
	doneEvent  = "data: [DONE]\n\n"
)

// contents are what APIs answer. The usage, where there is one, is an event of
// its own.
var contents = []string{
	`data: {"id":"c1","model":"gpt-4o-mini","choices":[{"index":0,"delta":{"role":"assistant","content":"Pink"},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c1","choices":[{"index":0,"delta":{"content":" roses"},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" + usageEvent + doneEvent,
	": wait\n\n" + `data: {"id":"c1","choices":[{"index":0,"text":"Pink","finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c1","choices":[{"index":0,"text":"","finish_reason":"length"}]}` + "\n\n" + doneEvent,
	"event: response.created\n" + `data: {"type":"response.created","response":{"id":"r1","status":"in_progress","output":[]}}` + "\n\n" +
		"event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Pink"}` + "\n\n" +
		"event: response.completed\n" + `data: {"type":"response.completed","response":{"id":"r1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Pink"}]}],"usage":{"input_tokens":3,"output_tokens":1,"total_tokens":4}}}` + "\n\n",
	`data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Pi"}}]}` + "\n\n" + `data: {"error":{"message":"overloaded","code":"x"}}` + "\n\n",
	`{"id":"c1","choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}`,
	`{"id":"r1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Pink"}]}]}`,
	`{"object":"list","model":"e","data":[{"index":0,"embedding":[0.5,-1]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`,
	`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`,
	"<html>502 Bad Gateway</html>\n", "", "\n", "data",
}

// content makes up what is answered. It is no longer than what is on its way at
// once, of which a reset takes nothing back.
func (d dice) content() []byte {
	b := []byte(d.pick(contents...))
	switch d.IntN(8) {
	case 0:
		b = make([]byte, d.IntN(40<<10))
		for i := range b {
			b[i] = byte(d.Uint32())
		}
	case 1:
		b = bytes.Repeat(b, d.IntN(30))
	}
	for n := d.IntN(6) - 2; n > 0 && len(b) > 0; n-- {
		at := d.IntN(len(b))
		switch d.IntN(6) {
		case 0:
			b[at] = byte(d.Uint32())
		case 1:
			b = slices.Delete(b, at, min(at+d.IntN(40), len(b)))
		case 2:
			b = slices.Insert(b, at, b[at:min(at+d.IntN(200), len(b))]...)
		case 3:
			b = slices.Insert(b, at, []byte(d.pick("\n", "\r\n", "\n\n", "data: ", doneEvent, usageEvent, "\xff", "{", "\x00", "event: error\n"))...)
		case 4:
			b = bytes.ReplaceAll(b, []byte("\n"), []byte(d.pick("\r\n", "\r", "\n")))
		default:
			b = b[:at]
		}
	}
	return b
}

// coded returns b in a content coding, which need not be what it is called.
func (d dice) coded(b []byte) (coding string, out []byte) {
	var into bytes.Buffer
	var w io.WriteCloser
	switch d.IntN(8) {
	default:
		return "", b
	case 1:
		coding, w = d.pick("gzip", "x-gzip", "GZIP"), gzip.NewWriter(&into)
	case 2:
		coding, w = "deflate", zlib.NewWriter(&into)
	case 3:
		coding = "deflate"
		w, _ = flate.NewWriter(&into, flate.DefaultCompression) // fails for a level that does not exist
	case 4:
		return d.pick("gzip", "deflate", "br", "zstd", "identity", "gzip, deflate"), b
	}
	w.Write(b)
	w.Close()
	out = into.Bytes()
	if d.chance(0.2) {
		out[d.IntN(len(out))] ^= byte(d.Uint32())
	}
	return coding, out
}

// chunks returns b in chunks, without the last one.
func (d dice) chunks(b []byte) (out []byte) {
	for len(b) > 0 {
		n := min(1+d.IntN(d.IntN(8000)+1), len(b))
		out = fmt.Appendf(out, "%x\r\n%s\r\n", n, b[:n])
		b = b[n:]
	}
	return out
}

// An asked is a made up request.
type asked struct {
	raw    []byte
	run    bool // calls an API that the proxy knows
	hidden bool // is a stream that does not ask for its usage, and is made to
}

func (d dice) ask(session string) asked {
	method := d.pick("POST", "POST", "POST", "POST", "POST", "POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH")
	path := d.pick("/v1/chat/completions", "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1//chat/completions", "//v1/chat/completions/",
		"/openai/deployments/my%20model/chat/completions?api-version=1", "/v1/../v1/./responses?a=1&a=2&b", "/v1/a%2Fb/completions?x=%zz&y=;1", "/v1/files", "/")
	body := d.pick(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"roses?"}]}`, `{"model":"m","stream":true,"messages":[]}`,
		`{"stream":true,"stream_options":{"include_usage":true},"model":"m","prompt":"roses?"}`, `{"stream":true,"stream_options":{"include_usage":false},"model":"m"}`,
		`{"model":"m","input":"roses?","stream":true,"stream_options":{"include_usage":true}}`, `{"input":["a","b"],"model":"e"}`, `{"stream":true}`, "", "{", "roses")
	if d.chance(0.05) { // longer than what is read ahead
		body = `{"messages":[{"role":"user","content":"` + strings.Repeat("roses ", 20e3) + `"}]}`
	}
	version := d.pick("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0")
	head := fmt.Sprintf("%s %s %s\r\nHost: api.example\r\nX-Callspan-Session: %s\r\n", method, path, version, session) +
		d.some(0.2, "Connection: "+d.pick("close", "keep-alive"), "Accept: text/event-stream", "Accept-Encoding: "+d.pick("gzip", "gzip, deflate, br", "identity", "br", "*", "", "gzip;q=0, identity;q=0"), "User-Agent: roses/1",
			"Content-Type: application/json", "Authorization: Bearer sk-1", "X-Twice: a", "X-Twice: b", "x-lower: \xe7\x8e\xab", "Connection: X-Hop", "X-Hop: 1", "Te: trailers",
			"Keep-Alive: 5", "Forwarded: for=x", "X-Forwarded-For: 1.2.3.4", "traceparent: 00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01", "baggage: a=b",
			"Idempotency-Key: 7", "X-Stainless-Retry-Count: 1", "X-Callspan-User: u", "Content-Encoding: x")
	a := asked{run: method == "POST" && body != "", hidden: strings.Contains(body, `"stream":true`) && !strings.Contains(body, `"include_usage":true`)}
	if before, _, _ := strings.Cut(path, "?"); path == "/" || strings.HasSuffix(before, "/files") {
		a.run = false
	}
	switch {
	case body == "" && d.chance(0.5):
		a.raw = []byte(head + "\r\n")
	case version == "HTTP/1.1" && d.chance(0.2):
		a.run = a.run || method == "POST" && path != "/" && path != "/v1/files" // even of nothing
		a.raw = append([]byte(head+"Transfer-Encoding: chunked\r\n\r\n"), d.chunks([]byte(body))...)
		a.raw = append(a.raw, "0\r\n"+d.pick("", "X-Tail: 1\r\n")+"\r\n"...)
	default:
		a.raw = fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
	}
	return a
}

// newTrial makes up a call and its answer, which brings content, or what is made
// up too if that is nil. The same seed makes up the same.
func newTrial(seed uint64, session string, content []byte) *trial {
	d := dice{rand.New(rand.NewPCG(seed, 7))}
	a := d.ask(session)
	t := &trial{request: a.raw, run: a.run, pieces: 1 + d.IntN(5), reset: d.chance(0.2)}
	var head strings.Builder
	typed := 0.8
	for range max(0, d.IntN(6)-3) {
		typed = 1 // after these a reverse proxy guesses at times
		head.WriteString("HTTP/1.1 " + d.pick("100 Continue", "102 Processing", "103 Early Hints") + "\r\n" + d.some(0.5, "Link: </a>; rel=preload", "X-Early: 1", "X-Early: 2") + "\r\n")
	}
	status := d.pick("200 OK", "200 OK", "200 OK", "200 OK", "200 ", "201 Created", "204 No Content", "302 Found", "304 Not Modified", "400 Bad Request",
		"429 Too Many Requests", "500 Internal Server Error", "503 Roses", "599 x", "101 Switching Protocols", "20 x", "roses")
	kind := d.pick("text/event-stream", "text/event-stream; charset=utf-8", "text/plain", "", "roses/;;", "application/json", "application/json")
	version, coding := d.pick("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"), ""
	switch {
	case a.hidden: // a server that does as it is asked
		version, content = "HTTP/1.1", []byte(d.pick(contents[0], d.pick(contents...)))
		if bytes.Contains(content, []byte(usageEvent)) || d.chance(0.7) {
			status, kind = "200 OK", d.pick("text/event-stream", "text/plain", "")
		}
	case content == nil:
		content = d.content()
		fallthrough
	default:
		coding, content = d.coded(content)
	}
	head.WriteString(version + " " + status + "\r\n" + d.some(typed, "Content-Type: "+kind) +
		d.some(0.2, "X-Request-Id: 7", "X-Empty:", "Set-Cookie: a=1", "Set-Cookie: b=2", "x-lower: \xff\xfe", "Retry-After: 1", "Date: Sat, 21 Nov 2026 19:31:24 GMT", "Keep-Alive: 5",
			"X-Hop: 1", "Location: /v1/elsewhere", "Vary: Accept-Encoding", "Server: s", "Upgrade: x", "Proxy-Authenticate: Basic", "Access-Control-Allow-Origin: *") +
		"Connection: close" + d.pick("", ", X-Hop") + "\r\n") // no second call over it
	if coding != "" {
		head.WriteString("Content-Encoding: " + coding + "\r\n")
	}
	plain, usage := bytes.ReplaceAll(content, []byte(usageEvent), nil), content
	if !a.hidden {
		plain, usage = content, nil
	}
	cut := d.chance(0.15)
	if at := d.IntN(len(plain) + 1); cut {
		if i := bytes.Index(content, []byte(usageEvent)); a.hidden && i >= 0 && at > i {
			usage = usage[:at+len(usageEvent)]
		} else if a.hidden {
			usage = usage[:at]
		}
		plain = plain[:at]
	}
	switch d.IntN(7) {
	case 0, 1, 2:
		head.WriteString("Transfer-Encoding: chunked\r\n" + d.some(0.3, "Trailer: X-Tail", "Trailer: X-Sum, X-Never"))
		end := "0\r\n" + d.some(0.3, "X-Tail: 1", "X-Tail: 2", "X-Sum: abc") + "\r\n"
		if cut {
			end = d.pick("", "0", "0\r\n", "roses", "5\r\nab")
		}
		plain = append(d.chunks(plain), end...)
		if usage != nil {
			usage = append(d.chunks(usage), end...)
		}
	case 3, 4:
		if !a.hidden { // the length is not told of what is made longer
			head.WriteString(fmt.Sprintf("Content-Length: %d\r\n", max(0, len(content)+d.IntN(13)/10*(d.IntN(20)-10))))
		}
	case 5:
		head.WriteString(d.pick("", "", "", "Content-Length: x\r\n", "roses\r\n", "Transfer-Encoding: gzip\r\n"))
	}
	top := head.String() + "\r\n"
	if d.chance(0.02) {
		t.answer = []byte(top[:d.IntN(len(top))])
		return t
	}
	t.answer = append([]byte(top), plain...)
	if usage != nil {
		t.usage = append([]byte(top), usage...)
	}
	return t
}
