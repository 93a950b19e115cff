package spantree

import (
	"maps"
	"regexp"
	"strconv"
)

// A Mask replaces the values of the attributes with these keys by a text such
// as "<id>"; of a list its length stays. "" shows the value after all.
type Mask map[string]string

// defaultMask returns what differs from run to run.
func defaultMask() Mask {
	return Mask{
		"gen_ai.response.id":                  "<id>",
		"gen_ai.response.time_to_first_chunk": "<s>",
		"callspan.output.tokens_per_second":   "<rate>",
		"callspan.output.longest_stall_s":     "<s>",
		"callspan.token.offsets_us":           "<us>",
		"server.port":                         "<port>",
		"exception.stacktrace":                "<stack>",
	}
}

func (m Mask) with(more []Mask) Mask {
	for _, o := range more {
		maps.Copy(m, o)
	}
	return m
}

// apply returns how the value of key is shown in place of itself, if it is masked.
func (m Mask) apply(key string, v any) (string, bool) {
	text := m[key]
	if l, ok := v.([]any); ok && text != "" {
		text += " x" + strconv.Itoa(len(l))
	}
	return text, text != ""
}

var loopback = regexp.MustCompile(`(127\.0\.0\.1|\[::1\]|localhost):\d+`)

// stable returns s without the ports of servers that a test started.
func stable(s string) string { return loopback.ReplaceAllString(s, "$1:<port>") }
