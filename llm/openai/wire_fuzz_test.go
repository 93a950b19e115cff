package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// ends is a handler that counts how often runs end, and keeps the last result.
type ends struct {
	n   int
	res *callback.Result
}

func (e *ends) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, e
}
func (e *ends) End(res *callback.Result) { e.n++; e.res = res }

// pieces is a body that comes in pieces of given sizes, and ends with err.
type pieces struct {
	data  []byte
	sizes []byte
	next  int
	err   error
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, p.err
	}
	n := 1
	if len(p.sizes) > 0 {
		n += int(p.sizes[p.next%len(p.sizes)])
		p.next++
	}
	n = copy(b[:min(n, len(b))], p.data)
	p.data = p.data[n:]
	return n, nil
}

func (p *pieces) Close() error { return nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// withoutUsage leaves the usage out of a stream in the plainest way there is:
// line by line.
func withoutUsage(stream []byte, text bool) []byte {
	var out, head []byte
	within, drop := false, false
	for line := range bytes.Lines(stream) {
		empty := len(bytes.TrimRight(line, "\r\n")) == 0
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		named := bytes.HasPrefix(line, []byte("event:")) || bytes.HasPrefix(line, []byte("id:")) || bytes.HasPrefix(line, []byte("retry:"))
		if named && !within && bytes.HasSuffix(line, []byte("\n")) && len(head)+len(line) <= maxUsageEvent {
			head = append(head, line...)
			drop = false
			continue
		}
		f := frame{text: text}
		if ok && mayBeUsage(line) && f.decode(bytes.TrimSpace(data)) == nil && f.usageOnly() {
			data = bytes.TrimSpace(data)
			if rest := f.withoutUsage(data); rest != nil {
				line, empty = bytes.Replace(line, data, rest, 1), false
			} else {
				drop, head = !within, nil
				continue
			}
		}
		out, head = append(out, head...), nil
		if empty {
			within = false
			if drop {
				drop = false
				continue
			}
		} else {
			within = true
		}
		drop = false
		out = append(out, line...)
	}
	return append(out, head...)
}

const timedEvent = `data: {"choices":[],"id":"1","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"timings":{"cache_n":0,"prompt_n":1,"predicted_n":1}}` + "\n\n"

const usageOnlyEvent = `data: {"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}` + "\n\n"

// FuzzWire: whatever a body holds and in whatever pieces it comes, the client
// gets it as it is but for the usage that it did not ask for, and the run ends
// once.
func FuzzWire(f *testing.F) {
	chunk := `data: {"id":"1","choices":[{"index":0,"delta":{"content":"Pink"},"finish_reason":null}],"usage":null}` + "\n\n"
	stop := `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	for _, s := range []string{
		chunk + stop + usageOnlyEvent + "data: [DONE]\n\n",
		chunk + stop + timedEvent + "data: [DONE]\n\n",
		strings.TrimSpace(timedEvent) + "\r\n\r\n" + usageOnlyEvent + timedEvent,
		strings.ReplaceAll(chunk+usageOnlyEvent+stop, "\n", "\r\n"),
		strings.ReplaceAll(chunk+stop+usageOnlyEvent, "\n\n", "\n"),
		": wait\n\nevent: message\n" + usageOnlyEvent + chunk,
		"id: 1\r\nevent: message\r\n" + chunk + "id: 2\nevent: message\n" + usageOnlyEvent + "id: 3\nevent: x\n\nretry: 5\n" + timedEvent + "id: 4",
		"event: " + strings.Repeat("x", 9<<10) + "\n" + usageOnlyEvent, strings.Repeat("id: 1\n", 3<<10) + usageOnlyEvent,
		"\xEF\xBB\xBF" + chunk + "data:" + strings.TrimPrefix(usageOnlyEvent, "data: "),
		strings.TrimSpace(usageOnlyEvent),
		"data: {\"usage\":\ndata: {\"prompt_tokens\":1}}\n\n",
		`{"error":{"message":"no"}}`, `data: {"error":"no"}` + "\n\n", "data: \xff\n\n", "", "d",
		`event: response.completed` + "\n" + `data: {"type":"response.completed","response":{"status":"completed","output":[]}}` + "\n\n",
	} {
		f.Add([]byte(s), []byte{0, 7, 200}, uint8(0), uint8(40), "text/event-stream")
		f.Add([]byte(s), []byte{255}, uint8(1), uint8(0), "application/json")
	}
	// An empty line in two reads, and no empty line after the usage.
	f.Add([]byte("x\r\n\r\n"+strings.TrimSuffix(usageOnlyEvent, "\n\n")+"\r\n\r"), []byte{0}, uint8(1), uint8(0), "text/event-stream")
	f.Add([]byte(strings.TrimSuffix(usageOnlyEvent, "\n")+"data: [DONE]\n\n"), []byte{0}, uint8(0), uint8(0), "text/event-stream")
	f.Add([]byte("\r.\n"+strings.TrimSuffix(usageOnlyEvent, "\n\n")+"\r\n\r"), []byte{0}, uint8(1), uint8(0), "text/event-stream")
	f.Fuzz(func(t *testing.T, stream, sizes []byte, mode, room uint8, kind string) {
		api := []string{"/chat/completions", "/completions", "/responses", "/embeddings"}[mode/2%4]
		failure := error(io.EOF)
		if mode&1 != 0 {
			failure = errors.New("reset")
		}
		e := new(ends)
		tr := &Transport{Handlers: []callback.Handler{e}, Base: roundTrip(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			return &http.Response{StatusCode: 200 + int(mode/64)*100, Header: http.Header{"Content-Type": {kind}}, ContentLength: -1,
				Body: &pieces{data: stream, sizes: sizes, err: failure}, Request: r}, nil
		})}
		req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1"+api, strings.NewReader(`{"stream":true,"model":"m"}`))
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		filtered := resp.Body.(*body).filter != nil
		var got []byte
		for p := make([]byte, int(room)+1); err == nil; {
			var n int
			n, err = resp.Body.Read(p)
			got = append(got, p[:n]...)
		}
		resp.Body.Close()
		want := stream
		if filtered {
			want = withoutUsage(stream, api == "/completions")
		}
		if err != failure || !bytes.Equal(got, want) {
			t.Errorf("read %q, %v\nwant %q", got, err, want)
		}
		if e.n != 1 {
			t.Errorf("%d ends", e.n)
		}
	})
}

// FuzzWireRequest: no request is more than it seems, and asking for the usage
// changes stream_options alone.
func FuzzWireRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:"}}]}]}`,
		`{"stream":true,"stream_options":null}`, `{"stream":true,"stream_options":{}}`, `{"stream":true,"stream_options":{ "a":1 } }`, `{"stream_options":[1]}`,
		`{"tools":[{"type":"function","function":{"name":"f","parameters":{"stream_options":{}}}}],"stream":true}`,
		`{"input":[{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"role":"user","content":"x"}],"instructions":"i"}`,
		`{"prompt":["a","b"],"n":2,"stop":"x","temperature":0.5}`, `{}`, `[]`, `null`, `{"a`, `{"messages":[{"content":"`, "{\"model\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, api := range []string{llm.APIChat, llm.APICompletions, llm.APIResponses, apiEmbeddings} {
			w, ok := readRequest(api, raw)
			valid := json.Valid(raw) && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
			if ok && !valid {
				t.Errorf("%s: taken for an object: %q", api, raw)
			}
			if (w.Request == nil) != (api == apiEmbeddings) || (w.embed == nil) == (api == apiEmbeddings) {
				t.Fatalf("%s: %+v", api, w)
			}
		}
		u := &upload{body: bytes.Clone(raw)}
		if !u.askUsage() {
			return
		}
		out, _ := io.ReadAll(inMemory(u.body))
		var before, after map[string]any
		if json.Unmarshal(raw, &before) != nil {
			return // deeper than the decoder goes, or no JSON
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", raw, out, err)
		}
		options, _ := after["stream_options"].(map[string]any)
		w, _ := readRequest(llm.APIChat, raw)
		if !w.settled && options["include_usage"] != true && strings.Count(string(raw), "stream_options") < 2 {
			t.Errorf("%q became %q, without include_usage", raw, out)
		}
		if !w.settled {
			delete(options, "include_usage")
			old, _ := before["stream_options"].(map[string]any)
			if len(options)+len(old) > 0 && !reflect.DeepEqual(options, old) && strings.Count(string(raw), "stream_options") < 2 {
				t.Errorf("%q became %q: other options differ", raw, out)
			}
		}
		delete(before, "stream_options")
		delete(after, "stream_options")
		if !reflect.DeepEqual(before, after) && !strings.Contains(string(raw), "\\u") {
			t.Errorf("%q became %q", raw, out)
		}
	})
}

// FuzzResponseFrame: no event of the responses API does harm, and what is said
// to be in order is JSON.
func FuzzResponseFrame(f *testing.F) {
	for _, s := range []string{
		`{"type":"response.output_text.delta","output_index":0,"delta":"Pink"}`,
		`{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f"}}`,
		`{"type":"response.completed","response":{"id":"r","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":2}}}`,
		`{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}`,
		`{"type":"error","code":"c","message":"m"}`, `{"error":"x"}`, `{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}`,
		`{"usage":{"input_tokens":-1,"output_tokens":1e99}}`, `null`, `{"delta":{"a":1}}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, whole bool) {
		r := responseFrame{whole: whole}
		for range 2 {
			err := r.decode(raw)
			if err == nil && !json.Valid(raw) {
				t.Fatalf("no JSON, and no error: %q", raw)
			}
			for _, c := range r.out {
				if u := c.Usage; u != nil && (u.Input < 0 || u.Output < 0 || u.CacheRead+u.CacheWrite > u.Input || u.Reasoning > u.Output) {
					t.Errorf("usage %+v of %q", *u, raw)
				}
			}
		}
	})
}
