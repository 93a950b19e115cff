package tracing

import "strings"

// minKey is the length of the shortest key that is known by its form.
const minKey = 16

// keyFinders find what [RedactKeys] takes out. Each sees what the ones before
// it have left.
var keyFinders = [...]func(string) []piece{findPEM, findURLPasswords, findPasswords, findKeys}

// keyFormFinders are those that need no name before a key.
var keyFormFinders = [...]func(string) []piece{findPEM, findKeys}

// findKeys looks at runs of at least minKey letters, digits, - and _, of which
// prose has few: any such run has a byte at one of every minKey positions, so
// most of the text is never read.
func findKeys(s string) (found []piece) {
	for i, end := minKey-1, 0; i < len(s); i = end + minKey {
		if !is(s[i], name) {
			end = i
			continue
		}
		from := i
		for from > end && is(s[from-1], name) {
			from--
		}
		for end = i + 1; end < len(s) && is(s[end], name); end++ {
		}
		for from = unescaped(s, from); from < end && is(s[from], joint); {
			from++
		}
		if end-from >= minKey {
			if p, ok := keyAt(s, from, end); ok {
				found = append(found, p)
			}
		}
	}
	return found
}

// keyAt says whether the run from..to is a key or a part of one.
func keyAt(s string, from, to int) (piece, bool) {
	w := s[from:to]
	if strings.HasPrefix(w, "eyJ") {
		if end := tokenEnd(s, to); end > to {
			return piece{from, end}, true
		}
	}
	shape := shapeOf(w)
	if k := formOf(w); k != nil && k.fits(w[len(k.prefix):]) {
		if k.base64 {
			to = base64End(s, to)
		}
		return piece{from, to}, true
	}
	if len(w) >= 76 && strings.Contains(w, "JQQJ9") { // Azure's keys since 2024
		return piece{from, to}, true
	}
	for _, p := range dottedPrefixes {
		if strings.HasSuffix(s[:from], p) && !is(before(s, from-len(p)), name) && shape.random() {
			for at(s, to) == '.' && is(at(s, to+1), name) {
				for to++; to < len(s) && is(s[to], name); to++ {
				}
			}
			return piece{from - len(p), to}, true
		}
	}
	if begin := from - 6; begin >= 0 && len(w) >= 30 && s[from-2:from] == "Q~" && is(s[begin+3], digit) { // Azure AD
		return piece{begin, to}, true
	}
	if before(s, from) == ':' && len(w) >= 35 && shape.digits > 0 { // Telegram: the bot's number and its key
		n := from - 1
		for n > 0 && is(s[n-1], digit) && from-n < 12 {
			n--
		}
		if from-1-n >= 8 {
			return piece{n, to}, true
		}
	}
	return assigned(s, from, to, shape)
}

// A shape tells how random a run looks.
type shape struct {
	size, digits, uppers, lowers int
	longest                      int  // stretch of letters and digits
	turns                        int  // from letters to digits or from one case to the other; a capital begins a word
	hex                          bool // nothing but hexadecimal digits, - and _
}

func shapeOf(w string) (h shape) {
	h.size, h.hex = len(w), true
	stretch, last := 0, uint8(0)
	for i := range len(w) {
		c := classes[w[i]]
		h.hex = h.hex && c&(hexa|joint) != 0
		switch c &= alnum; c {
		case digit:
			h.digits++
		case upper:
			h.uppers++
		case lower:
			h.lowers++
		default:
			stretch = -1
		}
		if c != last && c != 0 && last != 0 && !(last == upper && c == lower) {
			h.turns++
		}
		last = c
		stretch++
		h.longest = max(h.longest, stretch)
	}
	return h
}

// random reports whether the run is no identifier and no name of a thing: it
// has several digits, and a long stretch without - or _, as a UUID has too.
func (h shape) random() bool {
	return h.digits >= 3 && h.uppers+h.lowers >= 2 && h.longest >= 12
}

// A keyForm is how the keys of a service begin and how long the rest is.
type keyForm struct {
	prefix  string
	rest    int  // at least so many characters follow
	stretch int  // among them so many letters and digits in a row; 0 for prefixes that nothing else has
	exact   bool // no more than rest follow
	base64  bool // + / and = may follow
}

