package doors_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// A library is a client library under test, which sends its requests through an
// HTTP client that it is given.
type library struct {
	name string
	open func(t *testing.T, baseURL string, client *http.Client) calls
}

// calls are what is asked of a library. Each returns what its caller sees, as
// text, or [errors.ErrUnsupported].
type calls struct {
	chat    func(ctx context.Context) (string, error)
	stream  func(ctx context.Context, each func(string)) error
	tools   func(ctx context.Context, streamed bool) (string, error) // two calls of a tool
	several func(ctx context.Context, streamed bool) (string, error) // two answers
	shaped  func(ctx context.Context) (string, error)                // an answer after the schema "order"
	embed   func(ctx context.Context) ([][]float32, error)           // of "roses" and "lilies"
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
	if req, ok := r.info.Input.(*llm.Request); ok && req.Format != nil {
		line += " as " + req.Format.Name
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
	text := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text("Three pink roses"), nil
	}
	tools := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Reply{Choices: []standin.Choice{{ToolCalls: []standin.ToolCall{
			{ID: "call_1", Name: "stock", Arguments: `{"flower": "rose", "color": "pink"}`},
			{ID: "call_2", Name: "stock", Arguments: `{"flower": "lily"}`}}}}}, nil
	}
	two := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Reply{Choices: []standin.Choice{{Text: "Three pink roses"}, {Text: "No roses"}}}, nil
	}
	order := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text(`{"flower": "rose"}`), nil
	}
	refused := func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Reply{}, &standin.Failure{Status: 400, Type: "invalid_request_error", Code: "content_filter", Message: "not in this shop"}
	}
	all := func(c calls, ctx context.Context, each func(string)) (string, error) {
		var b strings.Builder
		err := c.stream(ctx, func(s string) { b.WriteString(s); each(s) })
		return b.String(), err
	}
	chat := func(c calls, ctx context.Context) (string, error) { return c.chat(ctx) }
	stream := func(c calls, ctx context.Context) (string, error) { return all(c, ctx, func(string) {}) }
	const (
		model = "gpt-4o-mini"
		// Each library describes the tool in its own way: n stands for its tokens.
		callsSeen = `stock({"flower": "rose", "color": "pink"}) stock({"flower": "lily"})`
		callsRun  = `llm gpt-4o-mini n/8 "" ` + callsSeen
		twoSeen   = "Three pink roses|No roses"
		twoRun    = `llm gpt-4o-mini 8/5 "Three pink roses" "No roses"`
	)
	for _, l := range libraries {
		for _, tc := range []struct {
			name  string
			reply func(context.Context, *standin.Request) (standin.Reply, error)
			call  func(c calls, ctx context.Context) (string, error)
			sees  string
			fails string // what its error says
			run   string
		}{
			{"chat", text, chat, "Three pink roses", "", `llm gpt-4o-mini 8/3 "Three pink roses"`},
			{"stream", text, stream, "Three pink roses", "", `llm gpt-4o-mini 8/3 "Three pink roses"`},
			{"tools", tools, func(c calls, ctx context.Context) (string, error) { return c.tools(ctx, false) }, callsSeen, "", callsRun},
			{"tools streamed", tools, func(c calls, ctx context.Context) (string, error) { return c.tools(ctx, true) }, callsSeen, "", callsRun},
			{"two answers", two, func(c calls, ctx context.Context) (string, error) { return c.several(ctx, false) }, twoSeen, "", twoRun},
			{"two answers streamed", two, func(c calls, ctx context.Context) (string, error) { return c.several(ctx, true) }, twoSeen, "", twoRun},
			{"structured output", order, func(c calls, ctx context.Context) (string, error) { return c.shaped(ctx) }, `{"flower": "rose"}`, "",
				`llm gpt-4o-mini as order 8/2 "{\"flower\": \"rose\"}"`},
			{"error", refused, chat, "", "400", `llm gpt-4o-mini error content_filter`},
			{"error of a stream", refused, stream, "", "400", `llm gpt-4o-mini error content_filter`},
			{"embed", nil, func(c calls, ctx context.Context) (string, error) {
				vectors, err := c.embed(ctx)
				return fmt.Sprint(vectors), err
			}, fmt.Sprint([][]float32{standin.Vector("roses", 1536), standin.Vector("lilies", 1536)}), "", "embedding text-embedding-3-small 2/0"},
		} {
			t.Run(l.name+"/"+tc.name, func(t *testing.T) {
				see := func(hs ...callback.Handler) (string, error) {
					url, client := connect(t, &standin.API{Reply: tc.reply}, hs...)
					return tc.call(l.open(t, url, client), t.Context())
				}
				rec := new(runs)
				got, err := see(rec)
				if errors.Is(err, errors.ErrUnsupported) {
					t.Skip("the library cannot do this")
				}
				bare, bareErr := see()
				if got != tc.sees || got != bare || (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("the caller sees %q, %v; without us %q, %v", got, err, bare, bareErr)
				}
				if err != nil && bareErr != nil && ports.ReplaceAllString(err.Error(), "") != ports.ReplaceAllString(bareErr.Error(), "") {
					t.Errorf("the caller gets %v\nwithout us %v", err, bareErr)
				}
				lines := rec.take()
				if tc.run == callsRun {
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
				if tr, ok := client.Transport.(*callopenai.Transport); ok {
					tr.Base = impatient{tr.Base, "roses", cancel}
				} else {
					client.Transport = impatient{client.Transport, "roses", cancel}
				}
				return all(l.open(t, url, client), ctx, func(string) {})
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
