package openai_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestProviderNames: the name of a provider is that of its host, from wherever
// the host is known. What somebody runs at a cloud's host is not the cloud's.
func TestProviderNames(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"https://api.openai.com", "openai"},
		{"https://API.OPENAI.COM.", "openai"},
		{"https://eu.api.openai.com", "openai"},
		{"https://api.openai.com.example.com", "api.openai.com.example.com"},
		{"https://bedrock-runtime.us-west-2.amazonaws.com/openai", "aws.bedrock"},
		{"https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/openai", "aws.bedrock"},
		{"https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "aws.bedrock"},
		{"https://bedrock-mantle.eu-central-1.api.aws", "aws.bedrock"},
		{"https://vpce-0a1b-2c3d.bedrock-runtime.us-east-1.vpce.amazonaws.com", "aws.bedrock"},
		{"http://my-vllm-1234.us-east-1.elb.amazonaws.com", "my-vllm-1234.us-east-1.elb.amazonaws.com"},
		{"http://bedrock-proxy-1234.us-east-1.elb.amazonaws.com", "bedrock-proxy-1234.us-east-1.elb.amazonaws.com"},
		{"http://ec2-1-2-3-4.compute-1.amazonaws.com:8000", "ec2-1-2-3-4.compute-1.amazonaws.com"},
		{"https://abc.execute-api.us-east-1.amazonaws.com", "abc.execute-api.us-east-1.amazonaws.com"},
		{"https://bedrock-runtime.us-west-2.amazonaws.com.example.com", "bedrock-runtime.us-west-2.amazonaws.com.example.com"},
		{"https://bedrock-data.s3.amazonaws.com", "bedrock-data.s3.amazonaws.com"},
		{"https://aiplatform.googleapis.com", "gcp.vertex_ai"},
		{"https://us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"},
		{"https://aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai"},
		{"https://storage.googleapis.com", "storage.googleapis.com"},
		{"https://ollama.com", "ollama"},
		{"http://localhost:11434", "ollama"},
		{"http://127.0.0.1:11434", "ollama"},
		{"http://[::1]:11434", "ollama"},
		{"http://localhost:8000", "localhost"},
		{"http://192.0.2.7:11434", "192.0.2.7"},
	} {
		got := map[string]string{}
		tell := func(door string) callback.Handler {
			return started(func(i *callback.Info) { got[door] = i.Endpoint.Provider })
		}
		cfg := config(&canned{body: []byte(`{}`)})
		cfg.BaseURL = tc.url + "/v1"
		chat := openai.ChatCompletionRequest{Model: "m", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "hi"}}}

		collect(callopenai.New(cfg, callopenai.Options{Model: "m", Handlers: []callback.Handler{tell("adapter")}}), t.Context(), question)
		callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithBaseURL(cfg.BaseURL), callopenai.WithHandlers(tell("typed"))).CreateChatCompletion(t.Context(), chat)
		wrapped := cfg
		callopenai.WrapConfig(&wrapped, tell("configured"))
		openai.NewClientWithConfig(wrapped).CreateChatCompletion(t.Context(), chat)
		over := callopenai.NewTransport(respond("application/json", []byte(`{}`)), tell("wire"))
		req, _ := http.NewRequestWithContext(t.Context(), "POST", cfg.BaseURL+"/chat/completions", strings.NewReader(`{"model":"m"}`))
		if resp, err := over.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
		for _, door := range strings.Fields("adapter typed configured wire") {
			if got[door] != tc.want {
				t.Errorf("%s: %s door says %q, want %q", tc.url, door, got[door], tc.want)
			}
		}
	}
}
