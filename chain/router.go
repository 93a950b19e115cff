package chain

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Router asks one runner, which may be an [LLM], where the input should go,
// and runs the route of that name. It is LangChain's RouterChain. The name is
// also an event of the run.
type Router[I, O any] struct {
	Name     string                  // of the run; "router" by default
	Route    Runner[I, string]       // answers the name of a route; blanks around it do not count
	Routes   map[string]Runner[I, O] // by name
	Default  Runner[I, O]            // without it, a name that is no route is an error
	Handlers []callback.Handler      // see the router alone, not what it runs
	Tags     []string                // of this run alone
}

// Run runs the route for in.
func (r *Router[I, O]) Run(ctx context.Context, in I) (O, error) {
	return run(ctx, r.identity(), in, func(ctx context.Context) (out O, err error) {
		chosen, err := r.choose(ctx, in)
		if err != nil {
			return out, err
		}
		return chosen.Run(ctx, in)
	})
}

// Stream streams the route for in. It is for routers whose output is a string.
func (r *Router[I, O]) Stream(ctx context.Context, in I) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, r.identity(), in, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		chosen, err := r.choose(ctx, in)
		if err != nil {
			return err
		}
		return feed(ctx, chosen, in, hand)
	})
}

func (r *Router[I, O]) choose(ctx context.Context, in I) (Runner[I, O], error) {
	id := r.identity()
	switch {
	case missing(r.Route):
		return nil, id.fault("has no Route")
	case len(r.Routes) == 0:
		return nil, id.fault("has no Routes")
	}
	names := slices.Sorted(maps.Keys(r.Routes))
	for _, name := range names {
		if missing(r.Routes[name]) {
			return nil, id.fault("has nil in Routes[%q]", name)
		}
	}
	name, err := r.Route.Run(ctx, in)
	if err == nil {
		err = ended(ctx)
	}
	if err != nil {
		return nil, err
	}
	name = strings.TrimSpace(name)
	callback.Emit(ctx, callback.Event{Kind: callback.EventText, Data: "route: " + name})
	switch {
	case r.Routes[name] != nil:
		return r.Routes[name], nil
	case !missing(r.Default):
		return r.Default, nil
	}
	return nil, &routeError{id, name, names}
}

// A routeError is no fault of the router: asked again, a model may answer
// otherwise.
type routeError struct {
	id     identity
	name   string
	routes []string
}

// Error names the route that there is not, and those that there are.
func (e *routeError) Error() string {
	name := []rune(e.name)
	if len(name) > 40 {
		name = append(name[:40], '…')
	}
	return fmt.Sprintf("%s: unknown route %q; there are %s", e.id, string(name), strings.Join(e.routes, ", "))
}

// ErrorType returns "unknown_route".
func (e *routeError) ErrorType() string { return "unknown_route" }

func (r *Router[I, O]) identity() identity { return identity{"router", r.Name, r.Handlers, r.Tags} }
