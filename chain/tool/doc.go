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
// # Types
//
// A schema describes what encoding/json reads into the type:
//
//	bool                             boolean
//	int, uint8, ..., big.Int         integer, with the bounds of small types
//	float32, float64, json.Number    number
//	string, what has UnmarshalText   string
//	[]byte                           string in base64
//	time.Time                        string, format date-time
//	time.Duration                    integer, nanoseconds
//	slices, arrays                   array; of its length if it is one in Go
//	maps                             object of any names
//	structs                          object of their fields and no others
//	*T                               T or null
//	any, json.RawMessage             anything
//
// Names and embedded structs are as in encoding/json. A field with omitempty or
// omitzero may be left out, or be null; the others are required. In a field,
// `jsonschema:"name of the flower"` is a description. All else has no schema:
// functions, channels, complex numbers, interfaces with methods, types that have
// their own UnmarshalJSON, fields with the option string; [Raw] takes a schema
// that you write. Answers of chain.Structured have the same schemas.
//
// Models write 2.0 for an integer, and null for an empty list or map: both are
// taken. In [Options].Strict there are no maps and nothing that may hold anything.
//
// # From LangChain
//
// In LangChain the types of a tool's arguments are known at run time alone, and
// a tool raises what goes wrong unless it is told otherwise. Here they are the
// types of a Go function; calls of one answer run at the same time; and
// whatever goes wrong in a call, from broken JSON to a panic, is told to the
// model in a message that it can act on, and stands on the call's span. Only the
// end of the context is an error of the caller.
package tool
