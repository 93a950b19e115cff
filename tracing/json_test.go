package tracing

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		limit    int
		want     string
		lost     int
	}{
		{"fits", "roses", 5, "roses", 0},
		{"text", strings.Repeat("rose ", 20), 64, "rose rose rose rose rose rose rose ros…[62 bytes more]", 62},
		{"no half rune", strings.Repeat("玫", 30), 64, "玫玫玫玫玫玫玫玫玫玫玫玫…[54 bytes more]", 54},
		{"object", `{"flower":"pink rose","count":12}`, 24, `{"flower":"pink rose"}`, 12},
		{"inside a string", `{"flower":"pink rose","count":12}`, 20, `{"flower":"pink…"}`, 18},
		{"nothing of a key", `{"flower":"pink rose","count":12}`, 12, `{}`, 32},
		{"nested", `[1,{"a":[true,false,null]},3]`, 16, `[1,{"a":[true]}]`, 16},
		{"escapes whole", `["a\u00e9\ud83c\udf39b"]`, 20, `["a\u00e9…"]`, 15},
		{"number", `123456789`, 4, "null", 9},
	} {
		shorten := shorten
		if json.Valid([]byte(tc.in)) {
			shorten = shortenJSON
		}
		got, lost := shorten(tc.in, tc.limit)
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if lost != tc.lost {
			t.Errorf("%s: lost %d bytes, want %d", tc.name, lost, tc.lost)
		}
	}
}

// FuzzShortenJSON: what is cut is still JSON, fits, and divides no rune.
func FuzzShortenJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":"c\u00e9\n\ud83c\udf39 玫瑰"}],"d":null}`, `[[[[[]]]]]`, `"x"`, ` [ 1 , "a" ] `, `{"":{"":{}}}`, `1e9`, "{}"} {
		for _, limit := range []int{4, 9, 16, 30} {
			f.Add(s, limit)
		}
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if !json.Valid([]byte(s)) || !utf8.ValidString(s) || limit < len("null") || limit > 1<<20 {
			t.Skip("not JSON: nothing to keep valid")
		}
		got, lost := shortenJSON(s, limit)
		if !json.Valid([]byte(got)) || len(got) > limit && got != s || len(got) > max(limit, len("null")) || !utf8.ValidString(got) {
			t.Errorf("%q in %d bytes is %q", s, limit, got)
		}
		if lost < 0 || lost > len(s) {
			t.Errorf("lost %d of %d bytes", lost, len(s))
		}
	})
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\"\\\n\r\t\x00\x1f玫\u2028<&>\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			t.Skip("not JSON: nothing to keep valid")
		}
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != s {
			t.Errorf("%q became %q (%v)", s, back, err)
		}
	})
}

// TestScrub: a secret does not hide behind the escapes of JSON, and JSON stays
// JSON.
func TestScrub(t *testing.T) {
	c := &config{redact: []func(string) string{RedactEmails, RedactPhones, RedactCards}}
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "mei@example.com", "[email]"},
		{"escaped", `{"to":"mei\u0040example.com","n":"a\nb"}`, `{"to":"[email]","n":"a\nb"}`},
		{"key after an escape", `{"x":"\nsk-proj-4f9aK2mQx81LzP0w"}`, `{"x":"\n[key]"}`},
		{"a name and its value", `{"api_key":"0f3b5c7a9e1d4826b0c8f7e6d5a49382"}`, `{"api_key":"[key]"}`},
		{"number", `{"card":4111111111111111,"count":12}`, `{"card":"[card]","count":12}`},
		{"number of a phone", `{"phone":4155552671,"order":4155552671}`, `{"phone":"[phone]","order":4155552671}`},
		{"negative number", `[-4111111111111111, 1]`, `[-4111111111111111, 1]`},
		{"key of an object", `{"mei\u0040example.com":1}`, `{"[email]":1}`},
		{"broken off", `{"to":"mei\u0040example.com`, `{"to":"[email]`},
		{"broken off in an escape", `{"to":"mei\u0040example.com\`, `{"to":"[email]`},
		{"braces in prose", `{not JSON: mei@example.com}`, `{not JSON: [email]}`},
		{"not UTF-8", "mei@example.com\xe7\x8e", "[email]\uFFFD"},
	} {
		if got := c.scrub(tc.in); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// FuzzScrub: what was JSON is JSON, and everything is UTF-8.
func FuzzScrub(f *testing.F) {
	for _, s := range []string{`{"a":"mei\u0040example.com","b":[4111111111111111,-1.5e300]}`, `{"a":"x`, `["\\",13800138000]`, "{\"a\":\"\xff\"}"} {
		f.Add(s)
	}
	c := &config{redact: []func(string) string{RedactEmails, RedactPhones, RedactCards, RedactIBANs, RedactIPs}}
	f.Fuzz(func(t *testing.T, s string) {
		got := c.scrub(s)
		if !utf8.ValidString(got) {
			t.Errorf("%q became %q", s, got)
		}
		if isDocument(s) && json.Valid([]byte(s)) && !json.Valid([]byte(got)) {
			t.Errorf("JSON %q became %q", s, got)
		}
	})
}
