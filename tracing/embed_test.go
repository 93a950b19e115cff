package tracing_test

import (
	"context"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// vectors is an embedder that answers under another name than it is asked by.
type vectors struct{ err error }

func (vectors) Endpoint() llm.Endpoint {
	return llm.Endpoint{Provider: "openai", Model: "text-embedding-ada-002", Address: "api.openai.com", Port: 443}
}

func (e vectors) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if e.err != nil {
		return nil, e.err
	}
	return &llm.EmbedResponse{Meta: llm.Meta{Model: "text-embedding-ada-002-v2"}, Usage: &llm.Usage{Input: 9},
		Vectors: make([][]float32, len(req.Inputs))}, nil
}

// TestEmbedMetrics: embeddings use input alone and have no first chunk; the
// model that answered is named.
func TestEmbedMetrics(t *testing.T) {
	r := record()
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	req := &llm.EmbedRequest{Inputs: []string{"pink roses"}}
	callback.Embedder(vectors{}).Embed(ctx, req)
	callback.Embedder(vectors{err: &llm.Error{Code: "model_not_found"}}).Embed(ctx, req)
	const want = `gen_ai.client.operation.duration s count=1 bounds=0.01..81.92 error.type=model_not_found,gen_ai.operation.name=embeddings,gen_ai.provider.name=openai,gen_ai.request.model=text-embedding-ada-002,server.address=api.openai.com,server.port=443
gen_ai.client.operation.duration s count=1 bounds=0.01..81.92 gen_ai.operation.name=embeddings,gen_ai.provider.name=openai,gen_ai.request.model=text-embedding-ada-002,gen_ai.response.model=text-embedding-ada-002-v2,server.address=api.openai.com,server.port=443
gen_ai.client.token.usage {token} sum=9 count=1 bounds=1..67108864 gen_ai.operation.name=embeddings,gen_ai.provider.name=openai,gen_ai.request.model=text-embedding-ada-002,gen_ai.response.model=text-embedding-ada-002-v2,gen_ai.token.type=input,server.address=api.openai.com,server.port=443`
	if got := measured(t, r.reader); got != want {
		t.Errorf("metrics\n%s\nwant\n%s", got, want)
	}
}

// TestEmbedTokens: inputs that are no texts are not none.
func TestEmbedTokens(t *testing.T) {
	r := record()
	callback.Embedder(vectors{}).Embed(callback.WithHandlers(t.Context(), r.tracer), &llm.EmbedRequest{Model: "text-embedding-3-small"})
	for _, kv := range r.spans()[0].Attributes() {
		if kv.Key == "callspan.embeddings.inputs" {
			t.Errorf("%s = %s", kv.Key, kv.Value.String())
		}
	}
}
