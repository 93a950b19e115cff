package callback_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// frames is a stream of some library, read by its method Recv.
type frames struct{ left []string }

func (f *frames) Recv() (string, error) {
	if len(f.left) == 0 {
		return "", io.EOF
	}
	next := f.left[0]
	f.left = f.left[1:]
	return next, nil
}

// observed is that stream as a run.
type observed struct {
	from *frames
	call *callback.Call
}

// Recv says when it reads and when the program has control, so that a context
// that ends meanwhile ends the run.
func (o *observed) Recv() (string, error) {
	o.call.Reading()
	defer o.call.Holding()
	text, err := o.from.Recv()
	switch {
	case errors.Is(err, io.EOF):
		o.call.End(nil)
		return "", err
	case err != nil:
		o.call.End(err)
		return "", o.call.Err(err)
	}
	if err := o.call.Chunk(&llm.Chunk{Text: text}); err != nil { // a budget's
		return "", err
	}
	return text, nil
}

// Close ends the run of a program that reads no further.
func (o *observed) Close() { o.call.Stop() }

// A stream that the program reads itself is a Call.
func ExampleOpen() {
	ctx := callback.WithHandlers(context.Background(), &callback.Funcs{
		OnLLMNewToken: func(_ context.Context, _ *callback.Info, c llm.Chunk) { fmt.Printf("token %q\n", c.Text) },
		OnLLMEnd: func(_ context.Context, _ *callback.Info, res *callback.Result) {
			fmt.Printf("end, stopped: %v\n", res.Stopped)
		},
	})
	_, call, err := callback.Open(ctx, &callback.Info{Kind: callback.KindLLM, Name: "own", Input: question})
	if err != nil { // a budget does not let it through
		fmt.Println(err)
		return
	}
	stream := &observed{&frames{[]string{"Pink", " roses."}}, call}
	text, err := stream.Recv()
	fmt.Printf("the program has %q %v\n", text, err)
	stream.Close()
	// Output:
	// token "Pink"
	// the program has "Pink" <nil>
	// end, stopped: true
}
