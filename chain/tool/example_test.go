package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/callspan/callspan/chain/tool"
	"github.com/callspan/callspan/llm"
)

func ExampleNew() {
	type query struct {
		Flower string `json:"flower" jsonschema:"name of the flower"`
		Colour string `json:"colour,omitempty"`
	}
	stock, err := tool.New("stock", "How many stems are in stock.", func(ctx context.Context, q query) (int, error) {
		return 12, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(stock.Definition().Parameters))

	_, err = tool.New("watch", "Watch the stock.", func(ctx context.Context, q struct{ Changes chan int }) (int, error) {
		return 0, nil
	})
	fmt.Println(err)
	// Output:
	// {"type":"object","properties":{"flower":{"type":"string","description":"name of the flower"},"colour":{"type":"string"}},"required":["flower"],"additionalProperties":false}
	// make tool "watch": arguments struct { Changes chan int }: field Changes: chan int has no form in JSON; leave it out with `json:"-"` or give the schema yourself, with tool.Raw
}

func ExampleSet_Call() {
	type query struct {
		Flower string `json:"flower"`
	}
	tools := tool.Set{
		tool.Must(tool.New("stock", "How many stems are in stock.", func(ctx context.Context, q query) (int, error) { return 12, nil })),
		tool.Must(tool.New("price", "What a stem costs.", func(ctx context.Context, q query) (float64, error) {
			return 0, errors.New("no price for " + q.Flower)
		})),
	}
	answer := llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{
		{ID: "call_1", Name: "stock", Arguments: `{"flower":"pink rose"}`},
		{ID: "call_2", Name: "price", Arguments: `{"flower":"pink rose"}`},
		{ID: "call_3", Name: "stock", Arguments: `{"flower":`},
		{ID: "call_4", Name: "order", Arguments: `{}`},
	}}
	results, err := tools.Call(context.Background(), answer.ToolCalls...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range results {
		fmt.Println(m.ToolCallID, m.Text())
	}
	// Output:
	// call_1 12
	// call_2 error: no price for pink rose
	// call_3 error: invalid arguments: not JSON: unexpected end of JSON input at byte 10; call the tool again with arguments that fit its schema
	// call_4 error: there is no tool "order"; the tools are price, stock
}

func ExampleNoArguments() {
	opening := tool.Must(tool.New("opening_hours", "When the shop is open.", tool.NoArguments(func(ctx context.Context) (string, error) {
		return "nine to six", nil
	})))
	m, err := opening.Call(context.Background(), llm.ToolCall{ID: "call_1", Name: "opening_hours"})
	fmt.Println(m.Text(), err)
	// Output: nine to six <nil>
}

func ExampleRaw() {
	schema := json.RawMessage(`{"type":"object","properties":{"flower":{"enum":["rose","lily"]}},"required":["flower"]}`)
	remote := tool.Must(tool.Raw("stock", "How many stems are in stock.", schema,
		func(ctx context.Context, arguments json.RawMessage) (string, error) {
			return "the server was sent " + string(arguments), nil
		}))
	m, err := remote.Call(context.Background(), llm.ToolCall{Arguments: `{"flower":"rose"}`})
	fmt.Println(m.Text(), err)
	// Output: the server was sent {"flower":"rose"} <nil>
}

func ExampleSet_Refuse() {
	tools := tool.Set{tool.Must(tool.New("order", "Order flowers.", func(ctx context.Context, stems int) (string, error) {
		return "ordered", nil
	}))}
	m := tools.Refuse(context.Background(), llm.ToolCall{ID: "call_1", Name: "order", Arguments: `{"input":4000}`},
		errors.New("the customer does not want that many"))
	fmt.Println(m.ToolCallID, m.Text())
	// Output: call_1 error: the customer does not want that many
}
