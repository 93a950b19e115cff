package openai_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callspan/callspan/llm"
)

// A soakAPI is how one of the APIs says things. In each text %s is a word.
type soakAPI struct {
	name, path, model string

	begin, frame, finish, usage, fault, done string // of a stream; usage is for who asks
	whole, empty                             string // without a stream
}

var soakAPIs = []*soakAPI{
	{name: llm.APIChat, path: "/chat/completions", model: "gpt-4o-mini",
		begin:  `{"id":"c1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
		frame:  `{"id":"c1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}`,
		finish: `{"id":"c1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		usage:  `{"id":"c1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":31,"completion_tokens":17,"total_tokens":48}}`,
		fault:  `{"error":{"message":"too many roses","type":"server_error","code":"overloaded"}}`,
		done:   "[DONE]",
		whole: `{"id":"c1","object":"chat.completion","created":1763700000,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],` +
			`"usage":{"prompt_tokens":31,"completion_tokens":17,"total_tokens":48}}`,
		empty: `{"id":"c1","object":"chat.completion","created":1763700000,"model":"gpt-4o-mini","choices":[]}`},
	{name: llm.APICompletions, path: "/completions", model: "gpt-3.5-turbo-instruct",
		frame:  `{"id":"t1","object":"text_completion","created":1763700000,"model":"gpt-3.5-turbo-instruct","choices":[{"index":0,"text":"%s","logprobs":null,"finish_reason":null}]}`,
		finish: `{"id":"t1","object":"text_completion","created":1763700000,"model":"gpt-3.5-turbo-instruct","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]}`,
		usage:  `{"id":"t1","object":"text_completion","created":1763700000,"model":"gpt-3.5-turbo-instruct","choices":[],"usage":{"prompt_tokens":31,"completion_tokens":17,"total_tokens":48}}`,
		fault:  `{"error":{"message":"too many roses","type":"server_error","code":"overloaded"}}`,
		done:   "[DONE]",
		whole: `{"id":"t1","object":"text_completion","created":1763700000,"model":"gpt-3.5-turbo-instruct","choices":[{"index":0,"text":"%s","finish_reason":"stop"}],` +
			`"usage":{"prompt_tokens":31,"completion_tokens":17,"total_tokens":48}}`,
		empty: `{"id":"t1","object":"text_completion","created":1763700000,"model":"gpt-3.5-turbo-instruct","choices":[]}`},
	{name: llm.APIResponses, path: "/responses", model: "gpt-4o-mini",
		begin:  `{"type":"response.created","sequence_number":0,"response":{"id":"r1","object":"response","model":"gpt-4o-mini","status":"in_progress","output":[]}}`,
		frame:  `{"type":"response.output_text.delta","sequence_number":1,"item_id":"m1","output_index":0,"content_index":0,"delta":"%s"}`,
		finish: `{"type":"response.completed","sequence_number":2,"response":{"id":"r1","object":"response","model":"gpt-4o-mini","status":"completed","output":[],"usage":{"input_tokens":31,"output_tokens":17,"total_tokens":48}}}`,
		fault:  `{"type":"error","sequence_number":2,"code":"overloaded","message":"too many roses"}`,
		whole: `{"id":"r1","object":"response","model":"gpt-4o-mini","status":"completed","output":[{"type":"message","id":"m1","role":"assistant","status":"completed",` +
			`"content":[{"type":"output_text","text":"%s","annotations":[]}]}],"usage":{"input_tokens":31,"output_tokens":17,"total_tokens":48}}`},
}

// What the usage of every whole answer says.
const soakInput, soakOutput = 31, 17

// A soakEnd is what a server does after the last piece.
type soakEnd string

const (
	endsWell   soakEnd = "ends"
	endsShort  soakEnd = "hangs up"
	endsReset  soakEnd = "resets"
	endsSilent soakEnd = "stalls for ever"
	endsNever  soakEnd = "goes on for ever"
)

// In place of a status: the server says nothing, or resets the connection.
const unanswered, unborn = -1, -2

// A soakPiece is what a server sends at a time.
type soakPiece struct {
	wait  time.Duration // before it
	text  string
	usage bool // it comes after the usage, for who asks
}

// A soakScript is what a server does with a call, whoever makes it.
type soakScript struct {
	name   string
	head   time.Duration // before the response
	status int           // or unanswered, or unborn
	header map[string]string
	pieces []soakPiece
	length int // announced; 0 if it is not
	api    *soakAPI
	coding string // what the body is compressed in, for who accepts it
	end    soakEnd

	// What there is to say of the answer.
	failure string // the error.type
	retry   time.Duration
	words   int              // of the answer that is sent
	marks   map[string][]int // by coding: where in the body each word has come
	took    time.Duration    // until the end, or until nothing more comes
}

