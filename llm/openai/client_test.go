package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// wrapped returns a client that gets the same response to every request.
func wrapped(c *canned, opts ...callopenai.WrapOption) *callopenai.Client {
	return callopenai.Wrap(openai.NewClientWithConfig(config(c)), append([]callopenai.WrapOption{callopenai.WithProvider("openai")}, opts...)...)
}

var (
	chat       = openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}}
	pinkStream = sse(delta(`{"role":"assistant","content":""}`, ""), delta(`{"content":"Pink"}`, ""), delta(`{"content":" roses"}`, ""),
		delta(`{}`, "stop"), usageFrame, "[DONE]")
	pinkWhole  = []byte(`{"id":"1","model":"gpt-4o-mini-2024-07-18","service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}`)
	pinkEvents = sse(`{"type":"response.created","response":{"id":"r1","model":"gpt-5-mini","status":"in_progress"}}`,
		`{"type":"response.output_text.delta","sequence_number":2,"item_id":"m","output_index":0,"content_index":0,"delta":"Pink","logprobs":[]}`,
		`{"type":"response.completed","response":{"id":"r1","model":"gpt-5-mini","status":"completed","output":[],"usage":{"input_tokens":8,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":13}}}`)
)

// A view is what a caller gets of a stream: values, bytes and errors.
type view struct {
	values []any
	raws   []string
	errs   []string
	eof    bool
	header http.Header
	limits openai.RateLimitHeaders
}

// A typedStream is a stream of go-openai's or of ours.
type typedStream[T any] interface {
	Recv() (T, error)
	RecvRaw() ([]byte, error)
	Close() error
	Header() http.Header
	GetRateLimitHeaders() openai.RateLimitHeaders
}

// look reads s to its end and two calls beyond, every other frame as bytes if
// raw is set. It also reads on after errors, as far as a caller might.
func look[T any](s typedStream[T], err error, raw bool) (v view) {
	if err != nil {
		v.errs = append(v.errs, describe(err)+fmt.Sprintf(" %T", err))
		return v
	}
	defer s.Close()
	v.header, v.limits = s.Header(), s.GetRateLimitHeaders()
	for i, failed := 0, 0; failed < 3; i++ {
		var value any
		var err error
		if raw && i%2 == 1 {
			var b []byte
			b, err = s.RecvRaw()
			v.raws = append(v.raws, string(b))
		} else {
			value, err = s.Recv()
			v.values = append(v.values, value)
		}
		if err != nil {
			failed++
			v.eof = v.eof || errors.Is(err, io.EOF)
			v.errs = append(v.errs, fmt.Sprintf("%d %T %s", i, err, describe(err)))
		}
	}
	return v
}

