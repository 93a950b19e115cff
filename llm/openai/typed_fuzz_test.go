package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// The tests of this file hold a bare client of go-openai beside one that goes
// through a door and gets the same bytes. The caller has to see the same, value
// by value and error by error. There is one difference that is meant: a stream
// that was asked for its usage on behalf of the handlers has an event that its
// caller did not ask for, and does not get; shown leaves it out of the bare
// stream in the same way.

// A server answers every request with the same bytes, and notes what it is sent.
type server struct {
	status int
	header http.Header
	body   []byte
	sizes  []byte // of the pieces in which the body comes
	end    error

	sent   []string
	closed int
}

func (s *server) Do(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	s.sent = append(s.sent, fmt.Sprintf("%s %s %v %s", req.Method, req.URL, err, body))
	return &http.Response{StatusCode: s.status, Status: fmt.Sprintf("%d %s", s.status, http.StatusText(s.status)), Header: s.header.Clone(), ContentLength: -1,
		Body: &closing{&pieces{data: s.body, sizes: s.sizes, err: s.end}, s}, Request: req}, nil
}

// closing counts how often it is closed, and cannot be read afterwards.
type closing struct {
	io.Reader
	s *server
}

func (c *closing) Close() error {
	c.s.closed++
	c.Reader = errReader{http.ErrBodyReadAfterClose}
	return nil
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A sight is what a caller sees of a call.
type sight struct {
	values []any
	errs   []string
	closed int
}

func (s *sight) see(v ...any) { s.values = append(s.values, v...) }

// fail notes an error with all that it wraps.
func (s *sight) fail(err error) {
	var all []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		all = append(all, fmt.Sprintf("%T %+v", e, e))
		if api, ok := e.(*openai.APIError); ok {
			fields, _ := json.Marshal(api)
			all = append(all, string(fields))
		}
	}
	s.errs = append(s.errs, strings.Join(all, " <- "))
}

// A manner is a way to make a call and to read its answer.
type manner struct {
	asked   bool   // for the usage
	hidden  bool   // the usage is asked for all the same
	pattern uint16 // which frames are taken as bytes
	leaves  int    // after so many frames; 0 stays to the end
	done    bool   // and does not try to go on
	base64  bool
	text    bool // the form of a transcript
}

// wholes are the calls without a stream, of the bare client and of ours.
type wholes interface {
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
}

// A caller is a client with its streams, of either kind.
type caller struct {
	wholes
	chat      func(context.Context, openai.ChatCompletionRequest) (typedStream[openai.ChatCompletionStreamResponse], error)
	text      func(context.Context, openai.CompletionRequest) (typedStream[openai.CompletionResponse], error)
	responses func(context.Context, openai.CreateResponseRequest) (typedStream[openai.ResponseStreamEvent], error)
}

// A typedStream is a stream of go-openai's or of ours.
type typedStream[T any] interface {
	Recv() (T, error)
	RecvRaw() ([]byte, error)
	Close() error
	Header() http.Header
	GetRateLimitHeaders() openai.RateLimitHeaders
}

// begun makes the interface nil where the stream is.
func begun[T any, S interface {
	comparable
	typedStream[T]
}](s S, err error) (typedStream[T], error) {
	var none S
	if s == none {
		return nil, err
	}
	return s, err
}

func callerOf(c *openai.Client, ours *Client) caller {
	if ours == nil {
		return caller{c,
			func(ctx context.Context, r openai.ChatCompletionRequest) (typedStream[openai.ChatCompletionStreamResponse], error) {
				return begun[openai.ChatCompletionStreamResponse](c.CreateChatCompletionStream(ctx, r))
			},
			func(ctx context.Context, r openai.CompletionRequest) (typedStream[openai.CompletionResponse], error) {
				return begun[openai.CompletionResponse](c.CreateCompletionStream(ctx, r))
			},
			func(ctx context.Context, r openai.CreateResponseRequest) (typedStream[openai.ResponseStreamEvent], error) {
				return begun[openai.ResponseStreamEvent](c.CreateResponseStream(ctx, r))
			}}
	}
	return caller{ours,
		func(ctx context.Context, r openai.ChatCompletionRequest) (typedStream[openai.ChatCompletionStreamResponse], error) {
			return begun[openai.ChatCompletionStreamResponse](ours.CreateChatCompletionStream(ctx, r))
		},
		func(ctx context.Context, r openai.CompletionRequest) (typedStream[openai.CompletionResponse], error) {
			return begun[openai.CompletionResponse](ours.CreateCompletionStream(ctx, r))
		},
		func(ctx context.Context, r openai.CreateResponseRequest) (typedStream[openai.ResponseStreamEvent], error) {
			return begun[openai.ResponseStreamEvent](ours.CreateResponseStream(ctx, r))
		}}
}

