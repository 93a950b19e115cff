package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/internal/standin"
)

// A row is what one memory cost.
type row struct {
	name  string
	turns []callback.Total
	total callback.Total
}

var levels = []rune(" ▁▂▃▄▅▆▇█")

// chart draws the tokens of each turn, all rows to one scale, and lists what
// single turns and the whole cost.
func chart(w io.Writer, rows []row) error {
	const height, label = 4, 24
	most := 1
	for _, r := range rows {
		for _, t := range r.turns {
			most = max(most, t.Usage.Total())
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "每轮的 token 数，同一比例，最高 %d\n", most)
	for _, r := range rows {
		fmt.Fprintf(&b, "\n%s\n", r.name)
		for line := height - 1; line >= 0; line-- {
			b.WriteString("  |")
			for _, t := range r.turns {
				eighths := t.Usage.Total()*height*8/most - line*8
				b.WriteRune(levels[min(max(eighths, 0), 8)])
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "  +%s\n", strings.Repeat("-", len(r.turns)))
	}
	fmt.Fprintf(&b, "\n%s   第一轮  中间一轮  最后一轮    调用      总计\n", pad("", label))
	for _, r := range rows {
		at := func(i int) int { return r.turns[i].Usage.Total() }
		n := len(r.turns)
		fmt.Fprintf(&b, "%s%9d%10d%10d%8d%10d  %s\n", pad(r.name, label), at(0), at(n/2), at(n-1), r.total.Calls, r.total.Usage.Total(), r.total.Cost.Human())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// pad fills s up to a width at which a Chinese character takes two cells.
func pad(s string, width int) string {
	for _, r := range s {
		width--
		if unicode.Is(unicode.Han, r) {
			width--
		}
	}
	return s + strings.Repeat(" ", max(width, 0))
}

// shop is what the stand-in says: the turns by heart, and for a summary the
// last 150 characters of the notes with what the customer has added, which is
// about as long as a model's would be.
func shop(turns []dialogue.Turn) func(*standin.Request) standin.Reply {
	answers := map[string]string{}
	for _, t := range turns {
		answers[t.User] = t.Reply
	}
	return func(r *standin.Request) standin.Reply {
		text := r.LastUser()
		if answer, ok := answers[text]; ok {
			return standin.Text(answer)
		}
		var notes []rune
		for line := range strings.Lines(text) {
			for _, mark := range []string{"目前的记录：", "Human: "} {
				if said, ok := strings.CutPrefix(strings.TrimSpace(line), mark); ok {
					notes = append(notes, []rune(said)...)
				}
			}
		}
		return standin.Text(string(notes[max(0, len(notes)-150):]))
	}
}
