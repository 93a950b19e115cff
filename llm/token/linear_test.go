package token

import (
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/cputime"
)

// hard are the units whose repetition makes one piece without end, on which a
// plain merge is quadratic, and units that make a splitter look ahead in vain.
var hard = map[string]string{
	"letter": "a", "two letters": "ab", "capital": "A", "case": "aB", "digits": "1234567890", "null": "\x00",
	"space": " ", "tab": "\t", "newline": "\n", "spaces and newline": "  \n", "newline and spaces": "\n   ",
	"dot": ".", "slashes": "/\n", "apostrophe": "'", "contraction": "'s", "mark": "\u0301",
	"emoji": "😀", "family": "👩\u200d👩\u200d👧", "thai": "สวัสดี", "invalid": "\xff",
	"chinese": "床前明月光疑是地上霜举头望明月低头思故乡", "ideograph": "中", "ideograph and capital": "中A",
}

func TestLinear(t *testing.T) {
	size := 200_000
	if raced() {
		size /= 10
	}
	for _, name := range names {
		e := get(t, name)
		for what, unit := range hard {
			text := strings.Repeat(unit, size/len(unit))
			took := func(text string) time.Duration {
				start := cputime.Process()
				e.count(text)
				return cputime.Process() - start
			}
			// CPU time, and the best of some runs: what else the machine does only adds.
			one, two := time.Hour, time.Hour
			for range 12 {
				one = min(one, took(text[:len(text)/2]))
				two = min(two, took(text))
				if two < 3*one && one < 200*time.Millisecond {
					break
				}
			}
			if two >= 3*one || one > time.Second {
				t.Errorf("%s, %s: %v for %d bytes, %v for twice as many", name, what, one, size/2, two)
			}
		}
	}
}
