package tracing

import (
	"encoding/base64"
	"strings"
)

// assigned says whether the run from..to belongs to a value that is given to a
// name such as api_key, stands behind Bearer or behind words such as API key,
// and looks random.
func assigned(s string, from, to int, h shape) (piece, bool) {
	if h.digits == 0 && !h.jumbled() && !byChance(s[from:to]) {
		return piece{}, false
	}
	for n := 0; n < 2 && is(before(s, from), joint); n++ { // a secret may begin with - and _
		from--
	}
	begin := from
	if !is(before(s, from), name) {
		for begin > 0 && from-begin < 128 && isValue(s[begin-1]) {
			begin--
		}
	}
	first := begin
	how := giver(s, begin)
	if how == noSecret && before(s, begin) == ':' { // FAL_KEY=id:secret
		for first--; first > 0 && begin-first < maxName && is(s[first-1], name); first-- {
		}
		if begin-first > minSecret {
			how = giver(s, first)
		}
	}
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
	if how >= namedSecret {
		// What dots divide may be secret for other reasons.
		word := piece{begin + strings.LastIndexByte(s[begin:from], '.') + 1, end}
		if n := strings.IndexByte(s[to:end], '.'); n >= 0 {
			word.to = to + n
		}
		h := shapeOf(s[word.from:word.to])
		chance := byChance(s[word.from:word.to])
		switch {
		case !chance && !h.assigned():
			return piece{}, false
		case how == namedSecret && h.digits > 1:
		case at(s, end) == '(', how == namedSecret && word.to-word.from < len(v), how > namedSecret && !h.keyOf(how, begin == from, chance, v):
			return piece{}, false // a function, a field of something, the name of a thing
		}
	}
	return piece{first, end}, true
}

// assigned reports whether a value is random and no name of a variable, a file
// or a thing.
func (h shape) assigned() bool {
	switch {
	case h.digits < 2:
		return h.jumbled()
	case h.longest < 12 && (h.uppers < 2 || h.lowers < 2):
		return false
	case h.hex:
		return h.longest >= 12
	case h.longest == h.size && (h.uppers == 0 || h.lowers == 0): // fewer turns can be
		return h.turns*6 >= h.size
	}
	return h.turns*4 >= h.size
}

// jumbled reports whether capitals and small letters are mixed as no name has
// them.
func (h shape) jumbled() bool {
	return h.uppers*3 >= h.size && h.lowers*3 >= h.size && h.turns*5 >= h.size
}

// keyOf reports whether v, whose shape is h, can be the key of something, or
// just a key. whole says that it begins with what has that shape: it is no path,
// and chance that it is none of words.
func (h shape) keyOf(how secrecy, whole, chance bool, v string) bool {
	if !whole && !strings.HasSuffix(v, "=") && strings.IndexByte(v, '+') < 0 {
		return false
	}
	if strings.HasPrefix(v, "0x") && len(v) <= len("0x")+16 { // a number
		return false
	}
	switch letters := h.uppers + h.lowers; {
	case !chance && h.digits <= 2 && h.turns*3 < h.size && !(h.size >= 28 && h.jumbled()): // names have as many
		return false
	case how == keyAlone:
		return (letters >= 4 || letters >= 2 && h.hex && h.size >= 32) && h.size >= 20 && (h.longest == h.size || strings.HasSuffix(v, "="))
	default:
		return letters >= 2 && h.longest >= minKey
	}
}

// isValue reports whether c can be in a secret, = at its end apart.
func isValue(c byte) bool {
	return is(c, name) || c == '+' || c == '/' || c == '.' || c == '~'
}

// giver looks at what stands before the value that begins at i.
func giver(s string, i int) secrecy {
	end := skipBack(s, i, "\"'`\\*")
	if before(s, end) == '(' && (end < i || before(s, end-1) == ' ') && !isNumber(s, i) {
		end-- // WithAPIKey("...
	}
	spaced := skipBack(s, end, " \t")
	if spaced < end {
		switch scheme := strings.TrimLeft(wordBefore(s, spaced), "-_"); {
		case strings.EqualFold(scheme, "bearer"), strings.EqualFold(scheme, "token"):
			return bearerSecret
		case strings.EqualFold(scheme, "basic"):
			return basicSecret
		}
	}
	named := skipMark(s, spaced)
	if named == spaced { // on the next line there has to be a mark
		if line := skipBack(s, spaced, " \t\r\n"); line < spaced {
			if named = skipMark(s, line); named == line {
				return noSecret
			}
		}
	}
	if named == i {
		return cueSays(s[:i])
	}
	return sayer(s, named)
}

// isNumber reports whether nothing but digits stands at i, behind a sign, up to
// the end of the word.
func isNumber(s string, i int) bool {
	if at(s, i) == '-' {
		i++
	}
	for is(at(s, i), digit) {
		i++
	}
	return !is(at(s, i), name)
}

// skipMark returns where the mark begins that ends at i and gives a value to a
// name; i if there is none.
func skipMark(s string, i int) int {
	if end := skipBack(s, i, ":=>*"); end < i {
		return end
	}
	for _, mark := range [...]string{"：", "是", "为", "%3D", "%3d", `\u003d`} {
		if strings.HasSuffix(s[:i], mark) {
			return i - len(mark)
		}
	}
	return i
}

// maxFillers bounds the words between a name and its value.
const maxFillers = 4

// sayer looks at the name or the words that end at i: of the API key provided
// is ..., the name is API key.
func sayer(s string, i int) secrecy {
	for range maxFillers {
		i = skipBack(s, i, " \t")
		if before(s, i) == ']' && strings.IndexByte("\"'`", before(s, i-1)) >= 0 {
			i-- // environ["API_KEY"] = ...
		}
		i = skipBack(s, i, "\"'`\\*")
		word := wordBefore(s, i)
		from := i - len(word)
		mark := before(s, from)
		switch {
		case word == "":
			return cueSays(s[:i])
		case mark == ' ' && filler(word):
			i = skipMark(s, from-1)
			continue
		}
		how := nameSays(word, mark == '?' || mark == '&' || mark == ';')
		if mark == ' ' && (how == keyAlone || strings.EqualFold(word, "keys")) {
			return keySays(wordBefore(s, skipBack(s, from, ": ")), word)
		}
		return how
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

func validBasic(v string) bool {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
	return err == nil && strings.IndexByte(string(b), ':') >= 0
}
