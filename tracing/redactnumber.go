package tracing

import (
	"net/netip"
	"strings"
)

// A group is a stretch of digits.
type group struct{ from, to int }

func (g group) len() int { return g.to - g.from }

// groupAt returns the digits that begin at i.
func groupAt(s string, i int) group {
	to := i
	for to < len(s) && is(s[to], digit) {
		to++
	}
	return group{i, to}
}

// nextDigit returns where the next digit at or after i is, len(s) if there is
// none.
func nextDigit(s string, i int) int {
	for i < len(s) && !is(s[i], digit) {
		i++
	}
	return i
}

// findCards looks at groups of digits with the same mark between them.
func findCards(s string) (found []piece) {
	if len(s) < minCard {
		return nil
	}
	for i := nextDigit(s, 0); i < len(s); i = nextDigit(s, i) {
		g := groupAt(s, i)
		to := 0
		if freeBefore(s, i) {
			to = cardEnd(s, g)
		}
		if to > 0 {
			found = append(found, piece{i, to})
			g.to = to
		}
		i = g.to
	}
	return found
}

const minCard, maxCard = 13, 19

// cardEnd returns where the card number ends whose first group is g, 0 if it is
// none.
func cardEnd(s string, g group) int {
	var number [maxCard]byte
	n, end := 0, 0
	var sep byte
	for k := 0; ; k++ {
		// Alone, in fours with a shorter rest, or 4-6-4 and 4-6-5.
		ok := k == 0 || g.len() == 4 && n%4 == 0 || g.len() < 4 && n%4 == 0 && n >= 12 ||
			k == 1 && n == 4 && g.len() == 6 || k == 2 && n == 10 && (g.len() == 4 || g.len() == 5)
		if !ok || n+g.len() > maxCard {
			break
		}
		n += copy(number[n:], s[g.from:g.to])
		if n >= minCard && (k == 0 || k >= 2) && freeAfter(s, g.to) && isCard(number[:n]) {
			end = g.to
		}
		if k == 0 && n != 4 {
			break
		}
		next := at(s, g.to)
		if next != ' ' && next != '-' || sep != 0 && next != sep || !is(at(s, g.to+1), digit) {
			break
		}
		sep = next
		g = groupAt(s, g.to+1)
	}
	return end
}

// freeBefore reports whether a number can begin at i: it is no part of a word,
// an amount or a longer number.
func freeBefore(s string, i int) bool {
	c := before(s, i)
	switch {
	case escapeBefore(s, i):
		return true
	case is(c, alnum) || c == '_' || c == '-' || c == '$' || c == '#':
		return false
	case c == '.':
		return !is(before(s, i-1), alnum)
	}
	return true
}

// escapeBefore reports whether \n or the like stands before i, as in JSON.
func escapeBefore(s string, i int) bool {
	return before(s, i-1) == '\\' && strings.IndexByte("nrt", s[i-1]) >= 0
}

// freeAfter reports whether a number can end at i.
func freeAfter(s string, i int) bool {
	switch c := at(s, i); c {
	case '.', '-':
		return !is(at(s, i+1), alnum)
	default:
		return !is(c, alnum) && c != '_' && c != '%'
	}
}

// isCard reports whether n has a scheme's first digits and length, and the
// right check digit.
func isCard(n []byte) bool {
	lead := int(n[0]-'0')*1000 + int(n[1]-'0')*100 + int(n[2]-'0')*10 + int(n[3]-'0')
	ok := false
	switch size := len(n); {
	case lead/1000 == 4: // Visa
		ok = size == 13 || size == 16
	case lead/100 >= 51 && lead/100 <= 55, lead >= 2221 && lead <= 2720: // Mastercard
		ok = size == 16
	case lead/100 == 34, lead/100 == 37: // American Express
		ok = size == 15
	case lead/100 == 62: // UnionPay
		ok = size >= 16
	case lead >= 3528 && lead <= 3589: // JCB
		ok = size == 16
	case lead == 6011, lead/100 == 65, lead/10 >= 644 && lead/10 <= 649: // Discover
		ok = size == 16
	case lead/10 >= 300 && lead/10 <= 305, lead/100 == 36, lead/100 == 38, lead/100 == 39: // Diners Club
		ok = size == 14
	case lead >= 2200 && lead <= 2204: // Mir
		ok = size == 16
	case lead/100 == 50, lead/100 >= 56 && lead/100 <= 58, lead/100 == 63, lead/100 == 67: // Maestro
		ok = size == 16
	}
	return ok && luhn(n)
}

