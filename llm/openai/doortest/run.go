package doortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
)

// A consumer is a way to read an answer.
type consumer struct {
	name  string
	waits bool // for calls that do not end by themselves
	early bool // acts at the first piece with text
	error string
}

var consumers = []consumer{
	{name: "to the end"},
	{name: "breaks", early: true},
	{name: "cancels", early: true, error: "canceled"},
	{name: "cancels while waiting", waits: true, error: "canceled"},
}

// Run plays every scenario to every consumer of the door's clients.
func Run(t *testing.T, d Door) {
	for _, sc := range standin.Scenarios() {
		if slices.Contains(d.Skip, sc.Name) {
			continue
		}
		for _, stream := range []bool{true, false} {
			expected, err := sc.Expectations(stream)
			if err != nil {
				t.Fatal(err)
			}
			for call := range expected {
				want := truth(&expected[call])
				if d.Truth != nil {
					d.Truth(sc.Name, &want)
				}
				for _, c := range consumers {
					if c.waits != want.Waits && !c.early || c.early && (!stream || want.Text == "") {
						continue
					}
					name := sc.Name + "/" + map[bool]string{true: "streamed", false: "plain"}[stream] + "/" + c.name
					t.Run(name, func(t *testing.T) {
						check(t, d, c, want, func(r *standin.Request) standin.Script {
							later := *r
							later.Index += call
							return sc.Script(&later)
						}, stream)
					})
				}
			}
		}
	}
}

func truth(e *standin.Expectation) Truth {
	w := Truth{Text: e.Text, Grows: e.Grows, Finish: e.Finish, Error: e.Error, Message: e.Message, Retry: e.Retry, Usage: e.Usage, Waits: e.Waits}
	if w.Finish == "error" {
		w.Finish = "" // the span's word for none
	}
	return w
}

// A view is what a caller saw.
type view struct {
	pieces []string
	text   string
	err    error
}

// errRun is what a caller of ours notes if a run does not end.
var errRun = errors.New("the run does not end with its context")

func check(t *testing.T, d Door, c consumer, want Truth, script func(*standin.Request) standin.Script, stream bool) {
	rec := &recorder{ended: make(chan struct{})}
	ours, api := see(t, d, c, want, script, stream, rec)
	bare, _ := see(t, d, c, want, script, stream, nil)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.ends) != 1 {
		t.Fatalf("the run ended %d times", len(rec.ends))
	}
	end := rec.ends[0]
	if want.Usage == "reported" && !c.early {
		if u := api.Reported(); end.Usage == nil || end.Usage.Input != u.Prompt || end.Usage.Output != u.Completion {
			t.Errorf("usage %+v, the API reported %+v", end.Usage, u)
		}
	}
	whole := want
	switch {
	case c.early:
		want.Error, want.Stopped, want.Finish, want.Usage = c.error, c.error == "", "", "estimated"
		want.Message, want.Retry = "", 0
		// How much of it had come depends on the library and on the network.
		want.Text, want.Grows = "", true
		if end.Response != nil && len(end.Response.Choices) > 0 && end.Response.Choices[0].Finish == whole.Finish {
			want.Finish = whole.Finish
		}
		if string(end.UsageSource) == whole.Usage {
			want.Usage = whole.Usage
		}
	case c.waits:
		want.Error = c.error
	}
	// A library that reads ahead has all of it by then.
	ahead := c.early && end.Response != nil && end.Response.Text() == whole.Text && callback.ErrorType(end.Err) == whole.Error
	if fault := want.fault(end); fault != "" && !ahead {
		t.Error(fault)
	}
	if c.early && c.error != "" {
		return // how much of what had come is still read is open, with the door and without
	}
	if !whole.Grows && !slices.Equal(ours.pieces, bare.pieces) {
		t.Errorf("the caller sees %.300q\nwithout the door %.300q", ours.pieces, bare.pieces)
	}
	if stable(fmt.Sprint(ours.err)) != stable(fmt.Sprint(bare.err)) || callback.ErrorType(ours.err) != callback.ErrorType(bare.err) {
		t.Errorf("the caller gets %v\nwithout the door %v", ours.err, bare.err)
	}
}