// TestWrapStream: a caller sees the same of a stream, whoever listens, and the
// run says what it was.
func TestWrapStream(t *testing.T) {
	withoutUsage := sse(delta(`{"role":"assistant","content":""}`, ""), delta(`{"content":"Pink"}`, ""), delta(`{"content":" roses"}`, ""), delta(`{}`, "stop"), "[DONE]")
	event := "event: error\ndata: {\"error\":{\"message\":\"Failed to call.\",\"type\":\"invalid_request_error\",\"code\":\"tool_use_failed\"}}\n\n"
	for _, tc := range []struct {
		name   string
		status int
		body   []byte
		shown  []byte // body if nil
		asked  *openai.StreamOptions
		want   string
		sent   string
	}{
		{name: "usage that was not asked for", body: pinkStream, shown: withoutUsage, sent: `{"include_usage":true}`,
			want: `llm openai gpt-4o-mini 20/2 reported "Pink roses"`},
		{name: "usage that was asked for", body: pinkStream, asked: &openai.StreamOptions{IncludeUsage: true}, sent: `{"include_usage":true}`,
			want: `llm openai gpt-4o-mini 20/2 reported "Pink roses"`},
		{name: "options without usage", body: pinkStream, shown: withoutUsage, asked: &openai.StreamOptions{}, sent: `{"include_usage":true}`,
			want: `llm openai gpt-4o-mini 20/2 reported "Pink roses"`},
		{name: "a usage of nothing", body: bytes.ReplaceAll(pinkStream, []byte(`:20,"completion_tokens":2`), []byte(`:0,"completion_tokens":0`)), shown: withoutUsage,
			want: `llm openai gpt-4o-mini 10/2 estimated "Pink roses"`},
		{name: "cut", body: sse(delta(`{"content":"Pink"}`, "")), want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error stream_truncated`},
		{name: "cut, finish reasons left out", body: sse(`{"choices":[{"delta":{"content":"Pink"}}]}`), want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error stream_truncated`},
		{name: "no finish reasons at all", body: sse(`{"choices":[{"delta":{"content":"Pink"}}]}`, "[DONE]"), want: `llm openai gpt-4o-mini 10/1 estimated "Pink"`},
		{name: "an error frame", body: append(sse(delta(`{"content":"Pink"}`, ""), `{"error":{"message":"overloaded","code":"server_error"}}`), sse(delta(`{"content":"!"}`, ""))...),
			want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error server_error`},
		{name: "an error event", body: append(sse(delta(`{"content":"Pink"}`, "")), event...),
			want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error tool_use_failed`},
		{name: "an error that is text", body: sse(delta(`{"content":"Pink"}`, ""), `{"error":"upstream connect error"}`),
			want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error in_band_error`},
		{name: "an error in a chunk, and usage after it", body: append(sse(`{"error":{"code":502,"message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`), pinkStream...),
			shown: append(sse(`{"error":{"code":502,"message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`), withoutUsage...),
			want:  `llm openai gpt-4o-mini error 502`},
		{name: "a frame that is no JSON", body: append(sse(delta(`{"content":"Pink"}`, ""), `<html>`), sse(delta(`{"content":"!"}`, ""))...),
			want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error malformed_response`},
		{name: "content that go-openai cannot read", body: sse(delta(`{"content":[{"type":"text","text":"Pink"}]}`, ""), delta(`{}`, "stop"), "[DONE]"),
			want: `llm openai gpt-4o-mini 10/1 estimated "Pink" error malformed_response`},
		{name: "nothing", body: []byte{}, want: `llm openai gpt-4o-mini error empty_response`},
		{name: "an error in place of a stream", body: []byte("{\"error\":{\"message\":\"no\",\"code\":\"content_filter\"}}\n"), want: `llm openai gpt-4o-mini error content_filter`},
		{name: "too many empty lines", body: bytes.Repeat([]byte(": waiting\n\n"), 400), want: `llm openai gpt-4o-mini error malformed_response`},
		{name: "refused", status: 429, body: []byte(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`),
			want: `llm openai gpt-4o-mini error rate_limit_exceeded`},
		{name: "refused by a proxy", status: 502, body: []byte(`<html>`), want: `llm openai gpt-4o-mini error 502`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.shown == nil {
				tc.shown = tc.body
			}
			header := http.Header{"X-Ratelimit-Remaining-Tokens": {"7"}}
			req := chat
			req.StreamOptions = tc.asked
			for _, raw := range []bool{false, true} {
				rec := new(seen)
				bareStream, bareErr := openai.NewClientWithConfig(config(&canned{status: tc.status, header: header, body: tc.shown})).CreateChatCompletionStream(t.Context(), req)
				bare := look(bareStream, bareErr, raw)
				doer := &canned{status: tc.status, header: header, body: tc.body}
				ours, err := wrapped(doer, callopenai.WithHandlers(rec)).CreateChatCompletionStream(t.Context(), req)
				if err != nil && ours != nil {
					t.Error("a stream with an error")
				}
				if got := look(ours, err, raw); !reflect.DeepEqual(got, bare) {
					t.Errorf("raw %v: the caller gets\n%+v\nwithout us\n%+v", raw, got, bare)
				}
				rec.check(t, tc.want)
				if !bytes.Contains(doer.sent, []byte(tc.sent)) {
					t.Errorf("sent %s", doer.sent)
				}
				silent, err := wrapped(&canned{status: tc.status, header: header, body: tc.shown}).CreateChatCompletionStream(t.Context(), req)
				if got := look(silent, err, raw); !reflect.DeepEqual(got, bare) {
					t.Errorf("nobody listens: the caller gets\n%+v\nwithout us\n%+v", got, bare)
				}
			}
			if tc.asked != nil && *tc.asked != *req.StreamOptions {
				t.Error("the caller's options are changed")
			}
		})
	}
}

