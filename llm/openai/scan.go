package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A scanner walks through one JSON value without building it. It accepts only
// valid JSON. The first error stays in err, and from then on every method
// returns at once, so that callers check once.
//
// Objects and arrays are walked like this:
//
//	for s.object(); s.key(); { switch string(s.name) { ...; default: s.skip() } }
//	for s.array(); s.element(); { s.skip() }
//
// Where an object or array is due, null counts as an empty one.
type scanner struct {
	b     []byte
	i     int
	name  []byte // of the current key
	first bool   // the next key or element is the first one
	empty bool   // what is being walked is null
	depth int
	odd   bool // encoding/json may read it in another way
	err   error
}

// maxDepth bounds nesting, as the standard library's decoder does.
const maxDepth = 1000

var (
	errSyntax = errors.New("invalid JSON")
	errDepth  = errors.New("JSON nested too deep")
)

func (s *scanner) fail(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("at byte %d: %w", s.i, err)
	}
	s.i = len(s.b)
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the first byte of the next value, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) literal(word string) {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		s.fail(errSyntax)
		return
	}
	s.i += len(word)
}

// open enters an object or array.
func (s *scanner) open(c byte) {
	s.first, s.empty = true, false
	switch s.peek() {
	case c:
		s.i++
		if s.depth++; s.depth > maxDepth {
			s.fail(errDepth)
		}
	case 'n':
		s.literal("null")
		s.empty = true
	default:
		s.fail(fmt.Errorf("want %q", c))
	}
}

func (s *scanner) object() { s.open('{') }
func (s *scanner) array()  { s.open('[') }

// more moves to the next key or element and reports whether there is one.
func (s *scanner) more(end byte) bool {
	if s.err != nil {
		return false
	}
	if s.empty {
		s.empty, s.first = false, false
		return false
	}
	c := s.peek()
	if c == end {
		s.i++
		s.depth--
		s.first = false
		return false
	}
	if !s.first {
		if c != ',' {
			s.fail(errSyntax)
			return false
		}
		s.i++
	}
	s.first = false
	return true
}

func (s *scanner) element() bool { return s.more(']') }

func (s *scanner) key() bool {
	if !s.more('}') {
		return false
	}
	if s.peek() != '"' {
		s.fail(errSyntax)
		return false
	}
	s.name = s.bytes()
	if s.peek() != ':' {
		s.fail(errSyntax)
		return false
	}
	s.i++
	return s.err == nil
}

// bytes returns the next string's text, valid until the frame is gone. null is
// an empty one.
func (s *scanner) bytes() []byte {
	switch s.peek() {
	case '"':
	case 'n':
		s.literal("null")
		return nil
	default:
		s.fail(errors.New("want a string"))
		return nil
	}
	b, begin := s.b, s.i
	plain, ascii := true, true
	i := begin + 1
	for ; i < len(b); i++ {
		c := b[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			continue
		}
		if c == '"' {
			s.i = i + 1
			text := b[begin+1 : i]
			if plain && (ascii || utf8.Valid(text)) {
				return text
			}
			// Escapes and broken UTF-8 are the standard library's to resolve.
			var v string
			if err := json.Unmarshal(b[begin:s.i], &v); err != nil {
				s.fail(errSyntax)
				return nil
			}
			return []byte(v)
		}
		if c < ' ' {
			break
		}
		if c == '\\' {
			plain = false
			i++
		} else {
			ascii = false
		}
	}
	s.i = i
	s.fail(errSyntax)
	return nil
}

// string returns the next string; null is "".
func (s *scanner) string() string {
	b := s.bytes()
	if len(b) == 0 {
		return ""
	}
	return string(b)
}

// known returns the next string, without a new one if it is the one that is
// expected; null is "".
func (s *scanner) known(expected string) string {
	b := s.bytes()
	if string(b) == expected {
		return expected
	}
	return string(b)
}

// int returns the next number; null is 0.
func (s *scanner) int() int {
	v := s.raw()
	if s.err != nil || string(v) == "null" {
		return 0
	}
	n, err := strconv.Atoi(string(v))
	if err != nil {
		s.fail(errors.New("want an integer"))
	}
	return n
}

// raw returns the bytes of the next value.
func (s *scanner) raw() []byte {
	s.space()
	begin := s.i
	s.skip()
	if s.err != nil {
		return nil
	}
	return s.b[begin:s.i]
}

// value is raw, but nil for null.
func (s *scanner) value() []byte {
	if v := s.raw(); string(v) != "null" {
		return v
	}
	return nil
}

// skip moves past the next value.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.bytes()
	case c == '{':
		for s.object(); s.key(); {
			s.skip()
		}
	case c == '[':
		for s.array(); s.element(); {
			s.skip()
		}
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	default:
		s.fail(errSyntax)
	}
}

func (s *scanner) digits() bool {
	begin := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > begin
}

func (s *scanner) at(cs string) bool {
	for i := range len(cs) {
		if s.i < len(s.b) && s.b[s.i] == cs[i] {
			s.i++
			return true
		}
	}
	return false
}

func (s *scanner) number() {
	s.at("-")
	ok := s.at("0") || s.digits()
	if ok && s.at(".") {
		ok = s.digits()
	}
	if ok && s.at("eE") {
		s.at("+-")
		ok = s.digits()
	}
	if !ok {
		s.fail(errSyntax)
	}
}

// end checks that nothing follows.
func (s *scanner) end() {
	if s.err == nil && s.peek() != 0 || s.err == nil && s.i < len(s.b) {
		s.fail(errSyntax)
	}
}
