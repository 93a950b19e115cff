package tracing

import (
	"encoding/base64"
	"strings"
)

// assigned says whether the run from..to belongs to a value that is given to a
// name such as api_key, or stands behind Bearer, and looks random.
func assigned(s string, from, to int, h shape) (piece, bool) {
	if h.digits == 0 {
		return piece{}, false
	}
	begin := from
	if !is(before(s, from), name) {
		for begin > 0 && from-begin < 128 && isValue(s[begin-1]) {
			begin--
		}
	}
	how := giver(s, begin)
	if how == noSecret {
		return piece{}, false
	}
	end := to
	for end < len(s) && isValue(s[end]) {
		end++
	}
	for n := 0; n < 2 && at(s, end) == '='; n++ {
		end++
	}
	for end > to && (s[end-1] == '.' || s[end-1] == '/') {
		end--
	}
	v := s[begin:end]
	if how == basicSecret && !validBasic(v) {
		return piece{}, false
	}
	if how == namedSecret {
		// What dots divide may be secret for other reasons.
		word := piece{begin + strings.LastIndexByte(s[begin:from], '.') + 1, end}
		if n := strings.IndexByte(s[to:end], '.'); n >= 0 {
			word.to = to + n
		}
		if !shapeOf(s[word.from:word.to]).assigned() {
			return piece{}, false
		}
	}
	return piece{begin, end}, true
}

// assigned reports whether a value is random and no name of a variable, a file
// or a thing.
func (h shape) assigned() bool {
	switch {
	case h.digits < 2 || h.longest < 12 && (h.uppers < 2 || h.lowers < 2):
		return false
	case h.hex:
		return h.longest >= 12
	}
	return h.turns*4 >= h.size
}

// isValue reports whether c can be in a secret, = at its end apart.
func isValue(c byte) bool {
	return is(c, name) || c == '+' || c == '/' || c == '.' || c == '~'
}

// How a value is known to be a secret.
const (
	noSecret = iota
	namedSecret
	bearerSecret
	basicSecret
)

// giver looks at what stands before the value that begins at i.
func giver(s string, i int) int {
	unquoted := skipBack(s, i, "\"'`\\")
	spaced := skipBack(s, unquoted, " \t")
	if spaced < unquoted {
		word := wordBefore(s, spaced)
		switch scheme := strings.TrimLeft(word, "-_"); {
		case strings.EqualFold(scheme, "bearer"), strings.EqualFold(scheme, "token"):
			return bearerSecret
		case strings.EqualFold(scheme, "basic"):
			return basicSecret
		case strings.HasPrefix(word, "--") && secretName(word, false): // a flag
			return namedSecret
		}
	}
	end := skipBack(s, spaced, ":=>")
	if end == spaced {
		if end = len(strings.TrimSuffix(s[:spaced], "：")); end == spaced {
			return noSecret
		}
	}
	end = skipBack(s, end, " \t")
	if before(s, end) == ']' && strings.IndexByte("\"'`", before(s, end-1)) >= 0 {
		end-- // environ["API_KEY"] = ...
	}
	end = skipBack(s, end, "\"'`\\")
	word := wordBefore(s, end)
	mark := before(s, end-len(word))
	if secretName(word, mark == '?' || mark == '&' || mark == ';') {
		return namedSecret
	}
	return noSecret
}

// skipBack returns where the bytes of set that end at i begin; it goes back no
// more than a few.
func skipBack(s string, i int, set string) int {
	for n := 0; n < 4 && i > 0 && strings.IndexByte(set, s[i-1]) >= 0; n++ {
		i--
	}
	return i
}

// wordBefore returns the name that ends at i.
func wordBefore(s string, i int) string {
	from := i
	for from > 0 && i-from < maxName && is(s[from-1], name) {
		from--
	}
	return s[unescaped(s, from):i]
}

const maxName = 48

// secretNames end the names of what is secret, without - and _.
var secretNames = []string{
	"apikey", "accesskey", "secretkey", "accountkey", "sharedaccesskey", "privatekey", "authkey", "subscriptionkey",
	"functionskey", "masterkey", "encryptionkey", "signingkey", "adminkey", "servicekey", "appkey",
	"token", "secret", "secretid", "secretvalue", "password", "passwd", "pwd", "passphrase", "credential", "credentials",
}