// waits reports whether the call does not end of itself.
func (s *soakScript) waits() bool { return s.end == endsSilent || s.end == endsNever }

func soakWord(i int) string { return "w" + strconv.Itoa(i) + " " }

func soakText(words int) string {
	var b strings.Builder
	for i := range words {
		b.WriteString(soakWord(i))
	}
	return b.String()
}

func soakEvent(frame string) string { return "data: " + frame + "\n\n" }

func (a *soakAPI) word(i int) string { return strings.Replace(a.frame, "%s", soakWord(i), 1) }

// A soakTarget is a way in which a server behaves.
type soakTarget struct {
	name   string
	weight int
	stream func(*rand.Rand, *soakScript) // nil if streams know no such thing
	whole  func(*rand.Rand, *soakScript)
}

var soakTargets = []soakTarget{
	{"normal", 20, soakStream(endsWell, ""), soakAnswer},
	{"slow", 16, func(r *rand.Rand, s *soakScript) {
		soakStream(endsWell, "")(r, s)
		for i := range s.pieces {
			s.pieces[i].wait = millis(r, 400)
		}
	}, func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.length = 0
		s.cut(r, 4)
	}},
	{"split", 16, func(r *rand.Rand, s *soakScript) {
		soakStream(endsWell, "")(r, s)
		s.cut(r, 12)
	}, nil},
	{"stalls, then continues", 16, func(r *rand.Rand, s *soakScript) {
		soakStream(endsWell, "")(r, s)
		s.pieces[r.IntN(len(s.pieces))].wait = time.Second + millis(r, 20_000)
	}, func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.head = time.Second + millis(r, 20_000)
	}},
	{"stalls for ever", 16, func(r *rand.Rand, s *soakScript) {
		soakStream(endsSilent, "")(r, s)
		if r.IntN(4) == 0 {
			s.add(millis(r, 30), soakEvent(s.api.finish))
		}
	}, func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.pieces[0].text = s.pieces[0].text[:r.IntN(len(s.pieces[0].text))]
		s.words, s.end = 0, endsSilent
	}},
	{"silent", 6, soakSilence, soakSilence},
	{"never ends", 12, soakStream(endsNever, ""), nil},
	{"bursts", 1, func(r *rand.Rand, s *soakScript) {
		s.frames(10_000, true)
		s.cut(r, 0)
		s.end = endsWell
	}, func(r *rand.Rand, s *soakScript) {
		s.say(10_000)
	}},
	{"resets", 12, soakStream(endsReset, "connection_reset"), func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.half(r, endsReset, "connection_reset")
	}},
	{"resets at once", 8, soakReset, soakReset},
	{"truncated", 10, soakStream(endsWell, "stream_truncated"), func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.half(r, endsShort, "stream_truncated")
	}},
	{"half a frame", 12, func(r *rand.Rand, s *soakScript) {
		end := endsWell
		if r.IntN(2) == 0 {
			end = endsShort
		}
		soakStream(end, "stream_truncated")(r, s)
		frame := soakEvent(s.api.word(s.words))
		s.add(millis(r, 30), frame[:r.IntN(len(frame)-10)+1])
	}, func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.length = 0
		s.half(r, endsWell, "malformed_response")
	}},
	{"too many requests", 8, soakTooMany, soakTooMany},
	{"broken", 6, soakBroken, soakBroken},
	{"bad gateway", 6, soakGateway, soakGateway},
	{"error in band", 12, func(r *rand.Rand, s *soakScript) {
		soakStream(endsWell, "overloaded")(r, s)
		s.add(millis(r, 30), soakEvent(s.api.fault))
	}, nil},
	{"no JSON", 8, func(r *rand.Rand, s *soakScript) {
		soakStream(endsWell, "malformed_response")(r, s)
		s.add(millis(r, 30), soakEvent("<html>"))
	}, func(r *rand.Rand, s *soakScript) {
		soakAnswer(r, s)
		s.pieces[0].text = "<html><body>Welcome</body></html>"
		s.words, s.length, s.failure = 0, len(s.pieces[0].text), "malformed_response"
	}},
	{"empty", 6, func(r *rand.Rand, s *soakScript) {
		if s.api.done != "" {
			s.add(0, soakEvent(s.api.done))
		}
		s.end, s.failure = endsWell, "empty_response"
	}, nil},
}

// soakStream is a stream of some words. Without a failure that is to come it is
// whole; else, or if it has no end, it has at least one word.
func soakStream(end soakEnd, failure string) func(*rand.Rand, *soakScript) {
	return func(r *rand.Rand, s *soakScript) {
		s.head = millis(r, 50)
		s.end, s.failure = end, failure
		s.frames(1+r.IntN(30), end == endsWell && failure == "")
		for i := range s.pieces {
			s.pieces[i].wait = millis(r, 30)
		}
	}
}

