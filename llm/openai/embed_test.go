package openai_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/llm/token"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
)

func embedder(d openai.HTTPDoer, hs ...callback.Handler) *callopenai.Embedder {
	return callopenai.NewEmbedder(config(d), callopenai.Options{Model: "text-embedding-3-small", Handlers: hs})
}

// doer is an HTTP client made of a function.
type doer func(*http.Request) (*http.Response, error)

func (f doer) Do(req *http.Request) (*http.Response, error) { return f(req) }

// floats encodes a vector as the API does.
func floats(v ...float32) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return `"` + base64.StdEncoding.EncodeToString(b) + `"`
}

// vectorsBody is a response with the given data and usage.
func vectorsBody(usage string, data ...string) []byte {
	return []byte(`{"object":"list","data":[` + strings.Join(data, ",") + `],"model":"text-embedding-3-small","usage":` + usage + `}`)
}

func vector(index int, embedding string) string {
	return fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, index, embedding)
}

const nineTokens = `{"prompt_tokens":9,"total_tokens":9}`

// TestEmbed: two texts and what a server may answer to them.
func TestEmbed(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a, b := floats(0.5, -0.25), floats(1, 2e-8)
	want := [][]float32{{0.5, -0.25}, {1, 2e-8}}
	reported := &llm.Usage{Input: 9}
	estimated := &llm.Usage{Input: 5}
	for _, tc := range []struct {
		name    string
		dims    int
		canned  canned
		want    [][]float32
		usage   *llm.Usage // of the run; estimated if it is 5
		errType string
		message string
	}{
		{name: "base64", canned: canned{body: vectorsBody(nineTokens, vector(0, a), vector(1, b))}, want: want, usage: reported},
		{name: "numbers", canned: canned{body: vectorsBody(nineTokens, vector(0, "[0.5,-0.25]"), vector(1, "[1,2e-8]"))}, want: want, usage: reported},
		{name: "in another order", canned: canned{body: vectorsBody(nineTokens, vector(1, b), vector(0, a))}, want: want, usage: reported},
		{name: "the index last", canned: canned{body: vectorsBody(nineTokens, `{"embedding":`+b+`,"index":1}`, `{"embedding":`+a+`,"index":0}`)}, want: want, usage: reported},
		{name: "without indices", canned: canned{body: vectorsBody(nineTokens, `{"embedding":`+a+`}`, `{"embedding":`+b+`,"index":null}`)}, want: want, usage: reported},
		{name: "dimensions", dims: 2, canned: canned{body: vectorsBody(nineTokens, vector(0, a), vector(1, b))}, want: want, usage: reported},
		{name: "total alone", canned: canned{body: vectorsBody(`{"total_tokens":9}`, vector(0, a), vector(1, b))}, want: want, usage: reported},
		{name: "usage of nothing", canned: canned{body: vectorsBody(`{"total_tokens":0}`, vector(0, a), vector(1, b))}, want: want, usage: estimated},
		{name: "no usage", canned: canned{body: vectorsBody("null", vector(0, a), vector(1, b))}, want: want, usage: estimated},
		{name: "odd usage", canned: canned{body: vectorsBody(`{"prompt_tokens":9,"total_tokens":"9"}`, vector(0, a), vector(1, b))}, want: want, usage: reported},

		{name: "too few", canned: canned{body: vectorsBody(nineTokens, vector(0, a))}, usage: reported, errType: "malformed_response", message: "1 vectors for 2 inputs"},
		{name: "too many", canned: canned{body: vectorsBody(nineTokens, vector(0, a), vector(1, b), vector(2, b))}, usage: reported, errType: "malformed_response", message: "3 vectors for 2 inputs"},
		{name: "one twice", canned: canned{body: vectorsBody(nineTokens, vector(1, a), vector(1, b))}, usage: reported, errType: "malformed_response", message: "two vectors with index 1"},
		{name: "beyond the inputs", canned: canned{body: vectorsBody(nineTokens, vector(0, a), vector(7, b))}, usage: reported, errType: "malformed_response", message: "index 7"},
		{name: "different lengths", canned: canned{body: vectorsBody(nineTokens, vector(0, a), vector(1, floats(1)))}, usage: reported, errType: "malformed_response", message: "vector 1 has 1 dimensions, the first one has 2"},
		{name: "other dimensions than asked for", dims: 3, canned: canned{body: vectorsBody(nineTokens, vector(0, a), vector(1, b))}, usage: reported, errType: "malformed_response", message: "asked for were 3"},
		{name: "empty vector", canned: canned{body: vectorsBody(nineTokens, vector(0, "[]"), vector(1, b))}, usage: reported, errType: "malformed_response", message: "vector 0 is empty"},
		{name: "no vector", canned: canned{body: vectorsBody("null", vector(0, a), `{"index":1}`)}, errType: "malformed_response", message: "vector 1 is empty"},
		{name: "null", canned: canned{body: vectorsBody("null", vector(0, a), vector(1, "null"))}, errType: "malformed_response", message: "want a vector"},
		{name: "NaN", canned: canned{body: vectorsBody("null", vector(0, floats(1, nan)), vector(1, b))}, errType: "malformed_response", message: "not made of 32-bit floats"},
		{name: "infinity", canned: canned{body: vectorsBody("null", vector(0, floats(1, inf)), vector(1, b))}, errType: "malformed_response", message: "not made of 32-bit floats"},
		{name: "larger than any vector", canned: canned{body: vectorsBody("null", vector(0, floats(1, 1e30)), vector(1, b))}, errType: "malformed_response", message: "not made of 32-bit floats"},
		{name: "bytes instead of floats", canned: canned{body: vectorsBody("null", vector(0, `"9sYAAzzy/vfgDQAeOgD2/w=="`), vector(1, `"7eYk88vGApg30IwX8An+EA=="`))}, errType: "malformed_response", message: "not made of 32-bit floats"},
		{name: "half a float", canned: canned{body: vectorsBody("null", vector(0, `"AAAAAAA="`), vector(1, b))}, errType: "malformed_response", message: "not made of 32-bit floats"},
		{name: "no base64", canned: canned{body: vectorsBody("null", vector(0, `"?"`), vector(1, b))}, errType: "malformed_response", message: "not made of 32-bit floats"},
		{name: "a number that is none", canned: canned{body: vectorsBody("null", vector(0, "[null,1]"), vector(1, b))}, errType: "malformed_response", message: "want a number"},
		{name: "a number beyond floats", canned: canned{body: vectorsBody("null", vector(0, "[1e40,1]"), vector(1, b))}, errType: "malformed_response", message: "not a 32-bit float"},
		{name: "vectors of vectors", canned: canned{body: vectorsBody("null", vector(0, "[[1,2]]"), vector(1, b))}, errType: "malformed_response", message: "want a number"},
		{name: "cut", canned: canned{body: vectorsBody("null", vector(0, a))[:60]}, errType: "malformed_response", message: "unexpected end"},
		{name: "a page", canned: canned{body: []byte("<html>")}, errType: "malformed_response", message: "invalid character"},
		{name: "nothing", canned: canned{}, errType: "empty_response"},
		{name: "nothing in it", canned: canned{body: []byte("{}")}, errType: "malformed_response", message: "0 vectors for 2 inputs"},

		{name: "200 with an error", canned: canned{body: []byte(`{"error":{"message":"no such tenant","code":"tenant"}}`)}, errType: "tenant", message: "no such tenant"},
		{name: "200 with MiniMax's error", canned: canned{body: []byte(`{"vectors":null,"base_resp":{"status_code":1004,"status_msg":"login fail"}}`)}, errType: "1004", message: "login fail"},
		{name: "404", canned: canned{status: 404, body: []byte(`{"error":{"message":"The model does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`)},
			errType: "model_not_found", message: "404: The model does not exist"},
		{name: "400 of FastAPI", canned: canned{status: 400, body: []byte(`{"detail":"Model nonexistent is not supported."}`)}, errType: "400", message: "400: Model nonexistent is not supported."},
		{name: "502 with a page", canned: canned{status: 502, body: []byte("<html>Bad gateway</html>")}, errType: "502", message: "Bad Gateway"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var res results
			resp, err := embedder(&tc.canned, &res).Embed(t.Context(), &llm.EmbedRequest{Inputs: []string{"pink roses", "tulips"}, Dimensions: tc.dims})
			if callback.ErrorType(err) != tc.errType || err != nil && !strings.Contains(err.Error(), tc.message) {
				t.Errorf("error %q (%v), want %q", callback.ErrorType(err), err, tc.errType)
			}
			if (tc.want != nil) != (err == nil && resp != nil) || tc.want != nil && !reflect.DeepEqual(resp.Vectors, tc.want) {
				t.Errorf("got %+v, want %v", resp, tc.want)
			}
			if len(res.all) != 1 {
				t.Fatalf("%d runs", len(res.all))
			}
			end := res.all[0]
			if callback.ErrorType(end.Err) != tc.errType || !reflect.DeepEqual(end.Usage, tc.usage) {
				t.Errorf("run says %v, usage %+v; want usage %+v", end.Err, end.Usage, tc.usage)
			}
			if tc.usage != nil && (end.UsageSource == llm.UsageEstimated) != (tc.usage == estimated) {
				t.Errorf("usage is %q", end.UsageSource)
			}
		})
	}
}

