package main

import (
	"strings"
	"testing"
)

func TestBench(t *testing.T) {
	t.Setenv(asCommand, "1")
	code, out, stderr := call(t, nil, "bench", "proxy", "--streams", "5", "--rate", "20", "--time", "300ms", "--calls", "3")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, stderr %s", code, stderr)
	}
	for _, want := range []string{"added at the median", "5 streams of 20 chunks a second", "30 chunks", "added at p99"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, args := range [][]string{{"bench"}, {"bench", "tokens"}, {"bench", "proxy", "--streams", "0"}, {"bench", "proxy", "--rate", "-1"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, "usage: callspan bench proxy") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
