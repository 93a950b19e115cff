package openai_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(serveVariable)); err == nil {
		serve(n)
		return
	}
	testenv.Clear()
	// Vocabularies that are being loaded ahead keep nobody waiting.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/callspan/callspan/llm/token.Get"))
}

// canned answers every request with the same bytes, without a socket.
type canned struct {
	status int
	header http.Header
	body   []byte
	sent   []byte // the last request's body
}

func (c *canned) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		c.sent, _ = io.ReadAll(req.Body)
	}
	status := c.status
	if status == 0 {
		status = 200
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Header: c.header, Body: io.NopCloser(bytes.NewReader(c.body)), Request: req}, nil
}

func config(doer openai.HTTPDoer) openai.ClientConfig {
	cfg := openai.DefaultConfig("sk-test-0123456789abcdef")
	cfg.HTTPClient = doer
	return cfg
}

func model(c *canned) *callopenai.Model {
	return callopenai.New(config(c), callopenai.Options{Model: "gpt-4o-mini"})
}

// sse makes a stream's body of data frames.
func sse(frames ...string) []byte {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString("data: " + f + "\n\n")
	}
	return []byte(b.String())
}

// delta is a frame in OpenAI's form with the given delta and finish reason.
func delta(d, finish string) string {
	if finish == "" {
		finish = "null"
	} else {
		finish = `"` + finish + `"`
	}
	return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini-2024-07-18",` +
		`"service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":` + d + `,"logprobs":null,"finish_reason":` + finish + `}],"usage":null}`
}

const usageFrame = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-mini-2024-07-18",` +
	`"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},` +
	`"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}`

var question = &llm.Request{Messages: []llm.Message{llm.System("You sell flowers."), llm.User("roses?")}, Stream: true}

func collect(m llm.Model, ctx context.Context, req *llm.Request) (*llm.Response, error) {
	return llm.Collect(m.Chat(ctx, req))
}
