package llm

import "context"

// An EmbedRequest asks for one vector for each input.
type EmbedRequest struct {
	Model      string   // may be left to the embedder's own default
	Inputs     []string // texts, at least one
	Dimensions int      // length of the vectors, where the model lets one choose; 0 is its own
	User       string   // end user id that the provider may see

	// EncodingFormat says how the vectors are written on their way: "float",
	// "base64". The vectors are the same; "" leaves it to the embedder.
	EncodingFormat string
}

// An EmbedResponse holds the vectors in the order of the inputs. The vectors of
// one response have one length.
type EmbedResponse struct {
	Meta
	Vectors [][]float32 // one for each input
	Usage   *Usage      // as reported by the provider; nil if it said nothing
}

// An Embedder turns texts into vectors, one for each input and in their order.
// An Embedder that sends several requests for one call, and fails at a later
// one, returns what had arrived together with the error, so that what was billed
// is counted. Embed must not change the request, and may be called concurrently.
// Like a [Model], an Embedder with a method Endpoint() Endpoint is asked for it
// when its calls are observed.
type Embedder interface {
	Embed(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error)
}

// EmbedderFunc makes an Embedder of a function.
type EmbedderFunc func(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error)

// Embed calls f.
func (f EmbedderFunc) Embed(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error) {
	return f(ctx, req)
}

// An EmbedMeter is a [Meter] that also counts embedding calls. Its methods may
// be called concurrently.
type EmbedMeter interface {
	Meter
	// EstimateEmbed counts the inputs of req. ok is false if it cannot tell.
	EstimateEmbed(req *EmbedRequest) (u Usage, ok bool)
}
