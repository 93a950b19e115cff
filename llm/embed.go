package llm

import "context"

// An EmbedRequest asks for one vector for each input.
type EmbedRequest struct {
	Model      string // may be left to the embedder's own default
	Inputs     []string
	Dimensions int    // length of the vectors, where the model lets one choose; 0 is its own
	User       string // end user id that the provider may see
}

// An EmbedResponse holds the vectors in the order of the inputs.
type EmbedResponse struct {
	Meta
	Vectors [][]float32
	Usage   *Usage // as reported by the provider; nil if it said nothing
}

// An Embedder turns texts into vectors. Embed must not change the request, and
// may be called concurrently.
type Embedder interface {
	Embed(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error)
}

// EmbedderFunc makes an Embedder of a function.
type EmbedderFunc func(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error)

// Embed calls f.
func (f EmbedderFunc) Embed(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error) {
	return f(ctx, req)
}
