package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

// A recording is a call that was made to a provider, a line of
// recorded_sample.jsonl, with what is known of it.
type recording struct {
	ID, Endpoint, Provider, URL string
	Status                      int
	Stream                      bool
	Request                     json.RawMessage   `json:"request_body"`
	Header                      map[string]string `json:"response_headers"`
	Response                    string            `json:"response_body"`
	Finish                      []string          `json:"finish_reasons"`
	Usage                       *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Input      int `json:"input_tokens"`
		Output     int `json:"output_tokens"`
		Total      int `json:"total_tokens"`
	}
}

// recordings returns what is in the directory that CALLSPAN_RECORDED names.
func recordings(t *testing.T) (all []recording) {
	t.Helper()
	dir := os.Getenv("CALLSPAN_RECORDED")
	if dir == "" {
		t.Skip("CALLSPAN_RECORDED names no directory with recorded_sample.jsonl")
	}
	data, err := os.ReadFile(filepath.Join(dir, "recorded_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var r recording
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Fatal("no recorded calls")
	}
	return all
}

// ServeHTTP answers as the provider did, compressed for who takes that.
func (r *recording) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	io.Copy(io.Discard, req.Body)
	w.Header()["Content-Type"] = nil // none is made up
	for k, v := range r.Header {
		if !slices.Contains([]string{"content-length", "transfer-encoding", "content-encoding", "connection"}, strings.ToLower(k)) {
			w.Header().Set(k, v)
		}
	}
	var out io.Writer = w
	flush := func() error { return nil }
	if strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		defer zip.Close()
		out, flush = zip, zip.Flush
	}
	w.WriteHeader(r.Status)
	for line := range strings.Lines(r.Response) {
		io.WriteString(out, line)
		if strings.TrimSpace(line) == "" {
			flush()
			http.NewResponseController(w).Flush()
		}
	}
}

// uninvited reports whether the provider sent a usage that was not asked for, as
// an event that include_usage brings too. What was asked for on behalf of who
// listens cannot be told from it.
func (r *recording) uninvited() bool {
	var asked struct {
		Options struct {
			Usage *bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	json.Unmarshal(r.Request, &asked)
	return r.Stream && asked.Options.Usage == nil && r.Response != r.withoutUsage()
}

// withoutUsage returns the response without events that hold the usage alone.
func (r *recording) withoutUsage() string {
	var out strings.Builder
	for event := range strings.SplitAfterSeq(r.Response, "\n\n") {
		var f struct {
			Choices *[]any
			Usage   any
		}
		data, ok := strings.CutPrefix(event, "data:")
		if ok && json.Unmarshal([]byte(data), &f) == nil && f.Choices != nil && len(*f.Choices) == 0 && f.Usage != nil {
			continue
		}
		out.WriteString(event)
	}
	return out.String()
}

// A played is what came of a recording.
type played struct {
	head, body string
	end        *callback.Result // nil if nobody listened
}

// play makes the recorded call at an address.
func (r *recording) play(t *testing.T, at string, base http.RoundTripper, ends endings) (p played) {
	t.Helper()
	path := "/v1/" + r.Endpoint
	if u, err := url.Parse(r.URL); err == nil && strings.HasPrefix(u.RequestURI(), "/") {
		path = u.RequestURI()
	}
	req, err := http.NewRequest("POST", at+path, bytes.NewReader(r.Request))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := base.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Date", "Content-Length"} {
		resp.Header.Del(name)
	}
	p.head, p.body = fmt.Sprintln(resp.Proto, resp.Status, resp.Header), string(body)
	if ends == nil {
		return p
	}
	select {
	case p.end = <-ends:
	case <-time.After(time.Minute):
		t.Fatal("the run does not end")
	}
	return p
}

// endings is a handler that passes on how runs end.
type endings chan *callback.Result

func (e endings) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, e
}

func (e endings) End(res *callback.Result) { e <- res }