// TestWrapStreams: the other streams.
func TestWrapStreams(t *testing.T) {
	text := sse(piece(" red", ""), piece(" and", "stop"), textUsage, "[DONE]")
	rec := new(seen)
	req := openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "roses are"}
	bare, err := openai.NewClientWithConfig(config(&canned{body: sse(piece(" red", ""), piece(" and", "stop"), "[DONE]")})).CreateCompletionStream(t.Context(), req)
	want := look(bare, err, true)
	ours, err := wrapped(&canned{body: text}, callopenai.WithHandlers(rec)).CreateCompletionStream(t.Context(), req)
	if got := look(ours, err, true); !reflect.DeepEqual(got, want) {
		t.Errorf("the caller gets\n%+v\nwithout us\n%+v", got, want)
	}
	rec.check(t, `llm openai gpt-3.5-turbo-instruct 13/2 reported " red and"`)

	rec = new(seen)
	ask := openai.CreateResponseRequest{Model: "gpt-5-mini", Input: "roses?"}
	bareEvents, err := openai.NewClientWithConfig(config(&canned{body: pinkEvents})).CreateResponseStream(t.Context(), ask)
	wantEvents := look(bareEvents, err, false)
	events, err := wrapped(&canned{body: pinkEvents}, callopenai.WithHandlers(rec)).CreateResponseStream(t.Context(), ask)
	if got := look(events, err, false); !reflect.DeepEqual(got, wantEvents) {
		t.Errorf("the caller gets\n%+v\nwithout us\n%+v", got, wantEvents)
	}
	rec.check(t, `llm openai gpt-5-mini 8/5 reported "Pink"`)

	rec = new(seen)
	cut, err := wrapped(&canned{body: pinkEvents[:bytes.Index(pinkEvents, []byte(`data: {"type":"response.completed`))]}, callopenai.WithHandlers(rec)).CreateResponseStream(t.Context(), ask)
	look(cut, err, true)
	rec.check(t, `llm openai gpt-5-mini 9/5 estimated "Pink" error stream_truncated`)
}

