package openai_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// A soakPlay is one making of a call.
type soakPlay struct {
	*soakCall
	handlers *soakHandlers // nil without the door
	ctx      context.Context
	cancel   context.CancelFunc
	began    time.Time
	done     atomic.Bool

	// What the caller sees.
	pieces []soakSeen
	status int // of a raw response
	header http.Header
	body   []byte
	err    error
	closed error         // of closing
	ended  time.Duration // when he is done

	// What he does.
	words  int
	finish time.Duration // when he saw the end of the answer; never if he has not
	over   bool          // the run had ended when he left
	acted  atomic.Int64  // when; never if he had no occasion to
	pulled func()        // releases what he holds on to

	ready  chan struct{} // closed when there is a stream, or will be none
	mu     sync.Mutex
	close  func() error
	passed []*soakPassed // below the door
}

// A soakSeen is a piece as the caller sees it.
type soakSeen struct {
	at    time.Duration
	value any
	text  string
}

// never is no time at which a caller acts.
const never = math.MaxInt64

type soakPlayKey struct{}

func newSoakPlay(c *soakCall, ctx context.Context, h *soakHandlers) *soakPlay {
	p := &soakPlay{soakCall: c, handlers: h, ready: make(chan struct{})}
	p.acted.Store(never)
	p.finish = never
	if h != nil {
		ctx = h.in(ctx)
	}
	p.ctx, p.cancel = context.WithCancel(context.WithValue(ctx, soakPlayKey{}, p))
	return p
}

// release ends whatever of the call has not ended of itself.
func (c *soakCall) release() {
	c.bare.cancel()
	c.ours.cancel()
	close(c.ours.handlers.faulty.gate)
}

func (p *soakPlay) since() time.Duration { return time.Since(p.began) }

// perform makes the call as the caller does.
func (p *soakPlay) perform(clients *soakClients) {
	p.began = time.Now()
	ctx, cancel := p.ctx, func() {} // ends when all is done
	switch p.caller {
	case cancels:
		ctx, cancel = context.WithCancel(p.ctx)
		timer := time.AfterFunc(p.at, func() {
			p.acted.Store(int64(p.since()))
			cancel()
		})
		defer timer.Stop()
	case runsOut:
		p.acted.Store(int64(p.at))
		ctx, cancel = context.WithTimeout(p.ctx, p.at)
	case closes:
		timer := time.AfterFunc(p.at, p.closeAside)
		defer timer.Stop()
	}
	defer cancel()
	clients.call(ctx, p)
	p.ended = p.since()
	p.done.Store(true)
}

// closeAside closes the stream from another goroutine than the reader's.
func (p *soakPlay) closeAside() {
	select {
	case <-p.ready:
	default: // a slow handler
		<-p.ready
		time.Sleep(besideGrid)
	}
	p.mu.Lock()
	close := p.close
	p.mu.Unlock()
	if close != nil {
		p.acted.Store(int64(p.since()))
		close()
	}
}

// take is given what the call gives, and reports whether the caller wants more.
func (p *soakPlay) take(value any, text string, err error) (more bool) {
	if err != nil {
		p.err = err
		return false
	}
	p.pieces = append(p.pieces, soakSeen{p.since(), value, text})
	if text == "" {
		return true
	}
	if p.words++; p.words == p.after && (p.caller == stops || p.caller == drops) {
		p.leave()
		return false
	}
	time.Sleep(p.hold)
	return true
}

// leave notes that the caller wants no more.
func (p *soakPlay) leave() {
	p.acted.Store(int64(p.since()))
	p.over = p.handlers != nil && p.handlers.rec.over()
}

// dropped reports whether the caller has left without closing.
func (p *soakPlay) dropped() bool { return p.caller == drops && p.acted.Load() != never }

// open says how the stream is closed, unless nobody is to hold it.
func (p *soakPlay) open(closeStream func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.caller != drops {
		p.close = closeStream
	}
	close(p.ready)
}

// shut closes the stream as its reader does.
func (p *soakPlay) shut(closeStream func() error) {
	if !p.dropped() {
		p.closed = closeStream()
	}
}

// receive takes a stream.
func (p *soakPlay) receive(next func() (any, string, error), closeStream func() error) {
	p.open(closeStream)
	for {
		value, text, err := next()
		if !p.take(value, text, err) {
			break
		}
	}
	p.shut(closeStream)
}

// iterate takes a sequence.
func (p *soakPlay) iterate(seq iter.Seq2[llm.Chunk, error]) {
	if p.caller != drops {
		for c, err := range seq {
			if !p.take(c, c.Text, err) {
				break
			}
		}
		return
	}
	next, stop := iter.Pull2(seq)
	p.pulled = stop
	for {
		c, err, ok := next()
		if !ok || !p.take(c, c.Text, err) {
			break
		}
	}
}

