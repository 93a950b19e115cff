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
		e.Provider = providerOf(cfg.APIType, e.Address)
	}
	return e
}

// providerOf derives OpenTelemetry's provider name. An unknown host is its own
// name: it is not OpenAI only because it speaks OpenAI's dialect.
func providerOf(api openai.APIType, host string) string {
	switch api {
	case openai.APITypeAzure, openai.APITypeAzureAD, openai.APITypeCloudflareAzure:
		return "azure.ai.openai"
	case openai.APITypeAnthropic:
		return "anthropic"
	}
	host = strings.ToLower(host)
	for _, p := range providers {
		if host == p.host || strings.HasSuffix(host, "."+p.host) {
			return p.name
		}
	}
	if host == "" {
		return "_OTHER"
	}
	return host
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
	{"amazonaws.com", "aws.bedrock"},
	{"ml.cloud.ibm.com", "ibm.watsonx.ai"},
	{"openrouter.ai", "openrouter"},
	{"api.together.xyz", "together"},
	{"api.fireworks.ai", "fireworks"},
	{"api.cerebras.ai", "cerebras"},
	{"ai-gateway.vercel.sh", "vercel"},
}