// TestWrapCalls: calls without a stream give what they give, and are runs.
func TestWrapCalls(t *testing.T) {
	type client interface {
		CreateChatCompletion(context.Context, openai.ChatCompletionRequest) (openai.ChatCompletionResponse, error)
		CreateCompletion(context.Context, openai.CompletionRequest) (openai.CompletionResponse, error)
		CreateResponse(context.Context, openai.CreateResponseRequest) (openai.CreateResponseResponse, error)
		CompactResponse(context.Context, openai.CompactResponseRequest) (openai.ResponseCompaction, error)
		CreateEmbeddings(context.Context, openai.EmbeddingRequestConverter) (openai.EmbeddingResponse, error)
		CreateImage(context.Context, openai.ImageRequest) (openai.ImageResponse, error)
		CreateEditImage(context.Context, openai.ImageEditRequest) (openai.ImageResponse, error)
		CreateVariImage(context.Context, openai.ImageVariRequest) (openai.ImageResponse, error)
		CreateTranscription(context.Context, openai.AudioRequest) (openai.AudioResponse, error)
		CreateTranslation(context.Context, openai.AudioRequest) (openai.AudioResponse, error)
		CreateSpeech(context.Context, openai.CreateSpeechRequest) (openai.RawResponse, error)
		Moderations(context.Context, openai.ModerationRequest) (openai.ModerationResponse, error)
		ListModels(context.Context) (openai.ModelsList, error)
	}
	ask := func(ctx context.Context, c client) (any, error) { return c.CreateChatCompletion(ctx, chat) }
	paint := func(ctx context.Context, c client) (any, error) {
		return c.CreateImage(ctx, openai.ImageRequest{Model: "gpt-image-1", Prompt: "a rose"})
	}
	images := []byte(`{"created":1,"data":[{"url":"https://x/1.png"},{"b64_json":"AA=="}],"usage":{"total_tokens":30,"input_tokens":10,"output_tokens":20}}`)
	for _, tc := range []struct {
		name   string
		status int
		body   string
		call   func(context.Context, client) (any, error)
		want   string
	}{
		{name: "chat", body: string(pinkWhole), call: ask, want: `llm openai gpt-4o-mini 9/1 reported "Pink"`},
		{name: "chat without usage", body: `{"choices":[{"message":{"content":"Pink"},"finish_reason":"stop"}]}`, call: ask, want: `llm openai gpt-4o-mini 10/1 estimated "Pink"`},
		{name: "error with status 200", body: `{"error":{"message":"no","code":"content_filter"}}`, call: ask, want: `llm openai gpt-4o-mini error empty_response`},
		{name: "half a body", body: string(pinkWhole[:80]), call: ask, want: `llm openai gpt-4o-mini error malformed_response`},
		{name: "no body", body: ``, call: ask, want: `llm openai gpt-4o-mini error empty_response`},
		{name: "refused", status: 401, body: `{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}`, call: ask,
			want: `llm openai gpt-4o-mini error invalid_api_key`},
		{name: "not sent", call: func(ctx context.Context, c client) (any, error) {
			return c.CreateChatCompletion(ctx, openai.ChatCompletionRequest{Model: "text-davinci-003"})
		}, want: `llm openai text-davinci-003 error invalid_request`},
		{name: "text completion", body: `{"model":"gpt-3.5-turbo-instruct","choices":[{"text":" red","finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CreateCompletion(ctx, openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "roses are"})
			}, want: `llm openai gpt-3.5-turbo-instruct 2/1 reported " red"`},
		{name: "response", body: `{"id":"r1","model":"gpt-5-mini","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Pink"}]}],"usage":{"input_tokens":8,"output_tokens":5,"total_tokens":13}}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CreateResponse(ctx, openai.CreateResponseRequest{Model: "gpt-5-mini", Input: "roses?"})
			}, want: `llm openai gpt-5-mini 8/5 reported "Pink"`},
		{name: "response in the background", body: `{"id":"r1","model":"gpt-5-mini","status":"queued","output":[]}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CreateResponse(ctx, openai.CreateResponseRequest{Model: "gpt-5-mini", Input: "roses?", Background: true})
			}, want: `llm openai gpt-5-mini`},
		{name: "response that failed", body: `{"id":"r1","model":"gpt-5-mini","status":"failed","error":{"code":"server_error","message":"no"},"output":[]}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CreateResponse(ctx, openai.CreateResponseRequest{Model: "gpt-5-mini", Input: "roses?"})
			}, want: `llm openai gpt-5-mini error server_error`},
		{name: "compaction", body: `{"id":"r1","object":"response.compaction","created_at":1,"output":[{"id":"m1","type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":"roses?"}]},` +
			`{"id":"c1","type":"compaction","encrypted_content":"gAAA"}],"usage":{"input_tokens":139,"input_tokens_details":{"cached_tokens":0},"output_tokens":438,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":577}}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CompactResponse(ctx, openai.CompactResponseRequest{Model: "gpt-5-mini", Input: "roses?"})
			}, want: `llm openai gpt-5-mini 139/438 reported`},
		{name: "compaction that is refused", status: 404, body: `{"error":{"message":"no such model","code":"model_not_found"}}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CompactResponse(ctx, openai.CompactResponseRequest{Model: "gpt-5-mini", Input: "roses?"})
			}, want: `llm openai gpt-5-mini error model_not_found`},
		{name: "embeddings", body: `{"data":[{"index":0,"embedding":[0.6,0.8]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1,"total_tokens":1}}`,
			call: func(ctx context.Context, c client) (any, error) {
				return c.CreateEmbeddings(ctx, openai.EmbeddingRequestStrings{Model: "text-embedding-3-small", Input: []string{"roses"}})
			}, want: `embedding openai text-embedding-3-small 1/0 reported`},
		{name: "images", body: string(images), call: paint, want: `image openai gpt-image-1 10/20 reported`},
		{name: "no images", body: `{}`, call: paint, want: `image openai gpt-image-1 error empty_response`},
		{name: "an edited image", body: string(images), call: func(ctx context.Context, c client) (any, error) {
			return c.CreateEditImage(ctx, openai.ImageEditRequest{Model: "gpt-image-1", Prompt: "a rose", Image: openai.WrapReader(strings.NewReader("x"), "x.png", "image/png")})
		}, want: `image openai gpt-image-1 10/20 reported`},
		{name: "a variation", body: string(images), call: func(ctx context.Context, c client) (any, error) {
			return c.CreateVariImage(ctx, openai.ImageVariRequest{Model: "dall-e-2", Image: openai.WrapReader(strings.NewReader("x"), "x.png", "image/png")})
		}, want: `image openai dall-e-2 10/20 reported`},
		{name: "a transcription", body: `{"text":"la la"}`, call: func(ctx context.Context, c client) (any, error) {
			return c.CreateTranscription(ctx, openai.AudioRequest{Model: "whisper-1", FilePath: "song.mp3", Reader: strings.NewReader("la")})
		}, want: `audio openai whisper-1`},
		{name: "a translation", body: "la la", call: func(ctx context.Context, c client) (any, error) {
			return c.CreateTranslation(ctx, openai.AudioRequest{Model: "whisper-1", FilePath: "song.mp3", Reader: strings.NewReader("la"), Format: openai.AudioResponseFormatText})
		}, want: `audio openai whisper-1`},
		{name: "speech", body: "RIFF", call: func(ctx context.Context, c client) (any, error) {
			r, err := c.CreateSpeech(ctx, openai.CreateSpeechRequest{Model: openai.TTSModel1, Input: "la"})
			if err != nil {
				return nil, err
			}
			defer r.Close()
			b, err := io.ReadAll(r)
			return []any{string(b), r.Header()}, err
		}, want: `audio openai tts-1`},
		{name: "speech that is closed", body: "RIFF", call: func(ctx context.Context, c client) (any, error) {
			r, err := c.CreateSpeech(ctx, openai.CreateSpeechRequest{Model: openai.TTSModel1, Input: "la"})
			return r.Header(), errors.Join(err, r.Close())
		}, want: `audio openai tts-1 stopped`},
		{name: "moderation", body: `{"model":"omni-moderation-latest","results":[{"flagged":true}]}`, call: func(ctx context.Context, c client) (any, error) {
			return c.Moderations(ctx, openai.ModerationRequest{Model: "omni-moderation-latest", Input: "a rose"})
		}, want: `moderation openai omni-moderation-latest`},
		{name: "what is no call", body: `{"data":[{"id":"m"}]}`, call: func(ctx context.Context, c client) (any, error) { return c.ListModels(ctx) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bareClient := openai.NewClientWithConfig(config(&canned{status: tc.status, body: []byte(tc.body)}))
			want, wantErr := tc.call(t.Context(), bareClient)
			rec := new(seen)
			for _, opts := range [][]callopenai.WrapOption{nil, {callopenai.WithHandlers(rec)}} {
				got, err := tc.call(t.Context(), wrapped(&canned{status: tc.status, body: []byte(tc.body)}, opts...))
				if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, wantErr) {
					t.Errorf("the caller gets %+v, %v\nwithout us %+v, %v", got, err, want, wantErr)
				}
			}
			if tc.want == "" {
				rec.check(t)
			} else {
				rec.check(t, tc.want)
			}
		})
	}
}

