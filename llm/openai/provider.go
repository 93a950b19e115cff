package openai

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// endpointOf says where a client with this configuration sends its calls.
func endpointOf(cfg openai.ClientConfig, o Options, api string) llm.Endpoint {
	e := llm.Endpoint{Provider: o.Provider, Model: o.Model, API: api}
	if u, err := url.Parse(cfg.BaseURL); err == nil && u.Hostname() != "" {
		e.Address = u.Hostname()
		if e.Port, err = strconv.Atoi(u.Port()); err != nil {
			e.Port = 443
			if u.Scheme == "http" {
				e.Port = 80
			}
		}
	}
	if e.Provider == "" {
		e.Provider = providerOf(cfg.APIType, e.Address, e.Port)
	}
	return e
}

// providerOf derives OpenTelemetry's provider name. An unknown host is its own
// name: it is not OpenAI only because it speaks OpenAI's dialect.
func providerOf(api openai.APIType, host string, port int) string {
	switch api {
	case openai.APITypeAzure, openai.APITypeAzureAD, openai.APITypeCloudflareAzure:
		return "azure.ai.openai"
	case openai.APITypeAnthropic:
		return "anthropic"
	}
	host = strings.ToLower(host)
	plain := strings.TrimSuffix(host, ".")
	for _, p := range providers {
		if rest, ok := strings.CutSuffix(plain, p.host); ok && (rest == "" || strings.HasSuffix(rest, ".")) {
			return p.name
		}
	}
	switch {
	case host == "":
		return "_OTHER"
	case bedrock(plain):
		return "aws.bedrock"
	case vertex(plain):
		return "gcp.vertex_ai"
	case port == ollamaPort && (plain == "localhost" || plain == "127.0.0.1" || plain == "::1"):
		return "ollama"
	}
	return host
}

// ollamaPort is where Ollama listens unless told otherwise.
const ollamaPort = 11434

// bedrock reports whether host is one of Bedrock's: bedrock-runtime.us-east-1.amazonaws.com,
// bedrock-mantle.us-east-1.api.aws and so on, be it in somebody's own network
// (https://docs.aws.amazon.com/general/latest/gr/bedrock.html). Other hosts of
// AWS are those of its customers.
func bedrock(host string) bool {
	service, rest, _ := strings.Cut(host, ".")
	if strings.HasPrefix(service, "vpce-") {
		service, rest, _ = strings.Cut(rest, ".")
	}
	region, domain, _ := strings.Cut(rest, ".")
	if service != "bedrock" && !strings.HasPrefix(service, "bedrock-") || strings.Count(region, "-") < 2 {
		return false
	}
	switch strings.TrimPrefix(domain, "vpce.") {
	case "amazonaws.com", "amazonaws.com.cn", "api.aws":
		return true
	}
	return false
}

// vertex reports whether host is one of Vertex AI's in a region
// (https://cloud.google.com/vertex-ai/docs/reference/rest): us-central1-aiplatform.googleapis.com,
// aiplatform.eu.rep.googleapis.com.
func vertex(host string) bool {
	return strings.HasSuffix(host, "-aiplatform.googleapis.com") ||
		strings.HasPrefix(host, "aiplatform.") && strings.HasSuffix(host, ".rep.googleapis.com")
}

// providers maps hosts, with their subdomains, to names: OpenTelemetry's where
// it has one (https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/),
// else the provider's own.
var providers = []struct{ host, name string }{
	{"api.openai.com", "openai"},
	{"openai.azure.com", "azure.ai.openai"},
	{"cognitiveservices.azure.com", "azure.ai.openai"},
	{"services.ai.azure.com", "azure.ai.inference"},
	{"models.inference.ai.azure.com", "azure.ai.inference"},
	{"api.anthropic.com", "anthropic"},
	{"generativelanguage.googleapis.com", "gcp.gemini"},
	{"aiplatform.googleapis.com", "gcp.vertex_ai"},
	{"api.groq.com", "groq"},
	{"api.deepseek.com", "deepseek"},
	{"api.mistral.ai", "mistral_ai"},
	{"api.x.ai", "x_ai"},
	{"api.perplexity.ai", "perplexity"},
	{"api.cohere.com", "cohere"},
	{"api.cohere.ai", "cohere"},
	{"api.moonshot.ai", "moonshot_ai"},
	{"api.moonshot.cn", "moonshot_ai"},
	{"ml.cloud.ibm.com", "ibm.watsonx.ai"},
	{"openrouter.ai", "openrouter"},
	{"ollama.com", "ollama"},
	{"api.together.xyz", "together"},
	{"api.fireworks.ai", "fireworks"},
	{"api.cerebras.ai", "cerebras"},
	{"ai-gateway.vercel.sh", "vercel"},
}
