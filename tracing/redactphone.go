package tracing

import (
	"strings"
	"unicode/utf8"
)

// A number is a row of groups of digits with marks between them, as telephone
// numbers are written. Its length is bounded by what a telephone number can be.
type number struct {
	s      string
	groups [maxGroups]group
	marks  [maxGroups]mark // after each group, if another one follows
	sizes  [maxGroups]int  // digits up to each group, with it
	digits [maxPhone]byte
	n      int  // groups
	plus   bool // + before it
	area   bool // the first group is in parentheses
	from   int  // with the plus or the parenthesis
	done   int  // where the number before it ended that was found
}

// back returns the i-th byte before the number. What was found before is as if
// it were gone already, so that looking again finds nothing new.
func (n *number) back(i int) byte {
	switch i = n.from - i; {
	case i >= n.done && i >= 0:
		return n.s[i]
	case n.done > 0:
		return ']'
	}
	return 0
}

// A mark tells what stands between two groups.
type mark uint8

const (
	space mark = 1 << iota
	dash
	dot
	slash
	paren
)

const (
	maxGroups = 7
	minPhone  = 7  // digits
	maxPhone  = 15 // digits, by E.164
)

// findPhones looks at each group of digits that a number can begin with.
func findPhones(s string) (found []piece) {
	if len(s) < minPhone {
		return nil
	}
	done := 0 // where the last number ended
	for i := nextDigit(s, 0); i < len(s); i = nextDigit(s, i) {
		g := groupAt(s, i)
		if g.len() > maxPhone {
			i = g.to
			continue
		}
		n := numberAt(s, g, done)
		if to := n.end(); to > 0 {
			found = append(found, piece{n.from, to})
			i, done = to, to
			continue
		}
		i = g.to
	}
	return found
}

// numberAt reads the groups from g on.
func numberAt(s string, g group, done int) number {
	n := number{s: s, from: g.from, done: done}
	switch before(s, g.from) {
	case '+':
		n.plus, n.from = true, g.from-1
	case '(':
		n.area, n.from = true, g.from-1
		if before(s, n.from) == '+' {
			n.plus, n.area, n.from = true, false, n.from-1
		}
	}
	size := 0
	for {
		n.groups[n.n] = g
		if size < maxPhone {
			copy(n.digits[size:], s[g.from:g.to])
		}
		size += g.len()
		n.sizes[n.n] = size
		n.n++
		to, m := gapAt(s, g.to)
		if n.n == maxGroups || m == 0 {
			return n
		}
		n.marks[n.n-1] = m
		g = groupAt(s, to)
	}
}

// gapAt reads the marks at i that may stand between two groups of one number.
// It returns none if no digit follows.
func gapAt(s string, i int) (to int, m mark) {
	spaces := 0
	for n := 0; n < 4; n++ {
		switch c := at(s, i); {
		case is(c, digit):
			return i, m
		case c == ' ':
			m |= space
			if spaces++; spaces > 1 && m == space {
				return i, 0 // columns of a table
			}
		case c == '-':
			m |= dash
		case c == '.':
			m |= dot
		case c == '/':
			m |= slash
		case c == '(' || c == ')':
			m |= paren
		case c < utf8.RuneSelf:
			return i, 0
		case strings.HasPrefix(s[i:], "\u00a0"):
			m |= space
			i++
		case strings.HasPrefix(s[i:], "\u2011"), strings.HasPrefix(s[i:], "\u2013"):
			m |= dash
			i += 2
		default:
			return i, 0
		}
		i++
	}
	if is(at(s, i), digit) {
		return i, m
	}
	return i, 0
}

// gap returns the marks after the i-th group as they are written.
func (n *number) gap(i int) string { return n.s[n.groups[i].to:n.groups[i+1].from] }

// end returns where the telephone number ends, 0 if it is none.
func (n *number) end() int {
	if n.sizes[n.n-1] < minPhone || !n.free() {
		return 0
	}
	cue := cueBefore(n.s[n.done:n.from])
	if cue != phoneCue && n.back(1) == ':' && is(n.back(2), alnum) {
		return 0
	}
	for k := n.n; k > 0; k-- {
		size := n.sizes[k-1]
		if size < minPhone {
			return 0
		}
		if size > maxPhone || !n.closed(k) || !n.plus && n.hasDate(k) {
			continue
		}
		if n.plus && n.international(k, size) || cue == phoneCue && !n.plus ||
			cue == noCue && !n.plus && n.national(k, size) {
			return n.groups[k-1].to
		}
	}
	return 0
}