// read takes the bytes of a response.
func (p *soakPlay) read(resp *http.Response) {
	p.status, p.header = resp.StatusCode, resp.Header
	p.open(resp.Body.Close)
	left := -1 // to read; all if negative
	if p.caller == stops || p.caller == drops {
		left = p.script.marks[resp.Header.Get("Content-Encoding")][p.after-1]
	}
	buf := make([]byte, 1+p.number*7919%3000)
	for left != 0 && p.err == nil {
		piece := buf
		if left > 0 {
			piece = buf[:min(left, len(buf))]
		}
		var n int
		n, p.err = resp.Body.Read(piece)
		p.body = append(p.body, piece[:n]...)
		if left > 0 {
			left -= n
		}
	}
	if left == 0 {
		p.err = nil // whether the end comes with the last bytes or after them is open
		p.leave()
	}
	p.shut(resp.Body.Close)
}

// soakClients are the doors, and what they are compared with.
type soakClients struct {
	models, text map[string]*callopenai.Model
	typed        map[string]*callopenai.Client
	plain        map[string]*openai.Client
	raw          map[string]*http.Client
}

const soakURL = "http://api.openai.com/v1"

func newSoakClients(base http.RoundTripper) *soakClients {
	bare := &http.Client{Transport: base}
	wire := &http.Client{Transport: callopenai.NewTransport(base)}
	config := func(c *http.Client) openai.ClientConfig {
		cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
		cfg.BaseURL, cfg.HTTPClient = soakURL, c
		return cfg
	}
	stacked := config(bare)
	callopenai.WrapConfig(&stacked)
	plain := openai.NewClientWithConfig(config(bare))
	return &soakClients{
		models: map[string]*callopenai.Model{
			viaAdapter:        callopenai.New(config(bare), callopenai.Options{Model: "gpt-4o-mini"}),
			viaAdapterAndWire: callopenai.New(stacked, callopenai.Options{Model: "gpt-4o-mini"})},
		text: map[string]*callopenai.Model{
			viaAdapter:        callopenai.NewCompletion(config(bare), callopenai.Options{Model: "gpt-3.5-turbo-instruct"}),
			viaAdapterAndWire: callopenai.NewCompletion(stacked, callopenai.Options{Model: "gpt-3.5-turbo-instruct"})},
		typed: map[string]*callopenai.Client{
			viaTyped:        callopenai.Wrap(plain, callopenai.WithBaseURL(soakURL)),
			viaTypedAndWire: callopenai.Wrap(openai.NewClientWithConfig(stacked), callopenai.WithBaseURL(soakURL))},
		plain: map[string]*openai.Client{"": plain, viaWire: openai.NewClientWithConfig(config(wire))},
		raw:   map[string]*http.Client{"": bare, viaRaw: wire},
	}
}

// call makes the call of p.
func (cl *soakClients) call(ctx context.Context, p *soakPlay) {
	defer func() {
		select {
		case <-p.ready:
		default:
			close(p.ready) // without a stream
		}
	}()
	prompt := soakPrompt(p.number)
	if p.adapter() {
		m := cl.models[p.door]
		if p.api.name == llm.APICompletions {
			m = cl.text[p.door]
		}
		p.iterate(m.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User(prompt)}, Stream: p.stream, StreamUsage: p.usage}))
		return
	}
	door := p.door
	if p.handlers == nil {
		door = ""
	}
	if p.door == viaRaw {
		cl.callRaw(ctx, p, cl.raw[door])
		return
	}
	var options *openai.StreamOptions
	if p.usage && p.stream {
		options = &openai.StreamOptions{IncludeUsage: true}
	}
	chat := openai.ChatCompletionRequest{Model: p.api.model, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: prompt}}, StreamOptions: options}
	text := openai.CompletionRequest{Model: p.api.model, Prompt: prompt, StreamOptions: options}
	response := openai.CreateResponseRequest{Model: p.api.model, Input: prompt}
	typed, plain := cl.typed[door], cl.plain[door]
	switch api := p.api.name; {
	case api == llm.APIChat && p.stream && typed != nil:
		receive(p, ctx, chat, typed.CreateChatCompletionStream, chatWords)
	case api == llm.APIChat && p.stream:
		receive(p, ctx, chat, plain.CreateChatCompletionStream, chatWords)
	case api == llm.APICompletions && p.stream && typed != nil:
		receive(p, ctx, text, typed.CreateCompletionStream, textWords)
	case api == llm.APICompletions && p.stream:
		receive(p, ctx, text, plain.CreateCompletionStream, textWords)
	case p.stream && typed != nil:
		receive(p, ctx, response, typed.CreateResponseStream, responseWords)
	case p.stream:
		receive(p, ctx, response, plain.CreateResponseStream, responseWords)
	case api == llm.APIChat && typed != nil:
		takeWhole(p, ctx, chat, typed.CreateChatCompletion)
	case api == llm.APIChat:
		takeWhole(p, ctx, chat, plain.CreateChatCompletion)
	case api == llm.APICompletions && typed != nil:
		takeWhole(p, ctx, text, typed.CreateCompletion)
	case api == llm.APICompletions:
		takeWhole(p, ctx, text, plain.CreateCompletion)
	case typed != nil:
		takeWhole(p, ctx, response, typed.CreateResponse)
	default:
		takeWhole(p, ctx, response, plain.CreateResponse)
	}
}

