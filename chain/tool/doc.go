// Package tool makes tools for language models of Go functions.
//
//	type stockQuery struct {
//		Flower string `json:"flower" jsonschema:"name of the flower, in the singular"`
//		Colour string `json:"colour,omitempty"`
//	}
//	stock, err := tool.New("stock", "How many stems are in stock.", func(ctx context.Context, q stockQuery) (int, error) {
//		return db.Stems(ctx, q.Flower, q.Colour)
//	})
//
//	tools := tool.Set{stock, price}
//	request.Tools = tools.Definitions()
//	response, err := llm.Collect(model.Chat(ctx, &request))
//	answer := response.Message()
//	results, err := tools.Call(ctx, answer.ToolCalls...)
//	request.Messages = append(append(request.Messages, answer), results...)
//
// The schema that the model sees comes from the function's type and its tags.
// What the model sends is checked against it before the function is called.
//
// In LangChain the types of a tool's arguments are known at run time alone, and
// a tool raises what goes wrong unless it is told otherwise. Here they are the
// types of a Go function; calls of one answer run at the same time; and
// whatever goes wrong in a call, from broken JSON to a panic, is told to the
// model in a message that it can act on, and stands on the call's span. Only the
// end of the context is an error of the caller.
package tool
