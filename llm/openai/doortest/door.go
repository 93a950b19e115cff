package doortest

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// A Door is what is tested, by the calls of one API. One that is there for
// several APIs is tested once for each.
type Door struct {
	// API is what the clients call: one of the API constants of package llm, or
	// Embeddings. "" is llm.APIChat.
	API string

	// Open returns a client of the API at baseURL, which sends its requests with c
	// and tells the handlers of its calls. Without handlers it returns the client
	// as it is without the door.
	Open func(baseURL string, c *http.Client, handlers ...callback.Handler) Client

	// Handlers are told of the runs besides, such as a tracer whose spans are to be
	// looked at. A run's metadata has the name of its scenario as "scenario", and
	// how it is played as "play".
	Handlers []callback.Handler

	// Truth changes what is expected of a scenario's run where the door cannot know
	// better, because the library keeps it to itself. It may be nil.
	Truth func(scenario string, want *Truth)

	// Remote says that there is a connection between the callers and the door, as
	// there is before a proxy. The door cannot know more of a caller who breaks off
	// than of one who cancels: he has gone, and the run's error is "canceled" for
	// both. It may end after the call has returned.
	Remote bool

	// Skip names scenarios that are not for this door, as a whole or as one consumer
	// reads them: "stall", "stall/streamed/breaks". Most libraries need "line without
	// end" here: they read a line whole, and this one has no end.
	Skip []string
}

// Embeddings is the [Door.API] of embeddings.
const Embeddings = "embeddings"

// A Client makes a call of the door's API and asks for the usage if it streams:
// a chat with the model gpt-4o-mini and one message of the user, a text
// completion with gpt-3.5-turbo-instruct and a prompt, a response with
// gpt-4o-mini and a text, embeddings with text-embedding-3-small and a text.
// What it yields is what its caller gets; breaking off closes the stream. A call
// without a stream yields one piece at most.
type Client func(ctx context.Context, stream bool) iter.Seq2[Piece, error]

// A Piece is what a caller gets at a time.
type Piece struct {
	Text string // of the model's first answer in it
	View string // all that the caller can see of it, however written
}

// A Truth is what a run has to say.
type Truth struct {
	Text    string        // that came
	Grows   bool          // and comes again, for ever
	Finish  string        // the finish reason; "" if none came
	Error   string        // the error.type; "" is success
	Message string        // what the error says, among other things
	Retry   time.Duration // after which the API wants to be asked again
	Usage   string        // "reported", "estimated", "" for none
	Stopped bool          // the consumer broke off
	Waits   bool          // it does not end unless the consumer ends it
	Late    time.Duration // before which there is no content
	Vectors int           // that came, of embeddings

	// Answer is all that came, where it is more than a text and its finish reason:
	// choices, tool calls, reasoning and refusals, service tier and cost, the usage
	// as reported. What it leaves empty of the last three is not looked at.
	Answer *llm.Response
}
