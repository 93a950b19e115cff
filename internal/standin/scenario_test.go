package standin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/callspan/callspan/internal/standin"
)

// TestScenarios says for every scenario what a client that reads bytes sees.
func TestScenarios(t *testing.T) {
	const all = 6 // words of the answer
	want := map[string]struct {
		plain   bool // ask for an answer in one piece
		status  int  // of the response, 0 if there is none
		content int  // frames with text
		more    bool // or more of them
		err     error
		holds   string // what the body holds
		lacks   string
	}{
		"reset":                 {status: 200, content: 3, err: syscall.ECONNRESET, lacks: "[DONE]"},
		"abort":                 {status: 200, content: 3, err: io.ErrUnexpectedEOF, lacks: "[DONE]"},
		"truncated":             {status: 200, content: 3, lacks: "[DONE]"},
		"unfinished":            {status: 200, content: all, holds: "[DONE]", lacks: `"finish_reason":"stop"`},
		"stall":                 {status: 200, content: 3, err: context.Canceled},
		"silent":                {err: context.Canceled},
		"slow headers":          {status: 200, content: all, holds: "[DONE]"},
		"reset before headers":  {err: syscall.ECONNRESET},
		"error frame":           {status: 200, content: 3, holds: `data: {"error":{"message":"The server had an error`, lacks: "[DONE]"},
		"error frame first":     {status: 200, holds: "rate_limit_exceeded", lacks: "choices"},
		"error event":           {status: 200, content: 3, holds: "event: error\ndata: {\"error\""},
		"error in chunk":        {status: 200, content: 3, holds: `"error":{"code":502`},
		"garbage frame":         {status: 200, content: all, holds: "data: <html>502 Bad Gateway</html>\n\n"},
		"truncated frame":       {status: 200, content: 4, holds: `{"delta":{"cont`[1:], lacks: "[DONE]"},
		"half rune":             {status: 200, content: all + 1, holds: "\xe7\x8e\"}"},
		"truncated body":        {plain: true, status: 200, holds: `"assistant","cont`, lacks: "finish"},
		"retry":                 {status: 429, holds: "rate_limit_exceeded"},
		"server error":          {status: 500, holds: "server_error"},
		"bad gateway":           {status: 502, holds: "<html>"},
		"page":                  {status: 200, holds: "Sign in", lacks: "data:"},
		"page called events":    {status: 200, holds: "Sign in", lacks: "data:"},
		"error with status 200": {plain: true, status: 200, holds: "content_filter"},
		"empty stream":          {status: 200, lacks: "d"},
		"done only":             {status: 200, holds: "data: [DONE]\n\n", lacks: "choices"},
		"no choices":            {status: 200, content: all, holds: `"choices":[],"prompt_filter_results"`},
		"one token without end": {status: 200, content: 20, more: true, err: context.Canceled},
		"ten thousand chunks":   {status: 200, content: 10000, holds: "[DONE]"},
		"line ends":             {status: 200, content: 1, holds: "\r\n\r\n"},
		"without done":          {status: 200, content: all, holds: `"finish_reason":"stop"`, lacks: "[DONE]"},
		"open last line":        {status: 200, content: all, holds: `"finish_reason":"stop"}]}`, lacks: "[DONE]"},
		"line without end":      {status: 200, content: 1, err: context.Canceled},
		"silent after head":     {status: 200, err: context.Canceled},
		"error as text":         {status: 200, content: 3, holds: `data: {"error":"upstream connect error"}`},
	}
	for _, sc := range standin.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			w, ok := want[sc.Name]
			if !ok {
				t.Fatal("the table does not say what happens")
			}
			delete(want, sc.Name)
			if sc.About == "" {
				t.Error("the scenario does not say what it is about")
			}
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			api := &standin.API{Reply: replies(standin.Text("one two three four five six")), Script: func(r *standin.Request) standin.Script {
				if w.status == 0 && w.err == context.Canceled {
					giveUp()
				}
				return sc.Script(r)
			}}
			s := start(t, api)
			got := watch(ctx, t, s, !w.plain, func(frames int) {
				if w.err == context.Canceled && frames >= w.content {
					giveUp()
				}
			})
			if got.status != w.status || !errors.Is(got.err, w.err) || w.err == nil && got.err != nil {
				t.Errorf("got status %d, %v", got.status, got.err)
			}
			if n := frames(got.body); n != w.content && !(w.more && n > w.content) {
				t.Errorf("got %d content frames, want %d", n, w.content)
			}
			if !strings.Contains(got.body, w.holds) || w.lacks != "" && strings.Contains(got.body, w.lacks) {
				t.Errorf("the body is %q", got.body)
			}
			if sc.Name == "retry" {
				if got.header.Get("Retry-After") != "1" {
					t.Error("no Retry-After")
				}
				if again := watch(ctx, t, s, true, nil); again.status != 200 || !strings.HasSuffix(again.body, "[DONE]\n\n") {
					t.Errorf("the second try got %d, %q", again.status, again.body)
				}
			}
		})
	}
	for name := range want {
		t.Errorf("no scenario %q", name)
	}
}

type seen struct {
	status int
	header http.Header
	body   string
	err    error
}

// frames counts the chunks of body that bring text.
func frames(body string) int { return strings.Count(body, `"delta":{"cont`) }

// watch sends one request and reads to the end or an error. It tells progress
// how many chunks have come.
func watch(ctx context.Context, t *testing.T, s *standin.Server, stream bool, progress func(int)) (got seen) {
	t.Helper()
	body := `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":` + strconv.FormatBool(stream) + `}`
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return seen{err: err}
	}
	defer resp.Body.Close()
	got.status, got.header = resp.StatusCode, resp.Header
	buf := make([]byte, 1<<15)
	for {
		n, err := resp.Body.Read(buf)
		got.body += string(buf[:n])
		if progress != nil {
			progress(frames(got.body))
		}
		if err == io.EOF {
			return got
		}
		if err != nil {
			got.err = err
			return got
		}
	}
}
