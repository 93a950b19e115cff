package doortest

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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
	bytes bool // gets the response byte by byte
	error string
}

var consumers = []consumer{
	{name: "to the end"},
	{name: "byte by byte", bytes: true},
	{name: "breaks", early: true},
	{name: "cancels", early: true, error: "canceled"},
	{name: "cancels while waiting", waits: true, error: "canceled"},
}

// Longer texts are read to the end alone, and not byte by byte.
const (
	long  = 1 << 20
	bytes = 4 << 10
)

// fits reports whether c is one for a call with this truth.
func (c *consumer) fits(want *Truth, stream bool) bool {
	n := len(want.Text)
	switch {
	case c.early:
		return stream && n > 0 && n <= long
	case c.bytes:
		return !want.Waits && n <= bytes
	}
	return c.waits == want.Waits
}

// Run plays every scenario of the door's API to every consumer of its clients.
func Run(t *testing.T, d Door) {
	for _, sc := range scenarios(t, d.API) {
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
					play := map[bool]string{true: "streamed", false: "plain"}[stream] + "/" + c.name
					if !c.fits(&want, stream) || slices.Contains(d.Skip, sc.Name) || slices.Contains(d.Skip, sc.Name+"/"+play) {
						continue
					}
					t.Run(sc.Name+"/"+play, func(t *testing.T) {
						check(t, d, c, want, func(r *standin.Request) standin.Script {
							later := *r
							later.Index += call
							return sc.Script(&later)
						}, stream, map[string]any{"scenario": sc.Name, "play": play})
					})
				}
			}
		}
	}
}

// scenarios returns those for calls of an API.
func scenarios(t *testing.T, api string) []standin.Scenario {
	switch api {
	case "", llm.APIChat:
		return append(standin.Scenarios(), standin.Dialects()...)
	case llm.APICompletions:
		return append(standin.CompletionScenarios(), standin.CompletionDialects()...)
	case llm.APIResponses:
		return standin.ResponseScenarios()
	case Embeddings:
		return standin.EmbeddingScenarios()
	}
	t.Fatalf("no scenarios for the API %q of a Door: want one of llm.APIChat, llm.APICompletions, llm.APIResponses and Embeddings", api)
	return nil
}

// A view is what a caller saw.
type view struct {
	pieces []string
	text   string
	err    error
}

func check(t *testing.T, d Door, c consumer, want Truth, script func(*standin.Request) standin.Script, stream bool, about map[string]any) {
	rec := &recorder{ended: make(chan struct{})}
	ours, api := see(t, d, c, want, script, stream, rec, about)
	bare, _ := see(t, d, c, want, script, stream, nil, nil)
	cancels := c.early && c.error != ""
	if d.Remote {
		rec.wait(t)
		if c.early {
			c.error = "canceled"
		}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.ends) != 1 {
		t.Fatalf("the run ended %d times", len(rec.ends))
	}
	end := rec.ends[0]
	if want.Usage == "reported" && !c.early && (want.Answer == nil || want.Answer.Usage == nil) {
		if u := api.Reported(); u != (standin.Usage{}) && (end.Usage == nil || end.Usage.Input != u.Prompt || end.Usage.Output != u.Completion) {
			t.Errorf("usage %+v, the API reported %+v", end.Usage, u)
		}
	}
	whole := want
	switch {
	case c.early:
		want.Error, want.Stopped, want.Finish, want.Usage = c.error, c.error == "", "", "estimated"
		want.Message, want.Retry = "", 0
		// How much of it had come depends on the library and on the network.
		want.Text, want.Grows, want.Answer = "", true, nil
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
	if cancels {
		return // how much of what had come is still read is open, with the door and without
	}
	if c.waits { // so is how much had come besides the text
		n := min(len(ours.pieces), len(bare.pieces))
		ours.pieces, bare.pieces = ours.pieces[:n], bare.pieces[:n]
	}
	if !whole.Grows && (ours.text != bare.text || !slices.EqualFunc(ours.pieces, bare.pieces, same)) {
		t.Errorf("the caller sees %.300q\nwithout the door %.300q", ours.pieces, bare.pieces)
	}
	// Where no text tells the caller that an answer has begun, he may cancel before
	// it has, which clients report in other words.
	inWords := !c.waits || whole.Text != ""
	if inWords && !same(fmt.Sprint(ours.err), fmt.Sprint(bare.err)) || callback.ErrorType(ours.err) != callback.ErrorType(bare.err) {
		t.Errorf("the caller gets %v\nwithout the door %v", ours.err, bare.err)
	}
}

// see makes a call for the consumer.
func see(t *testing.T, d Door, c consumer, want Truth, script func(*standin.Request) standin.Script, stream bool, rec *recorder, about map[string]any) (v view, api *standin.API) {
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
	client := &http.Client{Transport: newBounded(base, func(err error) { t.Errorf("the client has %v", err) })}
	if c.bytes {
		client.Transport = dribbling{client.Transport}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var handlers []callback.Handler
	if rec != nil {
		handlers = append(handlers, d.Handlers...) // what opens spans is told first
		handlers = append(handlers, rec)
		ctx = callback.WithMetadata(ctx, about)
	}
	call := d.Open(server.URL, client, handlers...)
	defer cancel()
	soon := sync.OnceFunc(func() { time.AfterFunc(10*time.Millisecond, cancel) })
	if c.waits && want.Text == "" {
		go func() { <-asked; soon() }()
	}
	acted := false
	for p, err := range call(ctx, stream) {
		v.text += p.Text
		if v.err = err; err != nil {
			break
		}
		v.pieces = append(v.pieces, p.View)
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
			rec.wait(t)
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
var volatile = regexp.MustCompile(`(127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?)|((chatcmpl|cmpl|resp|msg|rs|fc|req|call)[-_][A-Za-z0-9]{20,})|([Cc]reated(_at)?"?:\d+)`)

// same reports whether two texts differ in no more than that.
func same(a, b string) bool {
	return a == b || volatile.ReplaceAllString(a, "<>") == volatile.ReplaceAllString(b, "<>")
}

// A recorder notes how runs end.
type recorder struct {
	mu    sync.Mutex
	ends  []*callback.Result
	ended chan struct{}
}

func (r *recorder) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, r
}

// wait fails t unless a run has ended or does so soon.
func (r *recorder) wait(t *testing.T) {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
		t.Error("the run does not end with its call")
	}
}

func (r *recorder) End(res *callback.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ends = append(r.ends, res); len(r.ends) == 1 {
		close(r.ended)
	}
}
