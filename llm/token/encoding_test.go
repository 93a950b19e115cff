package token

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// names are the encodings that differ from one another.
var names = []string{"o200k_base", "cl100k_base", "p50k_base", "r50k_base"}

// reference is tiktoken-go itself, with its loader set before the first use.
var reference = sync.OnceValue(func() map[string]*tiktoken.Tiktoken {
	tiktoken.SetBpeLoader(loader.NewOfflineLoader())
	all := make(map[string]*tiktoken.Tiktoken)
	for _, name := range append(names, "p50k_edit") {
		enc, err := tiktoken.GetEncoding(name)
		if err != nil {
			panic(err)
		}
		all[name] = enc
	}
	return all
})

func get(t testing.TB, name string) *Encoding {
	t.Helper()
	e, err := Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// same fails the test unless every way to tokenise text agrees with tiktoken-go.
func same(t testing.TB, name, text string) {
	t.Helper()
	e := get(t, name)
	want := reference()[name].EncodeOrdinary(text)
	got := e.AppendTokens([]int{-1}, text)[1:]
	if !slices.Equal(got, want) {
		t.Fatalf("%s: tokens of %+q\n got %d\nwant %d", name, text, got, want)
	}
	if n := e.Count(text); n != len(want) {
		t.Fatalf("%s: Count(%+q) = %d, want %d", name, text, n, len(want))
	}
	if n := e.Count(text); n != len(want) {
		t.Fatalf("%s: remembered Count(%+q) = %d, want %d", name, text, n, len(want))
	}
	sum, n := 0, 0
	for l := range e.Lengths(text) {
		sum += l
		n++
	}
	if n != len(want) || sum != len(valid(text)) {
		t.Fatalf("%s: Lengths(%+q) = %d lengths of %d bytes, want %d of %d", name, text, n, sum, len(want), len(valid(text)))
	}
}

func TestSameAsTiktoken(t *testing.T) {
	for _, name := range append(names, "p50k_edit") {
		t.Run(name, func(t *testing.T) {
			for _, text := range texts() {
				same(t, name, text)
			}
		})
	}
}

// TestEveryRune holds the class of each rune, and which runes a contraction may
// be made of, against the regular expressions of tiktoken-go's library.
func TestEveryRune(t *testing.T) {
	if raced() {
		t.Skip("one goroutine, slow under the race detector")
	}
	every := func(f func(r rune)) {
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if utf8.ValidRune(r) {
				f(r)
			}
		}
	}
	matches := func(pattern string, text []rune) map[rune]bool {
		found := make(map[rune]bool)
		re := regexp2.MustCompile(pattern, regexp2.None)
		m, err := re.FindRunesMatch(text)
		for ; m != nil; m, err = re.FindNextMatch(m) {
			for _, r := range m.Runes() {
				found[r] = true
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	var all, contractions []rune
	every(func(r rune) {
		all = append(all, r)
		contractions = append(contractions, '\'', r, ' ', '\'', r, 'e', ' ', '\'', 'r', r, ' ', '\'', 'l', r, ' ')
	})
	for pattern, mask := range map[string]class{
		`[\p{Lu}\p{Lt}]+`: upper, `\p{Ll}+`: lower, `[\p{Lm}\p{Lo}]+`: caseless, `\p{L}+`: letter,
		`\p{M}+`: mark, `\p{N}+`: number, `\s+`: space, `[\r\n]+`: newline,
	} {
		want := matches(pattern, all)
		every(func(r rune) {
			if c, _ := runeClasses().at(string(r), 0); c&mask != 0 != want[r] {
				t.Errorf("%U: class %b, but %s = %t", r, c, pattern, want[r])
			}
		})
	}
	want := matches(`(?i:'s|'t|'re|'ve|'m|'ll|'d)`, contractions)
	every(func(r rune) {
		if r != '\'' && want[r] != strings.ContainsRune("strevmldSTREVMLD", r) {
			t.Errorf("%U in a contraction: %t", r, want[r])
		}
	})
}

func texts() []string {
	base := []string{
		"", " ", "a", "Hello, world!", "What is 1 + 2? 123456789 1234 12",
		"I'm, I'M, you'RE, we've, they'll, he'd, it's; IT'S 'S 's'S ''s 'sure 'twas rock'n'roll d'être 'ſ",
		"天空为什么是蓝色的？因为瑞利散射。", "床前明月光疑是地上霜举头望明月低头思故乡",
		"こんにちは、世界。カタカナとひらがな", "안녕하세요 세계", "Привет, мир! ЁЛКА ёлка", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم ١٢٣",
		"नमस्ते दुनिया क्षत्रिय", "สวัสดีชาวโลก", "ВСЕ БОЛЬШИЕ БУКВЫ и маленькие", "ǅungla Ǆ ǆ", "e\u0301cole E\u0301COLE \u0301\u0301 a\u0301B",
		"😀😃👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 1️⃣ ❤️ 🇨🇳", "\x00\x01\x7f", "\x00 \x1f\x1c\u0085\u00a0\u2028\u2029\u200b\ufeff",
		"<|endoftext|> <|fim_prefix|> <|im_start|>system", "func main() {\n\tfmt.Println(\"hi\")\n}\n",
		"if (a != b) { return c->d / e; } // ok\n\n\n    x += 1;\n\t\t\n", "https://example.com/a/b?c=d&e=%20#f\n//\n/\r\n/",
		"SELECT * FROM t WHERE a='x' AND b<>\"y\";", "snake_case_name camelCaseName PascalCaseHTTPServer SCREAMING_CASE kebab-case x86_64",
		"aVeryLongIdentifierThatGoesOnAndOnAndOnWithoutAnySeparatorAtAllUntilItIsLongerThanTheScanLimitOfTheMergeHasToBeBecauseThenTheHeapDoesIt",
		strings.Repeat("ab", 200), strings.Repeat("中", 150), strings.Repeat("😀", 90), strings.Repeat("1", 300), strings.Repeat(".", 300),
		"[1,2,3]\n{\"a\": [\"b\", null, 1.5e-7]}", "$1,234.56 €99 ½ Ⅷ x² 10⁻³", "a\r\nb\r\n\r\nc\n \nd \n e",
		"\xff\xfe\x80 invalid \xf0\x9f bytes \xed\xa0\x80", "ꙮ\U0001F468\U0010ffff\ue000",
	}
	for _, ws := range []string{" ", "\n", "\t", "\r\n", "\u3000", " \n", "\n ", "\t ", "\u00a0 "} {
		for n := 1; n < 9; n++ {
			run := strings.Repeat(ws, n)
			base = append(base, run, "a"+run+"b", "."+run+".", run+"1", "中"+run, run+"\u0301")
		}
		base = append(base, strings.Repeat(ws, 100), strings.Repeat(ws, 133)+"x")
	}
	return base
}
