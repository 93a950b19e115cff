package token

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// A class is what the split patterns ask of a rune. Zero is everything that is
// neither letter, mark, number nor white space.
type class uint8

const (
	upper    class = 1 << iota // Lu, Lt
	lower                      // Ll
	caseless                   // Lm, Lo
	mark                       // M
	number                     // N
	space                      // White_Space
	newline                    // \r and \n, which are space too

	letter = upper | lower | caseless
)

// classes maps runes to classes in two steps, as a range search per rune would
// take most of the time of counting non-Latin text.
type classes struct {
	ascii [utf8.RuneSelf]class
	page  [unicode.MaxRune>>8 + 1]uint16 // rune>>8 to index of block
	block [][256]class
}

// runeClasses builds the table from package unicode once, in about 2 ms.
var runeClasses = sync.OnceValue(func() *classes {
	flat := make([]class, unicode.MaxRune+1)
	for c, tables := range map[class][]*unicode.RangeTable{
		upper:    {unicode.Lu, unicode.Lt},
		lower:    {unicode.Ll},
		caseless: {unicode.Lm, unicode.Lo},
		mark:     {unicode.M},
		number:   {unicode.N},
		space:    {unicode.White_Space},
	} {
		for _, t := range tables {
			for _, r := range t.R16 {
				for i := int(r.Lo); i <= int(r.Hi); i += int(r.Stride) {
					flat[i] |= c
				}
			}
			for _, r := range t.R32 {
				for i := int(r.Lo); i <= int(r.Hi); i += int(r.Stride) {
					flat[i] |= c
				}
			}
		}
	}
	flat['\r'] |= newline
	flat['\n'] |= newline

	t := &classes{}
	copy(t.ascii[:], flat)
	seen := make(map[[256]class]uint16)
	for p := range t.page {
		b := [256]class(flat[p<<8:])
		i, ok := seen[b]
		if !ok {
			i = uint16(len(t.block))
			seen[b] = i
			t.block = append(t.block, b)
		}
		t.page[p] = i
	}
	return t
})

// at returns the class and the width of the rune at s[i].
func (t *classes) at(s string, i int) (class, int) {
	if b := s[i]; b < utf8.RuneSelf {
		return t.ascii[b], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return t.block[t.page[r>>8]][r&0xff], n
}

// run returns the end of the runes from s[i] on that have a class of mask.
func (t *classes) run(s string, i int, mask class) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if c&mask == 0 {
			break
		}
		i += n
	}
	return i
}

// runOther returns the end of the runes from s[i] on that are neither letter,
// number nor white space.
func (t *classes) runOther(s string, i int) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if c&(letter|number|space) != 0 {
			break
		}
		i += n
	}
	return i
}
