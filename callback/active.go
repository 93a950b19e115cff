package callback

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callspan/callspan/llm"
)

// An Active is a run that has started. The methods of a nil Active do nothing,
// so that code that starts runs need not ask whether anybody listens. Token is
// called by one goroutine at a time.
type Active struct {
	scope  scope // what the run's children find; its address is their context
	info   *Info
	sum    sum
	runs   []Run      // in the order in which they started
	tokens []tokenRun // those of them that look at tokens
	times  []*Times   // where to note when tokens come
	inline struct {   // room for all, so that a run is one allocation
		runs   [3]Run
		tokens [2]tokenRun
		times  [1]*Times
	}
	spans  bool       // the first run is that of the handler that opens spans
	events sync.Mutex // guards runs, and times until told: events may come from several goroutines
	first  time.Duration
	count  int         // chunks with content
	told   atomic.Bool // the handlers have been told of the start
	ended  atomic.Bool
}

// A tokenRun is a run that looks at tokens and its place among the runs.
type tokenRun struct {
	TokenRun
	at int
}

// Enabled reports whether a run started with ctx and local would be seen by
// anyone. If not, building an Info and calling [Start] can be skipped.
func Enabled(ctx context.Context, local ...Handler) bool {
	if given(local) {
		return true
	}
	s := scopeOf(ctx)
	return s != nil && s.observed()
}

// given reports whether there is a handler among hs.
func given(hs []Handler) bool {
	for _, h := range hs {
		if !isNil(h) {
			return true
		}
	}
	return false
}

func (s *scope) observed() bool {
	return s.sum != nil || s.opener != nil || len(s.handlers) > 0 || s.budget != nil
}

// Start starts the run that info describes. The handlers of ctx are told, then
// local, which see this run but not the runs below it (LangChain's constructor
// callbacks). It returns the context for what runs below and the run, which is
// nil if nobody listens. If a [Budget] refuses the run, that context has ended
// with a [*BudgetError] as its cause, and what the run stands for must not be
// done; [Do], [Stream] and [Model] see to that.
//
// Whoever starts a run writes the deferred [Active.End] on the next line.
// info belongs to the run from then on.
func Start(ctx context.Context, info *Info, local ...Handler) (context.Context, *Active) {
	ctx = usable(ctx)
	outer := scopeOf(ctx)
	if (outer == nil || !outer.observed()) && !given(local) {
		return ctx, nil
	}
	if outer == nil {
		outer = &scope{}
	}
	if info == nil {
		info = &Info{}
	}

	a := &Active{info: info}
	a.runs, a.tokens, a.times = a.inline.runs[:0], a.inline.tokens[:0], a.inline.times[:0]
	info.run = a
	a.sum.outer = outer.sum
	outer.sum.open(info.Kind)

	a.describe(outer)
	defer func() {
		if !a.told.Load() { // a handler has ended the goroutine, as a test's Fatal does
			a.end(&Result{Err: ErrGoexit}, nil)
		}
	}()
	ctx = a.tell(ctx, outer, local)
	a.begun()

	a.scope = *a.widened(ctx, outer)
	a.scope.Context = ctx
	a.scope.run = a
	a.scope.sum = &a.sum
	if outer.budget != nil && info.Kind.billed() {
		a.reserve(outer)
	}
	return &a.scope, a
}

// describe completes the Info from what the context carries.
func (a *Active) describe(outer *scope) {
	i := a.info
	i.ID = newID()
	if outer.run != nil {
		i.Parent = outer.run.info.ID
	}
	i.Started = time.Now()
	i.User, i.Session = outer.user, outer.session
	i.Metadata = mergeMetadata(outer.metadata, i.Metadata)
	if len(i.Tags) == 0 {
		i.Tags = outer.tags
	} else if len(outer.tags) > 0 || len(i.Tags) > 1 {
		i.Tags = mergeTags(slices.Clip(outer.tags), i.Tags)
	}
}

// tell starts the run with every handler, the one that opens spans first.
func (a *Active) tell(ctx context.Context, outer *scope, local []Handler) context.Context {
	opener := outer.opener
	for _, h := range local {
		if isNil(h) || !opensSpans(h) || same(h, opener) {
			continue
		}
		if opener != nil {
			warnSecondOpener(h)
			continue
		}
		opener = h
	}
	if opener != nil {
		ctx = a.startOne(ctx, opener)
		a.spans = len(a.runs) > 0
		if len(outer.handlers) > 0 || len(local) > 0 {
			a.info.TraceID, a.info.SpanID = spanIDs(ctx, opener)
		}
	}
	for _, h := range outer.handlers {
		ctx = a.startOne(ctx, h)
	}
	told := newRoster(outer.handlers, local)
	for i, h := range local {
		if !isNil(h) && !opensSpans(h) && told.adds(i) {
			ctx = a.startOne(ctx, h)
		}
	}
	return ctx
}