// TestWrapRetryAfter: when the API wants to be asked again is in the header of a
// refusal, which go-openai keeps with an answer in one piece. Of a stream it keeps
// none: a wire door below has it.
func TestWrapRetryAfter(t *testing.T) {
	type call func(context.Context, *callopenai.Client) error
	streamed := func(ctx context.Context, c *callopenai.Client) error {
		_, err := c.CreateChatCompletionStream(ctx, chat)
		return err
	}
	for name, tc := range map[string]struct {
		call  call
		wired bool
		want  time.Duration
	}{
		"chat": {call: func(ctx context.Context, c *callopenai.Client) error {
			_, err := c.CreateChatCompletion(ctx, chat)
			return err
		}, want: 7 * time.Second},
		"chat, wired": {call: func(ctx context.Context, c *callopenai.Client) error {
			_, err := c.CreateChatCompletion(ctx, chat)
			return err
		}, wired: true, want: 7 * time.Second},
		"embeddings": {call: func(ctx context.Context, c *callopenai.Client) error {
			_, err := c.CreateEmbeddings(ctx, openai.EmbeddingRequestStrings{Model: "text-embedding-3-small", Input: []string{"roses"}})
			return err
		}, want: 7 * time.Second},
		"image": {call: func(ctx context.Context, c *callopenai.Client) error {
			_, err := c.CreateImage(ctx, openai.ImageRequest{Model: "gpt-image-1", Prompt: "a rose"})
			return err
		}, want: 7 * time.Second},
		"stream":        {call: streamed},
		"stream, wired": {call: streamed, wired: true, want: 7 * time.Second},
	} {
		for _, body := range []string{`{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, `slow down`} {
			o := new(lastRun)
			cfg := config(&canned{status: 429, header: http.Header{"Retry-After": {"7"}}, body: []byte(body)})
			if tc.wired {
				callopenai.WrapConfig(&cfg)
			}
			err := tc.call(t.Context(), callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithProvider("openai"), callopenai.WithHandlers(o)))
			var said *llm.Error
			if !errors.As(o.Err, &said) || said.RetryAfter != tc.want || said.Status != 429 {
				t.Errorf("%s: the run says %#v", name, o.Err)
			}
			if errors.As(err, &said) || err == nil {
				t.Errorf("%s: the caller gets %#v", name, err)
			}
		}
	}
}

// TestRetryAfter: the forms in which servers say when they want to be asked again.
func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		{http.Header{"Retry-After": {"7.66"}}, 7660 * time.Millisecond},
		{http.Header{"Retry-After": {"0"}, "Retry-After-Ms": {"450"}}, 450 * time.Millisecond},
		{http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"1500.5"}}, 1500500 * time.Microsecond},
		{http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"soon"}}, 2 * time.Second},
		{http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"-1"}}, 2 * time.Second},
		{http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"NaN"}}, 2 * time.Second},
		{http.Header{"Retry-After": {"-2"}}, 0},
		{http.Header{}, 0},
	} {
		o := new(lastRun)
		wrapped(&canned{status: 429, header: tc.header, body: []byte(`{"error":{"message":"slow down"}}`)}, callopenai.WithHandlers(o)).CreateChatCompletion(t.Context(), chat)
		var said *llm.Error
		if !errors.As(o.Err, &said) || said.RetryAfter != tc.want {
			t.Errorf("%v: the run says %#v, want %v", tc.header, o.Err, tc.want)
		}
	}
}

// TestWrapOutputs: what handlers are given of images, audio and moderations.
func TestWrapOutputs(t *testing.T) {
	var lines []string
	note := func(_ context.Context, i *callback.Info, res *callback.Result) {
		in, _ := json.Marshal(i.Input)
		out, _ := json.Marshal(res.Output)
		lines = append(lines, fmt.Sprintf("%s %s %s images=%d", i.Kind, in, out, func() int {
			if res.Usage == nil {
				return -1
			}
			return res.Usage.Images
		}()))
	}
	h := ends(note)
	ctx := t.Context()
	c := wrapped(&canned{body: []byte(`{"data":[{"url":"https://x/1.png"},{"b64_json":"AA=="}]}`)}, callopenai.WithHandlers(h))
	c.CreateImage(ctx, openai.ImageRequest{Prompt: "a rose"})
	c = wrapped(&canned{body: []byte(`{"text":"la la","results":[{"flagged":true}]}`)}, callopenai.WithHandlers(h))
	c.CreateTranscription(ctx, openai.AudioRequest{FilePath: "song.mp3", Reader: strings.NewReader("la")})
	c.Moderations(ctx, openai.ModerationRequest{Input: "a rose"})
	want := []string{
		`image "a rose" ["https://x/1.png"] images=2`,
		`audio {"Kind":"audio","URL":"song.mp3","Data":null,"MIMEType":"","Detail":""} "la la" images=-1`,
		`moderation "a rose" true images=-1`,
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
}

// ends is a handler of ends.
type ends func(context.Context, *callback.Info, *callback.Result)

func (e ends) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	return ctx, endOf{func(res *callback.Result) { e(ctx, i, res) }}
}

type endOf struct{ f func(*callback.Result) }

func (e endOf) End(res *callback.Result) { e.f(res) }

// TestWrapClose: closing before the end is stopping, and after the answer it is
// not; whoever closes, the stream is closed and the run ends once.
func TestWrapClose(t *testing.T) {
	for _, tc := range []struct {
		name   string
		frames int
		want   string
	}{
		{"before a frame", 0, `llm openai gpt-4o-mini 10/0 estimated stopped`},
		{"within the answer", 2, `llm openai gpt-4o-mini 10/1 estimated "Pink" stopped`},
		{"after the finish reason", 4, `llm openai gpt-4o-mini 10/2 estimated "Pink roses"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := new(seen)
			s, err := wrapped(&canned{body: pinkStream}, callopenai.WithHandlers(rec)).CreateChatCompletionStream(t.Context(), chat)
			if err != nil {
				t.Fatal(err)
			}
			for range tc.frames {
				if _, err := s.Recv(); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Error(err)
			}
			rec.check(t, tc.want)
			s.Recv() // whatever a closed body gives
			rec.check(t, tc.want)
		})
	}
}

