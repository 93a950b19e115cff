package openai

import (
	"cmp"
	"context"
	"fmt"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/sashabaranov/go-openai"
)

// An Embedder turns texts into vectors through an API of OpenAI's dialect. It
// announces each call as one run, however many requests it takes. It may be used
// concurrently.
//
// Inputs beyond what one request may hold are sent in several, one after the
// other. If a later one fails, Embed returns the vectors that had come together
// with the error. An empty text is an error before anything is sent, as the API
// refuses it. A vector holds neither NaN nor infinity.
type Embedder struct {
	announced llm.Embedder
	backend   *embedBackend
}

var _ callback.EmbedAnnouncer = (*Embedder)(nil)

// NewEmbedder returns an Embedder that sends requests as cfg says. Vocabularies
// and prices are loaded in the background from now on. cfg is not changed.
func NewEmbedder(cfg openai.ClientConfig, o Options) *Embedder {
	b := &embedBackend{connection: connect(cfg, o, ""), batch: o.Batch}
	if b.batch <= 0 {
		b.batch = maxInputs
	}
	return &Embedder{callback.Embedder(b, o.Handlers...), b}
}

// Embed implements [llm.Embedder]. What the API refuses is an [*llm.Error].
func (e *Embedder) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	return e.announced.Embed(ctx, req)
}

// WithHandlers returns an Embedder with further handlers.
func (e *Embedder) WithHandlers(hs ...callback.Handler) llm.Embedder {
	return &Embedder{callback.Embedder(e.announced, hs...), e.backend}
}

// Endpoint says where the calls go.
func (e *Embedder) Endpoint() llm.Endpoint { return e.backend.endpoint }

// What OpenAI takes in one request, by its reference of the embeddings API
// (https://platform.openai.com/docs/api-reference/embeddings/create).
const (
	maxInputs      = 2048
	maxInputTokens = 300_000
)

// An embedBackend makes the calls that an Embedder announces.
type embedBackend struct {
	connection
	batch int // inputs in one request at most
}

// Embed makes one call.
func (b *embedBackend) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if req == nil || len(req.Inputs) == 0 {
		return nil, llm.ErrNoInputs
	}
	model, err := b.model(req.Model)
	if err != nil {
		return nil, err
	}
	for i, text := range req.Inputs {
		if text == "" {
			return nil, requestError(fmt.Sprintf("input %d of %d is empty, and an empty text has no vector: leave it out", i, len(req.Inputs)))
		}
	}
	var sum embedSum
	for left := req.Inputs; len(left) > 0; {
		n := b.fitting(model, left)
		part, err := b.send(ctx, model, req, left[:n])
		if at := len(sum.resp.Vectors); err != nil && at > 0 {
			err = fmt.Errorf("inputs from %d to %d of %d: %w", at, at+n-1, len(req.Inputs), err)
		}
		sum.add(part, err)
		if err != nil {
			return sum.partial(), err
		}
		left = left[n:]
	}
	return &sum.resp, nil
}

// fitting returns how many of the inputs fit into one request.
func (b *embedBackend) fitting(model string, inputs []string) int {
	inputs = inputs[:min(len(inputs), b.batch)]
	bytes := 0
	for _, text := range inputs {
		bytes += len(text)
	}
	if bytes <= maxInputTokens { // no token is less than a byte
		return len(inputs)
	}
	tokens := 0
	for i := range inputs {
		u, _ := b.meter.EstimateEmbed(&llm.EmbedRequest{Model: model, Inputs: inputs[i : i+1]})
		if tokens += u.Input; tokens > maxInputTokens && i > 0 {
			return i
		}
	}
	return len(inputs)
}

// send makes one request. What it returns on failure has no vectors, but may
// have a usage.
func (b *embedBackend) send(ctx context.Context, model string, req *llm.EmbedRequest, inputs []string) (*llm.EmbedResponse, error) {
	ctx, t := withTap(withOwnAttempts(ctx))
	t.limit += len(inputs) * maxVector
	_, err := b.client.CreateEmbeddings(ctx, openai.EmbeddingRequest{
		Input:      inputs,
		Model:      openai.EmbeddingModel(model),
		Dimensions: req.Dimensions,
		User:       req.User,
		// Base64 takes a third of the digits, and is exact.
		EncodingFormat: cmp.Or(openai.EmbeddingEncodingFormat(req.EncodingFormat), openai.EmbeddingEncodingFormatBase64),
	})
	if err != nil {
		return nil, convertError(err, t)
	}
	return readVectors(t.body, len(inputs), req.Dimensions)
}

// maxVector bounds what is held of a response for each input: 8,192 numbers of
// 16 digits.
const maxVector = 128 << 10

// An embedSum puts the responses to several requests together.
type embedSum struct {
	resp      llm.EmbedResponse
	usage     llm.Usage
	cost      price.Money
	costs     int // responses that named one
	parts     int
	uncounted bool // a response did not say what it used
}

// add takes over part, which may be nil if the request failed.
func (s *embedSum) add(part *llm.EmbedResponse, err error) {
	if part == nil {
		return
	}
	s.parts++
	s.resp.Vectors = append(s.resp.Vectors, part.Vectors...)
	s.resp.Meta.Merge(&part.Meta)
	if part.Usage != nil {
		s.usage.Add(part.Usage)
	} else {
		s.uncounted = s.uncounted || err == nil
	}
	s.resp.Usage = nil
	if u := s.usage; !s.uncounted && u != (llm.Usage{}) {
		s.resp.Usage = &u
	}
	if m, err := price.ParseUSD(part.Cost); err == nil {
		s.cost = s.cost.Add(m)
		s.costs++
	}
	switch {
	case s.costs != s.parts: // a sum of some would be taken for that of all
		s.resp.Cost = ""
	case s.parts > 1:
		s.resp.Cost = s.cost.String()
	}
}

// partial returns what had come when a request failed, nil if nothing had.
func (s *embedSum) partial() *llm.EmbedResponse {
	if len(s.resp.Vectors) == 0 && s.resp.Usage == nil {
		return nil
	}
	return &s.resp
}
