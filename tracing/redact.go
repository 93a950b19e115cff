package tracing

import (
	"cmp"
	"slices"
	"strings"
)

// The ready redactors are plain functions, for [WithRedactor] and for any other
// text, such as a log line. Each replaces what it finds by one word in brackets,
// takes time in proportion to the text, returns valid UTF-8 for valid UTF-8, and
// changes nothing when it is applied again. They would rather leave something
// standing than spoil prose, prices, dates, order numbers and code.

// RedactEmails replaces e-mail addresses by [email].
func RedactEmails(text string) string { return replace(text, findEmails(text), "[email]") }

// RedactPhones replaces telephone numbers by [phone]: numbers with a country
// code, those written in the usual ways of North America, China, Japan and
// Europe, and any that stand behind a word such as phone, tel or 电话.
func RedactPhones(text string) string { return replace(text, findPhones(text), "[phone]") }

// RedactCards replaces the numbers of payment cards by [card]: those that begin
// as a card scheme's numbers do and whose check digit (Luhn) is right.
func RedactCards(text string) string { return replace(text, findCards(text), "[card]") }

// RedactKeys replaces secrets of programs by [key]: the API keys of model
// providers, clouds and developer services that can be known by their form, JSON
// web tokens, bearer tokens, private keys in PEM form, passwords in URLs, and
// what looks random, has 16 characters or more, and is assigned to a name that
// says key, token, secret, auth or cookie, such as AZURE_OPENAI_KEY, or stands
// behind words such as API key. Behind key alone, 20 characters or more in one
// piece look random. Passwords by name may be shorter. Cache keys, primary keys
// and the like are left as they are. All that goes into a span passes through
// it, without being asked for.
func RedactKeys(text string) string {
	if len(text) < minSecret {
		return text
	}
	finders := keyFinders[:]
	if strings.IndexByte(text, '=') < 0 && strings.IndexByte(text, ':') < 0 && !strings.Contains(text, "：") {
		finders = keyFormFinders[:] // nothing is assigned to anything
	}
	// Where one key stands in another, more is seen when the first is gone.
	for range 4 {
		before := text
		for _, find := range finders {
			text = replace(text, find(text), "[key]")
		}
		if text == before {
			break
		}
	}
	return text
}

// minSecret is the length of the shortest text that can hold a secret:
// ://:abc@
const minSecret = 8

// RedactIBANs replaces international bank account numbers by [iban]: those that
// have their country's length and the right check digits.
func RedactIBANs(text string) string { return replace(text, findIBANs(text), "[iban]") }

// RedactIPs replaces IP addresses by [ip], but for loopback and unspecified
// ones.
func RedactIPs(text string) string { return replace(text, findIPs(text), "[ip]") }

// A piece is a part of a text, from and not including to.
type piece struct{ from, to int }

// replace puts word in the place of each piece of s.
func replace(s string, found []piece, word string) string {
	if len(found) == 0 {
		return s
	}
	found = merged(found)
	var b strings.Builder
	b.Grow(len(s) + len(found)*len(word))
	end := 0
	for _, p := range found {
		b.WriteString(s[end:p.from])
		b.WriteString(word)
		end = p.to
	}
	b.WriteString(s[end:])
	return b.String()
}

// merged returns the pieces in order, with those that overlap made one.
func merged(ps []piece) []piece {
	slices.SortFunc(ps, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
	out := ps[:1]
	for _, p := range ps[1:] {
		if last := &out[len(out)-1]; p.from < last.to {
			last.to = max(last.to, p.to)
		} else {
			out = append(out, p)
		}
	}
	return out
}

// What a byte can be.
const (
	digit uint8 = 1 << iota
	upper
	lower
	joint // - and _
	hexa  // a to f

	alnum = digit | upper | lower
	name  = alnum | joint // what keys and identifiers are made of
)

var classes = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case '0' <= c && c <= '9':
			t[c] = digit | hexa
		case 'A' <= c && c <= 'Z':
			t[c] = upper
		case 'a' <= c && c <= 'z':
			t[c] = lower
		case c == '-' || c == '_':
			t[c] = joint
		}
		if 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' {
			t[c] |= hexa
		}
	}
	return t
}()

func is(c byte, class uint8) bool { return classes[c]&class != 0 }

// before returns the byte before i, and 0 at the beginning.
func before(s string, i int) byte {
	if i <= 0 {
		return 0
	}
	return s[i-1]
}

// at returns the byte at i, and 0 at the end.
func at(s string, i int) byte {
	if i >= len(s) {
		return 0
	}
	return s[i]
}

// unescaped returns where a word really begins that seems to begin at i: in
// source code and JSON, \n, \u003d and %3D are no part of it.
func unescaped(s string, i int) int {
	switch {
	case before(s, i) == '\\' && strings.IndexByte("nrtbfv", at(s, i)) >= 0 && i < len(s):
		return i + 1
	case before(s, i) == '\\' && at(s, i) == 'u' && hexes(s, i+1, 4):
		return i + 5
	case before(s, i) == '%' && hexes(s, i, 2):
		return i + 2
	}
	return i
}

func hexes(s string, i, n int) bool {
	if i+n > len(s) {
		return false
	}
	for ; n > 0; n-- {
		if !is(s[i+n-1], hexa) {
			return false
		}
	}
	return true
}
