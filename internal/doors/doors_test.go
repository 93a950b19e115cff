package doors_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A library is a client library under test, which sends its requests through an
// HTTP client that it is given.
type library struct {
	name string
	open func(t *testing.T, baseURL string, client *http.Client) calls
}

// calls are what is asked of a library. Each returns what its caller sees, as
// text. cancel is to be called at the first piece of a stream.
type calls struct {
	chat   func(ctx context.Context) (string, error)
	stream func(ctx context.Context, each func(string)) error
	tool   func(ctx context.Context) (string, error)
	embed  func(ctx context.Context) (string, error) // nil if the library has none
}

var libraries = []library{
	{"openai-go", openOfficial},
	{"langchaingo", openLangchain},
	{"eino", openEino},
}

// runs notes how runs end, a line for each.
type runs struct {
	mu    sync.Mutex
	lines []string
	ended chan struct{}
}

func (s *runs) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	return ctx, &run{s, i}
}

type run struct {
	all  *runs
	info *callback.Info
}

func (r *run) End(res *callback.Result) {
	line := fmt.Sprintf("%s %s", r.info.Kind, r.info.Name)
	if r.info.Resend > 0 {
		line += fmt.Sprintf(" resend %d", r.info.Resend)
	}
	if res.Usage != nil && res.UsageSource == llm.UsageReported {
		line += fmt.Sprintf(" %d/%d", res.Usage.Input, res.Usage.Output)
	}
	if res.Response != nil {
		for _, c := range res.Response.Choices {
			line += fmt.Sprintf(" %q", c.Text)
			for _, t := range c.ToolCalls {
				line += fmt.Sprintf(" %s(%s)", t.Name, t.Arguments)
			}
		}
	}
	if res.Stopped {
		line += " stopped"
	}
	if res.Err != nil {
		line += " error " + callback.ErrorType(res.Err)
	}
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.all.lines = append(r.all.lines, line)
	if r.all.ended != nil {
		close(r.all.ended)
		r.all.ended = nil
	}
}

func (s *runs) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.lines, "\n")
	s.lines = nil
	return out
}

// connect serves api and returns a client of it, with our transport if there are
// handlers.
func connect(t *testing.T, api http.Handler, handlers ...callback.Handler) (url string, client *http.Client) {
	t.Helper()
	server := &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}
	url = listen(t, server)
	base := &http.Transport{}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		server.Close()
	})
	if len(handlers) == 0 {
		return url, &http.Client{Transport: base}
	}
	tr := callopenai.NewTransport(base, handlers...)
	tr.Provider = "openai"
	return url, &http.Client{Transport: tr}
}

// TestLibraries: the libraries see over the wire door what they see without it,
// and their calls are runs.
func TestLibraries(t *testing.T) {
	const model = "gpt-4o-mini"
	text := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text("Three pink roses"), nil
	}
	tool := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Reply{Choices: []standin.Choice{{ToolCalls: []standin.ToolCall{{ID: "call_1", Name: "stock", Arguments: `{"flower":"rose"}`}}}}}, nil
	}
	refused := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Reply{}, &standin.Failure{Status: 400, Type: "invalid_request_error", Code: "content_filter", Message: "not in this shop"}
	}
	all := func(c calls, ctx context.Context, each func(string)) (string, error) {
		var b strings.Builder
		err := c.stream(ctx, func(s string) { b.WriteString(s); each(s) })
		return b.String(), err
	}
	for _, l := range libraries {
		for _, tc := range []struct {
			name  string
			reply func(context.Context, *standin.Request) (standin.Reply, error)
			call  func(c calls, ctx context.Context) (string, error)
			sees  string
			fails string // what its error says
			run   string
		}{
			{"chat", text, func(c calls, ctx context.Context) (string, error) { return c.chat(ctx) }, "Three pink roses", "", `llm gpt-4o-mini 8/3 "Three pink roses"`},
			{"stream", text, func(c calls, ctx context.Context) (string, error) { return all(c, ctx, func(string) {}) }, "Three pink roses", "", `llm gpt-4o-mini 8/3 "Three pink roses"`},
			// Each library describes the tool in its own way: n stands for its tokens.
			{"tool call", tool, func(c calls, ctx context.Context) (string, error) { return c.tool(ctx) }, `stock({"flower":"rose"})`, "", `llm gpt-4o-mini n/2 "" stock({"flower":"rose"})`},
			{"error", refused, func(c calls, ctx context.Context) (string, error) { return c.chat(ctx) }, "", "400", `llm gpt-4o-mini error content_filter`},
			{"error of a stream", refused, func(c calls, ctx context.Context) (string, error) { return all(c, ctx, func(string) {}) }, "", "400", `llm gpt-4o-mini error content_filter`},
			{"embed", text, func(c calls, ctx context.Context) (string, error) {
				if c.embed == nil {
					return "", nil
				}
				return c.embed(ctx)
			}, "2 vectors", "", "embedding text-embedding-3-small 2/0"},
		} {
			t.Run(l.name+"/"+tc.name, func(t *testing.T) {
				see := func(hs ...callback.Handler) (string, error) {
					url, client := connect(t, &standin.API{Reply: tc.reply}, hs...)
					c := l.open(t, url, client)
					if c.embed == nil && tc.name == "embed" {
						t.Skip("the library has no embeddings here")
					}
					return tc.call(c, t.Context())
				}
				rec := new(runs)
				got, err := see(rec)
				bare, bareErr := see()
				if got != tc.sees || got != bare || (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("the caller sees %q, %v; without us %q, %v", got, err, bare, bareErr)
				}
				if err != nil && bareErr != nil && ports.ReplaceAllString(err.Error(), "") != ports.ReplaceAllString(bareErr.Error(), "") {
					t.Errorf("the caller gets %v\nwithout us %v", err, bareErr)
				}
				lines := rec.take()
				if tc.name == "tool call" {
					lines = prompts.ReplaceAllString(lines, " n/")
				}
				if lines != tc.run {
					t.Errorf("runs\n%s\nwant\n%s", lines, tc.run)
				}
			})
		}
		t.Run(l.name+"/cancel", func(t *testing.T) {
			stalls, err := standin.Named("stall")
			if err != nil {
				t.Fatal(err)
			}
			see := func(hs ...callback.Handler) (string, error) {
				url, client := connect(t, &standin.API{Reply: text, Script: stalls.Script}, hs...)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var once sync.Once
				return all(l.open(t, url, client), ctx, func(s string) {
					if s != "" {
						once.Do(func() { time.AfterFunc(20*time.Millisecond, cancel) })
					}
				})
			}
			rec := &runs{ended: make(chan struct{})}
			ended := rec.ended
			got, err := see(rec)
			<-ended
			bare, bareErr := see()
			// Whether langchaingo drops the error is a race of its own goroutines.
			canceled := func(err error) bool { return err == nil || strings.Contains(err.Error(), "canceled") }
			dropped := l.name == "langchaingo" && canceled(err) && canceled(bareErr)
			if got != bare || fmt.Sprint(err) != fmt.Sprint(bareErr) && !dropped {
				t.Errorf("the caller sees %q, %v; without us %q, %v", got, err, bare, bareErr)
			}
			if lines := rec.take(); lines != fmt.Sprintf("llm %s %q error canceled", model, "Three pink roses") {
				t.Errorf("runs\n%s", lines)
			}
		})
	}
}
