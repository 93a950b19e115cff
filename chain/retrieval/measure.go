package retrieval

import "unicode/utf8"

// head returns how many bytes at the beginning of text fit into size.
func (s Splitter) head(text string, size int) int {
	if s.Count == nil {
		for i := range text {
			if size--; size < 0 {
				return i
			}
		}
		return len(text)
	}
	return s.longest(len(text), size, func(n int) string { return text[:runeStart(text, n)] })
}

// tail returns how many bytes at the end of text fit into size.
func (s Splitter) tail(text string, size int) int {
	if s.Count == nil {
		left := text
		for ; size > 0 && left != ""; size-- {
			_, n := utf8.DecodeLastRuneInString(left)
			left = left[:len(left)-n]
		}
		return len(text) - len(left)
	}
	return s.longest(len(text), size, func(n int) string { return text[runeStart(text, len(text)-n):] })
}

// longest returns the length of a part that fits into size and fills nearly all
// of it, if one does. part returns a part of up to n bytes, n being no more than
// all. A few counts do, since a token has about as many bytes as the next.
func (s Splitter) longest(all, size int, part func(n int) string) int {
	const bytesPerToken = 4
	fits, tooLong := 0, all+1
	n := bytesPerToken * min(size, all)
	for round := 0; tooLong-fits > 1; round++ {
		n = max(fits+1, min(n, tooLong-1))
		count := s.Count(part(n))
		if count > size {
			tooLong = n
		} else if fits = n; count > size-size/16 {
			break
		}
		switch {
		case round < 4 && count > 0:
			n = int(float64(n) / float64(count) * float64(size-size/32))
		case tooLong > all:
			n *= 2
		default:
			n = fits + (tooLong-fits)/2
		}
	}
	return len(part(fits))
}

// runeStart returns where the character begins that holds byte i of text.
func runeStart(text string, i int) int {
	for j := i; j >= 0 && j > i-utf8.UTFMax && j < len(text); j-- {
		if utf8.RuneStart(text[j]) {
			if _, n := utf8.DecodeRuneInString(text[j:]); j+n > i {
				return j
			}
			break
		}
	}
	return i
}
