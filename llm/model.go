package llm

import (
	"context"
	"iter"
)

// A Model answers chat requests.
//
// Chat returns a lazy sequence: nothing is sent before it is ranged over. It
// can be ranged over once; a second range yields [ErrConsumed]. A call without
// Request.Stream yields one chunk per choice. An error is the last item.
// Breaking out of the loop ends the call and frees what it holds. Chat must
// not change the request, and may be called concurrently.
//
// What the provider refuses or reports is an [*Error]. A stream that is cut off
// is [ErrTruncated], an answer with nothing in it [ErrEmpty]; errors.Is and
// errors.As find them.
type Model interface {
	Chat(ctx context.Context, req *Request) iter.Seq2[Chunk, error]
}

// ModelFunc makes a Model of a function.
type ModelFunc func(ctx context.Context, req *Request) iter.Seq2[Chunk, error]

// Chat calls f.
func (f ModelFunc) Chat(ctx context.Context, req *Request) iter.Seq2[Chunk, error] {
	return f(ctx, req)
}

// An Endpoint says where the calls of a model go. A Model that has a method
// Endpoint() Endpoint is asked for it when its calls are observed.
type Endpoint struct {
	Provider string // OpenTelemetry's name of the provider: "openai", "azure.ai.openai", ...
	Model    string // used when a request names none
	Address  string // host name
	Port     int    // of the host
	API      string // one of the API constants, for OpenAI's dialect
}

// The ways to ask an OpenAI-compatible provider. The names of the first two are
// those of the span attribute openai.api.type.
const (
	APIChat        = "chat_completions"
	APIResponses   = "responses"
	APICompletions = "completions" // text completion: one prompt instead of messages
)
