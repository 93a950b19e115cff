package openai

import "strconv"

// A frame is read once for two: into what a run is told of, and into go-openai's
// value, which has to be what encoding/json makes of it. Where the two may
// differ the scanner notes that the frame is odd: a key that is written in
// another case or comes again, a value of another type than is due. Such a frame
// is read again for the caller, by encoding/json.

// keys is a set of keys of one object that have been read.
type keys uint32

// once adds the key to those that have been read. One that comes again is odd.
func (s *scanner) once(seen *keys, key keys) {
	if *seen&key != 0 {
		s.odd = true
	}
	*seen |= key
}

// other skips the value of a key that neither has. The keys of a struct, all of
// which are lower case, fit any case.
func (s *scanner) other() {
	for _, c := range s.name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			s.odd = true
		}
	}
	s.skip()
}

// pass returns the bytes of a value that encoding/json has to read.
func (s *scanner) pass() []byte {
	v := s.value()
	s.odd = s.odd || v != nil
	return v
}

// letters returns the text of a string for go-openai's value, valid until the
// frame is gone.
func (s *scanner) letters() []byte {
	if s.peek() != '"' {
		s.pass()
		return nil
	}
	return s.bytes()
}

// label is letters as a string, which is not made anew if it is the one that is
// expected.
func (s *scanner) label(expected string) string {
	if b := s.letters(); string(b) != expected {
		return string(b)
	}
	return expected
}

// count returns an integer for go-openai's value.
func (s *scanner) count() int {
	v := s.raw()
	n, err := strconv.Atoi(string(v))
	s.odd = s.odd || err != nil && string(v) != "null"
	return n
}
