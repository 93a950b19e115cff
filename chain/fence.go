package chain

import (
	"strings"
	"unicode"
)

const fence = "```"

// unfence returns what stands in the first Markdown fence of text. Text without
// one, and text that begins as JSON does, is returned as it is, without blanks
// around it.
func unfence(text string) string {
	text = strings.TrimSpace(text)
	at := strings.Index(text, fence)
	if at < 0 || strings.ContainsRune(`{["`, rune(text[0])) {
		return text
	}
	text = text[at+len(fence):]
	// A fence at the beginning of a line is none inside a JSON string.
	if end := strings.Index(text, "\n"+fence); end >= 0 {
		text = text[:end]
	} else if end := strings.LastIndex(text, fence); end >= 0 {
		text = text[:end]
	}
	if language, rest, ok := strings.Cut(text, "\n"); ok && isWord(strings.TrimSpace(language)) {
		text = rest
	}
	return strings.TrimSpace(text)
}

func isWord(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0
}
