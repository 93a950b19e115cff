package openai_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestKeysAreNotRepeated: the key that a server repeats in its refusal reaches
// its caller, over the wire, but no run. It need not look like one.
func TestKeysAreNotRepeated(t *testing.T) {
	const key = "9aB8c7D6/e5F4g3H2i1J0"
	refusal := `{"error":{"message":"Incorrect key ` + key + `, see your settings","type":"invalid_request_error","code":"invalid_api_key"}}`
	said := func(t *testing.T, res *callback.Result) {
		t.Helper()
		if res.Err == nil || strings.Contains(res.Err.Error(), "c7D6") || !strings.Contains(res.Err.Error(), "Incorrect key [key], see") {
			t.Errorf("run ended with %v", res.Err)
		}
	}
	for name, c := range map[string]struct {
		status       int
		header, kind string
		ask, body    string
	}{
		"status":        {401, "Authorization", "application/json", `{"model":"m","messages":[]}`, refusal},
		"Azure":         {401, "Api-Key", "application/json", `{"model":"m","messages":[]}`, refusal},
		"in band":       {200, "Authorization", "application/json", `{"model":"m","messages":[]}`, refusal},
		"in the stream": {200, "X-Api-Key", "text/event-stream", ask, "data: " + refusal + "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := serveBody(t, c.status, map[string]string{"Content-Type": c.kind}, []byte(c.body))
			rec := &results{}
			value := key
			if c.header == "Authorization" {
				value = "Bearer " + key
			}
			resp := post(t, client(t, rec), url+"/v1/chat/completions", c.ask, c.header, value)
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != c.body || err != nil {
				t.Errorf("the client got %q, %v", got, err)
			}
			if len(rec.all) != 1 {
				t.Fatalf("%d runs", len(rec.all))
			}
			said(t, rec.all[0])
		})
	}
	t.Run("adapter", func(t *testing.T) {
		url, _ := serveBody(t, 401, nil, []byte(refusal))
		rec := &results{}
		base := &http.Client{Transport: &http.Transport{}}
		defer base.CloseIdleConnections()
		cfg := openai.DefaultConfig(key)
		cfg.BaseURL, cfg.HTTPClient = url+"/v1", base
		m := callopenai.New(cfg, callopenai.Options{Model: "m", Handlers: []callback.Handler{rec}})
		for _, stream := range []bool{false, true} {
			_, err := llm.Collect(m.Chat(t.Context(), &llm.Request{Stream: stream, Messages: []llm.Message{llm.User("?")}}))
			if err == nil || strings.Contains(err.Error(), "c7D6") {
				t.Errorf("stream %t: %v", stream, err)
			}
		}
	})
}