// TestEmbedRequest: every field reaches the wire, and an error keeps
// go-openai's and what the header says.
func TestEmbedRequest(t *testing.T) {
	c := &canned{status: 429, header: http.Header{"Retry-After": {"7"}}, body: []byte(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`)}
	_, err := embedder(c).Embed(t.Context(), &llm.EmbedRequest{Model: "text-embedding-3-large", Inputs: []string{"a", "b"}, Dimensions: 256, User: "u-1"})
	var sent, want any
	json.Unmarshal(c.sent, &sent)
	json.Unmarshal([]byte(`{"model":"text-embedding-3-large","input":["a","b"],"dimensions":256,"user":"u-1","encoding_format":"base64"}`), &want)
	if !reflect.DeepEqual(sent, want) {
		t.Errorf("sent %s", c.sent)
	}
	var ours *llm.Error
	var api *openai.APIError
	if !errors.As(err, &ours) || ours.RetryAfter != 7*time.Second || ours.Code != "rate_limit_exceeded" || !errors.As(err, &api) {
		t.Errorf("error %#v", err)
	}
}

// TestBadEmbeddings: what cannot be embedded is an error that names it, before
// anything is sent.
func TestBadEmbeddings(t *testing.T) {
	for _, tc := range []struct {
		name    string
		model   string
		req     *llm.EmbedRequest
		errType string
		message string
	}{
		{"nil", "m", nil, "no_inputs", "no inputs"},
		{"no inputs", "m", &llm.EmbedRequest{}, "no_inputs", "no inputs"},
		{"empty text", "m", &llm.EmbedRequest{Inputs: []string{"a", "", "b"}}, "invalid_request", "input 1 of 3 is empty"},
		{"no model", "", &llm.EmbedRequest{Inputs: []string{"a"}}, "invalid_request", "names no model"},
	} {
		var res results
		c := &canned{}
		e := callopenai.NewEmbedder(config(c), callopenai.Options{Model: tc.model, Handlers: []callback.Handler{&res}})
		resp, err := e.Embed(t.Context(), tc.req)
		if callback.ErrorType(err) != tc.errType || !strings.Contains(err.Error(), tc.message) || resp != nil {
			t.Errorf("%s: %q (%v)", tc.name, callback.ErrorType(err), err)
		}
		if len(res.all) != 1 || res.all[0].Usage != nil || c.sent != nil {
			t.Errorf("%s: %d runs, sent %s", tc.name, len(res.all), c.sent)
		}
	}
	//lint:ignore SA1012 what a nil context does is the question
	if _, err := embedder(&canned{}).Embed(nil, &llm.EmbedRequest{Inputs: []string{"a"}}); callback.ErrorType(err) != "empty_response" {
		t.Errorf("nil context: %v", err)
	}
}

// serveEmbeddings starts a stand-in that counts with the real tokenizer.
func serveEmbeddings(t *testing.T, script func(*standin.Request) standin.Script) (*standin.API, openai.ClientConfig) {
	t.Helper()
	enc, err := token.Get("cl100k_base")
	if err != nil {
		t.Fatal(err)
	}
	api := &standin.API{Script: script, Split: func(_, text string) (out []string) {
		for n := range enc.Lengths(text) {
			out = append(out, text[:n])
			text = text[n:]
		}
		return out
	}}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.BaseURL, cfg.HTTPClient = server.URL, client
	return api, cfg
}

// TestEmbedBatches: more inputs than a request may hold are several requests,
// in order, and one run.
func TestEmbedBatches(t *testing.T) {
	numbered := func(n int, text string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprint(text, " ", i)
		}
		return out
	}
	for _, tc := range []struct {
		name   string
		batch  int
		inputs []string
		want   []int
	}{
		{"one", 0, numbered(1, "rose"), []int{1}},
		{"as many as one request holds", 0, numbered(2048, "rose"), []int{2048}},
		{"more than that", 0, numbered(4100, "rose"), []int{2048, 2048, 4}},
		{"a smaller batch", 2, numbered(5, "rose"), []int{2, 2, 1}},
		{"more tokens than one request holds", 0, numbered(40, strings.Repeat("rose ", 8000)), []int{37, 3}},
		{"many bytes and few tokens", 0, numbered(60, strings.Repeat("rose ", 2000)), []int{60}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api, cfg := serveEmbeddings(t, nil)
			var res results
			e := callopenai.NewEmbedder(cfg, callopenai.Options{Model: "text-embedding-3-small", Provider: "openai", Batch: tc.batch, Handlers: []callback.Handler{&res}})
			ctx, count := callback.WithCount(t.Context())
			resp, err := e.Embed(ctx, &llm.EmbedRequest{Inputs: tc.inputs, Dimensions: 8})
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			var sent []string
			for _, r := range api.Requests() {
				got = append(got, len(r.Inputs))
				sent = append(sent, r.Inputs...)
			}
			if !reflect.DeepEqual(got, tc.want) || !reflect.DeepEqual(sent, tc.inputs) {
				t.Errorf("requests of %v inputs, want %v", got, tc.want)
			}
			if len(resp.Vectors) != len(tc.inputs) {
				t.Fatalf("%d vectors of %d inputs", len(resp.Vectors), len(tc.inputs))
			}
			for i, text := range tc.inputs {
				if v := standin.Vector(text, 8); !reflect.DeepEqual(resp.Vectors[i], v) {
					t.Fatalf("vector %d is %v, want %v", i, resp.Vectors[i], v)
				}
			}
			reported := api.Reported().Prompt
			if len(res.all) != 1 || res.all[0].Usage.Input != reported || resp.Usage.Input != reported || count.Total().Usage.Input != reported || count.Total().Calls != 1 {
				t.Errorf("%d runs, usage %+v, reported %d", len(res.all), res.all[0].Usage, reported)
			}
			if u, _ := (token.Meter{Model: "text-embedding-3-small"}).EstimateEmbed(&llm.EmbedRequest{Inputs: tc.inputs}); u.Input != reported {
				t.Errorf("the meter counts %d, reported are %d", u.Input, reported)
			}
		})
	}
}

// TestEmbedPartial: when a later request fails, what had come is there with the
// error, and what was billed is counted.
func TestEmbedPartial(t *testing.T) {
	ok := func(usage string) canned {
		return canned{body: vectorsBody(usage, vector(0, floats(1)), vector(1, floats(2)))}
	}
	refused := canned{status: 500, body: []byte(`{"error":{"message":"sorry","type":"server_error"}}`)}
	for _, tc := range []struct {
		name    string
		answers []canned
		vectors int
		message string
		usage   *llm.Usage
		source  llm.UsageSource
		cost    string // as it was reported
	}{
		{"the second fails", []canned{ok(nineTokens), refused}, 2, "inputs from 2 to 3 of 5: 500: sorry", &llm.Usage{Input: 9}, llm.UsageReported, ""},
		{"the third fails", []canned{ok(nineTokens), ok(nineTokens), refused}, 4, "inputs from 4 to 4 of 5: 500: sorry", &llm.Usage{Input: 18}, llm.UsageReported, ""},
		{"the first fails", []canned{refused}, -1, "500: sorry", nil, "", ""},
		{"the second cannot be read", []canned{ok(nineTokens), {body: vectorsBody(nineTokens, vector(0, floats(1)))}}, 2, "inputs from 2 to 3 of 5: malformed response: 1 vectors for 2 inputs", &llm.Usage{Input: 18}, llm.UsageReported, ""},
		{"the first cannot be read", []canned{{body: vectorsBody(nineTokens, vector(0, floats(1)))}}, 0, "malformed response: 1 vectors for 2 inputs", &llm.Usage{Input: 9}, llm.UsageReported, ""},
		{"no usage, and the second fails", []canned{ok("null"), refused}, 2, "sorry", &llm.Usage{Input: 5}, llm.UsageEstimated, ""},
		{"usage of one alone", []canned{ok(nineTokens), ok("null"), {body: vectorsBody(nineTokens, vector(0, floats(1)))}}, 5, "", &llm.Usage{Input: 9}, llm.UsageEstimated, ""},
		{"costs add up", []canned{ok(`{"prompt_tokens":9,"cost":1.2e-08}`), ok(`{"prompt_tokens":9,"cost":{"total_cost":2.8e-08}}`), {body: vectorsBody(`{"prompt_tokens":9,"cost":1e-8}`, vector(0, floats(1)))}},
			5, "", &llm.Usage{Input: 27}, llm.UsageReported, "0.00000005"},
		{"the cost of one alone is none", []canned{ok(`{"prompt_tokens":9,"cost":1.2e-08}`), ok(nineTokens), {body: vectorsBody(nineTokens, vector(0, floats(1)))}},
			5, "", &llm.Usage{Input: 27}, llm.UsageReported, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := 0
			client := doer(func(r *http.Request) (*http.Response, error) {
				n++
				return tc.answers[n-1].Do(r)
			})
			var res results
			e := callopenai.NewEmbedder(config(client), callopenai.Options{Model: "text-embedding-3-small", Batch: 2, Handlers: []callback.Handler{&res}})
			resp, err := e.Embed(t.Context(), &llm.EmbedRequest{Inputs: []string{"pink roses", "tulips", "oak", "elm", "fir"}})
			if (err == nil) != (tc.message == "") || err != nil && !strings.Contains(err.Error(), tc.message) {
				t.Errorf("error %v, want %q", err, tc.message)
			}
			got := -1
			if resp != nil {
				got = len(resp.Vectors)
			}
			if got != tc.vectors || n != len(tc.answers) {
				t.Errorf("%d vectors, want %d; %d requests", got, tc.vectors, n)
			}
			end := res.all[0]
			if len(res.all) != 1 || !reflect.DeepEqual(end.Usage, tc.usage) || end.UsageSource != tc.source {
				t.Errorf("%d runs, usage %+v from %q, want %+v from %q", len(res.all), end.Usage, end.UsageSource, tc.usage, tc.source)
			}
			if end.CostReported != (tc.cost != "") || tc.cost != "" && end.Cost.String() != tc.cost {
				t.Errorf("cost %v, reported %v", end.Cost, end.CostReported)
			}
		})
	}
}

// TestEmbedEndings: a context that ends, and connections that break, by the
// names that a chat has for them.
func TestEmbedEndings(t *testing.T) {
	for _, tc := range []struct {
		name    string
		errType string
	}{
		{"silent", "canceled"},
		{"reset before headers", "connection_reset"},
		{"truncated body", "malformed_response"},
		{"server error", "server_error"},
		{"bad gateway", "502"},
		{"error with status 200", "content_filter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sc, err := standin.Named(tc.name)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := errors.New("the shop closes")
			_, cfg := serveEmbeddings(t, func(r *standin.Request) standin.Script {
				if tc.name == "silent" {
					time.AfterFunc(5*time.Millisecond, func() { cancel(cause) })
				}
				return sc.Script(r)
			})
			var res results
			e := callopenai.NewEmbedder(cfg, callopenai.Options{Model: "text-embedding-3-small", Handlers: []callback.Handler{&res}})
			resp, err := e.Embed(ctx, &llm.EmbedRequest{Inputs: []string{"a"}})
			if err == nil || resp != nil || len(res.all) != 1 {
				t.Fatalf("got %+v, %v, %d runs", resp, err, len(res.all))
			}
			if got := callback.ErrorType(res.all[0].Err); got != tc.errType {
				t.Errorf("run says %q (%v), want %q", got, res.all[0].Err, tc.errType)
			}
			if tc.name == "silent" && !errors.Is(res.all[0].Err, cause) {
				t.Errorf("the cause is lost: %v", res.all[0].Err)
			}
		})
	}
}

func TestEmbedderAnnounces(t *testing.T) {
	var res results
	e := embedder(&canned{body: vectorsBody(nineTokens, vector(0, floats(1)))})
	want := llm.Endpoint{Provider: "openai", Model: "text-embedding-3-small", Address: "api.openai.com", Port: 443}
	if got := e.Endpoint(); got != want {
		t.Errorf("endpoint %+v, want %+v", got, want)
	}
	if _, err := callback.Embedder(callback.Embedder(e, &res)).Embed(t.Context(), &llm.EmbedRequest{Inputs: []string{"a"}}); err != nil || len(res.all) != 1 {
		t.Fatalf("%d runs, %v", len(res.all), err)
	}
	if end := res.all[0]; end.Cost.String() != "0.00000018" { // 9 tokens at 0.02 USD per million
		t.Errorf("cost %v", end.Cost)
	}
}

func TestEmbedderConcurrentSafe(t *testing.T) {
	api, cfg := serveEmbeddings(t, nil)
	e := callopenai.NewEmbedder(cfg, callopenai.Options{Model: "text-embedding-3-small", Batch: 3})
	ctx, count := callback.WithCount(t.Context())
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			inputs := []string{fmt.Sprint("rose ", i), "tulip", "oak", "elm"}
			resp, err := e.Embed(ctx, &llm.EmbedRequest{Inputs: inputs, Dimensions: 8})
			if err != nil || !reflect.DeepEqual(resp.Vectors[0], standin.Vector(inputs[0], 8)) {
				t.Errorf("got %+v, %v", resp, err)
			}
		})
	}
	wg.Wait()
	if got := count.Total(); got.Calls != 16 || got.Usage.Input != api.Reported().Prompt {
		t.Errorf("count %+v, reported %+v", got, api.Reported())
	}
}

// TestLargestResponse: as many vectors as a request may ask for, of the longest
// kind, are taken; what goes on for ever is not.
func TestLargestResponse(t *testing.T) {
	long := floats(make([]float32, 3072)...)
	data := make([]string, 2048)
	for i := range data {
		data[i] = vector(i, long)
	}
	inputs := strings.Split(strings.Repeat("a ", 2048)[:4095], " ")
	resp, err := embedder(&canned{body: vectorsBody(nineTokens, data...)}).Embed(t.Context(), &llm.EmbedRequest{Inputs: inputs})
	if err != nil || len(resp.Vectors) != 2048 || len(resp.Vectors[2047]) != 3072 {
		t.Errorf("got %d vectors, %v", len(resp.Vectors), err)
	}
	endless := doer(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(zeros{}), Request: r}, nil
	})
	if _, err := embedder(endless).Embed(t.Context(), &llm.EmbedRequest{Inputs: []string{"a"}}); !errors.Is(err, llm.ErrMalformed) || !strings.Contains(err.Error(), "more than 32 MiB") {
		t.Errorf("error %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestEmbedConformance: the spans and metrics of embeddings keep the
// conventions, also those that failed or were counted here.
func TestEmbedConformance(t *testing.T) {
	conformant(t, func(tracer *tracing.Tracer) int {
		answers := []canned{
			{body: vectorsBody(nineTokens, vector(0, floats(1, 2)))},
			{body: vectorsBody("null", vector(0, floats(1, 2)))},
			{body: vectorsBody(nineTokens)},
			{status: 429, body: []byte(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`)},
		}
		for i := range answers {
			embedder(&answers[i], tracer).Embed(t.Context(), &llm.EmbedRequest{Inputs: []string{"a"}, User: "mei"})
		}
		return len(answers)
	}, "--require-op", "embeddings")
}

