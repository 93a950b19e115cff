package openai_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	callopenai "github.com/callspan/callspan/llm/openai"
)

// roundTrip answers with a body in one piece, with or without its end.
type roundTrip struct {
	kind  string
	body  []byte
	atEnd error // comes with the piece
}

func (r *roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {r.kind}}, ContentLength: -1,
		Body: io.NopCloser(&onePiece{r.body, r.atEnd}), Request: req}, nil
}

type onePiece struct {
	b   []byte
	err error
}

func (p *onePiece) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b)
	if p.b = p.b[n:]; len(p.b) > 0 {
		return n, nil
	}
	return n, p.err
}

// TestTransportEarly: the first bytes do not wait for the handlers that are told
// of the end, even if the whole answer comes in one piece.
func TestTransportEarly(t *testing.T) {
	const (
		chatPath      = "/v1/chat/completions"
		responsesPath = "/v1/responses"
		asksStream    = `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}`
		created       = `{"type":"response.created","sequence_number":0,"response":{"id":"r","model":"gpt-4o-mini","status":"in_progress"}}`
		text          = `{"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink"}`
		completed     = `{"type":"response.completed","sequence_number":2,"response":{"id":"r","model":"gpt-4o-mini","status":"completed","output":[{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"Pink"}]}],"usage":{"input_tokens":20,"output_tokens":2,"total_tokens":22}}}`
	)
	stream := sse(delta(`{"content":"Pink"}`, "stop"), usageFrame, "[DONE]")
	whole := []byte(`{"id":"c1","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}`)
	for name, c := range map[string]struct {
		path, request string
		roundTrip
		first string // what the first Read returns ends so
	}{
		"stream":              {chatPath, asksStream, roundTrip{"text/event-stream", stream, nil}, `"rejected_prediction_tokens":0}}}` + "\n\n"},
		"stream with its end": {chatPath, asksStream, roundTrip{"text/event-stream", stream, io.EOF}, `"rejected_prediction_tokens":0}}}` + "\n\n"},
		"stream with CR LF":   {chatPath, asksStream, roundTrip{"text/event-stream", bytes.ReplaceAll(stream, []byte("\n"), []byte("\r\n")), nil}, `"rejected_prediction_tokens":0}}}` + "\r\n\r\n"},
		"stream without DONE": {chatPath, asksStream, roundTrip{"text/event-stream", sse(delta(`{"content":"Pink"}`, "stop"), usageFrame), io.EOF}, `"stop"}],"usage":null}` + "\n\n"},
		"responses":           {responsesPath, `{"model":"gpt-4o-mini","stream":true,"input":"?"}`, roundTrip{"text/event-stream", sse(created, text, completed), nil}, `"Pink"}` + "\n\n"},
		"whole":               {chatPath, `{"model":"gpt-4o-mini","messages":[]}`, roundTrip{"application/json", whole, io.EOF}, "}}"},
		"after empty lines":   {chatPath, `{"model":"gpt-4o-mini","messages":[]}`, roundTrip{"application/json", []byte("\n   \n\n" + string(whole)), io.EOF}, "\n   \n\n"},
	} {
		for _, early := range []bool{false, true} {
			if early {
				name += ", closed after the first piece"
			}
			t.Run(name, func(t *testing.T) {
				rec := new(seen)
				hc := &http.Client{Transport: callopenai.NewTransport(&c.roundTrip, rec)}
				resp, err := hc.Post("http://127.0.0.1"+c.path, "application/json", strings.NewReader(c.request))
				if err != nil {
					t.Fatal(err)
				}
				p := make([]byte, 32<<10)
				n, err := resp.Body.Read(p)
				if err != nil || !bytes.HasSuffix(p[:n], []byte(c.first)) {
					t.Errorf("first read: %v, %s", err, p[:n])
				}
				rec.check(t)
				if !early {
					rest, err := io.ReadAll(resp.Body)
					if err != nil || !bytes.Equal(append(p[:n], rest...), c.body) {
						t.Errorf("%v, the bytes are not those of the server:\n%s%s", err, p[:n], rest)
					}
					rec.check(t, `llm 127.0.0.1 gpt-4o-mini 20/2 reported "Pink"`)
				}
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
				rec.check(t, `llm 127.0.0.1 gpt-4o-mini 20/2 reported "Pink"`)
			})
		}
	}
}

// TestTransportLeaves: a client that goes away when it has the whole answer has
// not broken off, whether it has seen the end of the body or not. That is how
// the clients of a proxy leave: their request's context ends.
func TestTransportLeaves(t *testing.T) {
	const asksStream = `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"roses?"}]}`
	const asksWhole = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"roses?"}]}`
	whole := []byte(`{"id":"c1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}`)
	for _, c := range []struct {
		name, ask string
		roundTrip
		want string
	}{
		{"whole", asksWhole, roundTrip{"application/json", whole, io.EOF}, `llm openai gpt-4o-mini 20/2 reported "Pink"`},
		{"an error", asksWhole, roundTrip{"application/json", []byte(`{"error":{"message":"m","code":"rate_limit_exceeded"}}`), io.EOF},
			`llm openai gpt-4o-mini error rate_limit_exceeded`},
		{"stream", asksStream, roundTrip{"text/event-stream", sse(delta(`{"content":"Pink"}`, "stop")), nil}, `llm openai gpt-4o-mini 10/1 estimated "Pink"`},
		{"half a stream", asksStream, roundTrip{"text/event-stream", sse(delta(`{"content":"Pink"}`, "")), nil},
			`llm openai gpt-4o-mini 10/1 estimated "Pink" error canceled`},
	} {
		for _, reading := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				rec := new(seen)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tr := callopenai.NewTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
					resp, err := c.roundTrip.RoundTrip(req)
					if c.atEnd == nil { // the rest never comes
						resp.Body = stalling{resp.Body, ctx}
					}
					return resp, err
				}), rec)
				tr.Provider = "openai"
				req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1/v1/chat/completions", strings.NewReader(c.ask))
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := resp.Body.Read(make([]byte, 4096)); err != nil {
					t.Fatal(err)
				}
				if reading && c.atEnd == nil {
					go resp.Body.Read(make([]byte, 4096))
					synctest.Wait()
				}
				cancel()
				synctest.Wait()
				rec.check(t, c.want)
				resp.Body.Close()
			})
		}
	}
}

// A stalling body has one piece, and then nothing until its context ends.
type stalling struct {
	io.ReadCloser
	ctx context.Context
}

func (s stalling) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if n > 0 && err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}
