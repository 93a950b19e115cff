package standin

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"Roses", []string{"Roses"}},
		{"pink  roses,\n please", []string{"pink", "  roses,", "\n please"}},
		{"玫瑰 and 百合。", []string{"玫", "瑰", " and", " ", "百", "合", "。"}},
		{"玫瑰rose", []string{"玫", "瑰", "rose"}},
		{" \n", []string{" \n"}},
	} {
		if got := words("", tc.in); !slices.Equal(got, tc.want) {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestWhole(t *testing.T) {
	for _, tc := range []struct {
		name     string
		in, want []string
	}{
		{"none", nil, []string{}},
		{"text", []string{"a", " b"}, []string{"a", " b"}},
		{"rune in two", []string{"a\xe7", "\x8e\xab", "b"}, []string{"a玫", "b"}},
		{"rune in four", []string{"\xf0", "\x9f", "\x8c", "\xb9"}, []string{"🌹"}},
		{"empty tokens", []string{"", "a", "", "b", ""}, []string{"a", "b"}},
		{"half at the end", []string{"a", "\xe7"}, []string{"a", "\xe7"}},
		{"invalid bytes", []string{"\xff", "\x80", "b"}, []string{"\xff", "\x80", "b"}},
	} {
		if got := whole(tc.in); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func FuzzWhole(f *testing.F) {
	f.Add("玫瑰 roses", 1)
	f.Add("🌹\xff\xe7", 3)
	f.Fuzz(func(t *testing.T, s string, size int) {
		if size < 1 {
			return
		}
		var tokens []string
		for i := 0; i < len(s); i += size {
			tokens = append(tokens, s[i:min(i+size, len(s))])
		}
		got := whole(tokens)
		if strings.Join(got, "") != s {
			t.Errorf("%q: joined %q", tokens, got)
		}
		for _, piece := range got {
			if utf8.ValidString(s) && !utf8.ValidString(piece) {
				t.Errorf("%q cuts a rune: %q", tokens, got)
			}
		}
		if strings.Join(words("", s), "") != s {
			t.Errorf("%q: words %q", s, words("", s))
		}
	})
}