// fits reports whether w can follow the prefix.
func (k *keyForm) fits(w string) bool {
	h := shapeOf(w)
	switch {
	case h.size < k.rest || h.longest < k.stretch || k.exact && h.size > k.rest:
		return false
	case k.stretch == 0 || k.stretch >= 30:
		return h.digits > 0 || h.uppers > 0
	}
	return h.digits >= 2 || byChance(w)
}

// formOf returns the form with the longest prefix of w.
func formOf(w string) (best *keyForm) {
	forms := formsByFirst[w[0]]
	for i := range forms {
		if k := &forms[i]; strings.HasPrefix(w, k.prefix) && (best == nil || len(k.prefix) > len(best.prefix)) {
			best = k
		}
	}
	return best
}

var formsByFirst = func() (t [256][]keyForm) {
	for _, k := range keyForms {
		t[k.prefix[0]] = append(t[k.prefix[0]], k)
	}
	return t
}()

// tokenEnd returns the end of a JSON web token whose first part ends at i: one
// to four more parts, of which the second is never short.
func tokenEnd(s string, i int) int {
	end := i
	for part := 1; part < 5 && at(s, end) == '.'; part++ {
		to := end + 1
		for to < len(s) && is(s[to], name) {
			to++
		}
		if part == 1 && to-end-1 < 10 && at(s, to) != '.' {
			return i
		}
		if to == end+1 && at(s, to) != '.' {
			break
		}
		end = to
	}
	return end
}

func base64End(s string, i int) int {
	for i < len(s) && (is(s[i], name) || s[i] == '+' || s[i] == '/') {
		i++
	}
	for n := 0; n < 2 && at(s, i) == '='; n++ {
		i++
	}
	return i
}

// findPEM finds private keys in PEM form, also inside a JSON string. Of one
// that is cut off, it finds what looks like its body.
func findPEM(s string) (found []piece) {
	const begin, end = "-----BEGIN ", "-----END "
	next := -1 // the first end at or after i
	for i := 0; ; {
		n := strings.Index(s[i:], begin)
		if n < 0 {
			return found
		}
		from := i + n
		i = from + len(begin)
		label := strings.Index(s[i:min(len(s), i+80)], "-----")
		if label < 0 || !strings.Contains(s[i:i+label], "PRIVATE KEY") {
			continue
		}
		i += label + len("-----")
		if next < i && next != len(s) {
			if next = strings.Index(s[i:], end); next < 0 {
				next = len(s)
			} else {
				next += i
			}
		}
		to := i
		if next < len(s) && !strings.Contains(s[i:next], begin) && strings.IndexByte(s[i:next], '[') < 0 {
			to = next + len(end)
			if n := strings.Index(s[to:min(len(s), to+80)], "-----"); n >= 0 {
				to += n + len("-----")
			}
		} else {
			to = pemBody(s, i)
		}
		if to > i {
			found = append(found, piece{from, to})
			i = to
		}
	}
}

// pemBody returns where lines of base64 that begin at i end.
func pemBody(s string, i int) int {
	end := i
	for {
		for i < len(s) && (s[i] == '\n' || s[i] == '\r' || s[i] == ' ') || at(s, i) == '\\' && (at(s, i+1) == 'n' || at(s, i+1) == 'r') {
			if s[i] == '\\' {
				i++
			}
			i++
		}
		to := base64End(s, i)
		if to-i < minKey {
			return end
		}
		i, end = to, to
	}
}

// findURLPasswords finds the password in scheme://user:password@host.
func findURLPasswords(s string) (found []piece) {
	for i := 0; ; {
		n := strings.Index(s[i:], "://")
		if n < 0 {
			return found
		}
		i += n + 3
		end := i
		for end < len(s) && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte("/?#\"'`<>\\", s[end]) < 0 {
			end++
		}
		if host := strings.LastIndexByte(s[i:end], '@'); host >= 0 && strings.IndexByte(s[i:i+host], '[') < 0 {
			if colon := strings.IndexByte(s[i:i+host], ':'); colon >= 0 && !placeholder(s[i+colon+1:i+host]) {
				found = append(found, piece{i + colon + 1, i + host})
			}
		}
		i = end
	}
}

// placeholder reports whether v stands for a secret instead of being one.
func placeholder(v string) bool {
	if len(v) < 3 || strings.IndexByte("[$<{*", v[0]) >= 0 {
		return true
	}
	if strings.Trim(v, "xX") == "" {
		return true
	}
	switch strings.ToLower(v) {
	case "pass", "password", "passwd", "pwd", "secret", "token", "key", "...":
		return true
	}
	return false
}