// TestWrapCloseElsewhere: closing a stream whose Recv is in flight.
func TestWrapCloseElsewhere(t *testing.T) {
	for _, answered := range []bool{false, true} {
		r, w := io.Pipe()
		frames := sse(delta(`{"content":"Pink"}`, ""))
		want := `llm openai gpt-4o-mini 10/1 estimated "Pink" stopped`
		if answered {
			frames = append(frames, sse(delta(`{}`, "stop"))...)
			want = `llm openai gpt-4o-mini 10/1 estimated "Pink"`
		}
		rec := new(seen)
		c := callopenai.Wrap(openai.NewClientWithConfig(config(piped{r})), callopenai.WithProvider("openai"), callopenai.WithHandlers(rec))
		s, err := c.CreateChatCompletionStream(t.Context(), chat)
		if err != nil {
			t.Fatal(err)
		}
		waiting, done := make(chan struct{}), make(chan error)
		go func() {
			n := bytes.Count(frames, []byte("data:"))
			for i := 0; ; i++ {
				if i == n {
					close(waiting)
				}
				if _, err := s.Recv(); err != nil {
					done <- err
					return
				}
			}
		}()
		w.Write(frames)
		<-waiting
		s.Close()
		if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Recv returned %v", err)
		}
		rec.check(t, want)
	}
}