// shown is a bare stream without the frames that only bring a usage.
type shown[T any] struct {
	typedStream[T]
	text bool
}

func (s shown[T]) usageOnly(raw []byte) bool {
	f := frame{text: s.text}
	return raw != nil && f.decode(raw) == nil && f.usageOnly()
}

func (s shown[T]) RecvRaw() ([]byte, error) {
	for {
		raw, err := s.typedStream.RecvRaw()
		if err != nil || !s.usageOnly(raw) {
			return raw, err
		}
		f := frame{text: s.text}
		if f.decode(raw) == nil {
			if rest := f.withoutUsage(raw); rest != nil {
				return rest, nil
			}
		}
	}
}

func (s shown[T]) Recv() (out T, err error) {
	for {
		raw, err := s.typedStream.RecvRaw()
		if err != nil {
			return out, err
		}
		var v T
		if err := json.Unmarshal(raw, &v); err != nil || !s.usageOnly(raw) {
			return v, err
		}
	}
}

// follow reads a stream as m says, three errors in a row far.
func follow[T any](m manner, s typedStream[T], err error, text bool) (v sight) {
	v.see(s == nil)
	if v.fail(err); err != nil {
		return v
	}
	v.see(s.Header(), s.GetRateLimitHeaders())
	if m.hidden {
		s = shown[T]{s, text}
	}
	for i, failed := 0, 0; failed < 3 && (m.leaves == 0 || i < m.leaves); i++ {
		var err error
		if m.pattern>>(i%16)&1 != 0 {
			var raw []byte
			raw, err = s.RecvRaw()
			v.see(string(raw), raw == nil)
		} else {
			var value T
			value, err = s.Recv()
			v.see(value)
		}
		if failed++; err == nil {
			failed = 0
		} else {
			v.fail(err)
		}
	}
	if v.fail(s.Close()); !m.done {
		_, err = s.RecvRaw()
		v.fail(err)
	}
	return v
}

// one is the sight of a call whose answer comes in one piece.
func one[R any](r R, err error) (v sight) {
	h := any(&r).(interface {
		Header() http.Header
		GetRateLimitHeaders() openai.RateLimitHeaders
	})
	v.see(r, h.Header(), h.GetRateLimitHeaders())
	v.fail(err)
	return v
}

// A method is one of the client's, with a maker of its answers.
type method struct {
	name   string
	make   func(*bard) []byte
	call   func(context.Context, caller, manner) sight
	stream string // the API of a stream
}

func plainly(make func(*bard) string) func(*bard) []byte {
	return func(b *bard) []byte { return []byte(make(b)) }
}

var (
	anyChat = openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}}
	anyText = openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "roses are"}
	anyAsk  = openai.CreateResponseRequest{Model: "gpt-5-mini", Input: "roses?"}
)

func (m *manner) options() *openai.StreamOptions {
	if m.asked {
		return &openai.StreamOptions{IncludeUsage: true}
	}
	return nil
}

