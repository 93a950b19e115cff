package tracing

import "strings"

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
