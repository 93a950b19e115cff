package standin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/callspan/callspan/internal/standin"
)

const (
	askStream = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	askBody   = `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`
)

// stamped notes when each write arrives.
type stamped struct {
	*httptest.ResponseRecorder
	start time.Time
	at    []time.Duration
}

func (w *stamped) Write(b []byte) (int, error) {
	w.at = append(w.at, time.Since(w.start))
	return w.ResponseRecorder.Write(b)
}

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct {
		name, body string
		pace       standin.Pace
		want       []time.Duration // per write
	}{
		{"none", askStream, standin.Pace{}, []time.Duration{0, 0, 0, 0, 0, 0}},
		{"stream", askStream, standin.Pace{FirstToken: 300 * ms, PerSecond: 20}, []time.Duration{0, 300 * ms, 350 * ms, 400 * ms, 400 * ms, 400 * ms}},
		{"choices take turns", strings.Replace(askStream, "{", `{"n":2,`, 1), standin.Pace{PerSecond: 20},
			[]time.Duration{0, 0, 0, 0, 50 * ms, 50 * ms, 100 * ms, 100 * ms, 100 * ms, 100 * ms, 100 * ms}},
		{"one piece", askBody, standin.Pace{FirstToken: 300 * ms, PerSecond: 20}, []time.Duration{400 * ms}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &standin.API{Reply: replies(standin.Text("one two three")), Pace: tc.pace}
				w := &stamped{ResponseRecorder: httptest.NewRecorder(), start: time.Now()}
				api.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(tc.body)))
				if len(w.at) != len(tc.want) {
					t.Fatalf("%d writes, want %d", len(w.at), len(tc.want))
				}
				for i, at := range w.at {
					if at != tc.want[i] {
						t.Errorf("write %d at %v, want %v", i, at, tc.want[i])
					}
				}
			})
		})
	}
}

func TestWaitEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &standin.API{Pace: standin.Pace{FirstToken: time.Hour}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w, start := httptest.NewRecorder(), time.Now()
		api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/v1/chat/completions", strings.NewReader(askStream)))
		if time.Since(start) != time.Second || strings.Contains(w.Body.String(), "said") {
			t.Errorf("after %v: %s", time.Since(start), w.Body)
		}
	})
}

func TestCloseEndsAnswers(t *testing.T) {
	called := make(chan struct{})
	api := &standin.API{Script: func(*standin.Request) standin.Script {
		close(called)
		return standin.Script{{End: standin.EndStall}}
	}}
	s, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() {
		<-called
		closed <- s.Close()
	}()
	if _, err := collect(t.Context(), client(s, "any"), openai.ChatCompletionRequest{Model: "gpt-4o", Messages: ask("hi")}); err != nil {
		t.Errorf("the answer does not end cleanly: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(s.URL + "/models"); err == nil {
		t.Error("a closed server answers")
	}
}
