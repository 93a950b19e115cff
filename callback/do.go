package callback

import "context"

// Do runs fn as one run and returns what it returns. The run ends when fn does:
// with its error, with a [PanicError] if it panics (the panic goes on), with
// [ErrGoexit] if it ends its goroutine. A call that a [Budget] refuses is not
// made. Steps, tools and memories are made of it.
func Do[O any](ctx context.Context, info *Info, local []Handler, fn func(context.Context) (O, error)) (out O, err error) {
	ctx, run := Start(ctx, info, local...)
	if run == nil {
		return fn(ctx)
	}
	res := new(Result)
	defer run.End(res)
	if err = run.refused(); err != nil {
		res.Err = err
		return out, err
	}
	res.Err = ErrGoexit // stands if fn does not return
	out, err = fn(ctx)
	res.Output, res.Err = out, err
	return out, err
}
