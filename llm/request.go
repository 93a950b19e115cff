package llm

import "encoding/json"

// A Request is one chat call. Only Messages is required; Model may be left to
// the model's own default. Pointers tell "not sent" from zero.
type Request struct {
	Model    string
	Messages []Message // the conversation, oldest first
	Stream   bool      // ask for the answer in pieces

	// StreamUsage asks for a last chunk with the usage of a streamed call. It is
	// asked for on behalf of handlers without this, but then not handed on.
	StreamUsage bool

	MaxTokens        int // upper bound for the answer, 0 = the provider's
	Temperature      *float64
	TopP             *float64
	FrequencyPenalty *float64
	PresencePenalty  *float64
	Seed             *int     // for answers that can be had again, where the model has it
	Stop             []string // texts at which the answer ends, and which are not in it
	Choices          int      // answers wanted; 0 and 1 mean one
	ReasoningEffort  string   // "low", "medium", ... where the model has it
	ServiceTier      string   // "auto", "default", "flex", "priority"
	User             string   // end user id that the provider may see

	Tools      []Tool
	ToolChoice string  // "", "auto", "none", "required", or the name of a tool
	Format     *Format // structured output

	// OutputType says what the answer is to be: "text", "json", "image" or
	// "speech". "" leaves it to the model, a Format asks for JSON.
	OutputType string

	// Where the provider keeps the conversation, which the messages then go on
	// with: its id, or that of the response before. Models whose API keeps none
	// refuse the request.
	ConversationID     string
	PreviousResponseID string
}

// A Tool is a function that the model may ask for, or another tool that its API
// has.
type Tool struct {
	Name        string
	Description string          // tells the model what it is for
	Parameters  json.RawMessage // JSON schema of the arguments
	Strict      bool            // the model may send no arguments that break the schema

	// Type is the API's word for a tool that is no function: "custom", "mcp",
	// "web_search". "" is a function. A model that can offer functions alone refuses
	// others.
	Type string
}

// A Format asks for an answer in JSON.
type Format struct {
	Name        string          // of the schema
	Description string          // of the schema
	Schema      json.RawMessage // nil asks for any JSON object
	Strict      bool            // the model may give no answer that breaks the schema
}
