package callback

import (
	"context"

	"github.com/callspan/callspan/llm"
)

// A Handler is told of every run that starts.
//
// Start returns the context for the run's children, nil to keep the one it was
// given, and a Run that is told the rest, nil to decline this run. What it adds to
// that context, with [WithHandlers], [WithTags], [WithBudget] and the like, holds
// for the runs below; a [Count] counts the run itself too. Start may be called
// concurrently. It is called on the caller's goroutine, so what is slow belongs
// behind [NewAsync]. info is complete and must not be changed. A panic is
// recovered, counted and reported once; the call goes on without the handler,
// which is told of the run's end alone if it has begun the run. One that ends the
// goroutine, as a test's Fatal does, ends the run, and the others are told. A
// Handler that is nil, or holds a nil pointer, is left out wherever handlers are
// given.
//
// A handler that opens spans also has a method
//
//	SpanIDs(ctx context.Context) (traceID, spanID string)
//
// It is called before the others, which find its answer in Info, and there is
// at most one of it per run.
type Handler interface {
	Start(ctx context.Context, info *Info) (context.Context, Run)
}

// A Run is told how one run ends. End is called exactly once; res must not be
// changed and may be kept. A Run is used by one goroutine at a time, except that
// an event may come from another goroutine than tokens do. Of several handlers,
// the one started last is ended first.
type Run interface {
	End(res *Result)
}

// A TokenRun is a Run that also sees the chunks of a model's answer, in order
// and each before the consumer sees it. Chunks may be kept.
type TokenRun interface {
	Run
	Token(c llm.Chunk)
}

// An EventRun is a Run that also sees what happens inside the run.
type EventRun interface {
	Run
	Event(e Event)
}

// spanOpener marks the handlers that give a run its place in a trace.
type spanOpener interface {
	SpanIDs(ctx context.Context) (traceID, spanID string)
}

// An Event is something that happened inside a run and has no duration.
type Event struct {
	Kind EventKind // what Data is
	Name string    // of a custom event
	Data any       // the text, the action, the attempt: whatever the kind brings
}

// An EventKind sorts events as LangChain's callbacks do.
type EventKind string

// The kinds of events.
const (
	EventText        EventKind = "text"         // a piece of text worth showing, such as a formatted prompt
	EventRetry       EventKind = "retry"        // Data is an Attempt
	EventAgentAction EventKind = "agent_action" // Data is an llm.ToolCall that will be made
	EventAgentFinish EventKind = "agent_finish" // Data is the answer as string
	EventCustom      EventKind = "custom"

	// EventHTTP is a round trip of a model's call. Its Data has the method
	//
	//	Headers() (request, response http.Header)
	//
	// Since headers hold credentials, the handler that opens spans alone is told.
	EventHTTP EventKind = "http"
)

// Emit tells the handlers of the run that encloses ctx of e. Outside a run, or
// when nobody listens, it does nothing.
func Emit(ctx context.Context, e Event) {
	if s := scopeOf(ctx); s != nil && s.run != nil {
		s.run.Event(e)
	}
}
