package retrieval

import (
	"iter"
	"strings"
	"unicode"
)

// words yields what a text is found by: its words in lower case and without a
// last s, and of scripts that put no space between words each character and each
// pair of neighbours.
func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var (
			word     strings.Builder
			neighbor rune // the character before, if it is of such a script
		)
		flush := func() bool {
			w := word.String()
			word.Reset()
			if len(w) > 3 {
				w = strings.TrimSuffix(w, "s")
			}
			return w == "" || yield(w)
		}
		for _, r := range text {
			dense := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
			if !dense && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) {
				word.WriteRune(unicode.ToLower(r))
				neighbor = 0
				continue
			}
			if !flush() {
				return
			}
			if !dense {
				neighbor = 0
				continue
			}
			if !yield(string(r)) || neighbor != 0 && !yield(string([]rune{neighbor, r})) {
				return
			}
			neighbor = r
		}
		flush()
	}
}
