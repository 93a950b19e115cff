package callback

import (
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
)

// A Kind says what a run is.
type Kind string

// The kinds of runs, with what Info.Input and Result.Output hold where it is
// not the step's own.
const (
	KindChain      Kind = "chain"
	KindLLM        Kind = "llm"        // *llm.Request; Result.Response instead of Output
	KindTool       Kind = "tool"       // *ToolCall
	KindAgent      Kind = "agent"      // the task as string; the answer as string
	KindRetriever  Kind = "retriever"  // *Search; []llm.Document
	KindEmbedding  Kind = "embedding"  // *llm.EmbedRequest; *llm.EmbedResponse
	KindMemory     Kind = "memory"     // *MemoryChange; *MemoryChange
	KindPrompt     Kind = "prompt"     // the variables; []llm.Message
	KindImage      Kind = "image"      // the prompt as string; []string, where the images lie
	KindAudio      Kind = "audio"      // speech: the text as string. Transcription: *llm.Media; the text as string
	KindModeration Kind = "moderation" // the text as string; bool, whether it was flagged
)

// mask returns the bit that stands for k in a set of billed kinds, 0 if runs of
// k are not billed.
func (k Kind) mask() uint8 {
	switch k {
	case KindLLM:
		return 1
	case KindEmbedding:
		return 2
	case KindImage:
		return 4
	case KindAudio:
		return 8
	case KindModeration:
		return 16
	}
	return 0
}

// billed reports whether runs of k are calls that a provider bills.
func (k Kind) billed() bool { return k.mask() != 0 }

// Info describes a run to its handlers. Whoever starts the run makes a new one
// and fills in the first block; [Start] completes the second.
type Info struct {
	Kind        Kind
	Name        string         // of the step, tool or model
	Description string         // of a tool or an agent: what it is good for, as models are told
	Input       any            // see Kind; what a step was given
	Tags        []string       // of this run; Start puts the inherited ones before
	Metadata    map[string]any // of this run; Start adds the inherited entries
	Meter       llm.Meter      // counts tokens where the provider does not; may be nil
	Prices      *price.Book    // nil is the built-in book
	Resend      int            // how often the same request was sent before, where the client says so

	// Endpoint is where a call goes: a model's, or that of an agent, a search or a
	// memory in another process. An agent in this one says provider and model of
	// those that it asks, and no address.
	Endpoint llm.Endpoint

	ID      ID
	Parent  ID // zero at the root
	Started time.Time
	User    string // see [WithUser]
	Session string // see [WithSession]
	TraceID string // of the run's span, hexadecimal, if a handler opened one
	SpanID  string // likewise

	stream *stream // the sequence that the run is; nil for a step
	run    *Active // the run itself, once it has begun
}

// Model returns the model that a model run asks for, or an agent's does.
func (i *Info) Model() string {
	switch r := i.Input.(type) {
	case *llm.Request:
		if r != nil && r.Model != "" {
			return r.Model
		}
	case *llm.EmbedRequest:
		if r != nil && r.Model != "" {
			return r.Model
		}
	}
	return i.Endpoint.Model
}

// An ID names a run, like a random UUID.
type ID [16]byte

func newID() (id ID) {
	a, b := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		id[i], id[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IsZero reports whether id names no run.
func (id ID) IsZero() bool { return id == ID{} }

// String returns id in the form of a UUID.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// A MemoryChange is the Input of a memory run. The counts are those of the
// memory before the call; [Result].Output holds another one with those after.
type MemoryChange struct {
	Operation string // "load", "save" or "clear"
	Store     string // what kind of memory it is
	Messages  int    // how many it holds; -1 if it does not tell
	Tokens    int    // of these; -1 if the memory has no counter
	Records   int    // how many are saved, or were loaded, which is known afterwards; 0 if it is not said
}

// A ToolCall is the Input of a tool run. Its name is the run's.
type ToolCall struct {
	ID        string // of the call in the model's answer; "" if no model asked
	Arguments any    // what the tool was given
}

// A Search is the Input of a retriever run. The run is named after what is
// searched.
type Search struct {
	Query string
	Limit int // how many documents are wanted; 0 if not said
}

// An Attempt is the Data of an [EventRetry]: a try that failed, and what is
// done about it.
type Attempt struct {
	Number int           // of the failed try, from 1
	Wait   time.Duration // before the next one
	Err    error         // why it failed
}
