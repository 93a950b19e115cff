package chain

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestUnfence(t *testing.T) {
	for _, tc := range [][2]string{
		{`{"a": 1}`, `{"a": 1}`},
		{" \n7 ", "7"},
		{"```json\n{}\n```", "{}"},
		{"```JSON\r\n{}\r\n```", "{}"},
		{"```\n[1]\n```", "[1]"},
		{"```{}```", "{}"},
		{"```json\n{}", "{}"},
		{"Here:\n```json\n{}\n```\nand\n```\n[]\n```", "{}"},
		{"```json\n{\"a\": \"```\"}\n```", "{\"a\": \"```\"}"},
		{"{\"a\": \"```\"}", "{\"a\": \"```\"}"},
		{"```", ""},
		{"``````", ""},
		{"", ""},
		{"no fence", "no fence"},
	} {
		if got := unfence(tc[0]); got != tc[1] {
			t.Errorf("%q: got %q, want %q", tc[0], got, tc[1])
		}
	}
}

// FuzzUnfence: JSON comes out of a fence as it went in, and objects are never
// cut.
func FuzzUnfence(f *testing.F) {
	for _, s := range []string{`{"a": "` + fence + `"}`, "[1]", "7", "```json\n{}\n```", "a ``` b", "\xff```\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		unfence(s)
		if !json.Valid([]byte(s)) {
			return
		}
		want := strings.TrimSpace(s)
		if got := unfence(s); got != want && strings.ContainsAny(want[:1], `{["`) {
			t.Errorf("%q became %q", s, got)
		}
		if strings.Contains(s, "\n"+fence) { // not in compact JSON
			return
		}
		if got := unfence("Well:\n```json\n" + s + "\n```\n"); got != want {
			t.Errorf("fenced %q became %q", s, got)
		}
	})
}
