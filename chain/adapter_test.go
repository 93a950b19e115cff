package chain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/internal/standin"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestOverHTTP: a structured answer of an API that is busy at first and then
// sends a wrong one. What goes over the wire is as OpenAI documents it.
func TestOverHTTP(t *testing.T) {
	var calls atomic.Int32
	api := &standin.API{Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		switch calls.Add(1) {
		case 1:
			return standin.Reply{}, &standin.Failure{Status: 503, Type: "server_error", Message: "busy"}
		case 2:
			return standin.Text(`{"flower":"rose"}`), nil
		}
		return standin.Text(`{"flower":"rose","count":3,"note":null}`), nil
	}}
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cfg := openai.DefaultConfig("key")
	cfg.BaseURL = server.URL
	model := callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Provider: "openai"})

	runs := &tree{}
	ctx, count := callback.WithCount(callback.WithHandlers(t.Context(), runs))
	order, err := structured[Order](&chain.RetryModel{Model: model, Wait: time.Millisecond}).Run(ctx, "Three roses!")
	if err != nil || order != (Order{"rose", 3, ""}) {
		t.Errorf("got %+v, %v", order, err)
	}
	same(t, "runs", runs, `
		chain take
		  [text: Three roses!]
		  [retry: try 1 failed, invalid_answer]
		  prompt mail
		  chain retry
		    [retry: try 1 failed, server_error]
		    llm gpt-4o-mini - server_error
		    llm gpt-4o-mini
		  chain retry
		    llm gpt-4o-mini`)
	reported := api.Reported()
	if total := count.Total(); total.Calls != 3 || total.Failed != 1 || total.Usage.Input != reported.Prompt || runs.root().Total.Cost != total.Cost || total.Cost == 0 {
		t.Errorf("counted %v, root has %v, the API reported %+v", total, runs.root().Total, reported)
	}
	for i, r := range api.Requests() {
		var body struct {
			Format json.RawMessage `json:"response_format"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint("format of request ", i), string(body.Format), `{"type":"json_schema","json_schema":{"name":"Order","schema":{"type":"object","properties":{"flower":{"type":"string","description":"in the singular"},"count":{"type":"integer"},"note":{"type":["string","null"]}},"required":["flower","count","note"],"additionalProperties":false},"strict":true}}`)
	}
}
