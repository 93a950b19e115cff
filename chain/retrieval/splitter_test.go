package retrieval_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/token"
)

func TestSplit(t *testing.T) {
	countWords := func(s string) int { return len(strings.Fields(s)) }
	for _, tc := range []struct {
		name string
		s    retrieval.Splitter
		text string
		want []string
	}{
		{"empty", retrieval.Splitter{}, "", nil},
		{"only space", retrieval.Splitter{Size: 2}, " \n\t \n\n ", nil},
		{"short", retrieval.Splitter{}, "  Roses.\n", []string{"Roses."}},
		{"paragraphs", retrieval.Splitter{Size: 30}, "Roses need sun.\n\nTulips come\nin spring.", []string{"Roses need sun.", "Tulips come\nin spring."}},
		{"paragraphs that fit together", retrieval.Splitter{Size: 30}, "Roses.\n\nTulips.\n\nLilies stain what they touch.", []string{"Roses.\n\nTulips.", "Lilies stain what they touch."}},
		{"blank line with spaces, CRLF", retrieval.Splitter{Size: 20}, "one two\r\n \t\r\nthree\r\nfour five", []string{"one two", "three\r\nfour five"}},
		{"lines", retrieval.Splitter{Size: 14}, "roses 12\ntulips 5. old\nlilies", []string{"roses 12", "tulips 5. old", "lilies"}},
		{"sentences", retrieval.Splitter{Size: 20}, "Is it a rose? Yes! It is 3.50 euros. (Or so.) Fine", []string{"Is it a rose? Yes!", "It is 3.50 euros.", "(Or so.) Fine"}},
		{"quoted sentence", retrieval.Splitter{Size: 16}, `"A rose." and so on`, []string{`"A rose."`, "and so on"}},
		{"words", retrieval.Splitter{Size: 12}, "pink roses and white lilies", []string{"pink roses", "and white", "lilies"}},
		{"inside words", retrieval.Splitter{Size: 4}, "chrysanthemum", []string{"chry", "sant", "hemu", "m"}},
		{"heading stays", retrieval.Splitter{Size: 40}, "# Roses\n\nThey need sun and water. They smell of summer.", []string{"# Roses\n\nThey need sun and water.", "They smell of summer."}},
		{"Chinese", retrieval.Splitter{Size: 10}, "我妹妹明天过生日。她喜欢粉色的玫瑰！送什么好？", []string{"我妹妹明天过生日。", "她喜欢粉色的玫瑰！", "送什么好？"}},
		{"Chinese quotes", retrieval.Splitter{Size: 10}, "她说：“要玫瑰。”然后走了", []string{"她说：“要玫瑰。”", "然后走了"}},
		{"Chinese clauses", retrieval.Splitter{Size: 8}, "玫瑰、百合、郁金香都有", []string{"玫瑰、百合、", "郁金香都有"}},
		{"Chinese without stops", retrieval.Splitter{Size: 4}, "粉色的玫瑰花", []string{"粉色的玫", "瑰花"}},
		{"overlap of sentences", retrieval.Splitter{Size: 20, Overlap: 8}, "One is a. Two b. Three is a c. Four d.", []string{"One is a. Two b.", "Two b. Three is a c.", "is a c. Four d."}},
		{"overlap of words", retrieval.Splitter{Size: 15, Overlap: 7}, "one two three four five six", []string{"one two three", "three four five", "five six"}},
		{"overlap across a paragraph", retrieval.Splitter{Size: 24, Overlap: 10}, "Roses are red. So it is.\n\nBut why?", []string{"Roses are red. So it is.", "So it is.\n\nBut why?"}},
		{"overlap of characters", retrieval.Splitter{Size: 4, Overlap: 2}, "粉色的玫瑰花", []string{"粉色的玫", "的玫瑰花"}},
		{"overlap beyond size", retrieval.Splitter{Size: 4, Overlap: 99}, "abcdefgh", []string{"abcd", "cdef", "efgh"}},
		{"less than nothing", retrieval.Splitter{Size: -4, Overlap: -2}, "pink roses", []string{"pink roses"}},
		{"size 1", retrieval.Splitter{Size: 1, Overlap: 1}, "a 玫b", []string{"a", "玫", "b"}},
		{"counted in words", retrieval.Splitter{Size: 3, Count: countWords}, "one two three four five six seven", []string{"one two three", "four five six", "seven"}},
		{"counted in words, overlap", retrieval.Splitter{Size: 3, Overlap: 1, Count: countWords}, "one two three four five", []string{"one two three", "three four five"}},
		{"counter that always says more", retrieval.Splitter{Size: 3, Overlap: 1, Count: func(string) int { return 9 }}, "玫瑰 b", []string{"玫", "瑰", "b"}},
		{"counter that always says none", retrieval.Splitter{Size: 3, Overlap: 1, Count: func(string) int { return 0 }}, "a b c", []string{"a b c"}},
		{"not UTF-8", retrieval.Splitter{Size: 3}, "a\xe4\xbdb\xffc", []string{"a\xe4\xbd", "b\xffc"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.s.Split(tc.text); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// TestSplitTokens: pieces that are counted in tokens fill at least most of the
// size, and few counts find them.
func TestSplitTokens(t *testing.T) {
	const size = 256
	for name, sentence := range map[string]string{
		"English": "Pink roses stand for admiration, and white lilies for peace of mind. ",
		"Chinese": "我妹妹明天过生日，她喜欢粉色的玫瑰，我们送她一束吧。",
	} {
		text := strings.Repeat(sentence, 80)
		calls := 0
		s := retrieval.Splitter{Size: size, Overlap: 32, Count: func(s string) int {
			calls++
			return token.Meter{}.Count(s)
		}}
		pieces := s.Split(text)
		for i, p := range pieces {
			n := token.Meter{}.Count(p)
			if n > size || n < size*3/4 && i < len(pieces)-1 {
				t.Errorf("%s: piece %d of %d has %d tokens", name, i, len(pieces), n)
			}
			if !strings.HasPrefix(p, sentence[:6]) {
				t.Errorf("%s: piece %d begins %q", name, i, p[:20])
			}
		}
		if perPiece := calls / len(pieces); perPiece > 8 {
			t.Errorf("%s: %d counts for a piece", name, perPiece)
		}
	}
}

func TestSplitDocuments(t *testing.T) {
	labels := map[string]string{"file": "roses.md"}
	got := retrieval.Splitter{Size: 12}.Documents(
		llm.Document{ID: "roses.md", Text: "Roses are red. They smell.", Metadata: labels},
		llm.Document{Text: "Violets."}, llm.Document{ID: "empty", Text: "\n"})
	want := "[{roses.md#1 Roses are 0 map[file:roses.md]} {roses.md#2 red. 0 map[file:roses.md]} {roses.md#3 They smell. 0 map[file:roses.md]} { Violets. 0 map[]}]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// squeeze returns s without space.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// covers reports whether pieces follow each other through text without a gap:
// each begins no later than where those before end, and ends later.
func covers(text string, pieces []string) bool {
	ends := map[int]bool{0: true} // where the pieces so far may end
	for _, p := range pieces {
		next := map[int]bool{}
		for at := 0; at+len(p) <= len(text); at++ {
			if text[at:at+len(p)] != p {
				continue
			}
			for end := range ends {
				if at <= end && end < at+len(p) {
					next[at+len(p)] = true
				}
			}
		}
		ends = next
	}
	return ends[len(text)]
}

func FuzzSplit(f *testing.F) {
	for _, text := range []string{
		"", "Roses are red. Violets are blue.\n\n\"Sugar is sweet.\" (And so are you!)\r\n\r\nEnd",
		"我妹妹明天过生日。她喜欢粉色的玫瑰！送什么好？“玫瑰。”她说……", "a\xe4\xbdb\xff \u00a0\u2029c", "\n \n \n\t\n", "chrysanthemum",
		"e.g. 3.14, 2.71!? no... yes", "👩‍👩‍👧 flowers 💐💐💐",
	} {
		f.Add(text, 7, 3, byte(0))
		f.Add(text, 2, 9, byte(1))
		f.Add(text, 1, 0, byte(2))
		f.Add(text, 3, 1, byte(3))
	}
	f.Fuzz(func(t *testing.T, text string, size, overlap int, counter byte) {
		if len(text) > 300 || size <= 0 {
			return
		}
		count := utf8.RuneCountInString
		s := retrieval.Splitter{Size: size, Overlap: overlap}
		switch counter % 4 {
		case 1:
			count = func(s string) int { return len(s) }
		case 2:
			count = func(s string) int { return len(strings.Fields(s)) }
		case 3: // parts may count more than the whole
			count = func(s string) int { return len(s)%3 + len(s)/2 }
		}
		if counter%4 != 0 {
			s.Count = count
		}
		pieces := s.Split(text)
		var plain []string
		for _, p := range pieces {
			if p == "" || p != strings.TrimSpace(p) {
				t.Errorf("piece %q is empty or has space around it", p)
			}
			if count(p) > size && utf8.RuneCountInString(p) > 1 {
				t.Errorf("piece %q counts %d", p, count(p))
			}
			if utf8.ValidString(text) && !utf8.ValidString(p) {
				t.Errorf("piece %q is cut inside a character", p)
			}
			if !strings.Contains(text, p) {
				t.Errorf("piece %q is not in the text", p)
			}
			plain = append(plain, squeeze(p))
		}
		if utf8.ValidString(text) && !covers(squeeze(text), plain) {
			t.Errorf("%q does not cover %q", pieces, text)
		}
		s.Overlap = 0
		got := ""
		for _, p := range s.Split(text) {
			got += squeeze(p)
		}
		if got != squeeze(text) {
			t.Errorf("pieces hold %q of %q", got, text)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	text := strings.Repeat("Pink roses stand for admiration. They need sun.\nWater them in the morning.\n\n", 2000)
	for _, bc := range []struct {
		name string
		s    retrieval.Splitter
	}{
		{"characters", retrieval.Splitter{Overlap: 100}},
		{"tokens", retrieval.Splitter{Size: 256, Overlap: 32, Count: token.Meter{}.Count}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				bc.s.Split(text)
			}
		})
	}
}
