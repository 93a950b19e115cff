package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// wireRecorded sends a recorded request through the wire door, and returns what
// its run came to.
func wireRecorded(t *testing.T, c *call) *callback.Result {
	t.Helper()
	var ends results
	tr := callopenai.NewTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		h := http.Header{}
		for k, v := range c.Header {
			if !slices.Contains([]string{"content-length", "transfer-encoding", "content-encoding", "connection"}, strings.ToLower(k)) {
				h.Set(k, v)
			}
		}
		return &http.Response{StatusCode: c.Status, Status: http.StatusText(c.Status), Header: h, ContentLength: -1,
			Body: io.NopCloser(strings.NewReader(c.Response)), Request: r}, nil
	}), &ends)
	tr.Usage = callopenai.UsageAsked
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://127.0.0.1/v1/"+c.Endpoint, bytes.NewReader(c.Request))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if resp.Body.Close(); err != nil || string(got) != c.Response {
		t.Errorf("the client read %d bytes of %d, %v", len(got), len(c.Response), err)
	}
	if len(ends.all) != 1 {
		t.Fatalf("the run ended %d times", len(ends.all))
	}
	return ends.all[0]
}

// TestRecordedWire: recorded calls come out of the wire door as the providers
// meant them.
func TestRecordedWire(t *testing.T) {
	for _, endpoint := range []string{"chat/completions", "completions"} {
		calls := recorded(t, endpoint)
		for i := range calls {
			c := &calls[i]
			if otherDialects[c.ID] != "" {
				continue
			}
			t.Run(endpoint+"/"+c.Provider+"/"+c.ID, func(t *testing.T) {
				end, want := wireRecorded(t, c), c.outcome(t)
				if want.err != nil {
					checkError(t, end.Err, want.err)
					return
				}
				if cut := truncated[c.ID] != ""; cut != errors.Is(end.Err, llm.ErrTruncated) && !cut || !cut && end.Err != nil {
					t.Fatalf("the run says %v", end.Err)
				}
				if !reflect.DeepEqual(end.Response.Choices, want.choices) {
					t.Errorf("the run says %+v\nwant %+v", end.Response.Choices, want.choices)
				}
				if want.cost == nil {
					if end.CostReported {
						t.Errorf("cost %s, want none", end.Response.Cost)
					}
				} else if got, ok := new(big.Rat).SetString(end.Cost.String()); !ok || !end.CostReported || rounded(got) != rounded(want.cost) {
					t.Errorf("cost %s (%s), want %s", end.Cost, end.Response.Cost, want.cost.FloatString(14))
				}
				meta := end.Response.Meta
				if meta.Cost = ""; meta != want.meta {
					t.Errorf("facts %+v, want %+v", meta, want.meta)
				}
				if want.usage != nil || !strings.Contains(string(c.Request), "prompt_id") {
					checkUsage(t, end, want.usage, adjusted[c.ID] != "")
				}
			})
		}
	}
}

// TestRecordedWireResponses: recorded calls of the responses API.
func TestRecordedWireResponses(t *testing.T) {
	calls := recorded(t, "responses")
	for i := range calls {
		c := &calls[i]
		t.Run(c.Provider+"/"+c.ID, func(t *testing.T) {
			end := wireRecorded(t, c)
			var whole any
			for _, b := range c.bodies(t) {
				if whole = at(b, "response"); whole == nil {
					whole = b
				}
			}
			if e := at(whole, "error"); c.Status >= 400 {
				var got *llm.Error
				if !errors.As(end.Err, &got) || got.Status != c.Status || got.Message != text(at(e, "message"))+text(e) {
					t.Errorf("the run says %v, want %v", end.Err, e)
				}
				return
			}
			if text(at(whole, "status")) == "failed" {
				if end.Err == nil {
					t.Error("no error of a response that failed")
				}
				return
			}
			if end.Err != nil {
				t.Fatalf("the run says %v", end.Err)
			}
			want, calls := "", 0
			for _, item := range list(at(whole, "output")) {
				for _, p := range list(at(item, "content")) {
					if text(at(item, "type")) == "message" {
						want += text(at(p, "text"))
					}
				}
				if text(at(item, "type")) == "function_call" {
					calls++
				}
			}
			got := end.Response.Choices
			if len(got) != 1 || got[0].Text != want || len(got[0].ToolCalls) != calls {
				t.Errorf("the run says %+v, want %q and %d calls", got, want, calls)
			}
			if u := at(whole, "usage"); u != nil {
				if end.UsageSource != llm.UsageReported || end.Usage.Input != count(u, "input_tokens") || end.Usage.Output != count(u, "output_tokens") ||
					end.Usage.CacheRead != count(u, "input_tokens_details", "cached_tokens") || end.Usage.Reasoning != count(u, "output_tokens_details", "reasoning_tokens") {
					t.Errorf("usage %+v from %q, want %v", end.Usage, end.UsageSource, u)
				}
			}
			if end.Response.ID != text(at(whole, "id")) || end.Response.Model != text(at(whole, "model")) {
				t.Errorf("facts %+v", end.Response.Meta)
			}
		})
	}
}

