package tracing

import (
	"strings"
	"unicode/utf8"
)

// An edit is a part of a text and what a redactor put in its place.
type edit struct {
	from, to   int // in the text
	from2, to2 int // in the redacted one
}

// align returns how redacted came from text: the edits in order; between them
// the two are the same. A redactor does not say what it did, so this looks for
// the next place where both go on alike. It may take one long edit for several,
// but what it says always leads from text to redacted.
func align(text, redacted string) (edits []edit) {
	tail := commonSuffix(text, redacted)
	i, j := 0, 0
	end, end2 := len(text)-tail, len(redacted)-tail
	for {
		n := commonPrefix(text[i:end], redacted[j:end2])
		i, j = i+n, j+n
		if i == end && j == end2 {
			return edits
		}
		for i > 0 && j > 0 && n > 0 && (inRune(text, i) || inRune(redacted, j)) {
			i, j, n = i-1, j-1, n-1
		}
		e := edit{i, end, j, end2}
		if to, to2, ok := resume(text[i:end], redacted[j:end2]); ok {
			e.to, e.to2 = i+to, j+to2
		}
		edits = append(edits, e)
		i, j = e.to, e.to2
		if i == end && j == end2 {
			return edits
		}
	}
}

const (
	anchor  = 8       // bytes that two texts have in common where they go on alike
	maxWith = 32      // length of a word that stands for a secret
	maxGone = 4 << 10 // length of a secret
)

// resume returns where text and redacted, which begin differently, go on alike.
func resume(text, redacted string) (to, to2 int, ok bool) {
	for to2 = 0; to2 <= maxWith && to2+anchor <= len(redacted); to2++ {
		if inRune(redacted, to2) {
			continue
		}
		if to = strings.Index(text[:min(len(text), maxGone)], redacted[to2:to2+anchor]); to >= 0 && to+to2 > 0 {
			return to, to2, true
		}
	}
	return 0, 0, false
}

// commonSuffix returns the length of the longest end that a and b share and
// that begins with a rune.
func commonSuffix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	for n > 0 && inRune(a, len(a)-n) {
		n--
	}
	return n
}

func inRune(s string, i int) bool { return i < len(s) && !utf8.RuneStart(s[i]) }
