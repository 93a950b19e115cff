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
	if len(lines) != 15 || lines[0] != "first chunk, median of 3 calls one after the other" ||
		lines[8] != "5 streams of 20 chunks a second for 300ms, each way after the other" {
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	for i, way := range []string{"target alone", "relay of bytes", "bare reverse proxy", "callspan proxy"} {
		for _, line := range []string{lines[3+i], lines[11+i]} {
			if !strings.HasPrefix(strings.TrimSpace(line), way) || strings.Contains(line, " 0s ") {
				t.Errorf("line %q, want the times of the %s", line, way)
			}
		}
		if fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines[11+i]), way)); len(fields) == 0 || fields[0] != "30" {
			t.Errorf("line %q, want 30 chunks", lines[11+i])
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, args := range [][]string{{"bench"}, {"bench", "tokens"}, {"bench", "proxy", "--streams", "0"}, {"bench", "proxy", "--rate", "-1"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, "usage: callspan bench proxy") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
	for _, args := range [][]string{{"bench", "target", "fast"}, {"bench", "bare", "nowhere"}, {"bench", "relay", "nowhere"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, args[2]) {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
