package tracing

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callspan/callspan/llm"
)

// apply makes the redacted text of text and its edits.
func apply(text, redacted string, edits []edit) string {
	var b strings.Builder
	at, at2 := 0, 0
	for _, e := range edits {
		b.WriteString(text[at:e.from])
		if e.from2 != b.Len() || e.from2 < at2 || e.from < at {
			return "edits are not in order"
		}
		b.WriteString(redacted[e.from2:e.to2])
		at, at2 = e.to, e.to2
	}
	b.WriteString(text[at:])
	return b.String()
}

func TestAlign(t *testing.T) {
	for _, tc := range []struct {
		text, redacted string
		want           []edit
	}{
		{"same", "same", nil},
		{"mail mei@example.com now", "mail [email] now", []edit{{5, 20, 5, 12}}},
		{"a@b.de and then c@d.de and so on", "[email] and then [email] and so on", []edit{{0, 6, 0, 7}, {16, 22, 17, 24}}},
		{"玫a@b.de瑰", "玫[email]瑰", []edit{{3, 9, 3, 10}}},
		{"gone entirely", "", []edit{{0, 13, 0, 0}}},
		{"", "new", []edit{{0, 0, 0, 3}}},
		{"玫瑰", "玟瑰", []edit{{0, 3, 0, 3}}}, // they share a byte, not a rune
	} {
		got := align(tc.text, tc.redacted)
		if len(got) != len(tc.want) {
			t.Errorf("%q to %q: %v, want %v", tc.text, tc.redacted, got, tc.want)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%q to %q: %v, want %v", tc.text, tc.redacted, got, tc.want)
			}
		}
	}
}

func FuzzAlign(f *testing.F) {
	f.Add("mail mei@example.com now, or li@example.com", "mail [email] now, or [email]")
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaa")
	f.Add("玫瑰玫瑰", "玟瑰玫")
	f.Fuzz(func(t *testing.T, text, redacted string) {
		if got := apply(text, redacted, align(text, redacted)); got != redacted {
			t.Errorf("%q to %q: the edits make %q", text, redacted, got)
		}
	})
}

// TestRedactLog: in whatever chunks an answer comes, and whatever of it comes
// in turns, the texts of its chunks make what a redactor leaves of the whole.
func TestRedactLog(t *testing.T) {
	c := &config{redact: []func(string) string{RedactEmails, RedactCards}}
	vocabulary := []string{"mei@example.com", " ", "roses ", "4111 1111 1111 1111", "sk-proj-4f9aK2mQx81LzP0w", "玫瑰", ", ", "1", "@", "\n", "Bearer ", "x"}
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		flows := make([]string, 1+r.IntN(3))
		for i := range flows {
			for range 1 + r.IntN(8) {
				flows[i] += vocabulary[r.IntN(len(vocabulary))]
			}
		}
		l := new(words)
		chunks := make([][]int, len(flows)) // which chunks are a flow's
		rest := append([]string(nil), flows...)
		for {
			i := r.IntN(len(rest))
			if strings.Join(rest, "") == "" {
				break
			}
			n := min(len(rest[i]), 1+r.IntN(6))
			if n == 0 {
				continue
			}
			piece := rest[i][:n]
			rest[i] = rest[i][n:]
			chunk := llm.Chunk{Text: piece}
			if i > 0 {
				chunk = llm.Chunk{Tool: &llm.ToolDelta{Index: i, Arguments: piece}}
			}
			l.add(&chunk, len(l.ends)+1)
			chunks[i] = append(chunks[i], len(l.ends)-1)
		}
		l.redact(c.scrub)
		for i := range flows {
			got := ""
			for _, at := range chunks[i] {
				got += l.textOf(at, at+1)
			}
			if want := c.scrub(flows[i]); got != want {
				t.Fatalf("%q in %d chunks: %q, want %q", flows[i], len(chunks[i]), got, want)
			}
		}
	}
}

// TestRedactLogTimes: text that stays is in the chunk that brought it, also
// between and after what is taken out.
func TestRedactLogTimes(t *testing.T) {
	c := &config{redact: []func(string) string{RedactEmails}}
	l := new(words)
	for _, s := range []string{"Write ", "mei", "@exam", "ple.com", " or call ", "the shop", ", or write", " li@exa", "mple.com", " today", "."} {
		l.add(&llm.Chunk{Text: s}, len(l.ends)+1)
	}
	l.redact(c.scrub)
	want := []string{"Write ", "[email]", "", "", " or call ", "the shop", ", or write", " [email]", "", " today", "."}
	for i := range want {
		if got := l.textOf(i, i+1); got != want[i] || !utf8.ValidString(got) {
			t.Errorf("chunk %d: %q, want %q", i, got, want[i])
		}
	}
}