func luhn(n []byte) bool {
	sum := 0
	for i := range n {
		d := int(n[len(n)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// ibanLengths are the lengths by country, of the SWIFT registry.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
	"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
	"FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
	"IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
	"SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

func findIBANs(s string) (found []piece) {
	for i := 0; i+minIBAN <= len(s); i++ {
		if !is(s[i], upper) || !is(s[i+1], upper) || !is(s[i+2], digit) || !is(s[i+3], digit) ||
			is(before(s, i), alnum) && !escapeBefore(s, i) {
			continue
		}
		if to := ibanEnd(s, i, ibanLengths[s[i:i+2]]); to > 0 {
			found = append(found, piece{i, to})
			i = to - 1
		}
	}
	return found
}

const minIBAN = 15

// ibanEnd returns where the IBAN of size characters ends that begins at i, 0 if
// there is none. Single spaces may stand between its characters.
func ibanEnd(s string, i, size int) int {
	if size == 0 {
		return 0
	}
	var chars [34]byte
	n := 0
	for ; n < size; i++ {
		switch {
		case is(at(s, i), digit|upper):
			chars[n] = s[i]
			n++
		case at(s, i) != ' ' || n == 0 || s[i-1] == ' ':
			return 0
		}
	}
	if is(at(s, i), alnum) {
		return 0
	}
	rest := 0
	for k := range n {
		c := chars[(k+4)%n]
		if is(c, digit) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return i
}

// findIPs looks at runs of hexadecimal digits, dots and colons.
func findIPs(s string) (found []piece) {
	inIP := func(c byte) bool { return is(c, hexa) || c == '.' || c == ':' }
	done := 0 // where the last address ended
	for i := nextDigit(s, 0); i < len(s); i = nextDigit(s, i) {
		from := i
		for from > 0 && inIP(s[from-1]) && i-from < 8 {
			from--
		}
		for i++; i < len(s) && inIP(s[i]); i++ {
		}
		to := i
		switch c := before(s, from); {
		case is(c, alnum) || c == '_' || inIP(c) || is(at(s, to), alnum) || at(s, to) == '_' || to-from > 48:
			continue
		case c == '/' && from-1 != done && is(before(s, from-1), alnum): // Chrome/120.0.0.0
			continue
		}
		if p, ok := addressIn(s, from, to); ok {
			found = append(found, p)
			done = p.to
		}
	}
	return found
}

// addressIn says whether from..to is an address, with its port left out and
// without the mark that ends a sentence.
func addressIn(s string, from, to int) (piece, bool) {
	for to > from && s[to-1] == '.' || to > from+1 && s[to-1] == ':' && s[to-2] != ':' {
		to--
	}
	w := s[from:to]
	if host, _, ok := strings.Cut(w, ":"); ok && strings.Count(host, ".") == 3 {
		w = host
	}
	if strings.Count(w, ".") != 3 && strings.Count(w, ":") < 2 {
		return piece{}, false
	}
	a, err := netip.ParseAddr(w)
	if err != nil || a.IsLoopback() || a.IsUnspecified() {
		return piece{}, false
	}
	if a.Is4() {
		// 4.2.11.2 is a section or a version rather than an address.
		small := true
		for _, b := range a.As4() {
			small = small && b < 32
		}
		if small {
			return piece{}, false
		}
	} else if !a.Is4In6() {
		// abc::def is a name in several languages: only what is handed out counts.
		if b := a.As16()[0]; b&0xe0 != 0x20 && b&0xfe != 0xfc && !a.IsLinkLocalUnicast() {
			return piece{}, false
		}
	}
	return piece{from, from + len(w)}, true
}