// free reports whether a number can begin here.
func (n *number) free() bool {
	c, d := n.back(1), n.back(2)
	switch {
	case c == 'n' && d == '\\' || c == 'r' && d == '\\' || c == 't' && d == '\\':
		return true // \n in JSON
	case is(c, alnum) || c != 0 && strings.IndexByte("_-#$@%*+\\^&/~", c) >= 0:
		return false
	case c == '.' || c == ':':
		return !is(d, digit)
	case c == ',': // 1,415
		return !is(d, digit) || n.groups[0].len() != 3
	case c == ' ' && !n.plus && !n.area:
		return d != '-' && d != '_' || !is(n.back(3), digit)
	case c >= utf8.RuneSelf:
		for _, sign := range []string{"€", "£", "¥", "￥", "°", "№", "–", "−", "±"} {
			if strings.HasSuffix(n.s[n.done:n.from], sign) {
				return false
			}
		}
	}
	return true
}

// closed reports whether a number can end after the k-th group.
func (n *number) closed(k int) bool {
	s, i := n.s, n.groups[k-1].to
	switch c := at(s, i); {
	case is(c, alnum) || c == '_' || c == '%' || c == '@' || c == '*' || c == '=':
		return false
	case c == '-':
		return !is(at(s, i+1), alnum)
	case c == '.' || c == ':' || c == '/' || c == '(':
		return !is(at(s, i+1), digit)
	case c == ')':
		return k > 1 || !n.area
	}
	return k == n.n || n.marks[k-1]&space != 0 && !is(at(s, i), joint)
}

// hasDate reports whether a day stands among the first k groups.
func (n *number) hasDate(k int) bool {
	for i := 0; i+2 < k; i++ {
		a, b, c := n.groups[i], n.groups[i+1], n.groups[i+2]
		if m := n.marks[i]; m != n.marks[i+1] || m != dash && m != dot && m != slash {
			continue
		}
		switch {
		case a.len() == 4 && b.len() <= 2 && c.len() <= 2:
			return true
		case a.len() <= 2 && b.len() <= 2 && c.len() == 4:
			return true
		case a.len() == 2 && b.len() == 2 && c.len() == 2 && k == 3:
			return true
		}
	}
	return false
}

func (n *number) text(i int) string { return n.s[n.groups[i].from:n.groups[i].to] }

// international reports whether the first k groups are a number with country
// code, of size digits.
func (n *number) international(k, size int) bool {
	first := n.text(0)
	if first[0] == '0' || size < 8 {
		return false
	}
	switch first[0] {
	case '1': // North America: ten digits follow, of which the first and the fourth are 2 to 9
		d := &n.digits
		return size == 11 && d[1] >= '2' && d[4] >= '2'
	case '7':
		return size == 11
	}
	return true
}

// spaced reports whether there are only spaces between the first k groups.
func (n *number) spaced(k int) bool {
	for i := range k - 1 {
		if n.marks[i] != space {
			return false
		}
	}
	return k > 1
}

// same reports whether the marks between the first k groups are all alike.
func (n *number) same(k int) bool {
	for i := 1; i < k-1; i++ {
		if n.gap(i) != n.gap(0) {
			return false
		}
	}
	return true
}

// shape reports whether the first k groups have these lengths.
func (n *number) shape(k int, lengths ...int) bool {
	if k != len(lengths) {
		return false
	}
	for i, l := range lengths {
		if n.groups[i].len() != l {
			return false
		}
	}
	return true
}

// alone reports whether no other figures stand beside the first k groups, so
// that they are no part of a row. What follows a number that was found is alone.
func (n *number) alone(k int) bool {
	if n.back(1) == ' ' && is(n.back(2), digit) && n.plainBefore() {
		return false
	}
	i := n.groups[k-1].to
	if at(n.s, i) != ' ' || !is(at(n.s, i+1), digit) {
		return true
	}
	g := groupAt(n.s, i+1)
	_, m := gapAt(n.s, g.to)
	return m != 0 && at(n.s, g.to) != ' '
}

// plainBefore reports whether the word of digits before the space before the
// number has nothing else in it.
func (n *number) plainBefore() bool {
	i := 2
	for i < maxPhone && is(n.back(i), digit) {
		i++
	}
	c := n.back(i)
	return c == 0 || c == ' ' || c >= utf8.RuneSelf || is(c, digit)
}
