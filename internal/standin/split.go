package standin

import (
	"unicode"
	"unicode/utf8"
)

// words is the split of an API without one: words with the blank before them,
// and single runes of scripts that do not part words.
func words(_, text string) []string {
	var out []string
	start := 0
	var last rune
	for i, r := range text {
		cut := unicode.IsSpace(r) && !unicode.IsSpace(last) || ideographic(r) || ideographic(last)
		if cut && i > start {
			out = append(out, text[start:i])
			start = i
		}
		last = r
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

func ideographic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= '\u3000' && r <= '\u303f' || r >= '\uff00' && r <= '\uffef'
}

// whole joins tokens that end inside a rune with those after them, so that
// every piece is text.
func whole(tokens []string) []string {
	out := make([]string, 0, len(tokens))
	rest := ""
	for _, t := range tokens {
		rest += t
		if t != "" && !cutsRune(rest) {
			out = append(out, rest)
			rest = ""
		}
	}
	if rest != "" {
		out = append(out, rest)
	}
	return out
}

// cutsRune reports whether s ends inside a rune.
func cutsRune(s string) bool {
	for i := len(s) - 1; i >= 0 && i >= len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return !utf8.FullRuneInString(s[i:])
		}
	}
	return false
}

func (a *API) split(model, text string) []string {
	switch {
	case text == "":
		return nil
	case a.Split != nil:
		return a.Split(model, text)
	}
	return words(model, text)
}

// countPrompt counts by the rule of OpenAI's cookbook: three tokens around
// every message and three before the answer.
func (a *API) countPrompt(r *Request) int {
	if r.Path == pathCompletions {
		return len(a.split(r.Model, r.Prompt))
	}
	if a.Count != nil {
		return a.Count(r)
	}
	n := 3 + len(a.split(r.Model, string(r.Tools)))
	for _, m := range r.Messages {
		n += 3 + len(a.split(r.Model, m.Role)) + len(a.split(r.Model, m.Text))
		if m.Name != "" {
			n += 1 + len(a.split(r.Model, m.Name))
		}
		for _, c := range m.ToolCalls {
			n += len(a.split(r.Model, c.Name)) + len(a.split(r.Model, c.Arguments))
		}
	}
	return n
}
