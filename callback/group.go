package callback

import "context"

// Group starts a chain run by hand, to be the parent of what is called with
// the context that it returns, from any number of goroutines: LangChain's group
// manager. The run is nil, and may be used as such, if nobody listens.
//
//	ctx, group := callback.Group(ctx, "batch")
//	defer group.Close(&err)
//
// [Active.End] gives it an output, or ends it before the function returns. Use
// [Start] to say more of it than a name.
func Group(ctx context.Context, name string, local ...Handler) (context.Context, *Active) {
	if !Enabled(ctx, local...) {
		return usable(ctx), nil
	}
	return Start(ctx, &Info{Kind: KindChain, Name: name}, local...)
}

// Close ends the run with the error that err points to, and without an output,
// unless it has ended. A nil err is no error. Deferred directly, it sees the
// named result of the surrounding function and, like [Active.End], its panic,
// which goes on. That the goroutine is ended by runtime.Goexit it takes for what
// the result is then, so set that to [ErrGoexit] first, which every return
// replaces.
func (a *Active) Close(err *error) {
	if a == nil {
		return
	}
	p := recover()
	if p != nil {
		defer panic(p)
	}
	res := new(Result)
	if err != nil {
		res.Err = *err
	}
	defer a.release()
	a.end(res, p)
}
