package callback

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// A scope is what a context carries: the handlers, labels and totals that runs
// below it belong to. It is the context value itself, so that one look-up
// finds everything, and it never changes once it is in a context.
type scope struct {
	context.Context
	opener   Handler   // the handler that opens spans; nil if none
	handlers []Handler // the others, in order
	tags     []string
	metadata map[string]any
	user     string
	session  string
	sum      *sum    // of the enclosing run or counter; nil if nobody listens
	run      *Active // the enclosing run; nil outside
	budget   *Budget // the innermost; nil if there is none
	hold     *hold   // of the nearest enclosing run that has one
	from     *scope  // what it was made of; of a run, what the scope around it was made of
}

type scopeKey struct{}

// Value returns the scope itself for scopeKey, else what the context holds.
func (s *scope) Value(key any) any {
	if key == (scopeKey{}) {
		return s
	}
	return s.Context.Value(key)
}

func scopeOf(ctx context.Context) *scope {
	if s, ok := ctx.(*scope); ok {
		return s
	}
	if ctx == nil {
		return nil
	}
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// widened returns what the runs below a belong to: outer, with what the handlers
// that were told of the start have added to ctx. A context that was not made of
// the one that they got adds nothing.
func (a *Active) widened(ctx context.Context, outer *scope) *scope {
	s := scopeOf(ctx)
	if s == nil || s == outer {
		return outer
	}
	for p := s; p != outer; p = p.from {
		if p == nil {
			if outer.Context == nil && s.run == nil { // the one that they got had none
				break
			}
			return outer
		}
	}
	s.sum.openUpTo(outer.sum, a.info.Kind)
	a.sum.outer = s.sum // the run adds itself to the counters when it ends
	return s
}

// usable returns ctx, or one without an end for nil.
func usable(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// derive returns a scope over ctx that begins as a copy of the one in ctx.
func derive(ctx context.Context) *scope {
	ctx = usable(ctx)
	s := &scope{Context: ctx}
	if p := scopeOf(ctx); p != nil {
		*s = *p
		s.Context, s.from = ctx, p
	}
	return s
}

// WithHandlers returns a context whose runs, and all runs below them, are told
// to hs too. A handler that is already there is not added again, nor is one that
// is nil. These are LangChain's request callbacks.
func WithHandlers(ctx context.Context, hs ...Handler) context.Context {
	s := derive(ctx)
	told := newRoster(s.handlers, hs)
	s.handlers = slices.Clip(s.handlers)
	for i, h := range hs {
		switch {
		case isNil(h) || same(h, s.opener):
		case !opensSpans(h):
			if told.adds(i) {
				s.handlers = append(s.handlers, h)
			}
		case s.opener == nil:
			s.opener = h
		default:
			warnSecondOpener(h)
		}
	}
	return s
}

// WithTags returns a context whose runs carry the given tags.
func WithTags(ctx context.Context, tags ...string) context.Context {
	s := derive(ctx)
	s.tags = mergeTags(slices.Clip(s.tags), tags)
	return s
}

// WithMetadata returns a context whose runs carry the given entries, which
// override those of the same name further out. The map is copied.
func WithMetadata(ctx context.Context, entries map[string]any) context.Context {
	s := derive(ctx)
	s.metadata = mergeMetadata(s.metadata, entries)
	return s
}

// WithUser returns a context whose runs belong to the given end user.
func WithUser(ctx context.Context, id string) context.Context {
	s := derive(ctx)
	s.user = id
	return s
}

// WithSession returns a context whose runs belong to the given session or
// conversation, an id that the application has for it already.
func WithSession(ctx context.Context, id string) context.Context {
	s := derive(ctx)
	s.session = id
	return s
}

// mergeTags appends to tags those of more that are new, so that tags stay in
// order and occur once. It may append in place.
func mergeTags(tags, more []string) []string {
	is := func(t string) bool { return slices.Contains(tags, t) }
	if len(more)*(len(tags)+len(more)) > maxCompared {
		set := make(map[string]bool, len(tags)+len(more))
		for _, t := range tags {
			set[t] = true
		}
		is = func(t string) bool {
			there := set[t]
			set[t] = true
			return there
		}
	}
	for _, t := range more {
		if !is(t) {
			tags = append(tags, t)
		}
	}
	return tags
}

// mergeMetadata returns base with the entries of over, sharing a map if one of
// them is empty.
func mergeMetadata(base, over map[string]any) map[string]any {
	switch {
	case len(over) == 0:
		return base
	case len(base) == 0:
		return maps.Clone(over)
	}
	m := maps.Clone(base)
	maps.Copy(m, over)
	return m
}

func opensSpans(h Handler) bool {
	_, ok := h.(spanOpener)
	return ok
}

var secondOpener sync.Once

// warnSecondOpener reports, once per process, that a run has two handlers that
// open spans. Two spans per run would count every token twice.
func warnSecondOpener(h Handler) {
	secondOpener.Do(func() {
		slog.Warn("callback: a run has one span; the second handler that opens spans is left out"+
			" (for two backends, give one TracerProvider two span processors)",
			"handler", reflect.TypeOf(h).String())
	})
}
