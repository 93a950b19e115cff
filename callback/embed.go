package callback

import (
	"context"
	"slices"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// Embedder returns an embedder that announces every call of e as a run of
// [KindEmbedding], to the handlers of the call's context and to local.
// Announcing twice is announcing once, as with [Model]. Vectors and errors pass
// unchanged.
//
// What the provider does not report is counted if e has a method
// Meter() llm.Meter whose answer is an [llm.EmbedMeter]. A call that failed
// after some vectors had come has used what those took.
func Embedder(e llm.Embedder, local ...Handler) llm.Embedder {
	if isNil(e) {
		e = noEmbedder{}
	}
	if a, ok := e.(EmbedAnnouncer); ok {
		if len(local) == 0 {
			return e
		}
		return a.WithHandlers(local...)
	}
	return &announcedEmbedder{e, local}
}

// An EmbedAnnouncer is an embedder that announces its own calls as runs.
// WithHandlers returns it with further handlers of its own.
type EmbedAnnouncer interface {
	llm.Embedder
	WithHandlers(local ...Handler) llm.Embedder
}

// noEmbedder stands for an embedder that is nil, so that a call is an error and
// not a panic.
type noEmbedder struct{}

var errNoEmbedder error = nilError("embedder is nil")

// Embed returns the error.
func (noEmbedder) Embed(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	return nil, errNoEmbedder
}

type announcedEmbedder struct {
	embedder llm.Embedder
	local    []Handler
}

func (e *announcedEmbedder) WithHandlers(local ...Handler) llm.Embedder {
	return &announcedEmbedder{e.embedder, append(e.local[:len(e.local):len(e.local)], local...)}
}

func (e *announcedEmbedder) Endpoint() llm.Endpoint {
	if q, ok := e.embedder.(interface{ Endpoint() llm.Endpoint }); ok {
		return q.Endpoint()
	}
	return llm.Endpoint{}
}

func (e *announcedEmbedder) Embed(ctx context.Context, req *llm.EmbedRequest) (out *llm.EmbedResponse, err error) {
	ctx = usable(ctx)
	if !Enabled(ctx, e.local...) {
		return e.embedder.Embed(ctx, req)
	}
	info := &Info{Kind: KindEmbedding, Input: req, Endpoint: e.Endpoint()}
	if q, ok := e.embedder.(interface{ Meter() llm.Meter }); ok {
		info.Meter = q.Meter()
	}
	if q, ok := e.embedder.(interface{ Prices() *price.Book }); ok {
		info.Prices = q.Prices()
	}
	info.Name = info.Model()
	made := false
	_, refused := Do(ctx, info, e.local, func(ctx context.Context) (any, error) {
		made = true
		if out, err = e.embedder.Embed(ctx, req); err != nil {
			err = overBudget(ctx, err)
		}
		if err == nil && (out == nil || len(out.Vectors) == 0) {
			return nil, llm.ErrEmpty // the run says so; the caller gets what there is
		}
		return keep(out), err
	})
	if !made {
		return nil, refused
	}
	return out, err
}

// keep returns a copy for the run's result: the caller may do with his what he
// likes, except for the numbers in the vectors.
func keep(r *llm.EmbedResponse) any {
	if r == nil {
		return nil
	}
	kept := *r
	kept.Vectors = slices.Clone(r.Vectors)
	if r.Usage != nil {
		u := *r.Usage
		kept.Usage = &u
	}
	return &kept
}

// answerOf returns what the provider said of a call; the content of an
// embedding is not in it. It is nil if nothing came.
func answerOf(res *Result) *llm.Response {
	if out, ok := res.Output.(*llm.EmbedResponse); ok && out != nil && res.Response == nil {
		return &llm.Response{Meta: out.Meta, Usage: out.Usage}
	}
	return res.Response
}

// estimateEmbed counts the inputs of an embedding call, or those whose vectors
// had come when it failed.
func (a *Active) estimateEmbed(req *llm.EmbedRequest, res *Result) (u llm.Usage, ok bool) {
	m, ok := a.info.Meter.(llm.EmbedMeter)
	if !ok || req == nil {
		return u, false
	}
	if res.Err != nil {
		out, ok := res.Output.(*llm.EmbedResponse)
		if !ok || out == nil || len(out.Vectors) == 0 {
			return u, false
		}
		part := *req
		part.Inputs = part.Inputs[:min(len(part.Inputs), len(out.Vectors))]
		req = &part
	}
	u, ok = estimateEmbedContained(m, req)
	return u, ok && u.Input > 0 // inputs that are not texts are not known
}
