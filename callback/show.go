package callback

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/llm"
)

// How inputs, outputs and events look to a person.

// showLimit is how many bytes of an input or an output are shown. Answers are
// shown whole.
const showLimit = 2000

// showInput returns what the run was given, "" if there is nothing to show.
func showInput(i *Info) string {
	switch in := i.Input.(type) {
	case *llm.Request:
		if in == nil || len(in.Messages) == 0 {
			return ""
		}
		last := in.Messages[len(in.Messages)-1]
		text := string(last.Role) + ": " + showMessage(last)
		if n := len(in.Messages); n > 1 {
			text += fmt.Sprintf(" (last of %d messages)", n)
		}
		return text
	case *llm.EmbedRequest:
		if in == nil {
			return ""
		}
		return plural(len(in.Inputs), "text")
	case *Search:
		if in == nil {
			return ""
		}
		return strconv.Quote(shorten(in.Query))
	case *ToolCall:
		if in == nil {
			return ""
		}
		return showValue(in.Arguments)
	case *MemoryChange:
		if in == nil {
			return ""
		}
		return in.Operation
	}
	return showValue(i.Input)
}

// showOutput returns what the run brought, for all kinds but models.
func showOutput(out any) string {
	switch out := out.(type) {
	case []llm.Document:
		return plural(len(out), "document")
	case []llm.Message:
		lines := make([]string, len(out))
		for i, m := range out {
			lines[i] = string(m.Role) + ": " + showMessage(m)
		}
		return shorten(strings.Join(lines, "\n"))
	case *llm.EmbedResponse:
		if out == nil || len(out.Vectors) == 0 {
			return "no vector"
		}
		return fmt.Sprintf("%s of %d", plural(len(out.Vectors), "vector"), len(out.Vectors[0]))
	case *MemoryChange:
		if out == nil {
			return ""
		}
		var sizes []string
		if out.Messages >= 0 {
			sizes = append(sizes, plural(out.Messages, "message"))
		}
		if out.Tokens >= 0 {
			sizes = append(sizes, plural(out.Tokens, "token"))
		}
		return strings.Join(sizes, ", ")
	}
	return showValue(out)
}

// showDocument returns one line about a hit of a search.
func showDocument(d llm.Document) string {
	text := strings.Join(strings.Fields(d.Text), " ")
	return strings.TrimSpace(fmt.Sprintf("%.3g %s  %s", d.Score, d.ID, shortenTo(text, 100)))
}

func showMessage(m llm.Message) string {
	var text strings.Builder
	for _, p := range m.Parts { // joined as models get them
		if p.Media != nil {
			text.WriteString("[" + p.Media.Kind + "]")
		}
		text.WriteString(p.Text)
	}
	parts := []string{text.String()}[:min(text.Len(), 1)]
	for _, c := range m.ToolCalls {
		parts = append(parts, showCall(c))
	}
	return shorten(strings.Join(parts, " "))
}

func showCall(c llm.ToolCall) string { return c.Name + "(" + shorten(c.Arguments) + ")" }

// showEvent returns what e is and what it brings.
func showEvent(e Event) (label, text string) {
	label = strings.ReplaceAll(string(e.Kind), "_", " ")
	if e.Name != "" {
		label += " " + e.Name
	}
	switch d := e.Data.(type) {
	case Attempt:
		return label, showAttempt(d)
	case *Attempt:
		if d != nil {
			return label, showAttempt(*d)
		}
	case llm.ToolCall:
		return label, showCall(d)
	}
	return label, showValue(e.Data)
}

func showAttempt(a Attempt) string {
	text := fmt.Sprintf("attempt %d failed", a.Number)
	if a.Err != nil {
		text += ": " + errorText(a.Err)
	}
	if a.Wait > 0 {
		text += fmt.Sprintf("; the next one in %s", showDuration(a.Wait))
	}
	return text
}

// showValue returns v as text: texts, errors and Stringers as they are, other
// values as JSON, what has no such form as its type.
func showValue(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("<%T>", v)
		}
	}()
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return shorten(v)
	case []byte:
		return shorten(string(v))
	case error:
		return shorten(v.Error())
	case fmt.Stringer:
		return shorten(v.String())
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("<%T>", v)
	}
	return shorten(string(b))
}

// errorText returns what err says, and its type if saying so panics.
func errorText(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("<%T>", err)
		}
	}()
	return err.Error()
}

// showUsage returns the tokens of u in words.
func showUsage(u *llm.Usage) string {
	in, out := fmt.Sprintf("%d tokens in", u.Input), fmt.Sprintf("%d out", u.Output)
	if u.CacheRead > 0 {
		in += fmt.Sprintf(" (%d cached)", u.CacheRead)
	}
	if u.Reasoning > 0 {
		out += fmt.Sprintf(" (%d reasoning)", u.Reasoning)
	}
	return in + ", " + out
}

// showDuration returns d with about three digits, and nothing below a
// microsecond.
func showDuration(d time.Duration) string {
	for unit := 10 * time.Microsecond; unit <= time.Second; unit *= 10 {
		if d < 100*unit {
			return d.Round(unit / 10).String()
		}
	}
	return d.Round(time.Second).String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func shorten(s string) string { return shortenTo(s, showLimit) }

// shortenTo cuts s after at most limit bytes, between characters.
func shortenTo(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:end], len(s))
}