// secretName reports whether the value of a thing with this name is secret. A
// signature is so in a URL only, as are the short names of some clouds.
func secretName(word string, query bool) bool {
	var buf [maxName]byte
	n := 0
	for i := 0; i < len(word) && n < maxName; i++ {
		if is(word[i], alnum) {
			buf[n] = word[i] | 0x20 // lower case; digits have the bit
			n++
		}
	}
	b := string(buf[:n])
	switch b {
	case "pwd", "oldpwd":
		return word[0] != 'P' && word[0] != 'O' // the shell's directory
	case "ak", "sk", "authorization", "proxyauthorization", "cookie", "setcookie":
		return true
	case "sig", "signature", "key", "code", "xamzsignature", "xgoogsignature":
		return query
	}
	for _, end := range secretNames {
		if strings.HasSuffix(b, end) {
			return !strings.HasSuffix(b, "pagetoken") && b != "nexttoken" && b != "continuationtoken"
		}
	}
	return false
}

func validBasic(v string) bool {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
	return err == nil && strings.IndexByte(string(b), ':') >= 0
}

// passwordMarks are in every name of a password.
var passwordMarks = []string{"assw", "ASSW", "assphrase", "ASSPHRASE", "pwd", "Pwd"}

// findPasswords finds passwords by their names alone: they are shorter than
// keys and need not look random.
func findPasswords(s string) (found []piece) {
	for _, mark := range passwordMarks {
		for i := 0; ; {
			n := strings.Index(s[i:], mark)
			if n < 0 {
				break
			}
			i += n + len(mark)
			end := i
			for end < len(s) && end-i < maxName && is(s[end], name) {
				end++
			}
			if secretName(wordBefore(s, end), false) && !is(at(s, end), name) {
				p, ok := passwordAt(s, end)
				if ok {
					found = append(found, p)
				}
				end = max(end, p.to) // what was read is not read again
			}
			i = end
		}
	}
	return found
}

// passwordAt says whether a password is assigned to the name that ends at i.
func passwordAt(s string, i int) (p piece, ok bool) {
	skip := func(set string, most int) (n int) {
		for n < most && i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
			i++
			n++
		}
		return n
	}
	skip("\"'`\\]", 4)
	spaces := skip(" \t", 2)
	assign := i
	if skip(":=>", 2); assign == i {
		if !strings.HasPrefix(s[i:], "：") {
			return p, false
		}
		i += len("：")
	}
	switch s[assign:i] {
	case "==", "=:", "::", ">", ">=", ">>", ">:":
		return p, false
	}
	spaces += skip(" \t", 2)
	quoted := skip("\"'`\\", 2) > 0
	p.from = i
	var symbols, letters, digits, uppers, lowers, dots int
	for ; i < len(s) && s[i] > ' ' && s[i] < 0x7f && strings.IndexByte("\"'`\\,;(){}[]<>&|", s[i]) < 0; i++ {
		switch c := classes[s[i]]; {
		case c&digit != 0:
			digits++
		case c&upper != 0:
			uppers++
		case c&lower != 0:
			lowers++
		case s[i] == '.':
			dots++
		case c&joint == 0:
			symbols++
		}
	}
	called := at(s, i) == '(' || at(s, i) == '['
	for i > p.from && !quoted && strings.IndexByte(".:!?", s[i-1]) >= 0 && symbols+dots == 1 {
		i, symbols, dots = i-1, 0, 0 // the end of a sentence
	}
	p.to = i
	letters = uppers + lowers
	v := s[p.from:p.to]
	if len(v) < 6 || placeholder(v) || strings.IndexByte("/.+~-", v[0]) >= 0 || called || letters == 0 {
		return p, false
	}
	if dots > 0 && symbols == 0 && !quoted {
		return p, false // a field of a value
	}
	if quoted || spaces == 0 {
		return p, digits+symbols > 0
	}
	return p, symbols > 0 && digits > 0 || uppers > 0 && lowers > 0 && digits > 0
}
