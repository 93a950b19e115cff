package price

import (
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
)

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"no provider", "gpt-4o\n in=1", `line 1: "gpt-4o": want book:, date:, source:, sha256: or a [provider]`},
		{"header twice", "date: a\ndate: b", "line 2: date: given twice"},
		{"empty id", "[]", `line 1: "[]": a provider is written [id]`},
		{"open bracket", "[p", `line 1: "[p": a provider is written [id]`},
		{"brackets", "[[p]]", `line 1: "[[p]]": a provider is written [id]`},
		{"space in id", "[a b]", `line 1: "[a b]": a provider is written [id]`},
		{"provider twice", "[p]\n[P]", "line 2: p: provider p: given twice"},
		{"alias is a provider", "[p]\n[q]\nalias: P", "line 3: q: alias p: is a provider"},
		{"alias twice", "[p]\nalias: x\n[q]\nalias: x", "line 4: q: alias x: is one of p"},
		{"provider is an alias", "[p]\nalias: q\n[q]", "line 3: p: provider q: is an alias of p"},
		{"prices without a model", "[p]\n in=1", "line 2: p: prices without a model"},
		{"model without prices", "[p]\nm\nn\n in=1", "line 3: p/m: no prices; a price that is not known is written unpriced"},
		{"last model without prices", "[p]\nm", "price book: p/m: no prices; a price that is not known is written unpriced"},
		{"model before a provider", "[p]\nm\n[q]", "line 3: p/m: no prices; a price that is not known is written unpriced"},
		{"unknown key", "[p]\nm\n input=1", "line 3: p/m: input: unknown key"},
		{"key twice", "[p]\nm\n in=1 out=2 in=3", "line 3: p/m: in: given twice"},
		{"no value", "[p]\nm\n in", `line 3: p/m: "in": want key=value`},
		{"no number", "[p]\nm\n in=cheap", "line 3: p/m: in=cheap: not a decimal number"},
		{"too much", "[p]\nm\n request=1e9", "line 3: p/m: request=1e9: does not fit"},
		{"below zero", "[p]\nm\n in=-1", "line 3: p/m: in=-1: below 0"},
		{"no price", "[p]\nm\n from=2026-01-01", `line 3: p/m: " from=2026-01-01": want either prices or unpriced`},
		{"price and unpriced", "[p]\nm\n unpriced in=1", `line 3: p/m: " unpriced in=1": want either prices or unpriced`},
		{"length", "[p]\nm\n in=1>x:2", "line 3: p/m: in=1>x:2: want lengths in tokens, each longer than the one before"},
		{"length without a price", "[p]\nm\n in=1>5", "line 3: p/m: in=1>5: not a decimal number"},
		{"lengths out of order", "[p]\nm\n in=1>5:2>5:3", "line 3: p/m: in=1>5:2>5:3: want lengths in tokens, each longer than the one before"},
		{"day", "[p]\nm\n from=2026-02-30 in=1", "line 3: p/m: from=2026-02-30: want a day as in 2026-12-31 or an instant as in 2026-12-31T16:00Z"},
		{"hours", "[p]\nm\n at=9-17 in=1", "line 3: p/m: at=9-17: want hours as in 16:30-00:30"},
		{"no end", "[p]\nm\n at=09:00 in=1", "line 3: p/m: at=09:00: want hours as in 16:30-00:30"},
		{"all day", "[p]\nm\n at=09:00-09:00 in=1", "line 3: p/m: at=09:00-09:00: begins and ends at the same time"},
		{"weekday", "[p]\nm\n on=weekend in=1", "line 3: p/m: on=weekend: want weekdays as in mon,tue,wed,thu,fri,sat,sun"},
		{"standard tier", "[p]\nm\n tier=default in=1", "line 3: p/m: tier=default: the standard tier has no name"},
		{"regexp", "[p]\nm /a(/\n in=1", "line 2: p/m: matcher \"/a(/\": error parsing regexp: missing closing ): `a(`"},
		{"open regexp", "[p]\nm /a\n in=1", `line 2: p/m: matcher "/a": a regexp is written /.../`},
		{"inner star", "[p]\nm a*b\n in=1", `line 2: p/m: matcher "a*b": a star stands at an end only`},
		{"empty and", "[p]\nm a&\n in=1", "line 2: p/m: empty matcher"},
		{"only not", "[p]\nm !\n in=1", "line 2: p/m: empty matcher"},
		{"digest", "sha256: 00\n\n[p]\nm\n in=1", "price book: sha256: does not fit the entries; they were changed or cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.in))
			want := tc.want
			if strings.HasPrefix(want, "line") {
				want = "price book " + want
			}
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestParseEmpty(t *testing.T) {
	b := mustParse(t, "# nothing\n\n")
	if _, ok := b.Cost(Query{Provider: "openai", Model: "gpt-4o"}); ok {
		t.Error("an empty book has a price")
	}
	if b.ID() != "book sha256:e3b0c44298fc" {
		t.Errorf("ID is %s", b.ID())
	}
}

// TestBookIsSealed cuts and changes the data that the digest stands for.
func TestBookIsSealed(t *testing.T) {
	if _, err := parse(genaiPrices); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cut":     genaiPrices[:len(genaiPrices)-40],
		"changed": strings.Replace(genaiPrices, "in=2.5 ", "in=2.6 ", 1),
	} {
		if _, err := parse(text); err == nil {
			t.Errorf("%s data is accepted", name)
		}
	}
	windows := strings.ReplaceAll("book: b\n[p]\nm = n\n in=1 out=2\n", "\n", "\r\n")
	if got := total(mustParse(t, windows), Query{Provider: "p", Model: "n", Usage: llm.Usage{Input: 1e6}}); got != "1" {
		t.Errorf("with CRLF: %s", got)
	}
}