// soakAnswer is a whole answer in one piece.
func soakAnswer(r *rand.Rand, s *soakScript) {
	s.head = millis(r, 2000)
	s.say(1 + r.IntN(30))
}

func soakSilence(_ *rand.Rand, s *soakScript) { s.status, s.end = unanswered, endsSilent }

func soakReset(r *rand.Rand, s *soakScript) {
	s.head, s.status, s.end, s.failure = millis(r, 100), unborn, endsReset, "connection_reset"
}

var (
	soakTooMany = soakRefusal(429, `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`, "rate_limit_exceeded", 7*time.Second)
	soakBroken  = soakRefusal(500, `{"error":{"message":"thorns","type":"server_error","code":null}}`, "server_error", 0)
	soakGateway = soakRefusal(502, "<html><body>Bad Gateway</body></html>", "502", 0)
)

func soakRefusal(status int, body, failure string, retry time.Duration) func(*rand.Rand, *soakScript) {
	return func(r *rand.Rand, s *soakScript) {
		s.head, s.status, s.end, s.failure, s.retry = millis(r, 200), status, endsWell, failure, retry
		s.header = map[string]string{"Content-Type": "application/json"}
		if body[0] == '<' {
			s.header["Content-Type"] = "text/html"
		}
		if retry > 0 {
			s.header["Retry-After"] = strconv.Itoa(int(retry / time.Second))
		}
		s.add(0, body)
		s.length = len(body)
	}
}

// millis returns a time of less than n milliseconds, on the grid on which
// everything happens that is not the caller's doing.
func millis(r *rand.Rand, n int) time.Duration { return time.Duration(r.IntN(n)) * time.Millisecond }

func (s *soakScript) add(wait time.Duration, text string) {
	s.pieces = append(s.pieces, soakPiece{wait: wait, text: text})
}

// frames adds the frames of n words, up to the end of the answer or not.
func (s *soakScript) frames(n int, whole bool) {
	if s.api.begin != "" {
		s.add(0, soakEvent(s.api.begin))
	}
	for range n {
		s.add(0, soakEvent(s.api.word(s.words)))
		s.words++
	}
	if !whole {
		return
	}
	s.add(0, soakEvent(s.api.finish))
	if s.api.done != "" {
		s.pieces = append(s.pieces, soakPiece{text: soakEvent(s.api.done), usage: true})
	}
}

// say adds an answer of n words in one piece.
func (s *soakScript) say(n int) {
	s.words, s.end = n, endsWell
	s.add(0, strings.Replace(s.api.whole, "%s", soakText(n), 1))
	s.length = len(s.pieces[0].text)
	s.header = map[string]string{"Content-Type": "application/json"}
}

// half cuts a whole answer.
func (s *soakScript) half(r *rand.Rand, end soakEnd, failure string) {
	text := &s.pieces[0].text
	*text = (*text)[:1+r.IntN(len(*text)-1)]
	s.words, s.end, s.failure = 0, end, failure
}

// cut divides the pieces anywhere, but for what may come after the usage.
func (s *soakScript) cut(r *rand.Rand, n int) {
	last := s.pieces[len(s.pieces)-1:]
	if !last[0].usage {
		last = nil
	}
	var all strings.Builder
	for _, p := range s.pieces[:len(s.pieces)-len(last)] {
		all.WriteString(p.text)
	}
	text := all.String()
	s.pieces = nil
	for range n {
		at := r.IntN(len(text) + 1)
		s.add(millis(r, 300), text[:at])
		text = text[at:]
	}
	s.add(0, text)
	s.pieces = append(s.pieces, last...)
}

// prepare says what there is to say of a script that is complete, and of its
// body if it is looked at.
func (s *soakScript) prepare(body bool) {
	s.took = s.head
	for _, p := range s.pieces {
		s.took += p.wait
	}
	if !body {
		return
	}
	s.marks = map[string][]int{"": s.marked("")}
	if s.coding != "" {
		s.marks[s.coding] = s.marked(s.coding)
	}
}

func (s *soakScript) marked(coding string) (marks []int) {
	var body bytes.Buffer
	w := soakCompress(&body, coding)
	w.Flush()
	text, next := "", 0 // of the body; where the next word is to be looked for
	for _, p := range s.pieces {
		io.WriteString(w, p.text)
		w.Flush()
		text += p.text
		for len(marks) < s.words {
			word := strings.Index(text[next:], soakWord(len(marks))+`"`)
			if word < 0 {
				break
			}
			end := strings.Index(text[next+word:], "\n\n")
			if end < 0 {
				break
			}
			next += word + end + 2
			mark := next
			if coding != "" {
				mark = body.Len()
			}
			marks = append(marks, mark)
		}
	}
	return marks
}

