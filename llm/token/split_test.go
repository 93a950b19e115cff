package token

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/dlclark/regexp2"
)

// randomTexts strings together what the patterns decide on: runes of each
// general category, contractions, runs of white space, long words.
func randomTexts(n int, each func(text string)) {
	rng := rand.New(rand.NewPCG(1, 2))
	atoms := []string{" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "\u2028", "'", "’", "/", ".", "!!",
		"'s", "'S", "'re", "'RE", "'lL", "'ll", "'Ve", "'d", "'ſ", "a", "bc", "A", "BC", "Ab", "é", "É", "ǅ", "ʰ",
		"中文", "日", "ไทย", "हिन्दी", "\u0301", "\u20dd", "\u0903", "1", "234", "٣", "Ⅷ", "½", "😀", "👩\u200d🚀",
		"\u200d", "\ufe0f", "_", "$", "\x00", "\x7f", "\ufffd", "\U000e0001", "\U0010ffff", "İ", "ß", "K", "<|endoftext|>"}
	if testing.Short() || raced() {
		n /= 20
	}
	for range n {
		var b strings.Builder
		for range 1 + rng.IntN(12) {
			atom := atoms[rng.IntN(len(atoms))]
			switch rng.IntN(30) {
			case 0: // one long piece of few different bytes: many equal ranks
				for range rng.IntN(150) {
					b.WriteByte("aab"[rng.IntN(3)])
				}
			case 1: // one long piece of many
				for range rng.IntN(100) {
					b.WriteByte(byte('a' + rng.IntN(26)))
				}
			case 2:
				atom = strings.Repeat(atom, rng.IntN(60))
			case 3, 4, 5, 6:
				atom = string(rune(rng.IntN(0x3000)))
			case 7, 8, 9:
				atom = string(rune(rng.IntN(unicode.MaxRune + 1)))
			}
			b.WriteString(atom)
		}
		each(b.String())
	}
}

func TestSameAsTiktokenRandom(t *testing.T) {
	randomTexts(20_000, func(text string) {
		for _, name := range names {
			same(t, name, text)
		}
	})
}

// TestSplitters holds the splitters against the published patterns. It sees
// more than the tokens do, as two pieces may have the tokens of their union.
func TestSplitters(t *testing.T) {
	for name, pattern := range map[string]string{
		"r50k_base": `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
		"cl100k_base": `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|` +
			` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		"o200k_base": `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|` +
			`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|` +
			`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	} {
		re := regexp2.MustCompile(pattern, regexp2.None)
		e := get(t, name)
		check := func(text string) {
			text = valid(text)
			var want, got []string
			m, err := re.FindStringMatch(text)
			for ; m != nil; m, err = re.FindNextMatch(m) {
				want = append(want, m.String())
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(text); {
				end := e.split(e.runes, text, i)
				got = append(got, text[i:end])
				i = end
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: pieces of %+q\n got %+q\nwant %+q", name, text, got, want)
			}
		}
		for _, text := range texts() {
			check(text)
		}
		randomTexts(20_000, check)
	}
}
