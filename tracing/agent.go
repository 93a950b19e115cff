package tracing

import (
	"context"
	"sync"

	"github.com/callspan/callspan/callback"
)

// An agent is what the runs below an agent's own know of it, and it of them. The
// conventions want the provider on its span, which its model calls know if it does
// not say so itself.
type agent struct {
	name string

	mu              sync.Mutex // its calls may be made side by side
	provider, model string
	asked           bool // any model
	several         bool // models
}

// agentKey is the context key of the agent that a run is below.
type agentKey struct{}

// agentOf returns the nearest agent, nil if there is none.
func agentOf(ctx context.Context) *agent {
	a, _ := ctx.Value(agentKey{}).(*agent)
	return a
}

// asks notes a model call.
func (a *agent) asks(info *callback.Info) {
	provider, model := info.Endpoint.Provider, info.Model()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.provider == "" {
		a.provider = provider
	}
	if !a.asked {
		a.asked, a.model = true, model
	}
	a.several = a.several || model != a.model
}

// describe adds whom the agent asked as far as info has not said it at the start.
func (a *agent) describe(attrs *attrs, info *callback.Info) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if info.Endpoint.Provider == "" && info.Endpoint.Address == "" {
		attrs.str(keyProvider, a.provider)
	}
	if info.Endpoint.Model == "" && !a.several {
		attrs.str(keyRequestModel, a.model)
	}
}
