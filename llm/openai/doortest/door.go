package doortest

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/callspan/callspan/callback"
)

// A Door is what is tested.
type Door struct {
	// Open returns a client of the API at baseURL, which sends its requests with c
	// and tells the handlers of its calls. Without handlers it returns the client
	// as it is without the door.
	Open func(baseURL string, c *http.Client, handlers ...callback.Handler) Client

	// Truth changes what is expected of a scenario's run where the door cannot know
	// better, because the library keeps it to itself. It may be nil.
	Truth func(scenario string, want *Truth)

	// Skip names scenarios that are not for this door.
	Skip []string
}

// A Client makes a chat call with the model gpt-4o-mini and one message of the
// user, and asks for the usage if it streams. What it yields is what its caller
// gets; breaking off closes the stream. A call without a stream yields one piece
// at most.
type Client func(ctx context.Context, stream bool) iter.Seq2[Piece, error]

// A Piece is what a caller gets at a time.
type Piece struct {
	Text string // of the model's answer in it
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
}
