package token

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestStitch: long pieces have the same tokens merged in windows and in one go.
func TestStitch(t *testing.T) {
	size := 5 * window
	if raced() {
		size = 2 * window
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range names {
		v := get(t, name).vocab
		check := func(what, piece string) {
			t.Helper()
			var a, b merger
			got := a.stitch(v, piece)
			if want := b.merge(v, piece); !slices.Equal(got, want) {
				t.Errorf("%s, %s, %d bytes: %d tokens, want %d", name, what, len(piece), len(got), len(want))
			}
		}
		for what, unit := range hard {
			check(what, strings.Repeat(unit, size/len(unit)))
			check(what+" behind something", "xyz"+strings.Repeat(unit, window/len(unit)+rng.IntN(40)))
		}
		for n := window - 2; n < window+3; n++ {
			check("about a window", strings.Repeat("ab", n)[:n])
		}
		for _, alphabet := range []string{"ab", "the ", "aeinorst", " \n\t", "._-", "0123456789", "abcdefghijklmnopqrstuvwxyz", "\x00\xff\x80\xe4"} {
			for range 4 {
				b := make([]byte, size+rng.IntN(window))
				for i := range b {
					b[i] = alphabet[rng.IntN(len(alphabet))]
				}
				check("random of "+alphabet, string(b))
			}
		}
		var tokens strings.Builder // whole tokens in a row, as far as there are any
		for tokens.Len() < size {
			tokens.WriteString(v.token(uint32(rng.IntN(len(v.ends)))))
		}
		check("random tokens", tokens.String())
	}
}
