package chain

import (
	"context"
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
	Tags     []string           // of this run alone

	buffer memory.Buffer
}

// DefaultSystem are the instructions of a [Conversation] that has none.
const DefaultSystem = "You are a friendly partner in a conversation. You are talkative and give concrete details from what you have been told. If you do not know something, you say so."

// Run answers input as one run. On failure it returns what had arrived together
// with the error. An answer that is nothing but a refusal or calls of tools, or
// was cut off before any text came, is an [*AnswerError]; of one that has both, the
// text is remembered. A turn that fails is not remembered, but for one whose memory
// fails after the answer: the memories that summarize keep it, and summarize at the
// next turn.
func (c *Conversation) Run(ctx context.Context, input string) (string, error) {
	return run(ctx, c.identity(), input, func(ctx context.Context) (string, error) {
		return c.turn(ctx, input, c.Request.Stream, nil)
	})
}

// Stream answers input as one run, chunk by chunk. The turn is remembered when
// the loop has come to its end; one that fails or is broken off, be it at the last
// chunk, is not.
func (c *Conversation) Stream(ctx context.Context, input string) iter.Seq2[llm.Chunk, error] {
	return stream(ctx, c.identity(), input, func(ctx context.Context, hand func(llm.Chunk) bool) error {
		_, err := c.turn(ctx, input, true, hand)
		return err
	})
}

func (c *Conversation) identity() identity {
	return identity{"conversation", c.Name, c.Handlers, c.Tags}
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

// turn makes one turn, giving the answer's chunks to hand if that is not nil.
func (c *Conversation) turn(ctx context.Context, input string, stream bool, hand func(llm.Chunk) bool) (string, error) {
	switch {
	case missing(c.Model):
		return "", c.identity().fault("has no Model")
	case c.Memory != nil && missing(c.Memory):
		return "", c.identity().fault("has a nil %T as its Memory", c.Memory)
	case strings.TrimSpace(input) == "":
		return "", c.identity().fault("got an empty input")
	}
	user := llm.User(input).From(llm.SourceInput)
	history, err := memory.Load(ctx, c.Memories(), user)
	if err != nil {
		return "", err
	}
	req := c.Request
	req.Stream = stream
	req.Messages = append(slices.Concat(c.fixed(), history), user)
	answer, stopped, err := ask(ctx, c.identity(), c.Model, &req, hand)
	if err == nil && !stopped {
		err = c.identity().unrun(answer)
	}
	if err == nil && !stopped {
		said := answer.Message()
		said.ToolCalls = nil // calls that nothing answers are an error of the next turn
		err = memory.Save(ctx, c.Memories(), user, said)
	}
	return answer.Text(), err
}