var methods = []method{
	{"chat stream", func(b *bard) []byte { return b.chunks(`"chat.completion.chunk"`, b.chatChoice("delta")) }, func(ctx context.Context, c caller, m manner) sight {
		req := anyChat
		req.StreamOptions = m.options()
		s, err := c.chat(ctx, req)
		return follow(m, s, err, false)
	}, llm.APIChat},
	{"completion stream", func(b *bard) []byte { return b.chunks(`"text_completion"`, b.textChoice) }, func(ctx context.Context, c caller, m manner) sight {
		req := anyText
		req.StreamOptions = m.options()
		s, err := c.text(ctx, req)
		return follow(m, s, err, true)
	}, llm.APICompletions},
	{"response stream", (*bard).events, func(ctx context.Context, c caller, m manner) sight {
		s, err := c.responses(ctx, anyAsk)
		m.hidden = false // there is no such option
		return follow(m, s, err, false)
	}, llm.APIResponses},
	{"chat", plainly(func(b *bard) string { return b.answer(`"chat.completion"`, b.chatChoice("message"), b.usage) }), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CreateChatCompletion(ctx, anyChat))
	}, ""},
	{"completion", plainly(func(b *bard) string { return b.answer(`"text_completion"`, b.textChoice, b.usage) }), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CreateCompletion(ctx, anyText))
	}, ""},
	{"response", plainly((*bard).response), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CreateResponse(ctx, anyAsk))
	}, ""},
	{"compaction", plainly((*bard).response), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CompactResponse(ctx, anyAsk))
	}, ""},
	{"embeddings", plainly((*bard).vectors), func(ctx context.Context, c caller, m manner) sight {
		req := openai.EmbeddingRequestStrings{Model: openai.SmallEmbedding3, Input: []string{"rose", "玉"}}
		if m.base64 {
			req.EncodingFormat = openai.EmbeddingEncodingFormatBase64
		}
		return one(c.CreateEmbeddings(ctx, req))
	}, ""},
	{"image", plainly((*bard).images), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CreateImage(ctx, openai.ImageRequest{Model: "gpt-image-1", Prompt: "a rose"}))
	}, ""},
	{"edited image", plainly((*bard).images), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CreateEditImage(ctx, openai.ImageEditRequest{Model: "gpt-image-1", Prompt: "a rose", Image: openai.WrapReader(strings.NewReader("x"), "x.png", "image/png")}))
	}, ""},
	{"variation", plainly((*bard).images), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.CreateVariImage(ctx, openai.ImageVariRequest{Model: "dall-e-2", Image: openai.WrapReader(strings.NewReader("x"), "x.png", "image/png")}))
	}, ""},
	{"transcription", plainly((*bard).transcript), func(ctx context.Context, c caller, m manner) sight {
		req := openai.AudioRequest{Model: "whisper-1", FilePath: "song.mp3", Reader: strings.NewReader("la")}
		if m.text {
			req.Format = openai.AudioResponseFormatSRT
		}
		return one(c.CreateTranscription(ctx, req))
	}, ""},
	{"translation", plainly((*bard).transcript), func(ctx context.Context, c caller, m manner) sight {
		req := openai.AudioRequest{Model: "whisper-1", FilePath: "song.mp3", Reader: strings.NewReader("la"), Format: openai.AudioResponseFormatVerboseJSON}
		if m.text {
			req.Format = openai.AudioResponseFormatText
		}
		return one(c.CreateTranslation(ctx, req))
	}, ""},
	{"speech", func(b *bard) []byte { return []byte("RIFF" + b.text()) }, func(ctx context.Context, c caller, m manner) sight {
		r, err := c.CreateSpeech(ctx, openai.CreateSpeechRequest{Model: openai.TTSModel1, Input: "la"})
		v := sight{}
		v.see(r.Header(), r.GetRateLimitHeaders(), r.ReadCloser == nil)
		if v.fail(err); err != nil {
			return v
		}
		p := make([]byte, 1+m.pattern%50)
		for i := 0; m.leaves == 0 || i < m.leaves; i++ {
			n, err := r.Read(p)
			if v.see(string(p[:n])); err != nil {
				v.fail(err)
				break
			}
		}
		v.fail(r.Close())
		_, err = r.Read(p)
		v.fail(err)
		return v
	}, ""},
	{"moderation", plainly((*bard).verdict), func(ctx context.Context, c caller, _ manner) sight {
		return one(c.Moderations(ctx, openai.ModerationRequest{Model: "omni-moderation-latest", Input: "a rose"}))
	}, ""},
}

// A way is how a client is built that has a door, or, if nobody listens, has
// not.
type way struct {
	name string
	call func(ctx context.Context, op method, m manner, cfg openai.ClientConfig, hs ...callback.Handler) sight
	wire bool // what is held back is bytes, not frames
}

var ways = []way{
	{"typed", func(ctx context.Context, op method, m manner, cfg openai.ClientConfig, hs ...callback.Handler) sight {
		return op.call(ctx, callerOf(nil, Wrap(openai.NewClientWithConfig(cfg), WithProvider("openai"), WithHandlers(hs...))), m)
	}, false},
	{"wire", func(ctx context.Context, op method, m manner, cfg openai.ClientConfig, hs ...callback.Handler) sight {
		WrapConfig(&cfg, hs...)
		return op.call(ctx, callerOf(openai.NewClientWithConfig(cfg), nil), m)
	}, true},
	{"typed over wire", func(ctx context.Context, op method, m manner, cfg openai.ClientConfig, hs ...callback.Handler) sight {
		WrapConfig(&cfg, hs...)
		return op.call(ctx, callerOf(nil, Wrap(openai.NewClientWithConfig(cfg), WithProvider("openai"), WithHandlers(hs...))), m)
	}, false},
	{"adapter", adapted, false},
}

func bare(ctx context.Context, op method, m manner, cfg openai.ClientConfig, _ ...callback.Handler) sight {
	return op.call(ctx, callerOf(openai.NewClientWithConfig(cfg), nil), m)
}

