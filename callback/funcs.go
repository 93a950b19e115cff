package callback

import (
	"context"

	"github.com/callspan/callspan/llm"
)

// Funcs is a [Handler] made of functions, under the names of LangChain's
// events. A nil function skips its event. Each gets the context of the run's
// children and the run's description; where a start, an error and an end belong
// together, Info.ID is the same.
//
// A run that fails calls the error function, one that succeeds or is stopped by
// its consumer the end function. OnLLMStart is for text completions, and for
// chat models if OnChatModelStart is nil; the other OnLLM functions are for
// both. Agents are chains, as in LangChain; Info.Kind tells.
//
// The functions may be called concurrently. One that is set later counts for
// runs that start then.
type Funcs struct {
	OnLLMStart       func(ctx context.Context, info *Info)
	OnChatModelStart func(ctx context.Context, info *Info)
	OnLLMNewToken    func(ctx context.Context, info *Info, c llm.Chunk)
	OnLLMEnd         func(ctx context.Context, info *Info, res *Result)
	OnLLMError       func(ctx context.Context, info *Info, res *Result)
	OnChainStart     func(ctx context.Context, info *Info)
	OnChainEnd       func(ctx context.Context, info *Info, res *Result)
	OnChainError     func(ctx context.Context, info *Info, res *Result)
	OnToolStart      func(ctx context.Context, info *Info)
	OnToolEnd        func(ctx context.Context, info *Info, res *Result)
	OnToolError      func(ctx context.Context, info *Info, res *Result)
	OnRetrieverStart func(ctx context.Context, info *Info)
	OnRetrieverEnd   func(ctx context.Context, info *Info, res *Result)
	OnRetrieverError func(ctx context.Context, info *Info, res *Result)
	OnAgentAction    func(ctx context.Context, info *Info, e Event)
	OnAgentFinish    func(ctx context.Context, info *Info, e Event)
	OnText           func(ctx context.Context, info *Info, e Event)
	OnRetry          func(ctx context.Context, info *Info, e Event)
	OnCustomEvent    func(ctx context.Context, info *Info, e Event)

	// What LangChain has no events for: memories, embeddings, prompts, media.
	OnOtherStart func(ctx context.Context, info *Info)
	OnOtherEnd   func(ctx context.Context, info *Info, res *Result)
	OnOtherError func(ctx context.Context, info *Info, res *Result)
}

type (
	startFunc = func(context.Context, *Info)
	endFunc   = func(context.Context, *Info, *Result)
)

// Start calls the start function of the run's kind.
func (f *Funcs) Start(ctx context.Context, info *Info) (context.Context, Run) {
	start, end, fail := f.of(info)
	if start != nil {
		start(ctx, info)
	}
	r := funcsRun{f, ctx, info, end, fail}
	if info.Kind == KindLLM && f.OnLLMNewToken != nil {
		return ctx, &funcsTokenRun{r}
	}
	return ctx, &r
}

func (f *Funcs) of(info *Info) (start startFunc, end, fail endFunc) {
	switch info.Kind {
	case KindLLM:
		if info.Endpoint.API != llm.APICompletions && f.OnChatModelStart != nil {
			return f.OnChatModelStart, f.OnLLMEnd, f.OnLLMError
		}
		return f.OnLLMStart, f.OnLLMEnd, f.OnLLMError
	case KindChain, KindAgent:
		return f.OnChainStart, f.OnChainEnd, f.OnChainError
	case KindTool:
		return f.OnToolStart, f.OnToolEnd, f.OnToolError
	case KindRetriever:
		return f.OnRetrieverStart, f.OnRetrieverEnd, f.OnRetrieverError
	}
	return f.OnOtherStart, f.OnOtherEnd, f.OnOtherError
}

type funcsRun struct {
	f         *Funcs
	ctx       context.Context
	info      *Info
	end, fail endFunc
}

func (r *funcsRun) End(res *Result) {
	end := r.end
	if res.Err != nil {
		end = r.fail
	}
	if end != nil {
		end(r.ctx, r.info, res)
	}
}

func (r *funcsRun) Event(e Event) {
	var on func(context.Context, *Info, Event)
	switch e.Kind {
	case EventText:
		on = r.f.OnText
	case EventRetry:
		on = r.f.OnRetry
	case EventAgentAction:
		on = r.f.OnAgentAction
	case EventAgentFinish:
		on = r.f.OnAgentFinish
	default:
		on = r.f.OnCustomEvent
	}
	if on != nil {
		on(r.ctx, r.info, e)
	}
}

type funcsTokenRun struct{ funcsRun }

func (r *funcsTokenRun) Token(c llm.Chunk) { r.f.OnLLMNewToken(r.ctx, r.info, c) }