// A soakWriter writes a body.
type soakWriter interface {
	io.Writer
	Flush() error
}

type plainWriter struct{ io.Writer }

func (plainWriter) Flush() error { return nil }

func soakCompress(w io.Writer, coding string) soakWriter {
	switch coding {
	case "gzip":
		return gzip.NewWriter(w)
	case "deflate":
		return zlib.NewWriter(w)
	}
	return plainWriter{w}
}

// soakPlain returns the beginning of a text of which body is the beginning,
// compressed.
func soakPlain(body []byte, coding string) []byte {
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "":
		return body
	case "gzip":
		r, err = gzip.NewReader(r)
	default:
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(r)
	return text
}

// A soakServer is an API that behaves as the script of each call says, by the
// number in the prompt.
type soakServer struct {
	http  http.Server
	net   *soakNet
	ended chan error

	mu      sync.Mutex
	scripts map[string]*soakScript
	asked   map[string]int
	conns   map[net.Conn]http.ConnState
}

type soakConnKey struct{}

func startSoakServer() *soakServer {
	s := &soakServer{net: newSoakNet(), ended: make(chan error, 1), scripts: map[string]*soakScript{}, asked: map[string]int{}, conns: map[net.Conn]http.ConnState{}}
	s.http = http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, soakConnKey{}, c)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if state == http.StateClosed || state == http.StateHijacked {
				delete(s.conns, c)
			} else {
				s.conns[c] = state
			}
		}}
	go func() { s.ended <- s.http.Serve(s.net) }()
	return s
}

// connections returns how many there are, and how many of them are in use.
func (s *soakServer) connections() (open, active int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.conns {
		if open++; state == http.StateActive {
			active++
		}
	}
	return open, active
}

// expect makes calls with the given number behave as s says.
func (s *soakServer) expect(number int, script *soakScript) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[strconv.Itoa(number)] = script
}

// forget returns how many requests had the number, and forgets it.
func (s *soakServer) forget(number int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strconv.Itoa(number)
	n := s.asked[key]
	delete(s.scripts, key)
	delete(s.asked, key)
	return n
}

var soakNumber = regexp.MustCompile(`call (\d+)`)

// soakPrompt is what a call of the number asks.
func soakPrompt(number int) string { return fmt.Sprintf("call %d", number) }

// ServeHTTP implements [http.Handler].
func (s *soakServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	number := soakNumber.FindSubmatch(body)
	if err != nil || number == nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	s.asked[string(number[1])]++
	script := s.scripts[string(number[1])]
	s.mu.Unlock()
	if script == nil {
		http.Error(w, "no script", http.StatusTeapot)
		return
	}
	script.play(w, r, bytes.Contains(body, []byte(`"include_usage":true`)))
}

func (s *soakScript) play(w http.ResponseWriter, r *http.Request, usage bool) {
	wait := func(d time.Duration) {
		if d == 0 {
			return
		}
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	wait(s.head)
	switch s.status {
	case unanswered:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case unborn:
		r.Context().Value(soakConnKey{}).(*soakConn).reset()
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Date", "Fri, 21 Nov 2025 00:00:00 GMT") // else a slow handler shows there
	for k, v := range s.header {
		w.Header().Set(k, v)
	}
	coding := s.coding
	if !strings.Contains(r.Header.Get("Accept-Encoding"), coding) {
		coding = ""
	}
	if coding != "" {
		w.Header().Set("Content-Encoding", coding)
	} else if s.length > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(s.length))
	}
	w.WriteHeader(s.status)
	control := http.NewResponseController(w)
	body := soakCompress(w, coding)
	body.Flush() // net/http holds a lock while it waits for gzip's header
	control.Flush()
	send := func(p soakPiece) {
		wait(p.wait)
		if p.usage && usage {
			p.text = soakEvent(s.api.usage) + p.text
		}
		io.WriteString(body, p.text)
		body.Flush()
		if control.Flush() != nil || r.Context().Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}
	for _, p := range s.pieces {
		send(p)
	}
	switch s.end {
	case endsShort:
		panic(http.ErrAbortHandler)
	case endsReset:
		r.Context().Value(soakConnKey{}).(*soakConn).reset()
		panic(http.ErrAbortHandler)
	case endsSilent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case endsNever:
		for i := s.words; ; i++ {
			send(soakPiece{wait: 50 * time.Millisecond, text: soakEvent(s.api.word(i))})
		}
	}
	if c, ok := body.(io.Closer); ok && s.failure == "" {
		c.Close()
	}
}
