package tracing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendField appends "name":"value".
func appendField(b []byte, name, value string) []byte {
	b = append(append(append(b, '"'), name...), '"', ':')
	return appendString(b, value)
}

// appendString appends s, which is valid UTF-8, as a JSON string.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}

// shorten cuts s to limit bytes, with a mark that says how many are left out.
// What is JSON stays JSON.
func shorten(s string, limit int) (short string, lost int) {
	if len(s) <= limit {
		return s, 0
	}
	if isDocument(s) && json.Valid([]byte(s)) {
		return shortenJSON(s, limit)
	}
	const mark = "…[%d bytes more]"
	short = cut(s, max(limit-len(mark)-8, 0))
	lost = len(s) - len(short)
	return short + fmt.Sprintf(mark, lost), lost
}

// isDocument reports whether s begins as a JSON object or array does.
func isDocument(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	return s != "" && (s[0] == '{' || s[0] == '[')
}

// shortenJSON cuts s, which is valid JSON, to limit bytes and closes what is
// open there. The text that it ends in has … at its end.
func shortenJSON(s string, limit int) (short string, lost int) {
	if len(s) <= limit {
		return s, 0
	}
	var open []byte // the brackets that close what is open
	end := 0        // s[:end] can be closed
	depth := 0      // of end
	key := false    // the next string is a key
	for i := 0; i < len(s) && i+len(open) <= limit; {
		switch c := s[i]; c {
		case '{', '[':
			open = append(open, c+2)
			i++
			if i+len(open) <= limit {
				end, depth = i, len(open)
			}
			key = c == '{'
			continue
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			key = len(open) > 0 && open[len(open)-1] == '}'
			i++
			continue
		case ':':
			key = false
			i++
			continue
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '"':
			to := stringEnd(s, i)
			if key {
				i = to
				continue
			}
			if to+len(open) > limit {
				// Cut the text itself, if a little of it can stay.
				if room := limit - len(open) - len(`…"`); room > i+1 {
					at := stringCut(s, i+1, room)
					return s[:at] + `…"` + closing(open), len(s) - at
				}
				return closed(s, end, open[:min(depth, len(open))])
			}
			i = to - 1
		default:
			for i+1 < len(s) && strings.IndexByte(",]} \t\r\n", s[i+1]) < 0 {
				i++
			}
		}
		i++
		if i+len(open) <= limit {
			end, depth = i, len(open)
		}
	}
	return closed(s, end, open[:min(depth, len(open))])
}

func closed(s string, end int, open []byte) (string, int) {
	if end == 0 {
		return "null", len(s) // a number or a text without room
	}
	return s[:end] + closing(open), len(s) - end
}

func closing(open []byte) string {
	b := make([]byte, len(open))
	for i, c := range open {
		b[len(open)-1-i] = c
	}
	return string(b)
}

// stringEnd returns the end of the JSON string that begins at i, len(s) if it
// has none.
func stringEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// stringCut returns where the inside of a JSON string that begins at i can be
// cut, at or before limit: between runes, and not in an escape.
func stringCut(s string, i, limit int) int {
	for i < limit {
		next := i + 1
		switch c := s[i]; {
		case c == '\\' && s[i+1] == 'u':
			next = i + 6
			if r, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil && r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(s[next:], `\u`) {
				next += 6 // the other half of a pair
			}
		case c == '\\':
			next = i + 2
		case c >= utf8.RuneSelf:
			_, n := utf8.DecodeRuneInString(s[i:])
			next = i + n
		}
		if next > limit {
			break
		}
		i = next
	}
	return i
}