// TestRecordedWireEmbeddings: recorded embeddings.
func TestRecordedWireEmbeddings(t *testing.T) {
	calls := recorded(t, "embeddings")
	for i := range calls {
		c := &calls[i]
		t.Run(c.Provider+"/"+c.ID, func(t *testing.T) {
			end := wireRecorded(t, c)
			if c.Status >= 400 {
				checkError(t, end.Err, c.outcome(t).err)
				return
			}
			b := c.bodies(t)[0]
			resp, _ := end.Output.(*llm.EmbedResponse)
			vectors := len(list(at(b, "data")))
			if c.Provider == "perplexity" {
				vectors = 0 // in an encoding of its own
			}
			if end.Err != nil || resp == nil || len(resp.Vectors) != vectors {
				t.Fatalf("the run says %v, %+v", end.Err, end.Output)
			}
			if u := at(b, "usage"); at(u, "prompt_tokens") != nil && (end.UsageSource != llm.UsageReported || end.Usage.Input != count(u, "prompt_tokens")) {
				t.Errorf("usage %+v, want %v", end.Usage, u)
			}
		})
	}
}

// TestWireDifferential: whatever becomes of a response on the way, go-openai's
// client gets the same values and errors over the wire door as without it.
func TestWireDifferential(t *testing.T) {
	bodies := [][]byte{
		answer(5), []byte(strings.ReplaceAll(string(answer(3)), "\n", "\r\n")), sse(delta(`{"content":"Pink"}`, ""), `{"error":{"message":"overloaded","code":"x"}}`),
		[]byte(`{"choices":[{"index":0,"message":{"content":"Pink"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}`),
		[]byte(`{"error":{"message":"no","code":"content_filter"}}`), []byte("event: error\ndata: {\"error\":{\"message\":\"tool failed\"}}\n\n"), nil,
	}
	r := rand.New(rand.NewPCG(3, 4))
	see := func(body []byte, status int, kind string, stream, wrap bool, ends *results) (out []string) {
		cfg := config(doFunc(func(req *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, req.Body)
			return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}, "X-Request-Id": {"7"}}, ContentLength: int64(len(body)),
				Body: io.NopCloser(bytes.NewReader(body)), Request: req}, nil
		}))
		if wrap {
			callopenai.WrapConfig(&cfg, ends)
		}
		client := openai.NewClientWithConfig(cfg)
		req := openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "roses?"}}}
		if !stream {
			resp, err := client.CreateChatCompletion(t.Context(), req)
			return append(out, shown(resp), shown(resp.Header()), describe(err))
		}
		req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		s, err := client.CreateChatCompletionStream(t.Context(), req)
		if err != nil {
			return append(out, describe(err))
		}
		defer s.Close()
		for range 1000 {
			c, err := s.Recv()
			if out = append(out, shown(c), describe(err)); errors.Is(err, io.EOF) {
				break
			}
		}
		return append(out, shown(s.Header()))
	}
	until := time.Now().Add(2 * time.Second)
	tried := 0
	for ; time.Now().Before(until) && !t.Failed(); tried++ {
		body := bytes.Clone(bodies[r.IntN(len(bodies))])
		if len(body) > 0 && r.IntN(2) == 0 {
			body = body[:r.IntN(len(body))]
		}
		for range r.IntN(4) {
			if len(body) > 0 {
				body[r.IntN(len(body))] = byte(r.IntN(256))
			}
		}
		status := []int{200, 200, 200, 201, 302, 400, 429, 500}[r.IntN(8)]
		kind := []string{"text/event-stream", "application/json", ""}[r.IntN(3)]
		var ends results
		stream := r.IntN(3) > 0
		bare, ours := see(body, status, kind, stream, false, nil), see(body, status, kind, stream, true, &ends)
		if !slices.Equal(bare, ours) {
			t.Errorf("of status %d, %q and %q\nours %q\nbare %q", status, kind, body, ours, bare)
		}
		if len(ends.all) != 1 {
			t.Errorf("%d ends of status %d, %q", len(ends.all), status, body)
		}
	}
	t.Logf("%d responses", tried)
}

type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// shown is a value as text.
func shown(v any) string {
	b, err := json.Marshal(v)
	return fmt.Sprint(string(b), err)
}
