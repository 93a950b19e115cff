package callback

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// An Explanation says who sees a run, and what the run inherits. Its String is
// for reading.
type Explanation struct {
	Handlers []Explained // those that are told, in the order in which they start, then the others
	Counters int         // of [WithCount], which count the run
	Budgets  []*Budget   // that hold the run, the innermost first
	Parent   *Info       // of the enclosing run, nil if there is none; it must not be changed
	Tags     []string
	Metadata []string // names of the entries, sorted
	User     string
	Session  string
}

// Explained says whether one handler sees a run, and why.
type Explained struct {
	Handler Handler // may be nil
	Name    string  // the handler's type, or the function that made it
	Told    bool
	Why     string // in words

	// Whether the handler looks at tokens and events: "yes", "no", or "unknown"
	// if only its Start can tell.
	Tokens string
	Events string
}

const (
	looksYes     = "yes"
	looksNo      = "no"
	looksUnknown = "unknown"
)

// Explain says which handlers would see a run that is started with ctx and
// local, and why. It starts nothing and calls no handler. Handlers that
// [WithHandlers] left out when it was called are not known here.
func Explain(ctx context.Context, local ...Handler) Explanation {
	s := scopeOf(ctx)
	if s == nil {
		s = &scope{}
	}
	e := Explanation{Tags: slices.Clone(s.tags), Metadata: slices.Sorted(maps.Keys(s.metadata)), User: s.user, Session: s.session}
	if s.run != nil {
		e.Parent = s.run.info
	}
	for c := s.sum; c != nil; c = c.outer {
		if c.models != nil {
			e.Counters++
		}
	}
	for b := s.budget; b != nil; b = b.outer {
		e.Budgets = append(e.Budgets, b)
	}
	e.Handlers = s.explain(local)
	return e
}

// explain decides as [Active.tell] does.
func (s *scope) explain(local []Handler) []Explained {
	const (
		inherited = "inherited from the context"
		own       = "given to the component"
		opening   = "; opens the run's span, so it is first"
		again     = "; left out, since the context has it already"
	)
	var told, not []Explained
	known := make(map[Handler]string) // why a handler that is given now is left out
	opener := s.opener
	if opener != nil {
		told = append(told, explained(opener, true, inherited+opening))
		if hashable(opener) {
			known[opener] = again
		}
	}
	for _, h := range s.handlers {
		told = append(told, explained(h, true, inherited))
		if hashable(h) {
			known[h] = again
		}
	}
	for _, h := range local {
		switch {
		case h == nil:
			not = append(not, Explained{Name: "nil", Why: "nil", Tokens: looksNo, Events: looksNo})
			continue
		case isNil(h):
			not = append(not, Explained{Handler: h, Name: handlerName(h), Why: own + "; left out, since it is nil", Tokens: looksNo, Events: looksNo})
			continue
		case hashable(h):
			if why := known[h]; why != "" {
				not = append(not, explained(h, false, own+why))
				continue
			}
			known[h] = "; left out, since it was given before"
		}
		switch {
		case !opensSpans(h):
			told = append(told, explained(h, true, own))
		case opener != nil:
			not = append(not, explained(h, false, own+"; left out, since a run has one span and "+handlerName(opener)+" opens it"))
		default:
			opener = h
			told = slices.Insert(told, 0, explained(h, true, own+opening))
		}
	}
	return append(told, not...)
}

func explained(h Handler, told bool, why string) Explained {
	tokens, events := looksAt(h)
	return Explained{Handler: h, Name: handlerName(h), Told: told, Why: why, Tokens: tokens, Events: events}
}

// looksAt says what h looks at, as far as one can know without starting it.
func looksAt(h Handler) (tokens, events string) {
	if isNil(h) {
		return looksUnknown, looksUnknown
	}
	switch h := h.(type) {
	case *printer:
		return looksYes, looksYes
	case *logger:
		ctx := context.Background()
		return yesNo(h.log.Enabled(ctx, levelToken)), yesNo(h.log.Enabled(ctx, slog.LevelWarn))
	case *File:
		return yesNo(h.o.Tokens), looksYes
	case *Funcs:
		return yesNo(h.OnLLMNewToken != nil), yesNo(h.OnText != nil || h.OnRetry != nil || h.OnAgentAction != nil ||
			h.OnAgentFinish != nil || h.OnCustomEvent != nil)
	case *Async:
		return looksAt(h.h)
	}
	return looksUnknown, looksUnknown
}

func yesNo(b bool) string {
	if b {
		return looksYes
	}
	return looksNo
}

func handlerName(h Handler) string {
	switch h := h.(type) {
	case *printer:
		return "callback.Print"
	case *logger:
		return "callback.Log"
	case *Async:
		if h != nil {
			return "callback.Async of " + handlerName(h.h)
		}
	}
	return fmt.Sprintf("%T", h)
}

// String returns the explanation in a few lines.
func (e Explanation) String() string {
	var b strings.Builder
	where := "A run that starts here"
	if e.Parent != nil {
		where += fmt.Sprintf(", in %s %q,", e.Parent.Kind, e.Parent.Name)
	}
	n := 0
	for _, h := range e.Handlers {
		if !h.Told {
			continue
		}
		if n++; n == 1 {
			fmt.Fprintf(&b, "%s is seen by:\n", where)
		}
		fmt.Fprintf(&b, "  %d. %s: %s (tokens: %s, events: %s)\n", n, h.Name, h.Why, h.Tokens, h.Events)
	}
	if n == 0 {
		fmt.Fprintf(&b, "%s is seen by no handler; callback.WithHandlers adds one.\n", where)
	}
	if n < len(e.Handlers) {
		b.WriteString("Not by:\n")
		for _, h := range e.Handlers[n:] {
			fmt.Fprintf(&b, "  - %s: %s\n", h.Name, h.Why)
		}
	}
	line := func(label, text string) {
		if text != "" {
			b.WriteString(label + ": " + text + "\n")
		}
	}
	if e.Counters > 0 {
		line("Counters", fmt.Sprint(e.Counters))
	}
	for _, l := range e.Budgets {
		line("Budget", l.limit.text())
	}
	line("Tags", strings.Join(e.Tags, ", "))
	line("Metadata", strings.Join(e.Metadata, ", "))
	line("User", e.User)
	line("Session", e.Session)
	return strings.TrimSuffix(b.String(), "\n")
}

// text names the limits that are set.
func (l Limit) text() string {
	if fault := l.fault(); fault != "" {
		return "refuses every call: " + fault
	}
	var parts []string
	if l.Tokens > 0 {
		parts = append(parts, plural(l.Tokens, "token"))
	}
	if l.Cost > 0 {
		parts = append(parts, l.Cost.Human())
	}
	if l.Calls > 0 {
		parts = append(parts, plural(l.Calls, "call"))
	}
	return strings.Join(parts, ", ")
}
