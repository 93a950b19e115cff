package token

// A splitter returns the end of the piece of s that begins at i < len(s), where
// tokens never cross the border of a piece. It does by hand what the published
// regular expression of an encoding does, looking at each rune at most twice.
type splitter func(t *classes, s string, i int) int

// splitGPT2 is the pattern of r50k_base, p50k_base and p50k_edit:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(t *classes, s string, i int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], false); n > 0 {
			return i + 1 + n
		}
	}
	j := i
	if s[i] == ' ' && i+1 < len(s) {
		j++
	}
	switch c, n := t.at(s, j); {
	case c&letter != 0:
		return t.run(s, j+n, letter)
	case c&number != 0:
		return t.run(s, j+n, number)
	case c&space == 0:
		return t.runOther(s, j+n)
	}
	end, last, _ := t.blank(s, i)
	return unlessAll(s, i, end, last)
}

// splitCL100K is the pattern of cl100k_base:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//	 ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitCL100K(t *classes, s string, i int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], true); n > 0 {
			return i + 1 + n
		}
	}
	c, n := t.at(s, i)
	if c&letter != 0 {
		return t.run(s, i+n, letter)
	}
	if c&number != 0 {
		return t.upTo3(s, i)
	}
	if j := i + n; c&newline == 0 && j < len(s) {
		if c, n := t.at(s, j); c&letter != 0 {
			return t.run(s, j+n, letter)
		}
	}
	if end := t.punctuation(s, i, c); end > i {
		for end < len(s) && (s[end] == '\r' || s[end] == '\n') {
			end++
		}
		return end
	}
	return t.whiteSpace(s, i)
}

// splitO200K is the pattern of o200k_base:
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
//	\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitO200K(t *classes, s string, i int) int {
	c, n := t.at(s, i)
	if c&number != 0 {
		return t.upTo3(s, i)
	}
	if c&newline == 0 {
		j := i
		if c&letter == 0 {
			j += n
		}
		end := t.word(s, j, c&mark == 0)
		if end == j && c&mark != 0 {
			end = i + n // the mark is no prefix but the word
		} else if end == j {
			end = i
		}
		if end > i {
			if end < len(s) && s[end] == '\'' {
				if n := contraction(s[end+1:], true); n > 0 {
					end += 1 + n
				}
			}
			return end
		}
	}
	if end := t.punctuation(s, i, c); end > i {
		for end < len(s) && (s[end] == '\r' || s[end] == '\n' || s[end] == '/') {
			end++
		}
		return end
	}
	return t.whiteSpace(s, i)
}

// word returns the end of a word of o200k_base that begins at i, or i if there
// is none. A word ends in lower case or, failing that, after its last caseless
// rune; one that is upper case throughout counts only if capitals is set.
func (t *classes) word(s string, i int, capitals bool) int {
	const both = caseless | mark
	j, caseless := i, i
	for j < len(s) {
		c, n := t.at(s, j)
		if c&lower != 0 {
			return t.run(s, j+n, lower|both)
		}
		if c&(upper|both) == 0 {
			break
		}
		j += n
		if c&both != 0 {
			caseless = j
		}
	}
	if caseless > i || !capitals {
		return caseless
	}
	return j
}

// upTo3 returns the end of one to three numbers at s[i].
func (t *classes) upTo3(s string, i int) int {
	for range 3 {
		if i == len(s) {
			break
		}
		c, n := t.at(s, i)
		if c&number == 0 {
			break
		}
		i += n
	}
	return i
}

// punctuation matches ` ?[^\s\p{L}\p{N}]+` at s[i], whose class is c, and
// returns i if it does not match.
func (t *classes) punctuation(s string, i int, c class) int {
	j := i
	if s[i] == ' ' {
		j++
	} else if c&space != 0 {
		return i
	}
	if end := t.runOther(s, j); end > j {
		return end
	}
	return i
}

// whiteSpace matches `\s*[\r\n]+|\s+(?!\S)|\s+` at s[i], which is white space.
func (t *classes) whiteSpace(s string, i int) int {
	end, last, line := t.blank(s, i)
	if line > i {
		return line
	}
	return unlessAll(s, i, end, last)
}

// blank scans the white space at s[i]: its end, where its last rune begins, and
// the end of its last line, or i.
func (t *classes) blank(s string, i int) (end, last, line int) {
	end, last, line = i, i, i
	for end < len(s) {
		c, n := t.at(s, end)
		if c&space == 0 {
			break
		}
		last = end
		end += n
		if c&newline != 0 {
			line = end
		}
	}
	return end, last, line
}

// unlessAll matches `\s+(?!\S)|\s+`: white space before a word leaves its last
// rune to the word, unless it has only that one.
func unlessAll(s string, i, end, last int) int {
	if end == len(s) || last == i {
		return end
	}
	return last
}

// contraction returns the length of the English contraction that s begins with
// after its apostrophe, or 0. Only ASCII letters fold to those in question.
func contraction(s string, fold bool) int {
	at := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		if c := s[i]; fold && 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return s[i]
	}
	switch at(0) {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if at(1) == 'e' {
			return 2
		}
	case 'l':
		if at(1) == 'l' {
			return 2
		}
	}
	return 0
}