// piped answers with what is written to the other end.
type piped struct{ *io.PipeReader }

func (p piped) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: p.PipeReader, Request: req}, nil
}

// TestWrapCanceled: the end of the context ends the run while the caller does
// something else, and the caller gets what he would get.
func TestWrapCanceled(t *testing.T) {
	ended := make(chan *callback.Result, 1)
	h := ends(func(_ context.Context, _ *callback.Info, res *callback.Result) { ended <- res })
	ctx, cancel := context.WithCancel(t.Context())
	s, err := wrapped(&canned{body: pinkStream}, callopenai.WithHandlers(h)).CreateChatCompletionStream(ctx, chat)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		s.Recv()
	}
	cancel()
	if res := <-ended; !errors.Is(res.Err, context.Canceled) || res.Response.Text() != "Pink" {
		t.Errorf("ended with %v after %q", res.Err, res.Response.Text())
	}
	if c, err := s.Recv(); err != nil || c.Choices[0].Delta.Content != " roses" {
		t.Errorf("the caller gets %+v, %v", c, err)
	}
}

// TestWrapDropped: the run of a stream that nobody closes ends when it is
// collected.
func TestWrapDropped(t *testing.T) {
	ended := make(chan *callback.Result, 2)
	h := ends(func(_ context.Context, _ *callback.Info, res *callback.Result) { ended <- res })
	func() {
		c := wrapped(&canned{body: pinkStream}, callopenai.WithHandlers(h))
		s, err := c.CreateChatCompletionStream(t.Context(), chat)
		if err != nil {
			t.Fatal(err)
		}
		s.Recv()
		c.CreateSpeech(t.Context(), openai.CreateSpeechRequest{Input: "la"})
	}()
	for range 2 {
		var res *callback.Result
		for range 100 {
			runtime.GC()
			select {
			case res = <-ended:
			case <-time.After(20 * time.Millisecond):
				continue
			}
			break
		}
		if res == nil || callback.ErrorType(res.Err) != "abandoned" {
			t.Fatalf("ended with %+v", res)
		}
	}
}