// FuzzEmbed: whatever a server sends, nothing panics, and there is an error or
// a vector of numbers for each input.
func FuzzEmbed(f *testing.F) {
	for _, body := range [][]byte{
		nil, []byte("null"), []byte("[]"), []byte(`{"data":null}`), []byte(`{"data":[null,null]}`), []byte(`{"error":"x"}`),
		vectorsBody(nineTokens, vector(0, floats(1)), vector(1, floats(2))), vectorsBody("null", vector(1, "[1]"), vector(0, "[-2e-3]")),
		vectorsBody(`{"cost":{"usd":1},"prompt_tokens":-1}`, vector(0, `"AAAA"`), vector(-1, `"\u0041AAAAA=="`)),
		vectorsBody("7", vector(0, `[1,null]`), vector(1, `[[]]`)), vectorsBody(nineTokens, vector(0, `"////fw=="`)),
	} {
		f.Add(body, 200)
		f.Add(body, 500)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 200 || status > 599 {
			status = 200
		}
		var res results
		resp, err := embedder(&canned{status: status, body: body}, &res).Embed(context.Background(), &llm.EmbedRequest{Inputs: []string{"a", "b"}})
		if len(res.all) != 1 || callback.ErrorType(res.all[0].Err) != callback.ErrorType(err) {
			t.Fatalf("%d runs, %v", len(res.all), err)
		}
		if err != nil {
			if err.Error() == "" || resp != nil && len(resp.Vectors) > 0 {
				t.Fatalf("%+v with error %q", resp, err)
			}
			return
		}
		if status >= 400 || len(resp.Vectors) != 2 || len(resp.Vectors[0]) == 0 || len(resp.Vectors[0]) != len(resp.Vectors[1]) {
			t.Fatalf("status %d and %+v", status, resp)
		}
		for _, v := range resp.Vectors {
			for _, x := range v {
				if x != x || math.IsInf(float64(x), 0) {
					t.Fatalf("%v of %q", v, body)
				}
			}
		}
	})
}