// fault says what is wrong with the end of a run, if anything.
func (w *Truth) fault(end *callback.Result) string {
	var got Truth
	if end.Response != nil {
		got.Text = end.Response.Text()
		if len(end.Response.Choices) > 0 {
			got.Finish = strings.TrimPrefix(end.Response.Choices[0].Finish, "error") // says no more than the error
		}
	}
	got.Error, got.Usage, got.Stopped = callback.ErrorType(end.Err), string(end.UsageSource), end.Stopped
	text := got.Text == w.Text || w.Grows && got.Text != ""
	if !text || got.Finish != w.Finish || got.Error != w.Error || got.Usage != w.Usage || got.Stopped != w.Stopped {
		return fmt.Sprintf("the run says %.99q, finish %q, error %q (%v), usage %q, stopped %v\nwant %.99q, %q, %q, %q, %v",
			got.Text, got.Finish, got.Error, end.Err, got.Usage, got.Stopped, w.Text, w.Finish, w.Error, w.Usage, w.Stopped)
	}
	var api *llm.Error
	switch {
	case w.Error != "" && w.Message != "" && !strings.Contains(end.Err.Error(), w.Message):
		return fmt.Sprintf("the run's error %v does not say %q", end.Err, w.Message)
	case w.Retry != 0 && (!errors.As(end.Err, &api) || api.RetryAfter != w.Retry):
		return fmt.Sprintf("the run's error %#v does not say to retry after %v", end.Err, w.Retry)
	}
	return ""
}

// see makes a call for the consumer.
func see(t *testing.T, d Door, c consumer, want Truth, script func(*standin.Request) standin.Script, stream bool, rec *recorder) (v view, api *standin.API) {
	t.Helper()
	asked := make(chan struct{})
	api = &standin.API{
		Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
			return standin.Text(standin.ScenarioAnswer), nil
		},
		Script: func(r *standin.Request) standin.Script {
			close(asked)
			return script(r)
		},
	}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{}
	var handlers []callback.Handler
	if rec != nil {
		handlers = append(handlers, rec)
	}
	client := d.Open(server.URL, &http.Client{Transport: base}, handlers...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	soon := sync.OnceFunc(func() { time.AfterFunc(10*time.Millisecond, cancel) })
	if c.waits && want.Text == "" {
		go func() { <-asked; soon() }()
	}
	acted := false
	for p, err := range client(ctx, stream) {
		v.text += p.Text
		if v.err = err; err != nil {
			break
		}
		v.pieces = append(v.pieces, stable(p.View))
		if c.waits && (v.text == want.Text || want.Grows && len(v.text) == 20) {
			soon()
		}
		if !c.early || p.Text == "" || acted {
			continue
		}
		acted = true
		if c.error == "" {
			break
		}
		cancel()
		if rec != nil {
			select {
			case <-rec.ended:
			case <-time.After(10 * time.Second):
				t.Error(errRun)
			}
		}
	}
	cancel()
	base.CloseIdleConnections()
	if err := server.Close(); err != nil {
		t.Errorf("the server has not come to rest: %v", err)
	}
	return v, api
}

// volatile is what differs from call to call.
var volatile = regexp.MustCompile(`(127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?)|((chatcmpl|cmpl|req|call)[-_][A-Za-z0-9]{20,})|([Cc]reated"?:\d+)`)

func stable(s string) string { return volatile.ReplaceAllString(s, "<>") }

// A recorder notes how runs end.
type recorder struct {
	mu    sync.Mutex
	ends  []*callback.Result
	ended chan struct{}
}

func (r *recorder) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, r
}

func (r *recorder) End(res *callback.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ends = append(r.ends, res); len(r.ends) == 1 {
		close(r.ended)
	}
}
