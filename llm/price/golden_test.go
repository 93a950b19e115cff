package price

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/llm"
)

var goldenFile = flag.String("golden", "testdata/golden.tsv", "calls priced by the source itself, from gen/prices.mjs")

// TestGolden prices what the source of the data priced itself, without our
// corrections. The amounts agree to the pico-dollar.
func TestGolden(t *testing.T) {
	base, err := parse(genaiPrices)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(*goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	priced, unpriced := 0, 0
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 12 {
			t.Fatalf("line %d: %d fields", i+1, len(f))
		}
		at, err := time.Parse(time.RFC3339, f[2])
		if err != nil {
			t.Fatal(err)
		}
		var n [8]int
		for j := range n {
			if n[j], err = strconv.Atoi(f[3+j]); err != nil {
				t.Fatal(err)
			}
		}
		c, ok := base.Cost(Query{Provider: f[0], Model: f[1], At: at, Usage: llm.Usage{
			Input: n[0], Output: n[1], CacheRead: n[2], CacheWrite: n[3],
			Reasoning: n[4], AudioInput: n[5], AudioOutput: n[6], ImageInput: n[7],
		}})
		got := "-"
		if ok {
			got = c.Total.String()
			priced++
		} else {
			unpriced++
		}
		if want := f[11]; got != want {
			t.Errorf("line %d: %s: got %s (%s)", i+1, line, got, c.Entry)
		}
	}
	t.Logf("%d priced, %d not", priced, unpriced)
	if priced < 500 || unpriced < 20 {
		t.Errorf("priced %d and left %d, want hundreds and some", priced, unpriced)
	}
}
