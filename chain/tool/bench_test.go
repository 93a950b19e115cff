package tool_test

import (
	"context"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
)

// quiet is a handler that does nothing.
type quiet struct{}

func (quiet) Start(ctx context.Context, _ *callback.Info) (context.Context, callback.Run) {
	return ctx, quiet{}
}
func (quiet) End(*callback.Result) {}

func BenchmarkCall(b *testing.B) {
	stock := tool.Must(tool.New("stock", "How many stems are in stock.", func(_ context.Context, q stockQuery) (int, error) { return len(q.Flower), nil }))
	call := llm.ToolCall{ID: "call_1", Name: "stock", Arguments: `{"flower":"pink rose","colour":"pink"}`}
	for name, ctx := range map[string]context.Context{
		"bare":     b.Context(),
		"observed": callback.WithHandlers(b.Context(), quiet{}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := stock.Call(ctx, call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
