package agent_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/agent"
	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
)

func ExampleAgent() {
	type query struct {
		Flower string `json:"flower" jsonschema:"name of the flower"`
	}
	stock := tool.Must(tool.New("stock", "How many stems are in stock.", func(ctx context.Context, q query) (int, error) {
		return 12, nil
	}))
	florist := &agent.Agent{
		Name:   "florist",
		Model:  says(calls(`call_1 stock {"flower":"pink rose"}`), text("stop", "We have twelve.")), // stands for a real one
		Tools:  tool.Set{stock},
		System: "You sell flowers.",
	}
	ctx := callback.WithHandlers(context.Background(), &callback.Funcs{
		OnAgentAction: func(_ context.Context, _ *callback.Info, e callback.Event) {
			c := e.Data.(llm.ToolCall)
			fmt.Println("asks for", c.Name, c.Arguments)
		},
		OnToolEnd: func(_ context.Context, info *callback.Info, res *callback.Result) {
			fmt.Println(info.Name, "gives", res.Output)
		},
	})
	answer, err := florist.Run(ctx, "How many pink roses do you have?")
	fmt.Println(answer, err)
	// Output:
	// asks for stock {"flower":"pink rose"}
	// stock gives 12
	// We have twelve. <nil>
}

func ExampleAgent_Stream() {
	florist := &agent.Agent{Model: says(text("stop", "We ", "have ", "twelve."))}
	for chunk, err := range florist.Stream(context.Background(), "How many pink roses do you have?") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(chunk.Text)
	}
	fmt.Println()
	// Output: We have twelve.
}

func ExampleAgent_AsTool() {
	buyer := &agent.Agent{
		Name:        "buyer",
		Description: "Knows what the market has today.",
		Model:       says(text("stop", "Lilies are 1.20 each.")),
	}
	ask, err := buyer.AsTool()
	if err != nil {
		fmt.Println(err)
		return
	}
	florist := &agent.Agent{
		Name:  "florist",
		Model: says(calls(`call_1 buyer {"task":"What do lilies cost?"}`), text("stop", "We can get lilies at 1.20.")),
		Tools: tool.Set{ask},
	}
	answer, err := florist.Run(context.Background(), "Can you get lilies?")
	fmt.Println(answer, err)
	// Output: We can get lilies at 1.20. <nil>
}

func ExampleStepsError() {
	florist := &agent.Agent{
		Name:     "florist",
		Model:    says(calls(`call_1 stock {"flower":"pink rose"}`)), // never stops
		Tools:    tool.Set{stock()},
		MaxSteps: 3,
	}
	_, err := florist.Run(context.Background(), "How many pink roses do you have?")
	var limit *agent.StepsError
	fmt.Println(errors.As(err, &limit), err)
	// Output: true agent "florist" has no answer after 3 steps; raise MaxSteps if the task needs more
}
