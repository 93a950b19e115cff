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
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 || lines[0] != "first chunk: 3 calls one after the other; under load: 5 streams of 20 chunks a second for 300ms, 30 chunks" {
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	for i, want := range []string{"target alone", "bare reverse proxy", "callspan proxy"} {
		if line := lines[3+i]; !strings.HasPrefix(strings.TrimSpace(line), want) || strings.Contains(line, " 0s ") {
			t.Errorf("line %q, want the times of the %s", line, want)
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, args := range [][]string{{"bench"}, {"bench", "tokens"}, {"bench", "proxy", "--streams", "0"}, {"bench", "proxy", "--rate", "-1"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, "usage: callspan bench proxy") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
	for _, args := range [][]string{{"bench", "target", "fast"}, {"bench", "bare", "nowhere"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, args[2]) {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
