package chain

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/memory"
)

// A Conversation sends each input with what its memory carries, and remembers
// the answer. It is LangChain's ConversationChain. The zero value with a Model
// works. Turns of one conversation follow each other: use it from one
// goroutine at a time, and do not copy it.
type Conversation struct {
	Name     string // of the run; "conversation" by default
	Model    llm.Model
	Memory   memory.Memory      // nil keeps everything, see Memories
	System   string             // the instructions; [DefaultSystem] if empty
	Request  llm.Request        // settings of each call; Messages are put before the history
	Handlers []callback.Handler // see the turns alone, not what they call

	buffer memory.Buffer
}

// DefaultSystem are the instructions of a [Conversation] that has none.
const DefaultSystem = "You are a friendly partner in a conversation. You are talkative and give concrete details from what you have been told. If you do not know something, you say so."

var (
	errNoModel = errors.New("conversation has no model")
	errNoInput = errors.New("conversation got an empty input")
)

// Run answers input as one run.
func (c *Conversation) Run(ctx context.Context, input string) (string, error) {
	return callback.Do(ctx, c.info(input), c.Handlers, func(ctx context.Context) (string, error) {
		resp, err := llm.Collect(c.turn(ctx, input, c.Request.Stream))
		return resp.Text(), err
	})
}

// Stream answers input as one run, chunk by chunk. The turn is remembered when
// the answer is complete; one that fails or is broken off is not.
func (c *Conversation) Stream(ctx context.Context, input string) iter.Seq2[llm.Chunk, error] {
	return callback.Stream(ctx, func() *callback.Info { return c.info(input) }, c.Handlers,
		func(ctx context.Context) iter.Seq2[llm.Chunk, error] { return c.turn(ctx, input, true) })
}

func (c *Conversation) info(input string) *callback.Info {
	name := c.Name
	if name == "" {
		name = "conversation"
	}
	return &callback.Info{Kind: callback.KindChain, Name: name, Input: input}
}

// Memories returns the memory in use.
func (c *Conversation) Memories() memory.Memory {
	if c.Memory != nil {
		return c.Memory
	}
	return &c.buffer
}

// Template returns the prompt's form for reading, with {history} and {input}
// where they go.
func (c *Conversation) Template() string {
	return memory.Transcript(c.fixed()) + "\n\n{history}\nHuman: {input}\nAI:"
}

// fixed returns what stands before the history.
func (c *Conversation) fixed() []llm.Message {
	system := c.System
	if system == "" {
		system = DefaultSystem
	}
	return append([]llm.Message{llm.System(system)}, c.Request.Messages...)
}

// turn makes one turn.
func (c *Conversation) turn(ctx context.Context, input string, stream bool) iter.Seq2[llm.Chunk, error] {
	return func(yield func(llm.Chunk, error) bool) {
		switch {
		case c.Model == nil:
			yield(llm.Chunk{}, errNoModel)
			return
		case strings.TrimSpace(input) == "":
			yield(llm.Chunk{}, errNoInput)
			return
		}
		user := llm.User(input).From(llm.SourceInput)
		history, err := memory.Load(ctx, c.Memories(), user)
		if err != nil {
			yield(llm.Chunk{}, err)
			return
		}
		req := c.Request
		req.Stream = stream
		req.Messages = append(slices.Concat(c.fixed(), history), user)

		var answer llm.Accumulator
		for chunk, err := range callback.Model(c.Model).Chat(ctx, &req) {
			if err != nil {
				yield(llm.Chunk{}, err)
				return
			}
			answer.Add(&chunk)
			if !yield(chunk, nil) {
				return
			}
		}
		if answer.Empty() {
			yield(llm.Chunk{}, llm.ErrEmpty)
			return
		}
		if err := memory.Save(ctx, c.Memories(), user, answer.Response().Message()); err != nil {
			yield(llm.Chunk{}, err)
		}
	}
}
