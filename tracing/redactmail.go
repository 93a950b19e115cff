package tracing

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// findEmails looks around each @.
func findEmails(s string) (found []piece) {
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], '@')
		if n < 0 {
			return found
		}
		i += n
		from := localBegin(s, i)
		to := domainEnd(s, i+1)
		if from < i && to > 0 && !notMail(s[from:i], s[i+1:to], at(s, to)) {
			found = append(found, piece{from, to})
		}
	}
}

// localBegin returns where the part before the @ at i begins.
func localBegin(s string, i int) int {
	from := i
	for from > 0 {
		if c := s[from-1]; c < utf8.RuneSelf {
			if !is(c, name) && c != '.' && c != '%' && c != '+' {
				break
			}
			from--
			continue
		}
		r, n := utf8.DecodeLastRuneInString(s[:from])
		if !unicode.Is(unicode.Latin, r) {
			break
		}
		from -= n
	}
	from = unescaped(s, from)
	for from < i && !is(s[from], alnum) && s[from] < utf8.RuneSelf {
		from++
	}
	return min(from, i)
}

// domainEnd returns where the domain that begins at i ends, 0 if there is none:
// labels with dots between them, the last of letters only.
func domainEnd(s string, i int) int {
	end, labels, letters, last := 0, 0, true, i
	for {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case n > 0 && (r < utf8.RuneSelf && is(byte(r), alnum) || r == '-' && i > last || r >= utf8.RuneSelf && unicode.Is(unicode.Latin, r)):
			letters = letters && unicode.IsLetter(r)
			i += n
			continue
		case i == last:
			return end
		}
		labels++
		if labels > 1 && (letters && i-last >= 2 || strings.HasPrefix(s[last:i], "xn--")) {
			end = i
		}
		if r != '.' {
			return end
		}
		i++
		last, letters = i, true
	}
}

// notMail reports whether local@domain is something else that is written so: a
// repository, a version of a package, an image for dense screens.
func notMail(local, domain string, next byte) bool {
	first, rest, _ := strings.Cut(domain, ".")
	switch {
	case local == "git":
		return true
	case next == ':' && strings.Count(domain, ".") == 1 && local == "hg":
		return true
	case len(first) == 2 && is(first[0], digit) && first[1] == 'x':
		return true
	}
	return first != "" && is(first[0], digit) && rest != "" && is(rest[0], digit)
}
