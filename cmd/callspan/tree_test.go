package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/llm/price"
)

// sample is a trace with every sight that a tree can offer.
func sample() *span {
	at := time.Unix(1763700000, 0)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	cost := price.Money(123_000_000)
	ok := &span{Name: "chat 玫瑰-mini", Start: at, Duration: ms(600), FirstToken: ms(200),
		Usage: &usage{Input: 20, Cached: 4, Output: 10, Cost: &cost}}
	guess := &span{Name: "chat local", Start: at.Add(ms(600)), Duration: ms(300), Usage: &usage{Input: 7, Output: 2, Estimated: true}}
	bad := &span{Name: "chat x\x1b[2J", Start: at.Add(ms(900)), Duration: ms(100), ErrorType: "model_not_found", Error: "404: no\nsuch model"}
	step := &span{Name: "conversation", Start: at, Duration: ms(600), Children: []*span{ok}}
	return &span{Name: "invoke_workflow shop", Start: at, Duration: ms(1000), Children: []*span{step, guess, bad},
		Total: &usage{Calls: 3, Failed: 1, Input: 27, Cached: 4, Output: 12, Cost: &cost, Estimated: true}}
}

// TestDraw: what a person sees, with room for everything and without.
func TestDraw(t *testing.T) {
	for _, tc := range []struct {
		width int
		want  string
	}{
		{80, `
                                       time  first   in  cached  out        cost
invoke_workflow shop  ██████████████  1.00s         ~27      ~4  ~12  ~$0.000123
├─ conversation       ████████▍       600ms
│  └─ chat 玫瑰-mini  ░░██████▍       600ms  200ms   20       4   10   $0.000123
├─ chat local                 ████▌   300ms          ~7      ~0   ~2           ?
└─ chat x␛[2J                     ██  100ms
   ! model_not_found: 404: no␊such model
`},
		{60, `
                               time first  in out       cost
invoke_workflow shop ████████ 1.00s       ~27 ~12 ~$0.000123
├─ conversation      ████▊    600ms
│  └─ chat 玫瑰-mini ░███▊    600ms 200ms  20  10  $0.000123
├─ chat local            ███▏ 300ms        ~7  ~2          ?
└─ chat x␛[2J               █ 100ms
   ! model_not_found: 404: no␊such model
`},
		{40, `
                      in out       cost
invoke_workflow shop ~27 ~12 ~$0.000123
├─ conversation
│  └─ chat 玫瑰-mini  20  10  $0.000123
├─ chat local         ~7  ~2          ?
└─ chat x␛[2J
   ! model_not_found: 404: no␊such model
`},
		{20, `
invoke_workflow shop
├─ conversation
│  └─ chat 玫瑰-mini
├─ chat local
└─ chat x␛[2J
   ! model_not_foun…
`},
	} {
		var b bytes.Buffer
		screen{w: &b, width: tc.width}.draw([]*span{sample()}, languages["en"])
		if got := "\n" + b.String(); got != tc.want {
			t.Errorf("width %d:%s\nwant:%s", tc.width, got, tc.want)
		}
	}
}

// TestDrawWidths: no line is wider than the terminal, down to what cannot be
// read anyway, and nothing is executed.
func TestDrawWidths(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for width := 200; width > 0; width-- {
			var b bytes.Buffer
			screen{w: &b, width: width, color: false}.draw([]*span{sample()}, languages[lang])
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if n := cells.StringWidth(line); n > width {
					t.Fatalf("width %d: line of %d columns: %s", width, n, line)
				}
				if strings.ContainsAny(line, "\x1b\r") {
					t.Fatalf("control character in %q", line)
				}
			}
		}
	}
}

// TestDrawColor: colours are only around the text.
func TestDrawColor(t *testing.T) {
	var plain, colored bytes.Buffer
	screen{w: &plain, width: 80}.draw([]*span{sample()}, languages["en"])
	screen{w: &colored, width: 80, color: true}.draw([]*span{sample()}, languages["en"])
	stripped := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(colored.String(), "")
	trim := regexp.MustCompile("(?m) +$")
	if trim.ReplaceAllString(stripped, "") != plain.String() {
		t.Errorf("colours change the text:\n%s\n%s", stripped, plain.String())
	}
}

// TestTotal: the calls are counted that arrived, and what is missing is said.
func TestTotal(t *testing.T) {
	cost := price.Money(123_000_000)
	orphan := &span{Name: "chat m", Orphan: true, Usage: &usage{Input: 104, Cached: 4, Output: 1, Cost: &cost}}
	failed := &span{Name: "chat m", Orphan: true, Error: "cut", Usage: &usage{Input: 1, Output: 1, Cost: &cost, Estimated: true}}
	within := &span{Name: "chat m", Orphan: true, Start: sample().Start, Duration: 1, Usage: orphan.Usage}
	for _, tc := range []struct {
		name, lang string
		roots      []*span
		lost, of   int
		want       string
	}{
		{"whole", "en", []*span{sample()}, 0, 5, "Total: 3 model calls, 27 tokens in (4 cached), 12 out, $0.000123, 1 failed, ~ counted here\n"},
		{"one call of five spans", "en", []*span{orphan}, 4, 5, "Total: 1 model call, 104 tokens in (4 cached), 1 out, $0.000123, 4 of 5 spans missing\n"},
		{"how many is not known", "en", []*span{orphan}, 0, 0, "Total: 1 model call, 104 tokens in (4 cached), 1 out, $0.000123, spans are missing\n"},
		{"two roots", "en", []*span{orphan, failed}, 3, 5, "Total: 2 model calls, 105 tokens in (4 cached), 2 out, $0.000246, 1 failed, ~ counted here, 3 of 5 spans missing\n"},
		{"the root has counted it", "en", []*span{sample(), within}, 1, 7, "Total: 3 model calls, 27 tokens in (4 cached), 12 out, $0.000123, 1 failed, ~ counted here, 1 of 7 spans missing\n"},
		{"below a root without figures", "en", []*span{{Name: "visit", Children: []*span{failed}}}, 0, 0, "Total: 1 model call, 1 token in (0 cached), 1 out, $0.000123, 1 failed, ~ counted here\n"},
		{"no call arrived", "en", []*span{{Name: "create_memory", Orphan: true}}, 4, 5, "4 of 5 spans missing\n"},
		{"chinese", "zh", []*span{orphan}, 4, 5, "合计:1 次模型调用,输入 104 个 token(缓存 4),输出 1,$0.000123,缺 4 个(共 5 个跨度)\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			screen{w: &b, width: 200}.total(tc.roots, tc.lost, tc.of, languages[tc.lang])
			if b.String() != tc.want {
				t.Errorf("got  %swant %s", b.String(), tc.want)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		width    int
		want     []string
	}{
		{"fits", "red roses", 9, []string{"red roses"}},
		{"at a space", "red roses", 8, []string{"red", "roses"}},
		{"a long word stays whole", "an OTEL_SDK_DISABLED one", 6, []string{"an", "OTEL_SDK_DISABLED", "one"}},
		{"between wide characters", "花店店员", 5, []string{"花店", "店员"}},
		{"punctuation stays behind its word", "花店,店员", 4, []string{"花", "店,", "店员"}},
		{"nothing", "", 5, []string{""}},
		{"no room", "a b", 0, []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := wrap(tc.in, tc.width); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
