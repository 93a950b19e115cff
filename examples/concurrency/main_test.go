package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// TestRun: the tasks overlap, so the whole takes as long as the longer one.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		if err := run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		slices.Sort(lines[:2]) // which begins first is not said
		if got, want := strings.Join(lines, "\n"), `0.0s  bouquet begins for Mei
0.0s  card begins for Mei
0.5s  card is done
1.0s  bouquet is done
1.0s  bouquet and card: all done after 1.0s
2 results, in the order of the steps: ["bouquet for Mei" "card for Mei"]
`; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