func receive[R, T any, S interface {
	Recv() (T, error)
	Close() error
}](p *soakPlay, ctx context.Context, req R, begin func(context.Context, R) (S, error), words func(*T) (text, finish string)) {
	stream, err := begin(ctx, req)
	if err != nil {
		p.err = err
		return
	}
	p.receive(func() (any, string, error) {
		v, err := stream.Recv()
		text, finish := words(&v)
		if finish != "" {
			p.finish = min(p.finish, p.since())
		}
		return v, text, err
	}, stream.Close)
}

func takeWhole[R, T any](p *soakPlay, ctx context.Context, req R, send func(context.Context, R) (T, error)) {
	v, err := send(ctx, req)
	p.pieces = append(p.pieces, soakSeen{p.since(), v, ""})
	p.err = err
}

func chatWords(v *openai.ChatCompletionStreamResponse) (text, finish string) {
	for _, c := range v.Choices {
		text += c.Delta.Content
		finish += string(c.FinishReason)
	}
	return text, finish
}

func textWords(v *openai.CompletionResponse) (text, finish string) {
	for _, c := range v.Choices {
		text += c.Text
		finish += c.FinishReason
	}
	return text, finish
}

func responseWords(v *openai.ResponseStreamEvent) (text, finish string) {
	if v.Type == openai.ResponseStreamEventCompleted {
		finish = "stop"
	}
	return v.Delta, finish
}

func (cl *soakClients) callRaw(ctx context.Context, p *soakPlay, c *http.Client) {
	body := fmt.Sprintf(`{"model":%q,"stream":%v`, p.api.model, p.stream)
	switch p.api.name {
	case llm.APIChat:
		body += fmt.Sprintf(`,"messages":[{"role":"user","content":%q}]`, soakPrompt(p.number))
	case llm.APICompletions:
		body += fmt.Sprintf(`,"prompt":%q`, soakPrompt(p.number))
	default:
		body += fmt.Sprintf(`,"input":%q`, soakPrompt(p.number))
	}
	if p.usage && p.stream && p.api.usage != "" {
		body += `,"stream_options":{"include_usage":true}`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, soakURL+p.api.path, strings.NewReader(body+"}"))
	if err != nil {
		p.err = err
		return
	}
	if p.script.coding != "" {
		req.Header.Set("Accept-Encoding", p.script.coding)
	}
	resp, err := c.Do(req)
	if err != nil {
		p.err = err
		return
	}
	p.read(resp)
}

// A soakWitness notes what passes below the doors.
type soakWitness struct{ base http.RoundTripper }

func (w *soakWitness) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(req)
	if p, ok := req.Context().Value(soakPlayKey{}).(*soakPlay); ok && err == nil {
		passed := &soakPassed{began: p.began, coding: resp.Header.Get("Content-Encoding")}
		p.mu.Lock()
		p.passed = append(p.passed, passed)
		p.mu.Unlock()
		passed.held = resp
		resp.Body = &soakBody{resp.Body, passed}
	}
	return resp, err
}

type soakBody struct {
	io.ReadCloser
	passed *soakPassed
}

func (b *soakBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.passed.add(p[:n], err)
	return n, err
}

func (b *soakBody) Close() error {
	b.passed.mu.Lock()
	b.passed.closed = true
	b.passed.mu.Unlock()
	return b.ReadCloser.Close()
}

// A soakPassed is what has passed of a response's body.
type soakPassed struct {
	began  time.Time // of the call
	coding string
	held   *http.Response // as HTTP/2 holds it

	mu     sync.Mutex
	bytes  []byte
	at     []time.Duration // of each read
	length []int           // what there was then
	end    time.Duration   // when the end came; 0 if it has not
	closed bool
}

func (d *soakPassed) add(p []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes = append(d.bytes, p...)
	d.at, d.length = append(d.at, time.Since(d.began)), append(d.length, len(d.bytes))
	if err != nil && d.end == 0 {
		d.end = time.Since(d.began)
	}
}

// until returns the text that had passed at a time.
func (d *soakPassed) until(at time.Duration) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for i := range d.at {
		if d.at[i] <= at {
			n = d.length[i]
		}
	}
	return soakPlain(d.bytes[:n], d.coding)
}