func TestMatchers(t *testing.T) {
	for _, tc := range []struct {
		words   string
		yes, no []string
	}{
		{"", []string{"id", "ID"}, []string{"id2", "i"}},
		{"= other", []string{"id", "other"}, []string{"another"}},
		{"Other", []string{"other", "OTHER"}, []string{"id"}},
		{"ab*", []string{"ab", "abc"}, []string{"b", "cab"}},
		{"*ab", []string{"ab", "cab"}, []string{"abc"}},
		{"*ab*", []string{"ab", "xaby"}, []string{"a", "ba"}},
		{"*", []string{"anything"}, nil},
		{`/^a\d+$/`, []string{"a1", "A12"}, []string{"a", "a1b"}},
		{"a*&!*b", []string{"a", "ac"}, []string{"ab", "c"}},
		{"a*&*b c*&*d", []string{"ab", "cxd"}, []string{"a", "b", "ad", "cb"}},
		{`pro*&!/-tts(?:$|-)/`, []string{"pro", "pro-ttsx"}, []string{"pro-tts", "pro-tts-1"}},
	} {
		b := mustParse(t, "[p]\nid "+tc.words+"\n in=1")
		for _, name := range tc.yes {
			if b.find("p", name) == nil {
				t.Errorf("%q does not match %s", tc.words, name)
			}
		}
		for _, name := range tc.no {
			if b.find("p", name) != nil {
				t.Errorf("%q matches %s", tc.words, name)
			}
		}
	}
}

func TestDashDate(t *testing.T) {
	for in, want := range map[string]string{
		"gpt-4o-20240806":            "gpt-4o-2024-08-06",
		"gpt-4o-20240806-x-20251231": "gpt-4o-2024-08-06-x-2025-12-31",
		"m-20240806:free":            "m-2024-08-06:free",
		"m-20241306":                 "m-20241306",
		"m-20240800":                 "m-20240800",
		"m-19990101":                 "m-19990101",
		"m-202408061":                "m-202408061",
		"m20240806":                  "m20240806",
		"-20240806":                  "-2024-08-06",
		"m-2024":                     "m-2024",
		"":                           "",
	} {
		if got := dashDate(in); got != want {
			t.Errorf("dashDate(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[p]\nm *\n in=1>2:3 at=00:00-01:00 tier=x on=sun from=2026-01-01\n unpriced", "m")
	f.Add("book: b\nsha256: x\n[p]\nalias: a\nfallback: p q\nprefix: m/\nm /x/&!y\n request=1", "m/x")
	f.Add("[p]\nid =&!=\n out=-", "id")
	f.Fuzz(func(t *testing.T, text, model string) {
		b, err := Parse([]byte(text))
		if err != nil {
			return
		}
		for id := range b.providers {
			b.With(b).Cost(Query{Provider: id, Model: model, Usage: llm.Usage{Input: 5, Output: 5, CacheRead: 1, Images: 1}})
		}
	})
}