// panics is a handler that does so wherever it can.
type panics struct{}

func (panics) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, panicsOn{}
}

type panicsOn struct{}

func (panicsOn) Token(llm.Chunk)      { panic("thorn") }
func (panicsOn) Event(callback.Event) { panic("thorn") }
func (panicsOn) End(*callback.Result) { panic("thorn") }

// TestWrapPanics: a handler that panics does not reach the caller, and the
// caller's own panic ends the run and goes on.
func TestWrapPanics(t *testing.T) {
	bare, err := openai.NewClientWithConfig(config(&canned{body: pinkStream})).CreateChatCompletionStream(t.Context(), chat)
	req := chat
	req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	want := look(bare, err, false)
	s, err := wrapped(&canned{body: pinkStream}, callopenai.WithHandlers(panics{})).CreateChatCompletionStream(t.Context(), req)
	if got := look(s, err, false); !reflect.DeepEqual(got, want) {
		t.Errorf("the caller gets %+v", got)
	}

	rec := new(seen)
	c := callopenai.Wrap(openai.NewClientWithConfig(config(thorny{})), callopenai.WithProvider("openai"), callopenai.WithHandlers(rec))
	for _, call := range []func(){
		func() { c.CreateChatCompletion(t.Context(), chat) },
		func() { c.CreateChatCompletionStream(t.Context(), chat) },
	} {
		func() {
			defer func() {
				if p := recover(); p != "thorn" {
					t.Errorf("recovered %v", p)
				}
			}()
			call()
		}()
	}
	rec.check(t, `llm openai gpt-4o-mini error panic`, `llm openai gpt-4o-mini error panic`)
}

// thorny is an HTTP client that panics.
type thorny struct{}

func (thorny) Do(*http.Request) (*http.Response, error) { panic("thorn") }

// TestWrapNilContext: go-openai says what is wrong.
func TestWrapNilContext(t *testing.T) {
	var none context.Context
	_, want := openai.NewClientWithConfig(config(&canned{})).CreateChatCompletion(none, chat)
	_, got := wrapped(&canned{}, callopenai.WithHandlers(new(seen))).CreateChatCompletion(none, chat)
	if want == nil || got == nil || got.Error() != want.Error() {
		t.Errorf("%v, without us %v", got, want)
	}
}

// TestWrapNil: a client that is nil is an error of each call, also of those that
// are not announced.
func TestWrapNil(t *testing.T) {
	rec := new(seen)
	c := callopenai.Wrap(nil, callopenai.WithProvider("openai"), callopenai.WithHandlers(rec))
	_, chatErr := c.CreateChatCompletion(t.Context(), chat)
	_, streamErr := c.CreateChatCompletionStream(t.Context(), chat)
	_, listErr := c.ListModels(t.Context())
	for _, err := range []error{chatErr, streamErr, listErr} {
		if err == nil || !strings.Contains(err.Error(), "the client given to Wrap is nil") {
			t.Errorf("error %v", err)
		}
	}
	rec.check(t, `llm openai gpt-4o-mini error invalid_request`, `llm openai gpt-4o-mini error invalid_request`)
}
