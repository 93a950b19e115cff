package main

import (
	"strings"
	"unicode/utf8"
)

// wrap breaks text into lines of at most width columns, at spaces and between wide
// characters. A word that is longer than that stays in one piece.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, piece := range pieces(text) {
		n := cells.StringWidth(strings.TrimRight(piece, " "))
		if used > 0 && used+n > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line, used = "", 0
		}
		line += piece
		used += cells.StringWidth(piece)
	}
	return append(lines, strings.TrimRight(line, " "))
}

// pieces cuts text where a line may end: after a space, and on either side of a
// wide character. Punctuation stays with what it belongs to.
func pieces(text string) []string {
	var out []string
	begin := 0
	for i := 1; i < len(text); i++ {
		if !utf8.RuneStart(text[i]) {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i:])
		wide := cells.RuneWidth(before) > 1 || cells.RuneWidth(after) > 1
		if after != ' ' && (before == ' ' || wide && !strings.ContainsRune(",。:;)”、,.:;)", after) && !strings.ContainsRune("(“(", before)) {
			out = append(out, text[begin:i])
			begin = i
		}
	}
	return append(out, text[begin:])
}