// TestProxyRecorded: recorded calls come through the proxy byte for byte, and
// their runs are those of the wire door and what the providers meant.
func TestProxyRecorded(t *testing.T) {
	all := recordings(t)
	var current atomic.Pointer[recording]
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }))
	defer target.Close()
	to, _ := url.Parse(target.URL)
	ends := make(endings, 10)
	server := httptest.NewServer(ours(to, ends))
	defer server.Close()
	for _, compressed := range []bool{true, false} {
		base := &http.Transport{DisableCompression: !compressed}
		defer base.CloseIdleConnections()
		wire := callopenai.NewTransport(base, ends)
		wire.Provider = "openai"
		for i := range all {
			r := &all[i]
			t.Run(fmt.Sprintf("%s/%s/%s/compressed=%v", r.Endpoint, r.Provider, r.ID, compressed), func(t *testing.T) {
				current.Store(r)
				got, want := r.play(t, server.URL, base, ends), r.play(t, target.URL, base, nil)
				if r.uninvited() {
					want.body = r.withoutUsage()
				}
				if got.head != want.head || got.body != want.body {
					t.Errorf("the caller sees %s%d bytes\nwithout us     %s%d bytes", got.head, len(got.body), want.head, len(want.body))
				}
				sameRun(t, got.end, r.play(t, target.URL, wire, ends).end)
				r.check(t, got.end)
			})
		}
	}
	server.Close()
	if len(ends) > 0 {
		t.Errorf("%d more ends than calls", len(ends))
	}
}

// sameRun fails t unless two runs say the same.
func sameRun(t *testing.T, got, want *callback.Result) {
	t.Helper()
	said := func(r *callback.Result) []any {
		return []any{r.Response, r.Output, r.Usage, r.UsageSource, r.Cost, r.CostReported, r.Stopped, callback.ErrorType(r.Err), fmt.Sprint(r.Err)}
	}
	for i, want := range said(want) {
		if got := said(got)[i]; !reflect.DeepEqual(got, want) {
			t.Errorf("the run says %+v\nthat of the wire door %+v", got, want)
		}
	}
}

// notWhole says which answers with a success are none that a run could take for
// whole, and what its error.type is.
var notWhole = map[string]string{
	"11d5ee6265bb": "stream_truncated", // LiteLLM loses the finish reason of the second choice
	"3ee85dd81643": "empty_response",   // Writer streams {"value": ...}
}

// check fails t unless a run says of its error, usage and finish reasons what the
// recording does.
func (r *recording) check(t *testing.T, end *callback.Result) {
	t.Helper()
	if r.Status >= 400 {
		var e *llm.Error
		if !errors.As(end.Err, &e) || e.Status != r.Status || e.Message == "" {
			t.Errorf("the run says %#v of status %d", end.Err, r.Status)
		}
		return
	}
	if got := callback.ErrorType(end.Err); got != notWhole[r.ID] {
		t.Errorf("the run says %q, %v", got, end.Err)
	}
	in, out := 0, 0
	if u := r.Usage; u != nil {
		in, out = u.Prompt+u.Input, u.Completion+u.Output
		if r.Endpoint == "embeddings" {
			in = max(in, u.Total)
		}
		out = max(out, u.Total-in) // thinking may be billed beside the answer
	}
	source := llm.UsageReported
	if in == 0 && end.Usage != nil { // Ollama says so of a prompt in its cache
		in, source = end.Usage.Input, llm.UsageEstimated
	}
	switch {
	case r.Usage == nil || r.Usage.Total == 0:
		if end.UsageSource == llm.UsageReported {
			t.Errorf("usage %+v is reported, the recording has none", end.Usage)
		}
	case end.UsageSource != source || end.Usage.Input != in || end.Usage.Output != out:
		t.Errorf("usage %+v from %q, recorded are %d and %d", end.Usage, end.UsageSource, in, out)
	}
	if r.Endpoint == "responses" || r.Endpoint == "embeddings" {
		return
	}
	var finish []string
	for _, c := range end.Response.Choices {
		if c.Finish != "" {
			finish = append(finish, c.Finish)
		}
	}
	if !slices.Equal(finish, r.Finish) {
		t.Errorf("finish reasons %q, recorded are %q", finish, r.Finish)
	}
}
