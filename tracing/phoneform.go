package tracing

import "strings"

// national reports whether the first k groups are written as a number is at
// home.
func (n *number) national(k, size int) bool {
	first, rest := n.groups[0].len(), k-1
	d := n.digits[:size]
	spaces := n.spaced(k)
	switch {
	case n.area:
		if rest == 0 || n.gap(0) != ")" && n.gap(0) != ") " && n.gap(0) != ")-" {
			return false
		}
		if d[0] == '0' {
			return first >= 2 && d[1] != '0' && size >= 9 && size <= 12
		}
		return first == 3 && size == 10 && d[0] >= '2' && d[3] >= '2' && n.shape(k, 3, 3, 4)
	case spaces && !n.alone(k):
		return false
	case n.shape(k, 3, 3, 4) && !spaces: // North America, and service numbers in China
		return n.same(k) && d[0] >= '2' && d[3] >= '2'
	case n.shape(k, 1, 3, 3, 4) && !spaces:
		return n.same(k) && d[0] == '1' && d[1] >= '2' && d[4] >= '2'
	case d[0] == '1' && size == 11 && (k == 1 || n.shape(k, 3, 4, 4)): // mobile phones in China
		return d[1] >= '3' && n.same(k) && (k > 1 || n.alone(k) && n.bareMobile())
	case k > 1 && d[0] == '0' && first >= 2 && first <= 5 && size >= 9 && size <= 12: // with the 0 of long-distance calls
		return d[1] != '0' && n.longDistance(k)
	case k > 2 && size >= 11 && strings.HasPrefix(n.text(0), "00"): // with 00 for abroad
		return d[2] != '0' && first <= 4 && n.groups[1].len() <= 4
	}
	return false
}

// longDistance tells numbers with a leading 0 from rows of other figures.
func (n *number) longDistance(k int) bool {
	pairs, last := true, k-1
	if n.marks[last-1] == dash && n.groups[last].len() == 1 && k > 2 {
		last-- // an extension
	}
	for i := range last {
		switch m := n.marks[i]; {
		case n.groups[i+1].len() < 2 || m&paren != 0:
			return false
		case m&slash != 0 && (i > 0 || n.groups[1].len() < 6):
			return false
		}
		pairs = pairs && n.groups[i].len() == 2 && n.groups[i+1].len() == 2
	}
	if pairs { // France
		return k == 5 && n.same(k) && !n.rising(k) && !n.dump(k)
	}
	for i := range last {
		if n.marks[i]&dot != 0 {
			return false
		}
	}
	return last == 1 && n.groups[1].len() >= 5 || last > 1 && last <= 4
}

// rising reports whether the first k groups, pairs of digits, count up.
func (n *number) rising(k int) bool {
	for i := 1; i < k; i++ {
		a, b := n.text(i-1), n.text(i)
		if (int(b[0])-int(a[0]))*10+int(b[1])-int(a[1]) != 1 {
			return false
		}
	}
	return true
}

// dump reports whether pairs of hexadecimal digits stand beside the first k
// groups.
func (n *number) dump(k int) bool {
	s, j := n.s, n.groups[k-1].to
	return n.back(1) == ' ' && is(n.back(2), hexa) && is(n.back(3), hexa) && !is(n.back(4), alnum) ||
		at(s, j) == ' ' && hexes(s, j+1, 2) && !is(at(s, j+3), alnum)
}

// bareMobile tells eleven digits that are a mobile phone in China from a count
// of bytes or of money, and from what a program assigns.
func (n *number) bareMobile() bool {
	v := 0
	for _, c := range n.digits[:11] {
		v = v*10 + int(c-'0')
	}
	if v%(1<<20) == 0 {
		return false // a size in memory
	}
	s, i := n.s, n.groups[0].to
	switch c := n.back(1); c {
	case '=', ':', '"', '\'', '(', '[', '<', '>':
		return false // nothing says that it is a phone's
	case ' ':
		if c := n.back(2); c == '=' || c == ':' || c == '<' || c == '>' || is(c, digit) {
			return false
		}
	}
	rest := strings.TrimPrefix(s[i:min(len(s), i+16)], " ")
	for _, unit := range []string{"字节", "元", "次", "个", "条", "行", "人", "美元", "公里"} {
		if strings.HasPrefix(rest, unit) {
			return false
		}
	}
	if rest != s[i:min(len(s), i+16)] { // a space, and a word after it
		word := rest
		for j := range len(word) {
			if !is(word[j], alnum) {
				word = word[:j]
				break
			}
		}
		switch strings.ToLower(word) {
		case "b", "byte", "bytes", "kb", "mb", "gb", "ns", "us", "ms", "s", "bits", "usd", "eur", "cny", "tokens", "rows", "people", "times", "dollars", "yuan", "hz":
			return false
		}
	}
	return true
}
