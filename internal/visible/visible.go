// Package visible makes text from outside safe to print: what a terminal would
// obey is shown instead, and what may be secret in a URL is left out.
package visible

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with control characters, bidirectional overrides and bytes
// that are not UTF-8 shown as symbols or escapes. Line feeds and tabs stay.
func Text(s string) string {
	bad := func(r rune) bool { return r == utf8.RuneError || hidden(r) && r != '\n' && r != '\t' }
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	return rewrite(s, bad)
}

// Line is like [Text] for one line: line feeds and tabs are shown too.
func Line(s string) string {
	bad := func(r rune) bool { return r == utf8.RuneError || hidden(r) }
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	return rewrite(s, bad)
}

// hidden reports whether a terminal would act on r instead of showing it. Zero
// width joiners and variation selectors stay: emoji and scripts need them.
func hidden(r rune) bool {
	switch {
	case r == '\u200d' || r == '\u200c':
		return false
	case unicode.IsControl(r):
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', // direction overrides
		r == '\u2028' || r == '\u2029', r == '\u200e' || r == '\u200f' || r == '\u061c':
		return true
	}
	return false
}

func rewrite(s string, bad func(rune) bool) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x` + hex2(s[i]))
		case r == utf8.RuneError || !bad(r):
			b.WriteString(s[i : i+n])
		case r < 0x20:
			b.WriteRune('\u2400' + r) // the picture of the control character
		case r == 0x7f:
			b.WriteRune('\u2421')
		default:
			b.WriteString(`\u` + strings.Repeat("0", 4-len(strconv.FormatInt(int64(r), 16))) + strconv.FormatInt(int64(r), 16))
		}
		i += n
	}
	return b.String()
}

// URL returns a URL without what may be secret in it: user, password and query.
// What is no URL is returned as it is.
func URL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func hex2(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}
