package memory

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/llm"
)

// A turn is a message of the user and what follows it up to the next one: the
// calls of tools, their results, the answer. Memories that forget, forget whole
// turns, so that no answer stays without its question and no result without its
// call.
type turn struct {
	messages []llm.Message
	tokens   int
}

// appendTurns appends messages to turns. Those before the first message of the
// user belong to the turn that is already there.
func appendTurns(turns []turn, messages []llm.Message, count llm.Counter) []turn {
	for _, m := range messages {
		m = asHistory(m)
		if len(turns) == 0 || m.Role == llm.RoleUser {
			turns = append(turns, turn{})
		}
		last := &turns[len(turns)-1]
		last.messages = append(last.messages, m)
		last.tokens += tokensOf(m, count)
	}
	return turns
}

// messagesOf returns the messages of turns in a slice of its own.
func messagesOf(turns []turn) []llm.Message {
	var out []llm.Message
	for _, t := range turns {
		out = append(out, t.messages...)
	}
	return out
}

// newest returns the longest end of turns whose tokens are at most limit.
func newest(turns []turn, limit int) []turn {
	tokens := 0
	for i := len(turns) - 1; i >= 0; i-- {
		if tokens += turns[i].tokens; tokens > limit {
			return turns[i+1:]
		}
	}
	return turns
}

// keep returns the given end of turns, without holding on to what is before it.
func keep(turns []turn, end []turn) []turn {
	if len(end) == len(turns) {
		return turns
	}
	return slices.Clone(end)
}

// size returns the messages of turns and their tokens.
func size(turns []turn) (messages, tokens int) {
	for _, t := range turns {
		messages += len(t.messages)
		tokens += t.tokens
	}
	return messages, tokens
}

// tokensOf counts what is said in m, and the calls of tools in it.
func tokensOf(m llm.Message, count llm.Counter) int {
	n := count(m.Text())
	for _, c := range m.ToolCalls {
		n += count(c.Name) + count(c.Arguments)
	}
	return n
}

// checkLimit returns an error if a limit is below 0.
func checkLimit(memory, field string, limit int) error {
	if limit < 0 {
		return &fault{fmt.Sprintf("%s memory has negative %s, %d", memory, field, limit)}
	}
	return nil
}

// counter returns count, or [estimate] for nil.
func counter(count llm.Counter) llm.Counter {
	if count == nil {
		return estimate
	}
	return count
}

// told returns tokens, or -1 if they are only an estimate.
func told(tokens int, count llm.Counter) int {
	if count == nil {
		return -1
	}
	return tokens
}

// estimate counts a token for every Chinese, Japanese or Korean character and
// one for every four other bytes, which is rather too many than too few.
func estimate(text string) int {
	quarters := 0
	for _, r := range text {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			quarters += 4
		} else {
			quarters += utf8.RuneLen(r)
		}
	}
	return (quarters + 3) / 4
}