// adapted makes the call of op that a Model or an Embedder has, if any. Without
// handlers it is the adapter as it is for those who do not listen.
func adapted(ctx context.Context, op method, m manner, cfg openai.ClientConfig, hs ...callback.Handler) (v sight) {
	o := Options{Provider: "openai", Handlers: hs}
	var model *Model
	switch op.name {
	case "chat", "chat stream":
		o.Model = anyChat.Model
		model = New(cfg, o)
	case "completion", "completion stream":
		o.Model = anyText.Model
		model = NewCompletion(cfg, o)
	case "embeddings":
		o.Model = string(openai.SmallEmbedding3)
		resp, err := NewEmbedder(cfg, o).Embed(ctx, &llm.EmbedRequest{Inputs: []string{"rose", "玉"}})
		v.see(resp)
		v.fail(err)
		return v
	default:
		return v
	}
	stream := op.stream != ""
	i := 0
	for c, err := range model.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("roses?")}, Stream: stream, StreamUsage: stream}) {
		v.see(c)
		v.fail(err)
		if i++; i == m.leaves {
			break
		}
	}
	return v
}

// dice say what a call and its answer are like besides the bytes.
type dice [8]uint32

// sides are how many each of them has.
var sides = dice{2, 5, 4, 4, 5, 8, 4, 8}

// cast makes dice of a number.
func cast(n uint32) (d dice) {
	for i, of := range sides {
		d[i], n = n%of, n/of
	}
	return d
}

// compare makes the call without and through the door, and checks how it ended
// for the door's handlers.
func compare(t *testing.T, op method, door way, d dice, body, sizes []byte) {
	t.Helper()
	m := manner{asked: d[0] == 0, base64: d[0] == 0, text: d[0] == 0}
	m.leaves = []int{0, 0, 0, 1, 3}[d[1]]
	m.pattern = []uint16{0, 0xffff, 0xaaaa, 0x1234}[d[2]]
	m.done = door.wire // how much go-openai has read ahead depends on the pieces
	limit := []uint{300, 0, 2, 5}[d[3]]
	header := http.Header{"X-Ratelimit-Remaining-Tokens": {"7"}, "X-Ratelimit-Reset-Tokens": {"1s"}, "X-Request-Id": {"req_1"}, "Retry-After": {"2"}}
	if kind := []string{"", "application/json", "text/event-stream", "text/event-stream; charset=utf-8", "text/html"}[d[4]]; kind != "" {
		header.Set("Content-Type", kind)
	}
	respond := server{status: []int{200, 200, 200, 201, 302, 400, 429, 500}[d[5]], header: header, body: body, sizes: sizes,
		end: []error{io.EOF, io.EOF, errReset, io.ErrUnexpectedEOF}[d[6]]}
	listens := d[7] != 0

	without, with := respond, respond
	config := func(s *server) openai.ClientConfig {
		cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
		cfg.HTTPClient, cfg.EmptyMessagesLimit = s, limit
		return cfg
	}
	plain := bare
	if door.name == "adapter" {
		m.asked, plain = true, adapted
	}
	m.hidden = op.stream != "" && op.stream != llm.APIResponses && !m.asked && listens
	if m.hidden && door.wire {
		m.asked, m.hidden = true, false // FuzzWire leaves it out
	}
	e := new(ends)
	var hs []callback.Handler
	if listens {
		hs = append(hs, e)
	}
	want := plain(t.Context(), op, m, config(&without))
	hidden := m.hidden
	m.hidden = false // by the door itself
	got := door.call(t.Context(), op, m, config(&with), hs...)
	got.closed, want.closed = with.closed, without.closed
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s, %s, %+v, limit %d, %d %v %v %q\nthe caller sees %s\nwithout the door %s", door.name, op.name, m, limit, respond.status, header, respond.end, body, got.difference(want), want.difference(got))
	}
	wire := slices.Clone(with.sent)
	if hidden && len(wire) > 0 {
		wire[0] = strings.Replace(wire[0], `,"stream_options":{"include_usage":true}`, "", 1)
	}
	if hidden && respond.status == http.StatusBadRequest && len(wire) == 2 && wire[0] == wire[1] { // of which it cannot know that it is not about this
		wire = wire[1:]
	}
	if sent, plain := strings.Join(wire, "\n"), strings.Join(without.sent, "\n"); sent != plain && !strings.Contains(plain, "form-data") {
		t.Errorf("%s, %s: sent %s\nwithout the door %s", door.name, op.name, sent, plain)
	}
	if !listens {
		if e.n != 0 {
			t.Errorf("%s, %s: %d ends that nobody listens to", door.name, op.name, e.n)
		}
		return
	}
	if door.wire && !onWire(with.sent) || len(with.sent) == 0 {
		return
	}
	if e.n != 1 {
		t.Fatalf("%s, %s, %q: %d ends", door.name, op.name, body, e.n)
	}
	// A wire door does not know what the library makes of the bytes.
	if failed := want.failed(); failed && !door.wire && op.stream != llm.APIResponses && // whose last event is the end
		m.leaves == 0 && e.res.Err == nil {
		t.Errorf("%s, %s, %q: the caller gets %q, the run no error", door.name, op.name, body, want.errs)
	}
}

