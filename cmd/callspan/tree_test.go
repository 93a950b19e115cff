package main

import (
	"bytes"
	"regexp"
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
Total: 3 model calls, 27 tokens in (4 cached), 12 out, $0.000123, 1 failed, ~ counted here
`},
		{40, `
                     in  out        cost
invoke_workflow s…  ~27  ~12  ~$0.000123
├─ conversation
│  └─ chat 玫瑰-m…   20   10   $0.000123
├─ chat local        ~7   ~2           ?
└─ chat x␛[2J
   ! model_not_found: 404: no␊such model
Total: 3 model calls, 27 tokens in (4 cached), 12 out, $0.000123, 1 failed, ~ counted here
`},
	} {
		var b bytes.Buffer
		screen{w: &b, width: tc.width}.draw(sample(), languages["en"])
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
			screen{w: &b, width: width, color: false}.draw(sample(), languages[lang])
			lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
			for _, line := range lines[:len(lines)-1] { // the total may wrap
				if n := cells.StringWidth(line); n > max(width, minName+12) {
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
	screen{w: &plain, width: 80}.draw(sample(), languages["en"])
	screen{w: &colored, width: 80, color: true}.draw(sample(), languages["en"])
	stripped := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(colored.String(), "")
	trim := regexp.MustCompile("(?m) +$")
	if trim.ReplaceAllString(stripped, "") != plain.String() {
		t.Errorf("colours change the text:\n%s\n%s", stripped, plain.String())
	}
}