// begun says that the handlers have been told of the start. Who is about to add to
// times is waited for.
func (a *Active) begun() {
	a.events.Lock()
	defer a.events.Unlock()
	a.told.Store(true)
}

func (a *Active) startOne(ctx context.Context, h Handler) context.Context {
	ctx, run := startContained(ctx, h, a.info)
	if run == nil {
		return ctx
	}
	if t, ok := run.(TokenRun); ok {
		a.tokens = append(a.tokens, tokenRun{t, len(a.runs)})
	}
	a.runs = append(a.runs, run)
	return ctx
}

// Info returns the description of the run, complete since [Start]. It must not
// be changed. It is nil for a nil Active.
func (a *Active) Info() *Info {
	if a == nil {
		return nil
	}
	return a.info
}

// Token tells the handlers of a chunk, before the consumer sees it.
func (a *Active) Token(c llm.Chunk) {
	if a != nil && !a.ended.Load() {
		a.token(&c)
	}
}

// token returns an error if a budget wants the answer cut off after c.
func (a *Active) token(c *llm.Chunk) (over *BudgetError) {
	if c.HasContent() {
		if a.count++; a.first == 0 || len(a.times) > 0 {
			a.note(c.Choice)
		}
		if h := a.hold(); h != nil {
			over = h.token(c)
		}
	}
	if len(a.tokens) > 0 {
		a.tellTokens(c)
	}
	return over
}

// note takes down that a token of choice has come.
func (a *Active) note(choice int) {
	at := time.Since(a.info.Started)
	if a.first == 0 {
		a.first = max(at, 1)
	}
	for _, t := range a.times {
		t.add(choice, at)
	}
}

// tellTokens tells the handlers that look at tokens of c.
func (a *Active) tellTokens(c *llm.Chunk) {
	for i := 0; i < len(a.tokens); {
		i = a.tokenFrom(i, c)
	}
}

// Event tells the handlers of e. It may be called concurrently; the handlers are
// told of one event at a time.
func (a *Active) Event(e Event) {
	if a == nil || a.ended.Load() {
		return
	}
	if d, ok := e.Data.(Attempt); ok {
		if err, bad := sound(d.Err).(*unsoundError); bad {
			d.Err = err
			e.Data = d
		}
	}
	a.events.Lock()
	defer a.events.Unlock()
	runs := a.runs
	if e.Kind == EventHTTP {
		runs = runs[:0]
		if a.spans {
			runs = a.runs[:1]
		}
	}
	for i, run := range runs {
		if r, ok := run.(EventRun); ok && !eventContained(r, e) {
			a.runs[i] = muted{r}
		}
	}
}

// mute leaves the handler of token run i, which panicked, out of the rest but
// for the end.
func (a *Active) mute(i int) {
	a.events.Lock()
	defer a.events.Unlock()
	a.runs[a.tokens[i].at] = muted{a.tokens[i].TokenRun}
	a.tokens = slices.Delete(a.tokens, i, i+1)
}

// A muted run is told of its end alone.
type muted struct{ Run }

// End ends the run with res, which belongs to the handlers from then on; nil
// is a success without output. Only the first End of a run counts. Deferred
// directly, as in
//
//	defer run.End(&res)
//
// it also sees a panic of the surrounding function, ends the run with a
// [PanicError] and lets the panic go on. That the goroutine is ended by
// runtime.Goexit it sees if res.Err is [ErrGoexit] until the function returns, as
// [Do] has it.
func (a *Active) End(res *Result) {
	if a == nil {
		return
	}
	p := recover()
	if p != nil {
		defer panic(p)
	}
	if res == nil {
		res = new(Result)
	}
	defer a.release()
	a.end(res, p)
}

// end ends the run, of which p is the panic if not nil, unless it has ended.
func (a *Active) end(res *Result, p any) {
	if !a.ended.CompareAndSwap(false, true) {
		return
	}
	if p != nil {
		res.Err = newPanicError(p)
	}
	res.Ended = time.Now()
	res.FirstToken, res.Tokens = a.first, a.count
	if res.Err = sound(res.Err); p == nil && a.scope.Context != nil {
		res.Err = withContext(a.scope.Context, res.Err)
	}
	h := a.hold()
	if h != nil {
		res.Err = h.judge(res.Err)
	}
	a.resolve(res)
	if h != nil {
		h.settle(res)
	}
	a.endRuns(len(a.runs)-1, res)
}
