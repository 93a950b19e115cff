package callback

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/callspan/callspan/llm"
)

// A StreamEvent is one thing that happens in a run, in the words of LangChain's
// astream_events. What it points to is shared with the run and must not be
// changed.
type StreamEvent struct {
	// Event is its name, such as "on_chain_start", "on_chat_model_stream" or
	// "on_tool_end".
	Event string
	Name  string // of the run; of a custom event its own

	Info    *Info // the run; Info.Input is what it was given
	Parents []ID  // the runs around it that are below Events, outermost first

	Chunk  llm.Chunk // of on_chat_model_stream and on_llm_stream
	Data   any       // of on_custom_event, on_text, on_retry, on_agent_action and on_agent_finish
	Result *Result   // of the events that end a run: output or response, usage, error
}

// An EventFilter says which runs are told of. The zero value tells of all.
// Otherwise a run is told of if it has one of the names, kinds or tags, and
// none of the excluded ones. A custom event is told of with its run, and for a
// name of its own in Names; one whose name is excluded is not.
type EventFilter struct {
	Names []string
	Kinds []Kind
	Tags  []string

	ExcludeNames []string
	ExcludeKinds []Kind
	ExcludeTags  []string
}

// Events runs work and returns what happens below it as it happens, as
// LangChain's astream_events does: of every run its start, the chunks of a
// model's answer, what is told with [Emit], and its end, or its error under a
// name that ends in "_error". Chunks of a model add up to its response
// ([llm.Accumulator]); some carry no text, and hidden ones are among them. The
// names are those of LangChain, with "memory", "embedding", "image", "audio"
// and "moderation" besides; an agent is a chain.
//
// The loop gets the events of one run in order. Work runs on a goroutine of its
// own, begins with the loop, and waits at each event until the loop takes it:
// nothing is kept and nothing dropped. The error that work returns is the last
// item; a panic is a [*PanicError], a Goexit [ErrGoexit]. Leaving the loop
// cancels work's context and waits for work to return, whatever it returns then.
// What runs on after work has returned is not told of. The sequence can be
// ranged over once.
func Events(ctx context.Context, filter EventFilter, work func(context.Context) error) iter.Seq2[StreamEvent, error] {
	var used atomic.Bool
	return func(yield func(StreamEvent, error) bool) {
		if used.Swap(true) {
			yield(StreamEvent{}, llm.ErrConsumed)
			return
		}
		if work == nil {
			yield(StreamEvent{}, errNoWork)
			return
		}
		ctx, cancel := context.WithCancel(usable(ctx))
		s := &eventStream{filter: filter, items: make(chan StreamEvent), left: make(chan struct{})}
		returned := perform(WithHandlers(ctx, s), work)
		defer func() {
			cancel()
			close(s.left)
			<-returned
		}()
		for {
			select {
			case e := <-s.items:
				if !yield(e, nil) {
					return
				}
			case err := <-returned:
				if err != nil {
					yield(StreamEvent{}, err)
				}
				return
			}
		}
	}
}

var errNoWork = errors.New("events of nothing: work is nil")

// perform calls work on a goroutine and sends what becomes of it.
func perform(ctx context.Context, work func(context.Context) error) <-chan error {
	returned := make(chan error, 1)
	go func() {
		err := ErrGoexit // stands if work does not return
		defer func() {
			if p := recover(); p != nil {
				err = newPanicError(p)
			}
			returned <- err
			close(returned)
		}()
		err = work(ctx)
	}()
	return returned
}

// An eventStream is the handler that hands everything to the loop.
type eventStream struct {
	filter EventFilter
	items  chan StreamEvent
	left   chan struct{} // closed when the loop is
}

func (s *eventStream) send(e StreamEvent) {
	select {
	case s.items <- e:
	case <-s.left:
	}
}

// Start tells of the start. The path to the run is in the context, so that runs
// that are not told of count among the parents.
func (s *eventStream) Start(ctx context.Context, info *Info) (context.Context, Run) {
	parents, _ := ctx.Value(s).([]ID)
	ctx = context.WithValue(ctx, s, append(slices.Clip(parents), info.ID))
	r := eventRun{s, StreamEvent{Name: info.Name, Info: info, Parents: parents}}
	switch {
	case !s.filter.tells(info):
		if len(s.filter.Names) == 0 {
			return ctx, nil
		}
		return ctx, &untoldRun{r}
	case info.Kind == KindLLM:
		r.send("start", nil)
		return ctx, &modelEventRun{r, r.name("stream")}
	}
	r.send("start", nil)
	return ctx, &r
}

// tells reports whether the run is told of.
func (f *EventFilter) tells(i *Info) bool {
	shares := func(a, b []string) bool {
		return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
	}
	all := len(f.Names)+len(f.Kinds)+len(f.Tags) == 0
	return (all || slices.Contains(f.Names, i.Name) || slices.Contains(f.Kinds, i.Kind) || shares(f.Tags, i.Tags)) &&
		!slices.Contains(f.ExcludeNames, i.Name) && !slices.Contains(f.ExcludeKinds, i.Kind) && !shares(f.ExcludeTags, i.Tags)
}

// An eventRun is a run that is told of; event is what all its events share.
type eventRun struct {
	s     *eventStream
	event StreamEvent
}

// name returns LangChain's name of what happens to the run.
func (r *eventRun) name(what string) string {
	kind := string(r.event.Info.Kind)
	switch r.event.Info.Kind {
	case KindLLM:
		if r.event.Info.Endpoint.API != llm.APICompletions {
			kind = "chat_model"
		}
	case KindAgent, "":
		kind = string(KindChain)
	}
	return "on_" + kind + "_" + what
}

func (r *eventRun) send(what string, res *Result) {
	e := r.event
	e.Event, e.Result = r.name(what), res
	r.s.send(e)
}

func (r *eventRun) End(res *Result) {
	if res.Err != nil {
		r.send("error", res)
		return
	}
	r.send("end", res)
}

func (r *eventRun) Event(e Event) {
	out := r.event
	out.Data = e.Data
	switch e.Kind {
	case EventText, EventRetry, EventAgentAction, EventAgentFinish:
		out.Event = "on_" + string(e.Kind)
	default:
		if slices.Contains(r.s.filter.ExcludeNames, e.Name) {
			return
		}
		out.Event, out.Name = "on_custom_event", e.Name
	}
	r.s.send(out)
}

// A modelEventRun is told of with its chunks.
type modelEventRun struct {
	eventRun
	stream string // the name of a chunk's event
}

func (r *modelEventRun) Token(c llm.Chunk) {
	e := r.event
	e.Event, e.Chunk = r.stream, c
	r.s.send(e)
}

// An untoldRun is told of only for the names of its custom events.
type untoldRun struct{ run eventRun }

func (r *untoldRun) Event(e Event) {
	if e.Kind == EventCustom && slices.Contains(r.run.s.filter.Names, e.Name) {
		r.run.Event(e)
	}
}

func (r *untoldRun) End(*Result) {}
