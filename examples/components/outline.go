package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
)

// An outline writes each run, whatever it is, indented below its parent.
type outline struct{ w io.Writer }

type depth struct{}

func (o outline) Start(ctx context.Context, info *callback.Info) (context.Context, callback.Run) {
	n, _ := ctx.Value(depth{}).(int)
	fmt.Fprintf(o.w, "%s%s %s\n", strings.Repeat("  ", n), info.Kind, info.Name)
	return context.WithValue(ctx, depth{}, n+1), nil
}

// florist is what the stand-in says: it asks for the tool that it is offered,
// and then answers.
func florist(r *standin.Request) standin.Reply {
	last := r.Messages[len(r.Messages)-1]
	switch {
	case last.Role == "tool":
		return standin.Text("There are " + last.Text + ".")
	case len(r.Tools) > 0:
		return standin.Reply{Choices: []standin.Choice{{ToolCalls: []standin.ToolCall{{Name: "stock", Arguments: `{"name":"rose"}`}}}}}
	}
	return standin.Text("Cut the stems.")
}
