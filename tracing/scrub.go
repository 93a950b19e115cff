package tracing

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel"
)

// scrub returns s as it may be shown: valid UTF-8, without keys, and without
// what the redactors take out. What a redactor fails on is not shown.
func (c *config) scrub(s string) (out string) {
	if s == "" {
		return ""
	}
	defer func() {
		if p := recover(); p != nil {
			otel.Handle(fmt.Errorf("callspan: a redactor panicked on a text of %d bytes: %T", len(s), p)) // the panic may quote the text
			out = "[redactor failed]"
		}
	}()
	s = valid(s)
	if !isDocument(s) {
		return c.redacted(s)
	}
	if strings.IndexByte(s, '\\') >= 0 {
		s = c.scrubEscaped(s)
	}
	out = c.redacted(s)
	if out != s && json.Valid([]byte(s)) && !json.Valid([]byte(out)) {
		// A word has taken the place of a number.
		out = c.redacted(c.scrubNumbers(s))
	}
	return out
}

// redacted applies the redactors to a text as it is.
func (c *config) redacted(s string) string {
	s = RedactKeys(s)
	for _, redact := range c.redact {
		s = redact(s)
	}
	if len(c.redact) > 0 {
		s = valid(s)
	}
	return s
}

// scrubEscaped applies the redactors to what the strings with escapes in a JSON
// document say: an @ can be written \u0040. The document may be broken off.
func (c *config) scrubEscaped(s string) string {
	var b []byte
	copied := 0
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			break
		}
		from := i + n
		to := stringEnd(s, from)
		i = to
		literal := s[from:to]
		if strings.IndexByte(literal, '\\') < 0 {
			continue
		}
		whole := to-from > 1 && literal[len(literal)-1] == '"' && json.Valid([]byte(literal))
		var said string
		if !whole {
			literal = strings.TrimRight(literal, `\`) + `"`
		}
		if json.Unmarshal([]byte(literal), &said) != nil {
			continue
		}
		if shown := c.redacted(said); shown != said {
			b = append(b, s[copied:from]...)
			b = appendString(b, shown)
			if !whole {
				b = b[:len(b)-1]
			}
			copied = to
		}
	}
	if copied == 0 {
		return s
	}
	return string(append(b, s[copied:]...))
}

// minSecretNumber is the length of the shortest number that scrubNumbers looks
// at, that of a telephone number.
const minSecretNumber = 7

// scrubNumbers puts strings in the place of the numbers in a JSON document that
// a redactor takes out: it is shown each with what stands before it.
func (c *config) scrubNumbers(s string) string {
	var b []byte
	copied := 0
	for i := 0; i < len(s); {
		if s[i] == '"' {
			i = stringEnd(s, i)
			continue
		}
		if !is(s[i], digit) {
			i++
			continue
		}
		from := i
		for i < len(s) && strings.IndexByte(",]} \t\r\n", s[i]) < 0 {
			i++
		}
		if i-from < minSecretNumber {
			continue
		}
		begin := max(0, from-48)
		for begin > 0 && s[begin]&0xc0 == 0x80 {
			begin--
		}
		shown := c.redacted(s[begin:i])
		if strings.HasSuffix(shown, s[from:i]) {
			continue
		}
		word := "[redacted]"
		if n := commonPrefix(s[begin:i], shown); n >= from-begin {
			word = shown[n:]
		}
		if from > 0 && s[from-1] == '-' {
			from--
		}
		b = append(b, s[copied:from]...)
		b = appendString(b, valid(word))
		copied = i
	}
	if copied == 0 {
		return s
	}
	return string(append(b, s[copied:]...))
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