// failed reports whether the call has failed for a caller who stays to the end:
// the first error, if any, is not that of the end.
func (s *sight) failed() bool {
	for _, e := range s.errs {
		if e != "" {
			return !strings.HasSuffix(e, " EOF")
		}
	}
	return false
}

// onWire reports whether what was sent is what the wire door announces.
func onWire(sent []string) bool {
	for _, path := range []string{"/chat/completions ", "/completions ", "/responses ", "/embeddings "} {
		if len(sent) > 0 && strings.Contains(sent[0], path) {
			return true
		}
	}
	return false
}

var errReset = errors.New("connection reset by peer")

// difference returns what v has where other has something else.
func (s *sight) difference(other sight) string {
	for i := range s.values {
		if i >= len(other.values) || !reflect.DeepEqual(s.values[i], other.values[i]) {
			return fmt.Sprintf("value %d of %d: %+v; %q; %d closes", i, len(s.values), s.values[i], s.errs, s.closed)
		}
	}
	return fmt.Sprintf("%d values; %q; %d closes", len(s.values), s.errs, s.closed)
}

// compose makes up an answer to op, how it comes, and what the call is like.
func compose(op method, seed uint64) (n uint32, body, sizes []byte) {
	r := rand.New(rand.NewPCG(seed, 9))
	b := newBard(seed, []float64{0, 0.3, 1}[seed%3])
	body = op.make(b)
	if b.chance(0.1) {
		body = b.failed()
	}
	if seed%2 == 1 {
		body = b.harm(body)
	}
	for range r.IntN(4) {
		sizes = append(sizes, byte(r.IntN(256)>>r.IntN(8)))
	}
	return r.Uint32(), body, sizes
}

// hard are responses that did or might come through changed.
var hard = []struct {
	op   string
	body string
}{
	{"chat stream", asEvents(`{"usage":{"prompt_tokens":3},"choices":"a"}`, `{"choices":[],"usage":{"prompt_tokens":3}}`, "[DONE]")}, // no frame, but one with a usage
	{"chat stream", asEvents(`{"usage":{"prompt_tokens":3},"choices":[{"index":500}]}`, "[DONE]")},
	{"completion stream", asEvents(`{"usage":{"prompt_tokens":3},"choices":{}}`, "[DONE]")},
	{"chat stream", asEvents(`{"choices":[],"usage":7}`, `{"choices":null,"usage":{}}`, "[DONE]")},
	{"chat stream", "event: error\n" + asEvents(`{"error":{"message":"no"}}`) + "\n" + asEvents(`{"choices":[{"delta":{"content":"a"}}]}`)},
}

func asEvents(all ...string) (out string) {
	for _, f := range all {
		out += "data: " + f + "\n\n"
	}
	return out
}

// TestCallerSeesTheSameThroughDoors: whatever comes back, a caller sees the same
// of it through every door.
func TestCallerSeesTheSameThroughDoors(t *testing.T) {
	for _, op := range methods {
		t.Run(op.name, func(t *testing.T) {
			n := uint64(60)
			if op.stream != "" {
				n = 400
			}
			for seed := range n {
				n, body, sizes := compose(op, seed)
				for _, door := range ways {
					compare(t, op, door, cast(n), body, sizes)
				}
			}
			for _, h := range hard {
				for n := range uint32(2 * 5 * 4) {
					for _, door := range ways {
						if d := cast(n); h.op == op.name {
							d[7] = 1
							compare(t, op, door, d, []byte(h.body), nil)
						}
					}
				}
			}
		})
	}
}

// FuzzTypedDoor: so it is with any bytes.
func FuzzTypedDoor(f *testing.F) {
	for i, op := range methods {
		for seed := range uint64(6) {
			n, body, sizes := compose(op, seed+1000)
			f.Add(uint8(i), uint8(seed), n, body, sizes)
		}
	}
	f.Fuzz(func(t *testing.T, op, door uint8, n uint32, body, sizes []byte) {
		compare(t, methods[int(op)%len(methods)], ways[int(door)%len(ways)], cast(n), bytes.Clone(body), sizes)
	})
}
